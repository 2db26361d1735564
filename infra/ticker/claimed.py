"""Which departments' clocks are to be ticked, claimed in a transaction that ends when they are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import LiteralString, NamedTuple

from sinks.postgres import PostgresSession


class DueDepartment(NamedTuple):
    """A department whose clock is to be at `at`; no other ticker has claimed it."""

    organization_id: str
    department_id: str
    at: datetime


# In one order, so that two tickers wait for each other and never both. The later of two that want the same
# sees what the first has written when that commits, and gets nothing.
_CLAIM: LiteralString = """
WITH wanted AS (
    SELECT organization_id, department_id, %(minute)s::timestamptz AS at
    FROM card_authorization
    WHERE expires_at <= %(minute)s
    UNION ALL
    SELECT organization_id, department_id, %(minute)s
    FROM approval_request
    -- What nobody ticked for longer its owner has forgotten by now.
    WHERE status = 'waiting' AND lapses_at <= %(minute)s AND lapses_at > %(minute)s - interval '25 days'
    UNION ALL
    SELECT organization_id, department_id, %(hour)s
    FROM lease
    WHERE side = 'department'
)
INSERT INTO department_tick AS t (organization_id, department_id, ticked_at)
SELECT organization_id, department_id, max(at)
FROM wanted
GROUP BY organization_id, department_id
ORDER BY organization_id, department_id
ON CONFLICT (organization_id, department_id) DO UPDATE SET ticked_at = excluded.ticked_at
    WHERE t.ticked_at < excluded.ticked_at
RETURNING organization_id, department_id, ticked_at
"""


@contextmanager
def claimed(postgres: PostgresSession, now: datetime) -> Iterator[list[DueDepartment]]:
    """Departments with a hold or a request that is due, once a minute; with a share in a cap, once an hour.

    The claims are kept when the block ends, and undone when it raises. Raises Unavailable.
    """
    minute = now.replace(second=0, microsecond=0)
    with postgres.session() as connection:
        connection.execute("BEGIN")
        wanted = {"minute": minute, "hour": minute.replace(minute=0)}
        rows = connection.execute(_CLAIM, wanted).fetchall()
        yield [DueDepartment(*row) for row in rows]
        connection.execute("COMMIT")
