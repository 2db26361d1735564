"""The life of an authorization up to its clearing: requests, increments, advices. And what is only asked.

Each function answers one event as docs/rules.md says, and leaves the department as it is.
"""

from __future__ import annotations

from schemas.decisions import Alert, Decision, Score
from schemas.effects import CardLocked, CardUsed, Effects, HoldPlaced, PaymentApproved, PaymentDeclined
from schemas.events import (
    AuthorizationAdvised,
    AuthorizationIncremented,
    AuthorizationRequested,
    BalanceInquired,
    VerificationRequested,
)
from schemas.reasons import Outcome, Reason, ReasonCode
from streams.core.calendar import moment_of
from streams.core.case import Case, Rejected
from streams.core.counting import counts
from streams.core.leases import ask_ahead, ask_for_next, shortfall
from streams.core.matching import Purchase
from streams.core.moments import passing, would_pass
from streams.core.rates import check_rate, rate_alerts
from streams.core.reversals import release
from streams.core.rules import PASSED, Ask, Kind, Said, Verdict, assess, identity, spendable, with_room
from streams.core.state import CardState, Payment

DAY_S = 86_400
_new = tuple.__new__  # half the time of calling a named tuple


def request(case: Case, event: AuthorizationRequested, score: Score | None) -> Decision:
    """Approved, approved in part, or declined."""
    amount = case.amount(event.amount)
    if event.merchant_amount is not None or event.rate is not None:
        check_rate(event)
    payment = case.department.payments.get(event.authorization_id)
    if payment is not None:
        if payment.requested:
            raise Rejected(ReasonCode.AUTHORIZATION_EXISTS, f"{event.authorization_id} was requested before")
        if payment.voids(event.event_id):
            why = Reason(code=ReasonCode.DEADLINE_MISSED, detail="it was reversed before it came")
            counted = counts(_ask(case, event, amount), None)
            return case.answer(Outcome.DECLINED, effects=counted, amount=amount, reasons=(why,), score=score)
        if payment.postings:
            return _request_after_clearing(case, event, payment, score)
    return _answer(case, event, _ask(case, event, amount), score)


def _ask(case: Case, event: AuthorizationRequested, amount: int) -> Ask:
    plan = case.plan.card(event.card_id, event.cardholder)
    purchase = _new(Purchase, (case.at_s, event.merchant, event.entry_mode))
    return _new(Ask, (plan, purchase, amount, plan.charges_for(purchase), 0, Kind.REQUEST, 0))


def _answer(case: Case, event: AuthorizationRequested, ask: Ask, score: Score | None) -> Decision:
    balances = with_room(case.department, ask)
    verdict = assess(case.department, ask, there_is_room=balances is not None)
    if not verdict.reasons:
        hold = _hold(case, event.authorization_id, ask.amount, ask.charges, _expiry(case, event))
        effects: tuple[Effects, ...] = (hold,)
        if case.department.cap is not None:
            effects += ask_ahead(case, ask.charges, ask.amount)
        effects += approved(case, event, ask, ask.amount)
        return case.answer(
            Outcome.APPROVED,
            effects=effects,
            charges=ask.charges,
            amount=ask.amount,
            reviews=verdict.reviews,
            shadows=verdict.shadows,
            score=score,
            balances=balances,
        )
    return _refuse(case, event, ask, verdict, score)


def _refuse(
    case: Case, event: AuthorizationRequested, ask: Ask, verdict: Verdict, score: Score | None
) -> Decision:
    """Declined, or approved in part; with what would pass."""
    department = case.department
    asking = shortfall(case, ask)
    if event.partial_allowed and verdict.only_of_amount:
        part = passing(department, ask)
        if part:
            more = ask_for_next(case) if asking else ask_ahead(case, ask.charges, part)
            hold = _hold(case, event.authorization_id, part, ask.charges, _expiry(case, event))
            return case.answer(
                Outcome.PARTIALLY_APPROVED,
                effects=(hold, *asking, *more, *approved(case, event, ask, part)),
                charges=ask.charges,
                amount=ask.amount,
                approved=part,
                reasons=verdict.reasons,
                reviews=(in_part := assess(department, ask._replace(amount=part))).reviews,
                shadows=in_part.shadows,
                score=score,
            )
    later = None
    if verdict.only_of_amount:
        later = would_pass(department, ask, max(case.at_s, case.clock_s))
    return case.answer(
        Outcome.DECLINED,
        effects=(*asking, *counts(ask, None), PaymentDeclined()),
        charges=ask.charges,
        amount=ask.amount,
        reasons=verdict.reasons,
        reviews=verdict.reviews,
        shadows=verdict.shadows,
        would_pass=later,
        score=score,
    )


def _request_after_clearing(
    case: Case, event: AuthorizationRequested, payment: Payment, score: Score | None
) -> Decision:
    """The network settled before it asked: what is posted needs no hold, only the rest is asked for."""
    amount = case.amount(event.amount)
    rest = 0 if payment.settled else max(0, amount - payment.posted)
    alerts: tuple[Alert, ...] = ("cleared_before_request",)
    verdict = PASSED
    effects: tuple[Effects, ...] = ()
    ask = _ask(case, event, rest)
    charges = payment.charges or (ask.charges if rest else ())
    ask = ask._replace(charges=charges, already=payment.posted, posted=payment.posted)
    if rest:
        verdict = assess(case.department, ask)
        if verdict.reasons:
            effects = shortfall(case, ask)
        else:
            hold = _hold(case, event.authorization_id, rest, charges, _expiry(case, event))
            effects = (hold, *ask_ahead(case, charges, rest))
    if verdict.reasons:
        effects += (*counts(ask, None), PaymentDeclined())
    else:
        effects += approved(case, event, ask, rest)
    return case.answer(
        Outcome.DECLINED if verdict.reasons else Outcome.APPROVED,
        effects=effects,
        charges=charges,
        amount=amount,
        reasons=verdict.reasons,
        reviews=verdict.reviews,
        shadows=verdict.shadows,
        alerts=alerts,
        score=score,
    )


def increment(case: Case, event: AuthorizationIncremented) -> Decision:
    """More on an approved authorization that still holds something."""
    amount = case.amount(event.amount)
    check_rate(event)
    payment = case.department.payments.get(event.authorization_id)
    code = None
    if payment is None or not payment.requested:
        code, detail = ReasonCode.UNKNOWN_PAYMENT, f"{event.authorization_id} was never approved"
    elif not payment.approved or not payment.held:
        code, detail = ReasonCode.PAYMENT_CLOSED, f"{event.authorization_id} holds nothing"
    if code is not None or payment is None:
        why = Reason(code=code or ReasonCode.UNKNOWN_PAYMENT, detail=detail)
        return case.answer(Outcome.DECLINED, amount=amount, reasons=(why,))
    plan = case.plan.card(event.card_id)
    purchase = Purchase(case.at_s, event.merchant, event.entry_mode)
    already = payment.held + payment.posted
    ask = Ask(plan, purchase, amount, payment.charges, already, Kind.INCREMENT, payment.posted)
    verdict = assess(case.department, ask)
    effects: tuple[Effects, ...] = shortfall(case, ask)
    if not verdict.reasons:
        expires_s = max(payment.expires_s, case.at_s + payment.valid_days * DAY_S)
        hold = _hold(case, event.authorization_id, amount, payment.charges, expires_s)
        effects = (hold, *ask_ahead(case, payment.charges, amount), *counts(ask, amount))
    return case.answer(
        Outcome.DECLINED if verdict.reasons else Outcome.APPROVED,
        effects=effects,
        charges=payment.charges,
        amount=amount,
        reasons=verdict.reasons,
        reviews=verdict.reviews,
        shadows=verdict.shadows,
    )


def advise(case: Case, event: AuthorizationAdvised) -> Decision:
    """What the network has answered in our place is recorded; above the limits somebody is alerted."""
    amount = case.amount(event.amount)
    alerts = rate_alerts(event)
    payment = case.department.payments.get(event.authorization_id)
    plan = case.plan.card(event.card_id, event.cardholder)
    purchase = Purchase(case.at_s, event.merchant, None)
    if not event.approved:
        if payment is None or not payment.held:
            charges = payment.charges if payment else plan.charges_for(purchase)
            known = payment is not None and (payment.requested or payment.voided)
            declined = () if known else (PaymentDeclined(advised=True),)
            return case.accepted(*declined, charges=charges, amount=amount, alerts=alerts)
        return release(case, event.authorization_id, payment, payment.held, "advice", amount, alerts)
    told = _told(case, event, payment, alerts)
    charges = payment.charges if payment and payment.charges else plan.charges_for(purchase)
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
        ask = Ask(plan, purchase, more, charges, held + posted, kind, posted)
        verdict = assess(case.department, ask)
        expires_s = case.at_s + _valid_days(case, event, payment) * DAY_S
        expires_s = max(expires_s, payment.expires_s if payment and payment.held else 0)
        effects = (_hold(case, event.authorization_id, more, charges, expires_s),)
    if verdict.reasons:
        alerts += ("above_limits",)
    return case.accepted(
        *effects,
        told,
        charges=charges,
        amount=amount,
        approved=amount,
        alerts=alerts,
        reviews=verdict.reasons + verdict.reviews,
        shadows=verdict.shadows,
    )


def verify(case: Case, event: VerificationRequested) -> Decision:
    """Rules about card, merchant and hours; no money."""
    plan = case.plan.card(event.card_id, event.cardholder)
    purchase = Purchase(case.at_s, event.merchant, event.entry_mode)
    said = Said()
    identity(case.department, Ask(plan, purchase, 0, ()), said)
    reasons, reviews, shadows = said.verdict()
    outcome = Outcome.DECLINED if reasons else Outcome.APPROVED
    return case.answer(outcome, amount=0, reasons=reasons, reviews=reviews, shadows=shadows)


def inquire(case: Case, event: BalanceInquired) -> Decision:
    """What the card may still spend."""
    plan = case.plan.card(event.card_id, event.cardholder)
    purchase = Purchase(case.at_s, None, None)
    ask = Ask(plan, purchase, 0, plan.charges(case.at_s))
    return case.accepted(charges=ask.charges, available=spendable(case.department, ask))


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


def approved(case: Case, event: AuthorizationRequested, ask: Ask, held: int) -> tuple[Effects, ...]:
    """What an approval makes of windows, payment and card, beside the hold of `held`."""
    foreign = None
    if event.merchant_amount is not None and event.rate is not None:
        foreign = (event.merchant_amount.currency, event.rate)
    days = case.plan.valid_days(event.merchant.mcc)
    found: tuple[Effects, ...] = (PaymentApproved(valid_days=days, foreign=foreign),)
    if ask.plan.keys:
        found = counts(ask, held) + found
    return found if ask.plan.state is None else found + _card(ask.plan.state, event)


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
