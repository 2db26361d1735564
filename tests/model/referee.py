"""Plays records through the core as through the log, and through the model, and compares after each."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import Any

import msgspec

from schemas.codec import decode_decision, seal_decision
from schemas.decisions import Balance, Decision
from schemas.effects import BudgetChanged, BudgetIncreaseSet, HoldReleased
from schemas.events import Event
from schemas.reasons import Outcome
from streams.core.apply.evolve import evolve
from streams.core.intake import Record, judge
from streams.core.messages import messages
from streams.core.state import PartitionState
from tests.model.answers import Answer, answer_of
from tests.model.book import Department
from tests.model.books import wrong_books
from tests.model.calendars import period_of, whole_second
from tests.model.rules import Line, Model

LIMITS_CHANGE = ("budget.", "increase.", "policy.")


class Difference(AssertionError):
    """The model and the core do not agree, or an invariant does not hold."""


class NoScore:
    """Requests without a score: the rules know nothing of it."""

    def score(self, history: object, event: object) -> None:
        return None


class Referee:
    """One partition. `pending`: events that owners have written to each other and that are not yet played.

    `restored` is folded from the decisions as they stand on the log; `thorough`: compare it after every
    record, not only at the end.
    """

    def __init__(self, model: Model, thorough: bool = False) -> None:
        self.model = model
        self.thorough = thorough
        self.live = PartitionState(model.partition)
        self.restored = PartitionState(model.partition)
        self.pending: list[Event] = []
        self.whole = True  # nothing was raised in the middle of a record
        self.played: list[tuple[Line, Decision]] = []

    def play(self, line: Line) -> Answer:
        """Decide one record on both sides. Raises Difference with the whole history."""
        offset = len(self.played)
        self.whole = False
        record = Record(offset, line.recorded_at, line.key, line.value)
        try:
            decision = judge(self.live, record, self.model.partitions, NoScore())
            sealed = seal_decision(decision)
            evolve(self.live, decision)
            evolve(self.restored, decode_decision(sealed))
        except Exception as error:  # whatever it is: shown with its history
            raise Difference(self.report([f"{line.value!r}:", f"the core raised {error!r}"])) from error
        self.played.append((line, decision))
        expected, found = self.model.answer(line), answer_of(decision)
        differences = _differences(expected, found)
        if expected.took_effect and expected.policy_version != found.policy_version:
            differences.append(f"policy version {found.policy_version}, not {expected.policy_version}")
        if decision.seq != offset or decision.source_offset != offset:
            differences.append(
                f"seq {decision.seq}, offset {decision.source_offset}: not one for each record"
            )
        if decision.organization_id is not None and decision.outcome is not Outcome.REJECTED:
            key = f"{decision.organization_id}/{decision.department_id}"
            differences += self._totals(key, self.model.departments.get(key), decision)
        if self.thorough:
            differences += self._fold()
        if differences:
            raise Difference(self.report(differences))
        self.whole = True
        self.pending += [event for event in messages(decision) if self._is_here(event)]
        return expected

    def end(self) -> None:
        """What is too dear to compare after each record."""
        if not self.whole:
            return
        differences = self._fold() + wrong_books(self.model, [decision for _, decision in self.played])
        if differences:
            raise Difference(self.report(differences))

    def _is_here(self, event: Event) -> bool:
        return event.department_id != "ops"

    def _fold(self) -> list[str]:
        live, restored = msgspec.msgpack.encode(self.live), msgspec.msgpack.encode(self.restored)
        return [] if live == restored else ["the fold of the decisions is not the live state"]

    def _totals(self, key: str, expected: Department | None, decision: Decision) -> list[str]:
        """Where the core's totals are not the sums of the model, or break an invariant."""
        found = self.live.departments.get(key)
        if expected is None or found is None:
            return [f"{key}: known to one side only"]
        wrong = []
        for label in expected.charged_periods():
            period = found.periods.get(label)
            if period is None and expected.may_be_forgotten(label):
                continue
            core = (period.posted, period.held) if period else (0, 0)
            model = (expected.posted(label), expected.held(label))
            open_holds = sum(p.held for p in found.payments.values() if label in p.charges)
            if core != model or core[1] != open_holds:
                wrong.append(f"{label}: posted, held {core} with holds of {open_holds}; the model: {model}")
        for name, payment in expected.payments.items():
            known = found.payments.get(name)
            has = (known.held, known.posted, known.refunded, known.disputed) if known else (0, 0, 0, 0)
            sums = (payment.held, payment.posted, expected.refunded(payment), expected.disputed(payment))
            if has != sums:
                wrong.append(f"{name}: held, posted, refunded, disputed {has}; the model: {sums}")
        return wrong + _told_balances(expected, decision) + _overspent(expected, decision)

    def report(self, differences: list[str]) -> str:
        """The history in a few words for each record, then what is different."""
        lines = [f"{number:3} {_told(*played)}" for number, played in enumerate(self.played)]
        return "\n".join(["", *lines, "", *differences])


def _differences(expected: Answer, found: Answer) -> list[str]:
    if expected == found:
        return []
    wrong = []
    for field in fields(Answer):
        if not field.compare:
            continue
        one, other = getattr(expected, field.name), getattr(found, field.name)
        if field.name == "effects" and one != other:
            one, other = _in_order(one), _in_order(other)
        if one != other:
            wrong.append(f"{field.name}:\n  the model: {one}\n  the core:  {other}")
    return wrong


def _in_order(effects: tuple[Any, ...]) -> list[Any]:
    """Lapses as they came, then all else in one order: the rules name none."""
    lapses = 0
    while lapses < len(effects) and _is_lapse(effects[lapses]):
        lapses += 1
    return [*effects[:lapses], *sorted(effects[lapses:], key=repr)]


def _is_lapse(effect: Any) -> bool:
    return isinstance(effect, HoldReleased) and effect.cause == "expiry"


def _told_balances(expected: Department, decision: Decision) -> list[str]:
    """Balances in the decision that are not what the model sums up."""
    if decision.duplicate_of is not None or decision.occurred_at is None:
        return []
    wrong = []
    for balance in decision.balances:
        told = balance.limit, balance.posted, balance.held
        sums = (
            _limit(expected, balance, whole_second(decision.occurred_at)),
            expected.posted(balance.key),
            expected.held(balance.key),
        )
        # What else a change of limits shows (lapses, say) may still have those from before it.
        other = balance.budget != _budget_of(decision) or balance is not decision.balances[0]
        changed = other and (decision.event_type or "").startswith(LIMITS_CHANGE)
        if told[changed:] != sums[changed:]:
            wrong.append(f"balance of {balance.key}: limit, posted, held {told}; the model: {sums}")
    return wrong


def _budget_of(decision: Decision) -> str | None:
    """The budget that a decision sets or increases."""
    return next(
        (e.budget_id for e in decision.effects if isinstance(e, BudgetChanged | BudgetIncreaseSet)), None
    )


def _limit(expected: Department, balance: Balance, at: datetime) -> int:
    """The limit of a charged period, with increases in force at `at`; as told, when it has none any more."""
    if balance.budget == "company":
        return expected.leases.get(balance.period, 0)
    calendar, budget = expected.calendar_of(balance.key), expected.budgets.get(balance.budget)
    if calendar is None:
        return balance.limit
    if budget is None:
        rule = expected.charged_rule(balance.budget.split(":", 2)[1])
        return balance.limit if rule is None or rule.amount is None else rule.amount
    known = [at, *(billing.at for billing in expected.billings(balance.key))]
    within = [time for time in known if period_of(calendar, time).label == balance.period]
    if not within:
        return balance.limit
    return expected.limit(budget, balance.key, within[0]) + budget.more(at)


def _overspent(expected: Department, decision: Decision) -> list[str]:
    """Budgets that an approval has brought above limit, increases and tolerance."""
    if not decision.granted or decision.duplicate_of is not None or decision.occurred_at is None:
        return []
    payment = expected.payments.get(decision.authorization_id or "")
    if payment is None or not payment.held or payment.billing is None:
        return []
    wrong = []
    for balance in decision.balances:
        budget = expected.budgets.get(balance.budget)
        if budget is None or balance.key not in payment.charges:
            continue
        limit = expected.limit(budget, balance.key, payment.billing.at)
        most = limit + expected.tolerance(budget) + budget.more(whole_second(decision.occurred_at))
        if max(0, balance.posted) + balance.held > most:
            wrong.append(f"{balance.key}: {balance.posted} + {balance.held} > {most} after an approval")
    return wrong


def _told(line: Line, decision: Decision) -> str:
    """One record and its decision in one line."""
    value = line.value or b""
    event = value.decode(errors="replace").replace('"organization_id":"acme",', "")
    if decision.duplicate_of is not None:
        result = f"again {decision.duplicate_of}"
    else:
        result = str(decision.outcome.value)
    said = [f"{reason.code.value} {reason.rule or ''}".strip() for reason in decision.reasons]
    said += [f"review {reason.code.value}" for reason in decision.reviews] + list(decision.alerts)
    moved = [f"{e.__struct_config__.tag} {getattr(e, 'amount', '')}".strip() for e in decision.effects]
    return f"{line.recorded_at:%m-%d %H:%M:%S} {event}\n      => {result} {said or ''} {moved or ''}"
