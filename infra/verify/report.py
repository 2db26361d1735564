"""What was checked, how often, and what was found wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from schemas.ids import is_name

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
class Finding:
    """What was found false of one organization; `examples`: the first."""

    violations: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, what: str) -> None:
        self.violations += 1
        if len(self.examples) < EXAMPLES_MAX:
            self.examples.append(what)


@dataclass(slots=True)
class Subject:
    """Whose decision, row or account is looked at just now; None: nobody's, or that of several."""

    organization: str | None = None


@dataclass(slots=True)
class Oracle:
    """One claim: `checked` times looked at, `violations` times found false.

    `findings`: by organization; under None what is of none, or of all of them.
    """

    id: str
    title: str
    checked: int = 0
    violations: int = 0
    examples: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    findings: dict[str | None, Finding] = field(default_factory=dict)
    subject: Subject = field(default_factory=Subject)

    @property
    def ok(self) -> bool:
        return not self.violations

    def violated(self, what: str, *, of_nobody: bool = False) -> None:
        """`of_nobody`: it is not about who is looked at just now."""
        name = self.subject.organization
        organization = None if of_nobody or name is None or not is_name(name) else name
        self.findings.setdefault(organization, Finding()).add(what)
        self.violations += 1
        if len(self.examples) < EXAMPLES_MAX:
            self.examples.append(what)


class Report:
    """The oracles by id. `places`: partition -> up to where its card events and decisions were read."""

    def __init__(self) -> None:
        self._subject = Subject()
        self.oracles = {id_: Oracle(id_, title, subject=self._subject) for id_, title in TITLES.items()}
        self.decisions = 0
        self.places: dict[int, dict[str, int]] = {}
        self.took_s = 0.0

    def __getitem__(self, id_: str) -> Oracle:
        return self.oracles[id_]

    @contextmanager
    def about(self, organization: str | None) -> Iterator[None]:
        """What is found false meanwhile is of this one."""
        before, self._subject.organization = self._subject.organization, organization
        try:
            yield
        finally:
            self._subject.organization = before

    @property
    def ok(self) -> bool:
        return all(oracle.ok for oracle in self.oracles.values())

    def as_json(self) -> dict[str, Any]:
        return {
            "ok": self.ok,
            "decisions": self.decisions,
            "places": {str(partition): place for partition, place in self.places.items()},
            "took_s": round(self.took_s, 3),
            "oracles": [
                {
                    "id": oracle.id,
                    "title": oracle.title,
                    "ok": oracle.ok,
                    "checked": oracle.checked,
                    "violations": oracle.violations,
                    "examples": oracle.examples,
                    "findings": [
                        {"organization_id": of, "violations": found.violations, "examples": found.examples}
                        for of, found in oracle.findings.items()
                    ],
                    "notes": oracle.notes,
                }
                for oracle in self.oracles.values()
            ],
        }
