"""One batch as one transaction: positions, appends, read models."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, LiteralString, cast

import psycopg

from schemas.authorizations import Authorization
from sinks.errors import PartitionBroken
from sinks.ledger.accounts import Account
from sinks.ledger.bookings import Transfer
from sinks.ledger.changes import Changes
from sinks.ledger.postgres import appends, payments, upserts
from sinks.loop.chain import Run
from sinks.payments import Key
from sinks.postgres import MOVE_PLACES, moves_of, require_moved


class LedgerBatch:
    """One transaction, from `begin` to `finish`, on a connection that `PostgresSession` closes on error."""

    def __init__(self, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        self._connection = connection

    def begin(self, sink: str, runs: Sequence[Run], wanted: Collection[Key]) -> dict[Key, Authorization]:
        """Moves the positions and reads the authorizations in `wanted`: one round trip.

        The positions come first: their row locks keep a second owner out for the rest of the transaction.

        Raises:
            PositionMoved: a stored position is not the run's `before`.
        """
        with self._connection.pipeline():
            self._connection.execute("BEGIN")
            moved = self._connection.execute(MOVE_PLACES, moves_of(sink, runs), binary=True)
            found = self._connection.execute(payments.FETCH, _columns(list(wanted))) if wanted else None
        require_moved(runs, moved.rowcount)
        if found is None:
            return {}
        states = (payments.decode(body) for (body,) in found)
        return {(s.organization_id, s.department_id, s.authorization_id): s for s in states}

    def append_decisions(self, runs: Sequence[Run]) -> None:
        rows = (
            appends.decision_row(decision, value)
            for run in runs
            for decision, value in zip(run.decisions, run.values, strict=True)
        )
        self._copy(appends.COPY_DECISION, appends.DECISION_TYPES, rows)

    def append_transfers(self, transfers: Sequence[Transfer]) -> None:
        """Their accounts must be open: the database looks at the end of the statement."""
        if transfers:
            self._copy(appends.COPY_TRANSFER, appends.TRANSFER_TYPES, transfers)

    def open_accounts(self, accounts: Sequence[Account]) -> None:
        self._unnest(appends.OPEN_ACCOUNTS, accounts)

    def insert_authorizations(self, states: Collection[Authorization]) -> None:
        """Raises psycopg.errors.UniqueViolation where one is there already."""
        if states:
            self._copy(payments.COPY, payments.TYPES, map(payments.row, states))

    def update_authorizations(self, states: Collection[Authorization]) -> int:
        """Returns how many of them were there."""
        if not states:
            return 0
        self._copy(payments.COPY_STAGED, payments.STAGED_TYPES, map(payments.staged_row, states))
        return self._connection.execute(payments.UPDATE).rowcount

    def open_merchants(self, names: Mapping[tuple[str, str], str]) -> None:
        """In the order of their keys: two writers that name the same ones wait for each other, never both."""
        self._unnest(payments.OPEN_MERCHANTS, [(*key, names[key]) for key in sorted(names)])

    def finish(self, changes: Changes) -> None:
        """The other read models, a statement for each kind of change that there is, and the commit.

        One round trip: after a statement that fails the server skips the rest, the commit too.
        """
        with self._connection.pipeline():
            for rows, statements in upserts.statements(changes):
                for statement in statements:
                    self._unnest(statement, rows)
            self._connection.execute("COMMIT")

    def _unnest(self, statement: LiteralString | bytes, rows: Sequence[tuple[Any, ...]]) -> None:
        if rows:
            self._connection.execute(statement, _columns(rows))

    def _copy(self, statement: LiteralString, types: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        with self._connection.cursor() as cursor, cursor.copy(statement) as copy:
            copy.set_types(types)
            write_row = copy.write_row
            for row in rows:
                write_row(row)


class CarefulBatch(LedgerBatch):
    """Slower: takes NUL out of texts, which JSON may carry and PostgreSQL cannot hold.

    The record itself keeps it, as the six characters that JSON writes.
    """

    def begin(self, sink: str, runs: Sequence[Run], wanted: Collection[Key]) -> dict[Key, Authorization]:
        return super().begin(sink, runs, [cast(Key, tuple(_without_nul(key))) for key in wanted])

    def _copy(self, statement: LiteralString, types: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        super()._copy(statement, types, map(_without_nul, rows))

    def _unnest(self, statement: LiteralString | bytes, rows: Sequence[tuple[Any, ...]]) -> None:
        super()._unnest(statement, [tuple(_without_nul(row)) for row in rows])


def _without_nul(row: Sequence[Any]) -> Sequence[Any]:
    return [
        value.replace("\0", "\N{REPLACEMENT CHARACTER}") if isinstance(value, str) else value for value in row
    ]


def _columns(rows: Sequence[tuple[Any, ...]]) -> tuple[list[Any], ...]:
    return tuple(map(list, zip(*rows, strict=True)))


def contradiction(expected: Mapping[Key, Authorization], found: int) -> PartitionBroken:
    """The read model lost rows that were just read: someone else writes to it."""
    return PartitionBroken(
        f"card_authorization has {found} of {len(expected)} rows that this transaction is to update"
    )
