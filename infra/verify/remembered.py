"""O17: what a decision says that is remembered of it follows from the log.

The effects that only a department's state is made of: how a request was answered, what it counts for, which
card it used up or locked, which periods and which department begin with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import zip_longest
from typing import Final

from msgspec.structs import asdict

from infra.verify.alerts import score_counted
from infra.verify.balances import moved
from infra.verify.calendar import end_of, ends_s, first_day, label
from infra.verify.controls import calendar_of, is_in_force, limits_of, rule_of
from infra.verify.counters import SLOTS, is_counted, is_over, slot_s
from infra.verify.expected import ADVISED, Before, before_of
from infra.verify.fold import span
from infra.verify.limits import GRANTED, INCREMENTED, REQUESTED, purchase_of
from infra.verify.rates import disagrees
from infra.verify.report import EXAMPLES_MAX, Report
from infra.verify.state import RULE, SPANS_KEPT, Department, DepartmentName, Payment, parts
from infra.verify.usage import Usage
from schemas import effects as ef
from schemas.administration import TREASURY
from schemas.controls import Policy
from schemas.decisions import Decision
from schemas.policies import contradiction

# A period whose budget or rule is gone is remembered for so many spans of time more, in case it comes again.
GONE_SPANS_KEPT: Final = 13


class Remembered:
    """Looks at each decision that took effect: `before` it is folded, and `after`.

    `_periods`: of each department, with the last span of time in which something moved there. `_gone`:
    those of them that its owner has let go of by now, because what they are of was gone for long;
    `_spans`: when that was looked at. `_defaults`: the policy that a department of this currency was last
    opened with.
    """

    def __init__(self, report: Report) -> None:
        self._oracle = report["O17"]
        self._periods: dict[DepartmentName, dict[str, int]] = {}
        self._gone: dict[DepartmentName, set[str]] = {}
        self._spans: dict[DepartmentName, int] = {}
        self._defaults: dict[str, Policy] = {}
        self._before = Before()
        self._told = self._has_rate = False

    def before(self, decision: Decision, department: Department, known: Payment | None) -> None:
        """`known`: its payment, if its owner knew it. A period that begins anew was forgotten."""
        self._before = before_of(decision, known)
        self._told = known is not None and (known.answered or bool(known.voided))
        self._has_rate = known is not None and known.foreign is not None
        name = _name(decision)
        periods = self._periods.get(name, {})
        self._let_go(name, department, periods)
        again = {
            effect.charge
            for effect in decision.effects
            if isinstance(effect, ef.PeriodOpened) and _is_over(department, periods, effect.charge)
        }
        if gone := self._gone.get(name):
            again |= gone & ({balance.key for balance in decision.balances} | moved(decision).keys())
            gone -= again
        for charge in again:
            del periods[charge]
            department.periods.pop(charge, None)

    def _let_go(self, name: DepartmentName, department: Department, periods: dict[str, int]) -> None:
        """Once in a span of time: of what is gone only periods stay that something remembered counts in."""
        if self._spans.get(name) == department.latest_span:
            return
        self._spans[name] = department.latest_span
        before = department.latest_span - SPANS_KEPT + 1 - GONE_SPANS_KEPT
        late = {
            charge
            for charge, last in periods.items()
            if last < before and not is_in_force(department, parts(charge)[0])
        }
        if late:
            self._gone.setdefault(name, set()).update(late.difference(department.charged))

    def after(self, decision: Decision, department: Department, usage: Usage) -> None:
        """`department` has folded the decision, `usage` has not counted it yet."""
        found = [effect for effect in decision.effects if type(effect) in ef.REMEMBERED]
        wanted = [
            *self._counted(decision, department),
            *_scored(decision, department),
            *self._answer(decision, department),
            *self._cards(decision, department, usage),
            *self._begun(decision, department),
        ]
        self._oracle.checked += max(len(found), len(wanted))
        if found != wanted:
            self._oracle.violated(f"decision {decision.position} {_difference(found, wanted)}")
        for effect in decision.effects:
            if isinstance(effect, ef.DepartmentOpened | ef.PolicyTaken):
                self._look_at_default(decision, effect)

    # -- what must be said

    def _counted(self, decision: Decision, department: Department) -> Iterator[ef.Counted]:
        """What the request counts for, by the rules with a counter of their own."""
        granted, asked = decision.outcome in GRANTED, decision.event_type == REQUESTED
        if not asked and not (granted and decision.event_type == INCREMENTED):
            return
        rest = self._before.rest
        amount = (decision.granted if rest is None else rest) if granted else 0
        purchase = purchase_of(decision)
        rolling: list[ef.RollingCount] = []
        in_calendar: list[ef.CalendarCount] = []
        for rule, subject in limits_of(department, purchase):
            value = int(asked) if rule.count is not None else amount
            if not value or not is_counted(rule) or not (granted or rule.counts == "requested"):
                continue
            counter, at_s = f"{rule.rule_id}:{subject}", purchase.at_s
            if rule.calendar is None:
                width_s = slot_s(rule)
                rolling.append(ef.RollingCount(counter, at_s // width_s, value, width_s, SLOTS))
            else:
                slot = first_day(label(rule.calendar, at_s)).toordinal()
                in_calendar.append(ef.CalendarCount(counter, slot, value, ends_s(rule.calendar, at_s)))
        if rolling or in_calendar:
            yield ef.Counted(rolling=tuple(rolling), calendar=tuple(in_calendar))

    def _answer(
        self, decision: Decision, department: Department
    ) -> Iterator[ef.PaymentApproved | ef.PaymentDeclined]:
        """How the payment was answered; a request that had timed out is answered by nobody."""
        advised = decision.event_type == ADVISED
        if advised:
            approved = decision.approved is not None
        elif decision.event_type == REQUESTED and not self._before.missed:
            approved = decision.outcome in GRANTED
        else:
            return
        payment = department.payments.get(decision.authorization_id or "")
        if approved and payment is not None:
            foreign = None
            if decision.merchant_amount is not None and decision.rate is not None:
                foreign = decision.merchant_amount.currency, decision.rate
            if advised and (self._has_rate or disagrees(decision)):
                foreign = None
            yield ef.PaymentApproved(valid_days=payment.valid_days, foreign=foreign, advised=advised)
        elif not approved and not (advised and self._told):
            yield ef.PaymentDeclined(advised=advised)

    def _cards(
        self, decision: Decision, department: Department, usage: Usage
    ) -> Iterator[ef.CardUsed | ef.CardLocked]:
        """What an approved request makes of a registered card."""
        card, merchant = department.cards.get(decision.card_id or ""), decision.merchant
        if card is None or decision.event_type != REQUESTED or decision.outcome not in GRANTED:
            return
        if card.single_use and card.card_id not in usage.used:
            yield ef.CardUsed(card_id=card.card_id)
        if card.lock_to_first and merchant is not None and card.card_id not in usage.first_merchants:
            yield ef.CardLocked(card_id=card.card_id, merchant=merchant.id or merchant.name)

    def _begun(
        self, decision: Decision, department: Department
    ) -> Iterator[ef.PeriodOpened | ef.DepartmentOpened]:
        """Periods in which something moves for the first time, and the department."""
        name, now = _name(decision), span(decision)
        new = name not in self._periods
        periods = self._periods.setdefault(name, {})
        for charge in moved(decision):
            what, period = parts(charge)
            if charge not in periods:
                end_s = end_of(calendar_of(department, what), period)
                ends_at = None if end_s is None else datetime.fromtimestamp(end_s, UTC)
                yield ef.PeriodOpened(charge=charge, limit=_first_limit(department, what), ends_at=ends_at)
            periods[charge] = max(now, periods.get(charge, now))
        if new:
            # Which policy it begins with, the log alone tells.
            said = (effect for effect in decision.effects if isinstance(effect, ef.DepartmentOpened))
            yield next(said, ef.DepartmentOpened(policy=Policy()))

    def _look_at_default(self, decision: Decision, effect: ef.DepartmentOpened | ef.PolicyTaken) -> None:
        if isinstance(effect, ef.PolicyTaken) and effect.policy_version:
            return
        wrong = "it says nothing" if effect.policy is None else contradiction(effect.policy)
        if wrong is not None:
            self._oracle.violated(
                f"decision {decision.position} puts a default policy in force that cannot be: {wrong}"
            )
        if effect.policy is None or decision.department_id == TREASURY:
            return
        currency = decision.currency or "?"
        before = self._defaults.get(currency, effect.policy)
        self._defaults[currency] = effect.policy
        if before != effect.policy and len(self._oracle.notes) < EXAMPLES_MAX:
            self._oracle.notes.append(
                f"from decision {decision.position} on the default policy of {currency} is another one"
            )


def _name(decision: Decision) -> DepartmentName:
    return decision.organization_id or "", decision.department_id or ""


def _scored(decision: Decision, department: Department) -> Iterator[ef.ScoreCounted]:
    """What the request's score counts for."""
    purchase = purchase_of(decision)
    if decision.event_type == REQUESTED:
        score = score_counted(decision, department, purchase.at_s, purchase.millionths)
        if score is not None:
            yield score


def _first_limit(department: Department, what: str) -> int:
    """A lease has only what is added to it, and what is gone limits nothing."""
    budget = department.budgets.get(what)
    if budget is not None:
        return budget.limit
    rule = rule_of(department, what) if what.startswith(RULE) else None
    return 0 if rule is None else rule.amount or 0


def _is_over(department: Department, periods: dict[str, int], charge: str) -> bool:
    """Whether its owner may have let go of the period, because it ended before all that is remembered."""
    last, (what, period) = periods.get(charge), parts(charge)
    if last is None or not department.past(last):
        return False
    return is_over(calendar_of(department, what), period, department.latest_span)


def _difference(found: Sequence[ef.Effect], wanted: Sequence[ef.Effect]) -> str:
    for told, must in zip_longest(found, wanted):
        if told == must:
            continue
        if told is None:
            return f"does not say {must}"
        if must is None:
            return f"says {told}, which does not follow"
        if type(told) is not type(must):
            return f"says {told}, but must say {must}"
        for name, value in asdict(must).items():
            if getattr(told, name) != value:
                return f"says {name} {getattr(told, name)} in {type(told).__name__}, but it must be {value}"
    return "says it in another order"
