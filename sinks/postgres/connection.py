"""A connection to PostgreSQL that comes back after it was lost, and whose fault its errors are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, LiteralString

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import tuple_row

from sinks.errors import SinkError, Unavailable

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


class Refused(SinkError):
    """PostgreSQL refuses the rows themselves: a unique key, a check, or text that it cannot hold."""


class PostgresSession:
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
        self._setup: LiteralString = ""
        self._connect_options: dict[str, Any] = {
            "options": " ".join(
                [*(f"-c {key}={value}" for key, value in options.items()), *([str(given)] if given else [])]
            ),
            "application_name": name,
            "connect_timeout": CONNECT_TIMEOUT_S,
        }
        self._connection: psycopg.Connection[tuple[Any, ...]] | None = None

    def begin_each_with(self, setup: LiteralString) -> None:
        """`setup`: a statement for each new connection."""
        self._setup = setup

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
        except OverflowError as error:  # before it is sent: a number that its column cannot have
            self.close()
            raise Refused(f"PostgreSQL would refuse: {error}") from error
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
            if self._setup:
                self._connection.execute(self._setup)
        return self._connection


def _one_line(error: psycopg.Error) -> str:
    return " ".join(str(error).split()) or type(error).__name__


_END_FROZEN: LiteralString = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE application_name = %s AND datname = current_database() AND usename = current_user
    AND xact_start < now() - make_interval(secs => %s)
"""
