"""PostgreSQL as of one moment: the ledger's rows as streams, the read models by their names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final, LiteralString, NamedTuple

import psycopg
from psycopg.pq import Format
from psycopg.types.numeric import NumericBinaryLoader, NumericLoader

from infra.errors import SpendlogError
from infra.verify.bookings import Booking
from infra.verify.read_models import Table
from infra.verify.records import LedgerRow, TransferRow

_ROWS: Final = 5_000


class Place(NamedTuple):
    """Where the ledger stands in a partition of the decisions."""

    next_offset: int
    next_seq: int


class _Whole(NumericLoader):
    """Sums of minor units are whole, however large."""

    def load(self, data: Any) -> Any:
        return int(super().load(data))


class _WholeBinary(NumericBinaryLoader):
    format = Format.BINARY

    def load(self, data: Any) -> Any:
        return int(super().load(data))


class Books:
    """Every read sees the same snapshot."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._streams = 0

    def places(self) -> dict[int, Place]:
        rows = self._connection.execute(
            "SELECT partition, next_offset, next_seq FROM sink_position WHERE sink = 'ledger'"
        )
        return {partition: Place(offset, seq) for partition, offset, seq in rows}

    def _stream(self, statement: LiteralString, *parameters: object) -> Iterator[tuple[Any, ...]]:
        self._streams += 1
        with self._connection.cursor(f"verify_{self._streams}", scrollable=False) as cursor:
            cursor.itersize = _ROWS
            cursor.execute(statement, parameters, binary=True)
            yield from cursor

    def decisions(self, partition: int) -> Iterator[LedgerRow]:
        statement: LiteralString = """
            SELECT seq, source_offset, event_id, outcome, hash, sha256(convert_to(record, 'UTF8'))
            FROM decision WHERE partition = %s ORDER BY seq
        """
        return (LedgerRow(*row) for row in self._stream(statement, partition))

    def records(self, partition: int, below_seq: int) -> Iterator[bytes]:
        """Decisions as they stood on their topic, in the order of the log."""
        statement: LiteralString = """
            SELECT record FROM decision WHERE partition = %s AND seq < %s ORDER BY seq
        """
        return (row[0].encode() for row in self._stream(statement, partition, below_seq))

    def transfers(self, partition: int) -> Iterator[TransferRow]:
        statement: LiteralString = """
            SELECT seq, n::int, leg::int, authorization_id, layer, kind, debit_account, credit_account,
                amount, currency, period, compensates_seq
            FROM transfer WHERE partition = %s ORDER BY seq, n, leg
        """
        return (TransferRow(row[0], Booking(*row[1:])) for row in self._stream(statement, partition))

    def rows(self, table: Table) -> Iterator[tuple[tuple[Any, ...], tuple[Any, ...]]]:
        """Keys and what is compared."""
        return ((row[: table.key], row[table.key :]) for row in self._stream(table.statement))

    def recorded_since(self, places: list[tuple[int, int]], since: datetime) -> set[tuple[int, int]]:
        """Of these decisions (partition, seq) those that were recorded at `since` or later."""
        statement = """
            SELECT partition, seq FROM unnest(%s::int[], %s::bigint[]) AS wanted (partition, seq)
            JOIN decision USING (partition, seq) WHERE recorded_at >= %s
        """
        columns = ([p for p, _ in places], [seq for _, seq in places])
        return {(p, seq) for p, seq in self._connection.execute(statement, (*columns, since))}

    def audit_records(self) -> Iterator[tuple[Any, ...]]:
        """What a record's hash covers, and the hash; each organization's in order."""
        return self._stream("""
            SELECT organization_id, seq,
                to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), actor, actor_id, role,
                request_id, address, action, outcome, reason, resource, times, position, before::text,
                after::text, hash
            FROM audit_record ORDER BY organization_id, seq
        """)

    def closed_periods(self) -> Iterator[tuple[Any, ...]]:
        """Organization, month, end, positions and totals; each organization's in order."""
        return self._stream("""
            SELECT organization_id, period, until, time_zone, positions, totals
            FROM period_close ORDER BY organization_id, period
        """)

    def settled(self) -> Iterator[tuple[Any, ...]]:
        """What was posted by organizations that have closed a month; each organization's together."""
        return self._stream("""
            SELECT organization_id, partition, seq, department_id, kind, currency, amount,
                coalesce(occurred_at, recorded_at)
            FROM transfer
            WHERE layer = 'posted' AND organization_id IN (SELECT organization_id FROM period_close)
            ORDER BY organization_id
        """)

    def audit_heads(self) -> Iterator[tuple[str, int, bytes]]:
        return ((row[0], row[1], row[2]) for row in self._stream("SELECT * FROM audit_head"))

    def trial_balance(self) -> list[tuple[str, str, int, int]]:
        """currency, layer, total (must be 0), entries."""
        return self._connection.execute(
            "SELECT currency, layer, total, entries FROM trial_balance"
        ).fetchall()

    def account_balances(self) -> dict[tuple[str, str], int]:
        rows = self._connection.execute("SELECT account, currency, balance FROM account_balance")
        return {(account, currency): balance for account, currency, balance in rows}


@contextmanager
def snapshot(postgres: str) -> Iterator[Books]:
    """Raises SpendlogError: PostgreSQL does not answer, or has no such tables."""
    try:
        with psycopg.connect(postgres, connect_timeout=10) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            connection.adapters.register_loader("numeric", _Whole)
            connection.adapters.register_loader("numeric", _WholeBinary)
            yield Books(connection)
            connection.rollback()
    except psycopg.Error as error:
        raise SpendlogError(f"PostgreSQL: {' '.join(str(error).split())}") from None
