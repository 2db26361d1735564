"""O6 within the log: effects that can be, balances that are their sum, totals that are their payments'."""

from __future__ import annotations

from collections import Counter

from infra.verify.answers import amiss
from infra.verify.controls import ceiling
from infra.verify.limits import purchase_of
from infra.verify.moves import Moves
from infra.verify.report import Report
from infra.verify.state import COMPANY, Department
from infra.verify.timeouts import Timeout
from schemas.decisions import Decision
from schemas.effects import (
    BudgetChanged,
    BudgetIncreaseSet,
    BudgetTakenAway,
    LeaseAdded,
    LeaseGivenBack,
    PolicyTaken,
)
from schemas.money import TOTAL_MAX
from schemas.reasons import DEPARTMENT

_CHANGES_LIMITS = BudgetChanged | BudgetTakenAway | BudgetIncreaseSet | PolicyTaken


class Balances:
    """Looks at each decision that took effect, after it was folded."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._oracle = report["O6"]

    def look(
        self,
        decision: Decision,
        department: Department,
        wrong: list[str],
        timeout: Timeout | None,
        moves: Moves | None,
    ) -> None:
        """`wrong`: the fold's complaints. `timeout`, `moves`: as `amiss` takes them."""
        for what in wrong:
            self._violated(decision, what)
        # What cannot be folded need not be told a second time.
        answer = amiss(decision, department, timeout, None if wrong else moves)
        if answer is not None:
            self._violated(decision, answer)
        told: set[str] = set()
        purchase = purchase_of(decision)
        # Where the decision itself changes limits, what lapses with it may be told under the old ones.
        changes = any(isinstance(effect, _CHANGES_LIMITS) for effect in decision.effects)
        for balance in decision.balances:
            self._oracle.checked += 1
            told.add(balance.key)
            totals = department.totals(balance.key)
            totals.told = balance.limit
            if max(abs(balance.posted), balance.held, balance.limit) > TOTAL_MAX:
                self._violated(decision, f"lets {balance.key} come to more than {TOTAL_MAX} minor units")
            if (totals.posted, totals.held) != (balance.posted, balance.held):
                self._violated(
                    decision,
                    f"says posted {balance.posted}, held {balance.held} in {balance.key}; effects add up to "
                    f"{totals.posted}, {totals.held}",
                )
            limit = ceiling(department, balance.key, purchase, whatever=True)
            if limit is None or (changes and len(told) > 1):
                continue
            if limit.limit != balance.limit:
                self._violated(
                    decision,
                    f"says limit {balance.limit} in {balance.key}; it is {limit.limit} by what was set",
                )
        untold = moved(decision).keys() - told
        if untold:
            self._violated(decision, f"moves {', '.join(sorted(untold))} and does not say how it stands")
        if decision.authorization_id and told and decision.balances[0].budget != DEPARTMENT:
            self._violated(
                decision, f"says {decision.balances[0].key} first, not the department's own budget"
            )

    def finish(self, departments: dict[tuple[str, str], Department]) -> None:
        """At the end: what is held in each period are the open holds that are charged to it."""
        for name, department in departments.items():
            held: Counter[str] = Counter()
            for payment in department.payments.values():
                if payment.held:
                    for charge in payment.charges:
                        held[charge] += payment.held
            for charge, totals in department.periods.items():
                self._oracle.checked += 1
                if totals.held != held[charge]:
                    with self._report.about(name[0]):
                        self._oracle.violated(
                            f"{'/'.join(name)} holds {totals.held} in {charge}, its payments {held[charge]}"
                        )

    def _violated(self, decision: Decision, what: str) -> None:
        self._oracle.violated(f"decision {decision.position} {what}")


def moved(decision: Decision) -> dict[str, None]:
    """The periods that the decision's effects count in, in their order."""
    found: dict[str, None] = {}
    for effect in decision.effects:
        found.update(dict.fromkeys(getattr(effect, "charges", ())))
        if isinstance(effect, LeaseAdded | LeaseGivenBack):
            found[f"{COMPANY}@{effect.period}"] = None
    return found
