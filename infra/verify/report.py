"""What was checked, how often, and what was found wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

EXAMPLES_MAX: Final = 10

TITLES: Final = {
    "O1": "every booking balances; every currency and layer sums to zero",
    "O2": "card events = decisions = ledger rows, one for one",
    "O3": "no gap in seq; one final decision for each authorization; repeats get the first answer",
    "O4": "no approval above a budget, limit or lease in force, at any prefix of the log",
    "O6": "fold(decisions) = bookings, budgets and authorizations in PostgreSQL = statuses in Redis",
    "O8": "decisions are in the order of their events",
    "O9": "the hash chain holds",
    "O11": "leases: available + leases + spent = cap, and nothing is handed out twice",
    "O12": "holds lapse when they are due, neither earlier nor later",
    "O13": "each answer is what the rules give: reasons, reviews, shadows, parts, and what would pass",
    "O14": "each event that cannot be used is rejected, with its own reason, and no other event is",
    "O15": "leases are asked for, granted and given back in the amounts that the rules give",
    "O16": "the audit log of each organization is whole: no record is missing, and its hash chain holds",
    "O17": "what is remembered of a decision follows from it: approvals, counts, periods, cards",
    "O18": "a closed month holds what it was closed with, whatever the log got since",
}


@dataclass(slots=True)
class Oracle:
    """One claim: `checked` times looked at, `violations` times found false."""

    id: str
    title: str
    checked: int = 0
    violations: int = 0
    examples: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.violations

    def violated(self, what: str) -> None:
        self.violations += 1
        if len(self.examples) < EXAMPLES_MAX:
            self.examples.append(what)


class Report:
    """The oracles by id."""

    def __init__(self) -> None:
        self.oracles = {id_: Oracle(id_, title) for id_, title in TITLES.items()}
        self.decisions = 0
        self.took_s = 0.0

    def __getitem__(self, id_: str) -> Oracle:
        return self.oracles[id_]

    @property
    def ok(self) -> bool:
        return all(oracle.ok for oracle in self.oracles.values())

    def as_json(self) -> dict[str, Any]:
        return {
            "ok": self.ok,
            "decisions": self.decisions,
            "took_s": round(self.took_s, 3),
            "oracles": [
                {
                    "id": oracle.id,
                    "title": oracle.title,
                    "ok": oracle.ok,
                    "checked": oracle.checked,
                    "violations": oracle.violations,
                    "examples": oracle.examples,
                    "notes": oracle.notes,
                }
                for oracle in self.oracles.values()
            ],
        }
