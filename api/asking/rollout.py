"""One policy for many departments: an event for each, and what became of each.

There is no transaction over departments: each has its own partition and its own owner. What makes the act one
is that its events are derived from its Idempotency-Key, so a repeat completes what is missing and changes
nothing that is done.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Annotated

import msgspec

from api.asking.submit import Answered, Pending, Rejection, Submissions
from api.http.problems import Problem
from api.stores.ledger import LedgerReads
from api.stores.pace import LookAgain
from schemas.controls import Policy
from schemas.effects import PolicyStored
from schemas.events import PolicyDrafted
from schemas.ids import Name, Position

# How long a repeat may wait for the ledger to tell the numbers that versions got the first time.
VERSIONS_S_MAX = 0.5
#: Departments of one call. 1,000 were answered in 0.43 s (one API process and one owner thread for all
#: partitions, two cores that had other work), of the 2 s that a call may take.
DEPARTMENTS_MAX = 1_000


class CompanyPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """One policy for departments of an organization; `departments` None: all that have a budget."""

    policy: Policy
    activate: bool = False
    departments: (
        Annotated[tuple[Name, ...], msgspec.Meta(min_length=1, max_length=DEPARTMENTS_MAX)] | None
    ) = None

    @property
    def fingerprint(self) -> str:
        """16 hex digits, equal for a faithful repeat."""
        return blake2b(msgspec.json.encode(self), digest_size=8).hexdigest()


#: What became of it in one department. A Problem that is no Rejection: nothing was written.
Result = Answered | Pending | Problem


@dataclass(frozen=True, slots=True)
class Origin:
    """Whose act it is. `event_id`: of the Idempotency-Key; the events' ids begin with it."""

    organization_id: str
    event_id: str
    actor: str
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of it in one department. `version`: None where it got none, or that is not known now."""

    department_id: str
    result: Result
    version: int | None


class PolicyRollouts:
    """Sends a policy to departments."""

    def __init__(self, submissions: Submissions, ledger: LedgerReads) -> None:
        self._submissions = submissions
        self._ledger = ledger

    async def departments(
        self, organization_id: str, position: Position | None, *, wait_s: float
    ) -> list[str]:
        """All departments that have a budget, as the ledger knows them, at or after `position`.

        Raises:
            Problem: 404 there are none, 422 more than DEPARTMENTS_MAX, 503 the ledger cannot be asked.
        """
        row = await self._ledger.find(
            "company_departments",
            position,
            wait_s=wait_s,
            organization_id=organization_id,
            rows_max=DEPARTMENTS_MAX + 1,
        )
        found: list[str] = row["departments"]
        if not found:
            words = "The organization has no department: none has a budget. Nothing was written."
            raise Problem(404, "unknown_department", words)
        if len(found) > DEPARTMENTS_MAX:
            words = f"There are more than {DEPARTMENTS_MAX} departments: name some of them in each request."
            raise Problem(422, "too_many_departments", f"{words} Nothing was written.")
        return found

    async def send(
        self, act: Origin, asked: CompanyPolicy, departments: Sequence[str], *, wait_s: float, since: float
    ) -> list[Fate]:
        """One `policy.drafted` for each department, in parallel; their decisions up to `wait_s`.

        Raises:
            Problem: nothing was written at all, or all of them are rejections for the same reason.
        """
        found = await asyncio.gather(
            *(self._send(act, asked, department, wait_s=wait_s, since=since) for department in departments)
        )
        results = dict(zip(departments, found, strict=True))
        _raise_for_all(results)
        versions = await self._first_versions(act, results, until=since + wait_s)
        return [
            Fate(department, result, _version(result) or versions.get(department))
            for department, result in results.items()
        ]

    async def _send(
        self, act: Origin, asked: CompanyPolicy, department: str, *, wait_s: float, since: float
    ) -> Result:
        event = PolicyDrafted(
            event_id=f"{act.event_id}-{department}",
            organization_id=act.organization_id,
            department_id=department,
            occurred_at=act.occurred_at,
            actor=act.actor,
            policy=asked.policy,
            activate=asked.activate,
        )
        try:
            return await self._submissions.submit(event, wait_s=wait_s, since=since)
        except Problem as problem:
            return problem

    async def _first_versions(
        self, act: Origin, results: Mapping[str, Result], *, until: float
    ) -> dict[str, int]:
        """Of departments that were answered again: the log repeats the answer, not the version's number."""
        firsts = {
            department: result.first.seq
            for department, result in results.items()
            if isinstance(result, Answered) and result.replayed
        }
        versions: dict[str, int] = {}
        pace = LookAgain(VERSIONS_S_MAX)
        more = bool(firsts)
        # It is away: the numbers are not known now, all else is.
        with contextlib.suppress(Problem, TimeoutError):
            async with asyncio.timeout_at(until):
                while more:
                    row = await self._ledger.find(
                        "drafted_versions",
                        wait_s=0,
                        organization_id=act.organization_id,
                        departments=[*firsts],
                        seqs=[*firsts.values()],
                    )
                    versions = row["versions"]
                    more = len(versions) < len(firsts) and await pace.again()
        return versions


def _raise_for_all(results: Mapping[str, Result]) -> None:
    """One problem, where it is the same everywhere."""
    problems = [result for result in results.values() if isinstance(result, Problem)]
    if len(problems) < len(results) or len({(one.status_code, one.code) for one in problems}) > 1:
        return
    first = problems[0]
    if not isinstance(first, Rejection):
        raise first
    raise Problem(
        first.status_code,
        first.code,
        f"Rejected by each of {len(problems)}: {first.detail}",
        reason=first.members["reason"],
        departments=[*results],
    )


def _version(result: Result) -> int | None:
    if not isinstance(result, Answered):
        return None
    stored = (effect for effect in result.decision.effects if isinstance(effect, PolicyStored))
    return next((effect.policy_version for effect in stored), None)
