"""Decisions, their bookings and the read models, in one PostgreSQL transaction with the position."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

import structlog

from schemas.authorizations import Authorization
from schemas.decisions import Decision
from sinks.errors import PartitionBroken, PositionMoved
from sinks.ledger.accounts import Account, chart_of
from sinks.ledger.bookings import Bookkeeper, Transfer
from sinks.ledger.changes import Changes
from sinks.ledger.postgres import STAGING, CarefulBatch, LedgerBatch, contradiction, merchants_of
from sinks.ledger.read_models import changes_of
from sinks.ledger.rows.common import Names
from sinks.loop.chain import Place, Run
from sinks.payments import Key, Touched, fold, touched
from sinks.postgres import PostgresSession, Refused, read_places
from sinks.recent import Recent

log = structlog.get_logger()

# A department has one a month: only a log of many years and companies comes here.
LIMITS_KEPT_MAX = 100_000
MERCHANTS_KEPT_MAX = 200_000  # 200 bytes each


@dataclass(slots=True)
class _Work:
    """What a batch needs before its transaction begins."""

    decisions: list[Decision]
    transfers: list[Transfer]
    accounts: list[Account]
    payments: Touched
    changes: Changes
    known: dict[Key, Authorization] = field(default_factory=dict)


class Ledger:
    """A Store. Not safe for threads."""

    def __init__(self, postgres: PostgresSession, name: str = "ledger", recent: Recent | None = None) -> None:
        self.name = name
        self.remedy = "build the books anew from the log: spendlog books rebuild"
        postgres.begin_each_with(STAGING)
        self._postgres = postgres
        self._recent = recent or Recent()
        self._bookkeeper = Bookkeeper()
        self._opened: set[Account] = set()
        self._limits: dict[Names, int] = {}
        self._merchants: set[tuple[str, str]] = set()

    def places(self, partitions: frozenset[int]) -> dict[int, Place]:
        self._forget()
        return read_places(self._postgres, self.name, partitions)

    def verify(self, places: Mapping[int, Place]) -> None:
        for partition, place in read_places(self._postgres, self.name, frozenset(places)).items():
            if place != places[partition]:
                raise PositionMoved(f"partition {partition} was moved from {places[partition].next_offset}")

    def close(self) -> None:
        self._postgres.close()

    def commit(self, runs: Sequence[Run]) -> None:
        work = self._prepare(runs)
        try:
            after = self._write(runs, work, careful=False)
        except Refused as refused:
            # A guess was wrong (a request whose authorization is there already), or a text holds NUL.
            log.info("batch_again_with_care", sink=self.name, reason=str(refused))
            self._forget()
            after = self._write_carefully(runs, work)
        except BaseException:
            self._forget()
            raise
        self._recent.keep(after)
        if len(self._merchants) > MERCHANTS_KEPT_MAX:
            self._merchants.clear()
        self._merchants.update(merchants_of(after.values()))
        self._opened.update(work.accounts)
        if len(self._limits) > LIMITS_KEPT_MAX:
            self._limits.clear()
        self._limits.update(work.changes.limits_now)

    def _prepare(self, runs: Sequence[Run]) -> _Work:
        decisions = list(chain.from_iterable(run.decisions for run in runs))
        transfers = self._bookkeeper.transfers(decisions)
        departments = {(row.organization_id, row.department_id) for row in transfers}
        accounts = {account for department in departments for account in chart_of(*department)}
        return _Work(
            decisions,
            transfers,
            sorted(accounts - self._opened),
            touched(decisions),
            changes_of(decisions, self._limits),
        )

    def _write_carefully(self, runs: Sequence[Run], work: _Work) -> dict[Key, Authorization]:
        try:
            return self._write(runs, work, careful=True)
        except Refused as refused:
            where = ", ".join(
                f"{run.partition}:{run.before.next_seq}..{run.after.next_seq - 1}" for run in runs
            )
            raise PartitionBroken(f"decisions {where} cannot be booked: {refused}") from refused

    def _write(self, runs: Sequence[Run], work: _Work, *, careful: bool) -> dict[Key, Authorization]:
        """Returns the authorizations as they stand after the batch."""
        keys = work.payments.by_key.keys()
        known = {} if careful else self._recent.get(keys)
        wanted = keys - known.keys()
        if not careful:
            wanted -= work.payments.started_here
        with self._postgres.session() as connection:
            batch = CarefulBatch(connection) if careful else LedgerBatch(connection)
            known |= batch.begin(self.name, runs, wanted)
            batch.append_decisions(runs)
            batch.open_accounts(work.accounts)
            batch.append_transfers(work.transfers)
            after = fold(known, work.payments)
            batch.insert_authorizations([after[key] for key in after.keys() - known.keys()])
            merchants = merchants_of(after.values())
            batch.open_merchants({key: merchants[key] for key in merchants.keys() - self._merchants})
            changed = [after[key] for key in known]
            updated = batch.update_authorizations(changed)
            if updated != len(changed):
                raise contradiction(known, updated)
            batch.finish(work.changes)
        return after

    def _forget(self) -> None:
        """What is kept may not be what is stored: another owner, a restored backup, an unknown commit."""
        self._recent.forget()
        self._opened.clear()
        self._limits.clear()
        self._merchants.clear()
