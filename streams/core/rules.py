"""What speaks against a purchase: every rule that applies, in the order of docs/rules.md. Pure.

The department is read as it is: who asks about another time makes that time's state first.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from enum import Enum
from typing import NamedTuple

from schemas.controls import Rule, SpendLimit
from schemas.decisions import Balance
from schemas.reasons import Reason, ReasonCode
from streams.core.calendar import local_date
from streams.core.matching import Purchase, same_merchant
from streams.core.plans import CardPlan, Check, Line, Plan
from streams.core.state import COMPANY, Department, Period
from streams.core.windows import total

#: Reasons that a smaller amount may not have.
OF_AMOUNT = frozenset(
    {
        ReasonCode.AMOUNT_TOO_LARGE,
        ReasonCode.LIMIT_EXCEEDED,
        ReasonCode.BUDGET_EXCEEDED,
        ReasonCode.LEASE_EXCEEDED,
    }
)


class Kind(Enum):
    """What is asked: which rules are looked at hangs on it."""

    REQUEST = 1
    INCREMENT = 2


class Ask(NamedTuple):
    """A purchase to be judged. `amount`: minor units more than the `already` held and posted of it.

    `charges`: the periods in which it would count. `posted`: what of `already` is posted.
    """

    plan: CardPlan
    purchase: Purchase
    amount: int
    charges: tuple[str, ...]
    already: int = 0
    kind: Kind = Kind.REQUEST
    posted: int = 0


class Verdict(NamedTuple):
    """`reasons` decline, `reviews` ask somebody to look, `shadows` only tell; in the order of the rules."""

    reasons: tuple[Reason, ...]
    reviews: tuple[Reason, ...]
    shadows: tuple[Reason, ...] = ()

    @property
    def only_of_amount(self) -> bool:
        """A smaller amount might pass."""
        return all(reason.code in OF_AMOUNT and not reason.fraud for reason in self.reasons)


PASSED = Verdict((), ())


class Said:
    """What the rules have said so far. Most often nothing, so nothing is made ready for it."""

    __slots__ = ("reasons", "reviews", "shadows")

    def __init__(self) -> None:
        self.reasons: tuple[Reason, ...] = ()
        self.reviews: tuple[Reason, ...] = ()
        self.shadows: tuple[Reason, ...] = ()

    def say(self, rule: Rule, reason: Reason) -> None:
        """A rule speaks, with the weight that its action gives it."""
        match rule.action:
            case "decline":
                self.reasons += (reason,)
            case "review":
                self.reviews += (reason,)
            case "shadow":
                self.shadows += (reason,)

    def decline(self, code: ReasonCode, detail: str) -> None:
        """What stands in no policy speaks."""
        self.reasons += (Reason(code=code, detail=detail),)

    def verdict(self) -> Verdict:
        """All of it."""
        if not self.reasons and not self.reviews and not self.shadows:
            return PASSED
        return Verdict(self.reasons, self.reviews, self.shadows)


def assess(department: Department, ask: Ask, *, there_is_room: bool = False) -> Verdict:
    """All rules. `there_is_room`: rules 5 to 7 have nothing to say, as `with_room` has found."""
    shape = ask.plan.shape
    if there_is_room and not (ask.plan.special or shape.checks or shape.transaction or shape.windows):
        return PASSED
    said = Said()
    identity(department, ask, said)
    if ask.already + ask.amount > shape.transaction_least:
        _transaction(department, ask, said)
    if shape.windows:
        _windows(department, ask, said)
    if not there_is_room:
        _lines(department, ask, said)
    return said.verdict()


def identity(department: Department, ask: Ask, said: Said) -> None:
    """Rules 1 and 2: the card, the merchant, the hour. All that a verification asks."""
    plan, purchase = ask.plan, ask.purchase
    shape = plan.shape
    if plan.special:
        _card(department, ask, said)
    spoken: Iterable[Check] = ()
    if shape.of_merchant and (purchase.merchant is not None or ask.kind is Kind.REQUEST):
        spoken = shape.speaking(purchase)
    for check in shape.of_time:
        if check[1](purchase):
            both = {id(one) for one in (*spoken, *shape.of_time) if one in spoken or one.test(purchase)}
            spoken = [one for one in shape.checks if id(one) in both]
            break
    for check in spoken:
        said.say(check.rule, _of_check(check, purchase))


def _card(department: Department, ask: Ask, said: Said) -> None:
    state = ask.plan.state
    if state is None:
        said.decline(ReasonCode.CARD_UNKNOWN, "the card was never registered")
        return
    card = state.card
    if card.status != "active":
        code = ReasonCode.CARD_FROZEN if card.status == "frozen" else ReasonCode.CARD_CANCELED
        said.decline(code, f"the card is {card.status}")
    if card.expires_on is not None and _today(department, ask) > card.expires_on:
        said.decline(ReasonCode.CARD_EXPIRED, f"its last day was {card.expires_on}")
    if ask.kind is Kind.INCREMENT:
        return
    if card.single_use and state.used:
        said.decline(ReasonCode.CARD_USED, "the card is for one payment")
    locked = card.locked_to or (state.merchant if card.lock_to_first else None)
    merchant = ask.purchase.merchant
    if locked is not None and merchant is not None and not same_merchant(merchant, locked):
        said.decline(ReasonCode.MERCHANT_LOCKED, f"the card is for {locked} only")


def _today(department: Department, ask: Ask) -> date:
    return local_date(ask.purchase.at_s, ask.plan.plan.zone)


def _of_check(check: Check, purchase: Purchase) -> Reason:
    rule, merchant = check.rule, purchase.merchant
    if check.code is ReasonCode.OUTSIDE_HOURS:
        detail = f"rule '{rule.rule_id}'"
    else:
        told = [merchant.name, merchant.mcc, merchant.country] if merchant else []
        words = ", ".join(filter(None, [*told, purchase.entry_mode]))
        detail = f"rule '{rule.rule_id}': {words}"
    return Reason(code=check.code, rule=rule.rule_id, detail=detail, fraud=rule.fraud)


# -- amounts and counts


def _transaction(department: Department, ask: Ask, said: Said) -> None:
    for rule, only in ask.plan.shape.transaction:
        if only is not None and not only(ask.purchase):
            continue
        if rule.amount is None:
            if ask.kind is Kind.REQUEST:
                why = _count_reason(rule, "every card", 0, "a payment")
                said.say(rule, why)
        elif ask.already + ask.amount > rule.amount:
            why = Reason(
                code=ReasonCode.AMOUNT_TOO_LARGE,
                rule=rule.rule_id,
                currency=department.currency,
                limit=rule.amount,
                posted=ask.posted,
                held=ask.already - ask.posted,
                requested=ask.amount,
                fraud=rule.fraud,
            )
            said.say(rule, why)


def _count_reason(rule: SpendLimit, subject: str, so_far: int, period: str) -> Reason:
    return Reason(
        code=ReasonCode.COUNT_EXCEEDED,
        rule=rule.rule_id,
        subject=subject,
        period=period,
        count=so_far + 1,
        count_limit=rule.count,
        fraud=rule.fraud,
    )


def _windows(department: Department, ask: Ask, said: Said) -> None:
    plan, purchase, requested = ask.plan, ask.purchase, ask.amount
    at_s, counters = purchase.at_s, plan.counters
    for n, window in enumerate(plan.shape.windows):
        counter = counters[n]
        if counter is None:
            counter = counters[n] = department.counters.get(plan.keys[n])
        # All that is kept, what has left the window included: where even that passes, nothing is added up.
        at_most = counter[0] if counter else 0
        limit = window.amount
        if at_most < window.count if limit is None else at_most + requested <= limit:
            continue
        so_far = total(counter, window.slot(at_s), window.slots_before)
        if limit is None:
            speaks = so_far >= window.count and ask.kind is Kind.REQUEST
        else:
            speaks = so_far + requested > limit
        if speaks and (window.only is None or window.only(purchase)):
            said.say(window.rule, _window_reason(department, ask, window.rule, so_far))


def _window_reason(department: Department, ask: Ask, rule: SpendLimit, so_far: int) -> Reason:
    subject = ask.plan.subjects[rule.per] or ""
    if rule.amount is None:
        return _count_reason(rule, subject, so_far, span(rule))
    return Reason(
        code=ReasonCode.LIMIT_EXCEEDED,
        rule=rule.rule_id,
        subject=subject,
        period=span(rule),
        currency=department.currency,
        limit=rule.amount,
        posted=so_far,
        held=0,
        requested=ask.amount,
        fraud=rule.fraud,
    )


def span(rule: SpendLimit) -> str:
    """A window's length in words."""
    if rule.seconds is not None:
        return f"any {rule.seconds} s"
    return f"a {rule.calendar.period}" if rule.calendar else "a payment"


class Tally(NamedTuple):
    """A charged period as it is: `period` None when nothing was in it yet.

    `line` None: its budget or rule is gone. `limit`: with the increases in force; tolerance aside.
    """

    line: Line | None
    id: str
    label: str
    period: Period | None
    limit: int


def tallies_of(department: Department, ask: Ask) -> list[Tally]:
    """The numbers of all that the ask would count in, at its moment."""
    plan, at_s = ask.plan, ask.purchase.at_s
    charges = ask.charges
    if charges is not plan.charges(at_s):
        return tallies_at(plan.plan, charges, at_s)
    parts = zip(plan.shape.lines, plan.ids, plan.labels, charges, strict=True)
    return [_tally(department, line, id_, label, charge, at_s) for line, id_, label, charge in parts]


def balances_at(
    plan: Plan, charges: Iterable[str], at_s: int, posted: int, held: int, limit: int
) -> list[Balance]:
    """Each charged period as it is once these have been added to it. `at_s`: for the increases in force."""
    periods = plan.department.periods
    known = plan.known
    balances = []
    for charge in charges:
        line, id_, label = known.get(charge) or plan.charged(charge)
        period = periods.get(charge)
        base = _limit(line, period, at_s)
        if period is None:
            balances.append(Balance(id_, label, base + limit, posted, held))
        else:
            balances.append(Balance(id_, label, base + limit, period.posted + posted, period.held + held))
    return balances


def tallies_at(plan: Plan, charges: Iterable[str], at_s: int) -> list[Tally]:
    """The same of any charges, those of a payment that is older than the rules, say."""
    charged, department = plan.charged, plan.department
    return [_tally(department, *charged(charge), charge, at_s) for charge in charges]


def _tally(department: Department, line: Line | None, id_: str, label: str, charge: str, at_s: int) -> Tally:
    period = department.periods.get(charge)
    return Tally(line, id_, label, period, _limit(line, period, at_s))


def _limit(line: Line | None, period: Period | None, at_s: int) -> int:
    """The limit in force; of a budget or rule that is gone the one that its period had."""
    if line is not None:
        return line.limit(period, at_s)
    return 0 if period is None else period.limit


def with_room(department: Department, ask: Ask) -> list[Balance] | None:
    """The charged periods with the amount held in them, when all have room for it; else None.

    Nearly all requests pass: for them this one look at each period is all that the budgets cost.
    """
    plan, purchase, amount, charges = ask[:4]
    if charges is not plan.charged_now:
        return None
    periods = plan.periods
    balances: list[Balance] = []
    for line, id_, label, period in zip(plan.shape.lines, plan.ids, plan.labels, periods, strict=True):
        if period is None:
            n = len(balances)
            period = periods[n] = department.periods.get(charges[n])
        posted, held = (0, amount) if period is None else (period.posted, period.held + amount)
        limit = line.limit(period, purchase.at_s)
        if (posted if posted > 0 else 0) + held > limit:
            return None
        balances.append(Balance(id_, label, limit, posted, held))
    return balances


def _lines(department: Department, ask: Ask, said: Said) -> None:
    """Rules 5 to 7. Limits come before budgets, the lease last, whatever the order of the charges."""
    amount = ask.amount
    of_budgets: tuple[Reason, ...] = ()
    for tally in tallies_of(department, ask):
        line, _, _, period, limit = tally
        wanted = amount if period is None else period.used + amount
        if wanted <= limit or line is None:
            continue
        if line.rule is not None:
            if line.only is None or line.only(ask.purchase):
                said.reasons += (line_reason(department, tally, line, amount),)
        elif wanted <= limit + line.tolerance:
            said.reviews += (line_reason(department, tally, line, amount, ReasonCode.TOLERANCE_USED),)
        else:
            of_budgets += (line_reason(department, tally, line, amount),)
    said.reasons += of_budgets


def line_reason(
    department: Department, tally: Tally, line: Line, requested: int, code: ReasonCode | None = None
) -> Reason:
    """The reason with the period's numbers."""
    period = tally.period
    return Reason(
        code=code or line.code,
        subject=line.name if line.rule is None else tally.id.removeprefix(f"{line.id}:"),
        rule=line.rule.rule_id if line.rule else line.id,
        period=tally.label,
        currency=department.currency,
        limit=tally.limit,
        posted=period.posted if period else 0,
        held=period.held if period else 0,
        requested=requested,
        fraud=line.rule.fraud if line.rule else False,
    )


def headroom(department: Department, ask: Ask) -> int:
    """The largest amount that no rule of amounts would refuse; negative when all is used up.

    Counts, and rules that only review, are not asked. Without any limit: `ask.amount`.
    """
    room = ask.amount
    purchase, plan = ask.purchase, ask.plan
    for rule, only in plan.shape.transaction:
        if rule.amount is not None and rule.action == "decline" and (only is None or only(purchase)):
            room = min(room, rule.amount - ask.already)
    for window, key in zip(plan.shape.windows, plan.keys, strict=True):
        rule = window.rule
        if rule.amount is None or rule.action != "decline":
            continue
        if window.only is None or window.only(purchase):
            counter = department.counters.get(key)
            room = min(room, rule.amount - total(counter, window.slot(purchase.at_s), window.slots_before))
    for line, _, _, period, limit in tallies_of(department, ask):
        if line is not None and (line.only is None or line.only(purchase)):
            used = period.used if period is not None else 0
            room = min(room, limit + line.tolerance - used)
    return room


def spendable(department: Department, ask: Ask) -> int:
    """The answer to a balance inquiry: the least that is left in any period, tolerances aside; at least 0."""
    left = [
        limit - (period.used if period is not None else 0)
        for line, _, _, period, limit in tallies_of(department, ask)
        # What limits some merchants only: no merchant is asked about.
        if line is not None and line.only is None
    ]
    return max(0, min(left, default=0))


def is_lease(charge: str) -> bool:
    """Whether the charge is the department's share of the company's cap."""
    return charge.startswith(f"{COMPANY}@")
