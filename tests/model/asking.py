"""Questions that a card asks: requests, increments, verifications, inquiries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from schemas.controls import Policy, SpendLimit
from schemas.events import (
    AuthorizationAdvised,
    AuthorizationIncremented,
    AuthorizationRequested,
    BalanceInquired,
    Event,
    VerificationRequested,
)
from schemas.reasons import Outcome, ReasonCode
from tests.model import cap
from tests.model.answers import Answer, Passes
from tests.model.book import Department
from tests.model.calendars import SLOTS, period_of, slot_of
from tests.model.case import Case, Unusable, next_to_lapse, rate_disagrees
from tests.model.limits import (
    ABOUT_CARD_AND_MERCHANT,
    Ask,
    Verdict,
    charged,
    charges_of,
    counter_key,
    judge,
)
from tests.model.policies import hold_days
from tests.model.records import Billing, CardUse, Counted, Payment, is_charged

MOMENTS_MAX = 8
BECAUSE = ("hold_expires", "period_starts", "increase_starts")


def ask_for(case: Case, event: Event, amount: int, payment: Payment | None, increment: bool = False) -> Ask:
    """The question that an event puts to the rules."""
    return charged(
        Ask(
            department=case.department,
            billing=Billing((), case.at, case.seq),
            at=case.at,
            card_id=getattr(event, "card_id", ""),
            amount=amount,
            merchant=getattr(event, "merchant", None),
            cardholder=getattr(event, "cardholder", None),
            entry_mode=getattr(event, "entry_mode", None),
            payment=payment,
            increment=increment,
        )
    )


def request(case: Case, event: AuthorizationRequested) -> Answer:
    """The whole of `authorization.requested`."""
    payment = case.department.payments.get(event.authorization_id)
    if payment is not None and payment.told_of:
        raise Unusable(ReasonCode.AUTHORIZATION_EXISTS)
    amount = event.amount.minor
    if payment is not None and payment.is_timed_out(event.event_id):
        answer = case.declined(ReasonCode.DEADLINE_MISSED)
        count(ask_for(case, event, amount, payment), None)
        return answer
    if payment is not None and not payment.postings:
        payment = None  # as if no other request had timed out
    rest = amount
    if payment is not None:
        case.alerts.append("cleared_before_request")
        rest = 0 if payment.final else max(0, amount - payment.posted)
    ask = ask_for(case, event, rest, payment)
    verdict = judge(ask) if rest else Verdict((), (), (), None)
    granted, outcome = rest, Outcome.APPROVED
    if verdict.reasons:
        partly = event.partial_allowed and payment is None and bool(verdict.room)
        granted = (verdict.room or 0) if partly else 0
        outcome = Outcome.PARTIALLY_APPROVED if partly else Outcome.DECLINED
    told = would_pass(case, ask, verdict) if outcome is Outcome.DECLINED and payment is None else None
    partly = outcome is Outcome.PARTIALLY_APPROVED
    looked_at = judge(replace(ask, amount=granted)) if partly else verdict
    payment = _remember(case, event)
    approved = outcome is not Outcome.DECLINED
    if approved:
        authorize(case, payment, event)
        use_card(case.department, event)
    case.hold(payment, granted, ask.billing)
    count(ask, granted if approved else None)
    cap.after_request(case, ask, verdict.reasons, granted)
    return case.answer(
        outcome,
        verdict.reasons,
        looked_at.reviews,
        looked_at.shadows,
        approved=granted if partly else None,
        would_pass=told,
    )


def _remember(case: Case, event: AuthorizationRequested) -> Payment:
    payment = case.payment(event.authorization_id)
    payment.requested, payment.asked_in = True, case.seq
    return payment


def authorize(case: Case, payment: Payment, event: AuthorizationRequested | AuthorizationAdvised) -> None:
    """By us or, with an advice, in our place: validity and rate are those of the first such event."""
    payment.approved = True
    if payment.days is None:
        payment.days = hold_days(case.department.policy, event.merchant)
    if rate_disagrees(event, case.department.currency):
        return
    if payment.asked_currency is None and event.merchant_amount is not None:
        payment.asked_currency, payment.asked_rate = event.merchant_amount.currency, event.rate


def use_card(department: Department, event: AuthorizationRequested) -> None:
    """An approval uses a single-use card up, and locks a card that is to be locked to its first merchant."""
    card = department.cards.get(event.card_id)
    use = department.uses.setdefault(event.card_id, CardUse())
    if card and card.single_use:
        use.used = True
    if card and card.lock_to_first and use.first is None:
        use.first = event.merchant


def increment(case: Case, event: AuthorizationIncremented) -> Answer:
    """The whole of `authorization.incremented`."""
    payment = case.department.payments.get(event.authorization_id)
    if payment is None or payment.voided or payment.only_cleared:
        return case.declined(ReasonCode.UNKNOWN_PAYMENT)
    if not payment.approved or not payment.held:
        return case.declined(ReasonCode.PAYMENT_CLOSED)
    ask = ask_for(case, event, event.amount.minor, payment, increment=True)
    verdict = judge(ask)
    if not verdict.reasons:
        case.hold(payment, ask.amount, ask.billing)
        count(ask, ask.amount)
    cap.after_request(case, ask, verdict.reasons, 0 if verdict.reasons else ask.amount)
    return case.answer(
        Outcome.DECLINED if verdict.reasons else Outcome.APPROVED,
        verdict.reasons,
        verdict.reviews,
        verdict.shadows,
    )


def verify(case: Case, event: VerificationRequested) -> Answer:
    verdict = judge(ask_for(case, event, 0, None), ABOUT_CARD_AND_MERCHANT)
    outcome = Outcome.DECLINED if verdict.reasons else Outcome.APPROVED
    return case.answer(outcome, verdict.reasons, verdict.reviews, verdict.shadows)


def inquire(case: Case, event: BalanceInquired) -> Answer:
    """What this card may still spend now: the least that is left of all it would charge."""
    ask = ask_for(case, event, 0, None)
    left = [limit - case.department.used(key) for key, limit in limits_of(ask)]
    return case.answer(Outcome.ACCEPTED, available=max(0, min(left)))


def limits_of(ask: Ask) -> list[tuple[str, int]]:
    """Every charged period that still has a limit, with the limit in force, increases included."""
    department = ask.department
    found = []
    for key in ask.charges:
        name, _, label = key.rpartition("@")
        if name == "company":
            found.append((key, department.leases.get(label, 0)))
        elif name.startswith("rule:"):
            rule = department.charged_rule(name.split(":", 2)[1])
            if rule is not None and rule.amount is not None:
                found.append((key, rule.amount))
        elif name in department.budgets:
            budget = department.budgets[name]
            found.append((key, department.limit(budget, key, ask.billing.at) + budget.more(ask.at)))
    return found


def count(ask: Ask, granted: int | None) -> None:
    """Every rule with a window counts this question; `granted` None: it was declined."""
    for rule in ask.department.policy.rules:
        if not isinstance(rule, SpendLimit) or rule.window == "transaction" or not ask.applies(rule):
            continue
        if is_charged(rule):
            continue
        if ask.increment and rule.amount is None:
            continue
        if granted is None and rule.counts == "approved":
            continue
        if rule.amount is None or granted:
            _count_in(rule, ask, granted or 0)


def _count_in(rule: SpendLimit, ask: Ask, amount: int) -> None:
    entries = ask.department.counted.setdefault(counter_key(rule, ask), [])
    if rule.window == "rolling":
        slot = slot_of(ask.at, rule.seconds or 1)
        newest = max((one.slot for one in entries), default=slot)
        if slot >= newest - SLOTS:
            entries.append(Counted(slot, ask.at.date(), amount))
    elif rule.calendar is not None:
        first = max([period_of(rule.calendar, ask.at).first, *(one.first for one in entries)])
        entries.append(Counted(0, first, amount))


def reset_counters(department: Department, before: Policy, after: Policy) -> None:
    """Rules go on counting only where they are what they were."""
    unchanged = {rule.rule_id for rule in after.rules if rule in before.rules}
    for key in list(department.counted):
        if key[0] not in unchanged:
            del department.counted[key]


def would_pass(case: Case, ask: Ask, verdict: Verdict) -> Passes | None:
    """What would pass now, and from when the whole amount does."""
    if verdict.room is None:
        return None
    tried: list[datetime] = []
    for moment, kind, subject in sorted(_moments(case, ask)):
        if tried[-1:] == [moment]:
            continue
        if len(tried) == MOMENTS_MAX:
            break
        tried.append(moment)
        if _passes_at(ask, moment):
            return Passes(verdict.room, moment, BECAUSE[kind], subject)
    return Passes(verdict.room)


def _moments(case: Case, ask: Ask) -> Iterator[tuple[datetime, int, str]]:
    """When a hold expires, a charged period ends or an increase starts: that moment, which, and whose."""
    department = case.department
    now = max(ask.at, case.clock)
    for payment in next_to_lapse(department):
        if payment.expires and payment.expires > now:
            yield payment.expires, 0, payment.id
    for key in ask.charges:
        name, calendar = key.rpartition("@")[0], department.calendar_of(key)
        end = period_of(calendar, ask.at).end if calendar else None
        if end and end > now:
            yield end, 1, ":".join(name.split(":", 2)[:2]) if name.startswith("rule:") else name
        budget = department.budgets.get(name)
        for more in budget.increases if budget else ():
            if more.starts_at > now:
                yield more.starts_at, 2, name


def _passes_at(ask: Ask, moment: datetime) -> bool:
    department = ask.department
    lapsed = frozenset(p.id for p in next_to_lapse(department) if p.expires and p.expires <= moment)
    then = replace(ask, at=moment, lapsed=lapsed)
    then = replace(then, billing=Billing(charges_of(then), moment, ask.billing.seq))
    return not judge(then).reasons
