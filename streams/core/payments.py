"""The life of an authorization up to its clearing: requests, increments, advices. And what is only asked.

Each function answers one event as docs/rules.md says, and leaves the department as it is.
"""

from __future__ import annotations

from typing import Final

from schemas.decisions import Alert, Decision
from schemas.effects import CardLocked, CardUsed, Effects, HoldPlaced, PaymentApproved, PaymentDeclined
from schemas.events import (
    AuthorizationAdvised,
    AuthorizationIncremented,
    AuthorizationRequested,
    BalanceInquired,
    VerificationRequested,
)
from schemas.reasons import Outcome, ReasonCode
from streams.core.calendar import moment_of
from streams.core.case import Answers, Case, Rejected
from streams.core.counting import counts, score_counted
from streams.core.leases import ask_ahead, ask_for_next, shortfall
from streams.core.matching import Purchase
from streams.core.moments import would_pass
from streams.core.rates import check_rate, rate_alerts
from streams.core.reversals import release
from streams.core.rules import IDENTITY, PASSED, Ask, Kind, Verdict, declined, judge, spendable
from streams.core.rules.fast import balances_when_silent
from streams.core.rules.ruleset import NO_CHARGES
from streams.core.state import CardState, Payment

DAY_S = 86_400
# What nearly every request needs: to look a member up in its enumeration takes 0.1 us.
_APPROVED, _REQUEST = Outcome.APPROVED, Kind.REQUEST
_new = tuple.__new__  # half the time of calling a named tuple


def request(case: Case, event: AuthorizationRequested) -> Decision:
    """Approved, approved in part, or declined."""
    amount = case.amount(event.amount)
    if event.merchant_amount is not None or event.rate is not None:
        check_rate(event)
    payment = case.department.payment(event.authorization_id)
    if payment is not None:
        if payment.requested:
            raise Rejected(ReasonCode.AUTHORIZATION_EXISTS, f"{event.authorization_id} was requested before")
        if payment.voids(event.event_id):
            why = declined(ReasonCode.DEADLINE_MISSED, "it was reversed before it came")
            counted = counts(_ask(case, event, amount), None)
            return case.answer(Outcome.DECLINED, why, effects=counted, amount=amount)
        if payment.postings:
            return _request_after_clearing(case, event, payment)
    return _answer(case, event, _ask(case, event, amount))


def _ask(case: Case, event: AuthorizationRequested, amount: int) -> Ask:
    rules = case.plan.card(event.card_id, event.cardholder)
    score = case.score
    likely = -1 if score is None else score.millionths
    purchase = _new(Purchase, (case.at_s, event.merchant, event.entry_mode, likely))
    return _new(Ask, (rules, purchase, amount, rules.charges_for(purchase), 0, _REQUEST, 0))


def _answer(case: Case, event: AuthorizationRequested, ask: Ask) -> Decision:
    balances = balances_when_silent(case.department, ask)
    verdict = PASSED if balances is not None else judge(case.department, ask)
    if verdict.reasons:
        return _refuse(case, event, ask, verdict)
    charges = ask.charges.keys
    hold = _hold(case, event.authorization_id, ask.amount, charges, _expiry(case, event))
    effects: tuple[Effects, ...] = (hold,)
    if case.department.cap is not None:
        effects += ask_ahead(case, charges, ask.amount)
    effects += _approved(case, event, ask, ask.amount, verdict)
    return case.answer(
        _APPROVED, verdict, effects=effects, charges=charges, amount=ask.amount, balances=balances
    )


def _refuse(case: Case, event: AuthorizationRequested, ask: Ask, verdict: Verdict) -> Decision:
    """Declined, or approved in part; with what would pass."""
    department, charges = case.department, ask.charges.keys
    asking = shortfall(case, ask)
    part = verdict.room or 0
    if event.partial_allowed and part > 0:
        in_part = judge(department, ask._replace(amount=part))
        assert not in_part.reasons, "what the findings leave room for passes"
        more = ask_for_next(case) if asking else ask_ahead(case, charges, part)
        hold = _hold(case, event.authorization_id, part, charges, _expiry(case, event))
        in_part = in_part._replace(reasons=verdict.reasons)
        return case.answer(
            Outcome.PARTIALLY_APPROVED,
            in_part,
            effects=(hold, *asking, *more, *_approved(case, event, ask, part, in_part)),
            charges=charges,
            amount=ask.amount,
            approved=part,
        )
    return case.answer(
        Outcome.DECLINED,
        verdict,
        effects=(*asking, *counts(ask, None), *score_counted(ask, verdict), PaymentDeclined()),
        charges=charges,
        amount=ask.amount,
        would_pass=would_pass(department, ask, verdict, max(case.at_s, case.clock_s)),
    )


def _request_after_clearing(case: Case, event: AuthorizationRequested, payment: Payment) -> Decision:
    """The network settled before it asked: what is posted needs no hold, only the rest is asked for."""
    amount = case.amount(event.amount)
    rest = 0 if payment.settled else max(0, amount - payment.posted)
    alerts: tuple[Alert, ...] = ("cleared_before_request",)
    verdict = PASSED
    effects: tuple[Effects, ...] = ()
    ask = _ask(case, event, rest)
    if payment.charges or not rest:
        ask = ask._replace(charges=case.plan.charges(payment.charges))
    ask = ask._replace(already=payment.posted, posted=payment.posted)
    charges = ask.charges.keys
    if rest:
        verdict = judge(case.department, ask)
        if verdict.reasons:
            effects = shortfall(case, ask)
        else:
            hold = _hold(case, event.authorization_id, rest, charges, _expiry(case, event))
            effects = (hold, *ask_ahead(case, charges, rest))
    if verdict.reasons:
        effects += (*counts(ask, None), *score_counted(ask, verdict), PaymentDeclined())
    else:
        effects += _approved(case, event, ask, rest, verdict)
    return case.answer(
        Outcome.DECLINED if verdict.reasons else Outcome.APPROVED,
        verdict,
        effects=effects,
        charges=charges,
        amount=amount,
        alerts=alerts,
    )


def increment(case: Case, event: AuthorizationIncremented) -> Decision:
    """More on an approved authorization that still holds something."""
    amount = case.amount(event.amount)
    check_rate(event)
    payment = case.department.payment(event.authorization_id)
    code = None
    if payment is None or not payment.requested:
        code, detail = ReasonCode.UNKNOWN_PAYMENT, f"{event.authorization_id} was never approved"
    elif not payment.approved or not payment.held:
        code, detail = ReasonCode.PAYMENT_CLOSED, f"{event.authorization_id} holds nothing"
    if code is not None or payment is None:
        why = declined(code or ReasonCode.UNKNOWN_PAYMENT, detail)
        return case.answer(Outcome.DECLINED, why, amount=amount)
    rules = case.plan.card(event.card_id)
    purchase = Purchase(case.at_s, event.merchant, event.entry_mode)
    already = payment.held + payment.posted
    charges = case.plan.charges(payment.charges)
    ask = Ask(rules, purchase, amount, charges, already, Kind.INCREMENT, payment.posted)
    verdict = judge(case.department, ask)
    effects: tuple[Effects, ...] = shortfall(case, ask)
    if not verdict.reasons:
        expires_s = max(payment.expires_s, case.at_s + payment.valid_days * DAY_S)
        hold = _hold(case, event.authorization_id, amount, payment.charges, expires_s)
        effects = (hold, *ask_ahead(case, payment.charges, amount), *counts(ask, amount))
    return case.answer(
        Outcome.DECLINED if verdict.reasons else Outcome.APPROVED,
        verdict,
        effects=effects,
        charges=payment.charges,
        amount=amount,
    )


def advise(case: Case, event: AuthorizationAdvised) -> Decision:
    """What the network has answered in our place is recorded; above the limits somebody is alerted."""
    amount = case.amount(event.amount)
    alerts = rate_alerts(event)
    payment = case.department.payment(event.authorization_id)
    rules = case.plan.card(event.card_id, event.cardholder)
    purchase = Purchase(case.at_s, event.merchant, None)
    known = case.plan.charges(payment.charges) if payment and payment.charges else None
    if not event.approved:
        if payment is None or not payment.held:
            charged = payment.charges if payment else rules.charges_for(purchase).keys
            told_before = payment is not None and (payment.requested or payment.voided)
            effect = () if told_before else (PaymentDeclined(advised=True),)
            return case.accepted(*effect, charges=charged, amount=amount, alerts=alerts)
        return release(case, event.authorization_id, payment, payment.held, "advice", amount, alerts)
    told = _told(case, event, payment, alerts)
    charges = known or rules.charges_for(purchase)
    posted, held = (payment.posted, payment.held) if payment else (0, 0)
    wanted = max(0, amount - posted)
    if payment is None or not payment.requested:
        alerts += ("no_authorization",)
    if wanted < held:
        assert payment is not None
        return release(
            case, event.authorization_id, payment, held - wanted, "advice", amount, alerts, amount, (told,)
        )
    verdict = PASSED
    effects: tuple[Effects, ...] = ()
    if wanted > held:
        more = wanted - held
        # An approval of ours is judged as its increment would be; anything else as a request.
        kind = Kind.INCREMENT if payment and payment.approved else Kind.REQUEST
        ask = Ask(rules, purchase, more, charges, held + posted, kind, posted)
        verdict = judge(case.department, ask)
        expires_s = case.at_s + _valid_days(case, event, payment) * DAY_S
        expires_s = max(expires_s, payment.expires_s if payment and payment.held else 0)
        effects = (_hold(case, event.authorization_id, more, charges.keys, expires_s),)
    if verdict.reasons:
        alerts += ("above_limits",)
    return case.accepted(
        *effects,
        told,
        verdict=Verdict((), verdict.reasons + verdict.reviews, verdict.shadows),
        charges=charges.keys,
        amount=amount,
        approved=amount,
        alerts=alerts,
    )


def verify(case: Case, event: VerificationRequested) -> Decision:
    """Rules about card, merchant and hours; no money."""
    rules = case.plan.card(event.card_id, event.cardholder)
    purchase = Purchase(case.at_s, event.merchant, event.entry_mode)
    verdict = judge(case.department, Ask(rules, purchase, 0, NO_CHARGES), IDENTITY)
    return case.answer(Outcome.DECLINED if verdict.reasons else Outcome.APPROVED, verdict, amount=0)


def inquire(case: Case, event: BalanceInquired) -> Decision:
    """What the card may still spend."""
    rules = case.plan.card(event.card_id, event.cardholder)
    ask = Ask(rules, Purchase(case.at_s, None, None), 0, rules.charges(case.at_s))
    return case.accepted(charges=ask.charges.keys, available=spendable(case.department, ask))


# -- parts


def _hold(
    case: Case, authorization_id: str, amount: int, charges: tuple[str, ...], expires_s: int
) -> HoldPlaced:
    return HoldPlaced(
        authorization_id=authorization_id,
        amount=amount,
        charges=charges,
        expires_at=moment_of(expires_s),
    )


def _expiry(case: Case, event: AuthorizationRequested) -> int:
    return case.at_s + case.plan.valid_days(event.merchant.mcc) * DAY_S


def _approved(
    case: Case, event: AuthorizationRequested, ask: Ask, held: int, verdict: Verdict
) -> tuple[Effects, ...]:
    """What an approval makes of windows, scores, payment and card, beside the hold of `held`."""
    foreign = None
    if event.merchant_amount is not None and event.rate is not None:
        foreign = (event.merchant_amount.currency, event.rate)
    days = case.plan.valid_days(event.merchant.mcc)
    found: tuple[Effects, ...] = (PaymentApproved(valid_days=days, foreign=foreign),)
    if ask.rules.rule_set.budgeted:
        found = score_counted(ask, verdict) + found
    if ask.rules.counter_keys:
        found = counts(ask, held) + found
    state = case.department.registered.get(event.card_id)
    return found if state is None else found + _card(state, event)


def _card(state: CardState, event: AuthorizationRequested) -> tuple[Effects, ...]:
    card, merchant = state.card, event.merchant
    found: tuple[Effects, ...] = ()
    if card.single_use and not state.used:
        found += (CardUsed(card_id=card.card_id),)
    if card.lock_to_first and state.merchant is None and merchant is not None:
        found += (CardLocked(card_id=card.card_id, merchant=merchant.id or merchant.name),)
    return found


def _told(
    case: Case, event: AuthorizationAdvised, payment: Payment | None, alerts: tuple[Alert, ...]
) -> PaymentApproved:
    """What the network has approved is so from here on. A rate that contradicts itself is none."""
    foreign = None
    new = payment is None or payment.foreign is None
    if new and event.merchant_amount is not None and event.rate is not None and "rate_mismatch" not in alerts:
        foreign = (event.merchant_amount.currency, event.rate)
    return PaymentApproved(valid_days=_valid_days(case, event, payment), foreign=foreign, advised=True)


def _valid_days(case: Case, event: AuthorizationAdvised, payment: Payment | None) -> int:
    if payment is not None and payment.valid_days:
        return payment.valid_days
    return case.plan.valid_days(event.merchant.mcc)


ANSWERS: Final[Answers] = {
    AuthorizationIncremented: increment,
    AuthorizationAdvised: advise,
    VerificationRequested: verify,
    BalanceInquired: inquire,
}
