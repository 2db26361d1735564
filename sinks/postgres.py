"""The only module of this room that knows psycopg: a connection, its errors, the ledger's statements."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, LiteralString, cast

import msgspec
import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import tuple_row

from schemas.authorizations import Authorization
from schemas.decisions import Decision
from sinks.core.bookings import Account, Transfer
from sinks.core.budgets import BudgetPeriod, DepartmentBudget
from sinks.core.chain import BEGINNING, Place, Run
from sinks.core.payments import Key
from sinks.errors import InvariantBroken, PositionMoved, SinkError, Unavailable

CONNECT_TIMEOUT_S = 5
# A frozen owner keeps its row locks, and in the middle of a COPY no timeout of PostgreSQL ends it. 15 s: a
# batch takes milliseconds; whoever needs that long is ended by the next owner, and tries again if it lives.
FROZEN_AFTER_S = 15.0
LOCK_WAIT_MAX_S = 5.0
_SESSION = {
    "timezone": "UTC",
    "jit": "off",
    "client_min_messages": "warning",
    # Every statement here finds rows by a key. Plans must not hang on statistics, which a new table lacks.
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_seqscan": "off",
}

# Not OperationalError in psycopg's classes, but they go away by waiting or by connecting again.
_TRANSIENT = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    errors.ReadOnlySqlTransaction,
    errors.IdleInTransactionSessionTimeout,
    errors.TransactionTimeout,
)

_decode = msgspec.json.Decoder(Authorization).decode
_encode = msgspec.json.Encoder().encode


class Refused(SinkError):
    """PostgreSQL refuses the rows themselves: a unique key, a check, or text that it cannot hold."""


class Postgres:
    """A connection that is made when needed and again after it was lost.

    `role`: what the session acts as, so that even a superuser's login has only the sink's rights.
    """

    def __init__(
        self,
        url: str,
        role: str | None = "spendlog_sink",
        name: str = "spendlog-sink",
        frozen_after_s: float = FROZEN_AFTER_S,
        lock_wait_max_s: float = LOCK_WAIT_MAX_S,
    ) -> None:
        options = dict(_SESSION, role=role) if role else dict(_SESSION)
        options["lock_timeout"] = f"{lock_wait_max_s * 1000:.0f}"
        options["idle_in_transaction_session_timeout"] = f"{frozen_after_s * 1000:.0f}"
        self._frozen_after_s = frozen_after_s
        given = conninfo_to_dict(url).get("options")
        self._url = url
        self._connect_options: dict[str, Any] = {
            "options": " ".join(
                [*(f"-c {key}={value}" for key, value in options.items()), *([str(given)] if given else [])]
            ),
            "application_name": name,
            "connect_timeout": CONNECT_TIMEOUT_S,
        }
        self._connection: psycopg.Connection[tuple[Any, ...]] | None = None

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @contextmanager
    def session(self) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
        """The connection, outside any transaction. After an error it is closed: what was begun is undone.

        Raises:
            Unavailable: lost, refused, serialization: try again later.
            Refused: the rows cannot be stored.
            SinkError: the schema or the rights are not what they must be.
        """
        try:
            yield self._connected()
        except errors.LockNotAvailable as error:
            self.close()
            raise Unavailable(f"PostgreSQL: {_one_line(error)}; {self._end_frozen()}") from error
        except _TRANSIENT as error:
            self.close()
            raise Unavailable(f"PostgreSQL: {_one_line(error)}") from error
        except (psycopg.IntegrityError, psycopg.DataError) as error:
            self.close()
            raise Refused(f"PostgreSQL refuses: {_one_line(error)}") from error
        except (errors.UndefinedTable, errors.UndefinedColumn) as error:
            self.close()
            raise SinkError(
                f"the database lacks what this sink needs, run spendlog migrate: {_one_line(error)}"
            ) from error
        except psycopg.Error as error:
            self.close()
            raise SinkError(f"PostgreSQL: {_one_line(error)}") from error
        except BaseException:
            self.close()
            raise

    def _end_frozen(self) -> str:
        """Ends sessions of this sink that hold a transaction for too long; says what it did."""
        name = self._connect_options["application_name"]
        try:
            # Without the role: ending a session is the right of the login that made it.
            with psycopg.connect(self._url, connect_timeout=CONNECT_TIMEOUT_S, autocommit=True) as own:
                ended = own.execute(_END_FROZEN, (name, self._frozen_after_s)).fetchall()
        except psycopg.Error as error:
            return f"its holder could not be ended: {_one_line(error)}"
        return f"ended {len(ended)} frozen session(s)"

    def _connected(self) -> psycopg.Connection[tuple[Any, ...]]:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(
                self._url, autocommit=True, row_factory=tuple_row, **self._connect_options
            )
            self._connection.execute(_STAGING)
        return self._connection


def _one_line(error: psycopg.Error) -> str:
    return " ".join(str(error).split()) or type(error).__name__


_END_FROZEN = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE application_name = %s AND datname = current_database() AND usename = current_user
    AND xact_start < now() - make_interval(secs => %s)
"""

# Positions ------------------------------------------------------------------------------------------------

_PLACES = """
SELECT partition, next_offset, next_seq, last_hash FROM sink_position
WHERE sink = %s AND partition = ANY(%s)
"""
_OPEN_PLACES = """
INSERT INTO sink_position (sink, partition, next_offset, next_seq, last_hash)
SELECT %s, unnest(%s::int[]), %s, %s, %s
ON CONFLICT (sink, partition) DO NOTHING
"""
_MOVE = """
UPDATE sink_position p
SET next_offset = v.next_offset, next_seq = v.next_seq, last_hash = v.last_hash, updated_at = now()
FROM unnest(%b::int[], %b::bigint[], %b::bigint[], %b::bigint[], %b::text[])
    AS v (partition, before, next_offset, next_seq, last_hash)
WHERE p.sink = %b AND p.partition = v.partition AND p.next_offset = v.before
"""


def read_places(postgres: Postgres, sink: str, partitions: frozenset[int]) -> dict[int, Place]:
    """Where `sink` stands; a partition never seen gets its row here: moving it is always an update."""
    with postgres.session() as connection:
        wanted = sorted(partitions)
        connection.execute(_OPEN_PLACES, (sink, wanted, *BEGINNING))
        rows = connection.execute(_PLACES, (sink, wanted)).fetchall()
    return {partition: Place(*place) for partition, *place in rows}


class Batch:
    """One transaction, from `begin` to `commit`, on a connection that `Postgres.session` closes on error."""

    def __init__(self, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        self._connection = connection

    def begin(self, sink: str, runs: Sequence[Run], wanted: Collection[Key]) -> dict[Key, Authorization]:
        """Moves the positions and reads the authorizations in `wanted`: one round trip.

        The positions come first: their row locks keep a second owner out for the rest of the transaction.

        Raises:
            PositionMoved: a stored position is not the run's `before`.
        """
        moves = [
            (
                run.partition,
                run.before.next_offset,
                run.after.next_offset,
                run.after.next_seq,
                run.after.last_hash,
            )
            for run in runs
        ]
        with self._connection.pipeline():
            self._connection.execute("BEGIN")
            moved = self._connection.execute(_MOVE, (*_columns(moves), sink), binary=True)
            found = self._connection.execute(_FETCH, _columns(list(wanted))) if wanted else None
        if moved.rowcount != len(runs):
            where = ", ".join(f"{run.partition} at {run.before.next_offset}" for run in runs)
            raise PositionMoved(f"{len(runs) - moved.rowcount} of these was moved by another owner: {where}")
        if found is None:
            return {}
        states = (_decode(body) for (body,) in found)
        return {(s.organization_id, s.department_id, s.authorization_id): s for s in states}

    def commit(self) -> None:
        self._connection.execute("COMMIT")

    def append_decisions(self, runs: Sequence[Run]) -> None:
        rows = (
            _decision_row(decision, value)
            for run in runs
            for decision, value in zip(run.decisions, run.values, strict=True)
        )
        self._copy(_COPY_DECISION, _DECISION_TYPES, rows)

    def append_transfers(self, transfers: Sequence[Transfer]) -> None:
        if transfers:
            self._copy(_COPY_TRANSFER, _TRANSFER_TYPES, transfers)

    def open_accounts(self, accounts: Sequence[Account]) -> None:
        self._unnest(_OPEN_ACCOUNTS, accounts)

    def insert_authorizations(self, states: Collection[Authorization]) -> None:
        """Raises psycopg.errors.UniqueViolation where one is there already."""
        if states:
            self._copy(_COPY_AUTHORIZATION, _AUTHORIZATION_TYPES, map(_authorization_row, states))

    def update_authorizations(self, states: Collection[Authorization]) -> int:
        """Returns how many of them were there."""
        if not states:
            return 0
        self._copy(_COPY_STAGED, _STAGED_TYPES, map(_staged_row, states))
        return self._connection.execute(_UPDATE_AUTHORIZATIONS).rowcount

    def upsert_budgets(self, budgets: Sequence[DepartmentBudget], periods: Sequence[BudgetPeriod]) -> None:
        self._unnest(_UPSERT_BUDGETS, budgets)
        self._unnest(_UPSERT_PERIODS, periods)

    def _unnest(self, statement: LiteralString, rows: Sequence[tuple[Any, ...]]) -> None:
        if rows:
            self._connection.execute(statement, _columns(rows))

    def _copy(self, statement: LiteralString, types: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        with self._connection.cursor() as cursor, cursor.copy(statement) as copy:
            copy.set_types(types)
            write_row = copy.write_row
            for row in rows:
                write_row(row)


class CarefulBatch(Batch):
    """Slower: takes NUL out of texts, which JSON may carry and PostgreSQL cannot hold.

    The record itself keeps it, as the six characters that JSON writes.
    """

    def begin(self, sink: str, runs: Sequence[Run], wanted: Collection[Key]) -> dict[Key, Authorization]:
        return super().begin(sink, runs, [cast(Key, tuple(_without_nul(key))) for key in wanted])

    def _copy(self, statement: LiteralString, types: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        super()._copy(statement, types, map(_without_nul, rows))

    def _unnest(self, statement: LiteralString, rows: Sequence[tuple[Any, ...]]) -> None:
        super()._unnest(statement, [tuple(_without_nul(row)) for row in rows])


def _without_nul(row: Sequence[Any]) -> Sequence[Any]:
    return [
        value.replace("\0", "\N{REPLACEMENT CHARACTER}") if isinstance(value, str) else value for value in row
    ]


def _columns(rows: Sequence[tuple[Any, ...]]) -> tuple[list[Any], ...]:
    return tuple(map(list, zip(*rows, strict=True)))


# Binary COPY sends text and json as the bytes they are: as "bytea" nothing is decoded and encoded again.

# Appends --------------------------------------------------------------------------------------------------

_COPY_DECISION: LiteralString = """
COPY decision (partition, seq, source_offset, recorded_at, occurred_at, organization_id, department_id,
    event_type, event_id, authorization_id, card_id, outcome, reason, amount, currency, duplicate_of,
    flagged, score, hash, record)
FROM STDIN (FORMAT binary)
"""
_DECISION_TYPES = (
    *("int4", "int8", "int8", "timestamptz", "timestamptz"),
    *("text",) * 8,
    *("int8", "text", "int8", "bool", "float8", "text", "bytea"),
)


def _decision_row(decision: Decision, value: bytes) -> tuple[Any, ...]:
    score, reasons = decision.score, decision.reasons
    return (
        decision.partition,
        decision.seq,
        decision.source_offset,
        decision.recorded_at,
        decision.occurred_at,
        decision.organization_id,
        decision.department_id,
        decision.event_type,
        decision.event_id,
        decision.authorization_id,
        decision.card_id,
        decision.outcome.value,
        reasons[0].code.value if reasons else None,
        decision.amount,
        decision.currency,
        decision.duplicate_of,
        score is not None and score.flagged,
        score.value if score is not None else None,
        decision.hash,
        value,
    )


_COPY_TRANSFER: LiteralString = """
COPY transfer (partition, seq, n, organization_id, department_id, authorization_id, layer, kind,
    debit_account, credit_account, amount, currency, period, occurred_at, recorded_at)
FROM STDIN (FORMAT binary)
"""
_TRANSFER_TYPES = (
    *("int4", "int8", "int2"),
    *("text",) * 7,
    *("int8", "text", "text", "timestamptz", "timestamptz"),
)

_OPEN_ACCOUNTS: LiteralString = """
INSERT INTO account (name, layer, organization_id, department_id)
SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[])
ON CONFLICT (name) DO NOTHING
"""

# Read models ----------------------------------------------------------------------------------------------

_FETCH = """
SELECT a.body::text
FROM unnest(%s::text[], %s::text[], %s::text[]) AS k (organization_id, department_id, authorization_id)
JOIN card_authorization a USING (organization_id, authorization_id, department_id)
"""

_COPY_AUTHORIZATION: LiteralString = """
COPY card_authorization (organization_id, authorization_id, department_id, status, currency, partition, seq,
    card_id, occurred_at, updated_at, requested, held, posted, refunded, body)
FROM STDIN (FORMAT binary)
"""
_AUTHORIZATION_TYPES = (
    *("text",) * 5,
    *("int4", "int8", "text", "timestamptz", "timestamptz", "int8", "int8", "int8", "int8", "bytea"),
)


def _authorization_row(state: Authorization) -> tuple[Any, ...]:
    return (
        state.organization_id,
        state.authorization_id,
        state.department_id,
        state.status.value,
        state.currency,
        state.partition,
        state.seq,
        state.card_id,
        state.occurred_at,
        state.updated_at,
        state.requested,
        state.held,
        state.posted,
        state.refunded,
        _encode(state),
    )


# ON COMMIT DELETE ROWS: emptied by every commit, gone with the session.
_STAGING: LiteralString = """
CREATE TEMPORARY TABLE staged_authorization (
    organization_id text, authorization_id text, department_id text, status text, seq bigint,
    updated_at timestamptz, held bigint, posted bigint, refunded bigint, body json
) ON COMMIT DELETE ROWS
"""
_COPY_STAGED: LiteralString = """
COPY staged_authorization (organization_id, authorization_id, department_id, status, seq, updated_at,
    held, posted, refunded, body)
FROM STDIN (FORMAT binary)
"""
_STAGED_TYPES = (*("text",) * 4, "int8", "timestamptz", "int8", "int8", "int8", "bytea")
_UPDATE_AUTHORIZATIONS: LiteralString = """
UPDATE card_authorization a
SET status = s.status, seq = s.seq, updated_at = s.updated_at, held = s.held, posted = s.posted,
    refunded = s.refunded, body = s.body
FROM staged_authorization s
WHERE a.organization_id = s.organization_id AND a.authorization_id = s.authorization_id
    AND a.department_id = s.department_id
"""


def _staged_row(state: Authorization) -> tuple[Any, ...]:
    return (
        state.organization_id,
        state.authorization_id,
        state.department_id,
        state.status.value,
        state.seq,
        state.updated_at,
        state.held,
        state.posted,
        state.refunded,
        _encode(state),
    )


_UPSERT_BUDGETS: LiteralString = """
INSERT INTO department_budget AS d
    (organization_id, department_id, name, currency, time_zone, limit_minor, partition, seq)
SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::int[],
    %s::bigint[])
ON CONFLICT (organization_id, department_id) DO UPDATE
SET name = excluded.name, currency = excluded.currency, time_zone = excluded.time_zone,
    limit_minor = excluded.limit_minor, partition = excluded.partition, seq = excluded.seq
"""
_UPSERT_PERIODS: LiteralString = """
INSERT INTO budget_period AS b
    (organization_id, department_id, period, limit_minor, posted_minor, held_minor, partition, seq)
SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::bigint[], %s::int[],
    %s::bigint[])
ON CONFLICT (organization_id, department_id, period) DO UPDATE
SET limit_minor = excluded.limit_minor, posted_minor = excluded.posted_minor,
    held_minor = excluded.held_minor, partition = excluded.partition, seq = excluded.seq
"""


def contradiction(expected: Mapping[Key, Authorization], found: int) -> InvariantBroken:
    """The read model lost rows that were just read: someone else writes to it."""
    return InvariantBroken(
        f"card_authorization has {found} of {len(expected)} rows that this transaction is to update"
    )
