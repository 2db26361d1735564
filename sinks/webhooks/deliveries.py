"""The statements of the sender: what is due at an endpoint, what became of it, what nobody has sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, LiteralString, NamedTuple

from psycopg_pool import AsyncConnectionPool

POOL_MAX = 10


class Target(NamedTuple):
    """An endpoint as its sender needs it. `failures`: in a row, of those that say that it is away.

    `secrets`: newest first. `failing_s`: seconds since the first failure after the last success.
    """

    url: str
    is_active: bool
    rests: bool
    failures: int
    failing_s: float | None
    secrets: list[str]


class DueDelivery(NamedTuple):
    """`attempts`: those before."""

    event_id: str
    body: str
    attempts: int


class AttemptOutcome(NamedTuple):
    """Of one attempt; `wait_s`: until the next, where `error` says that there must be one."""

    event_id: str
    took_ms: int
    status_code: int | None
    error: str | None
    answer: str | None
    wait_s: float


class Standing(NamedTuple):
    """How an endpoint stands after a round. `rest_s` None: no rest. `paused_because` None: it goes on."""

    is_failing: bool
    failures: int
    rest_s: float | None
    paused_because: str | None


_TARGET: LiteralString = """
SELECT e.url, e.status = 'active', coalesce(e.rests_until > now(), false), e.failures,
    extract(epoch FROM now() - e.failing_since)::float8,
    array(SELECT s.secret FROM webhook_secret s
        WHERE s.organization_id = e.organization_id AND s.endpoint_id = e.endpoint_id
            AND (s.expires_at IS NULL OR s.expires_at > now()) ORDER BY s.secret_id DESC)
FROM webhook_endpoint e WHERE e.organization_id = %s AND e.endpoint_id = %s
"""
# The head of each lane, as far as it is due: what comes after it waits until it has been taken, or given up.
# An endpoint that was away is tried with what was tried least: what it cannot take must not speak for it.
_DUE: LiteralString = """
SELECT d.event_id, d.body, d.attempts FROM webhook_delivery d
WHERE d.organization_id = %s AND d.endpoint_id = %s AND d.status = 'pending' AND d.due_at <= now()
    AND NOT EXISTS (
        SELECT 1 FROM webhook_delivery earlier
        WHERE earlier.organization_id = d.organization_id AND earlier.endpoint_id = d.endpoint_id
            AND earlier.status = 'pending' AND earlier.lane = d.lane AND earlier.ordinal < d.ordinal
    )
ORDER BY CASE WHEN %s THEN d.attempts ELSE 0 END, d.due_at, d.ordinal LIMIT %s
"""
_RECORD: LiteralString = """
WITH tried AS (
    SELECT * FROM unnest(%s::text[], %s::int[], %s::int[], %s::text[], %s::text[], %s::float8[])
        AS t (event_id, took_ms, status_code, error, answer, wait_s)
), changed AS (
    UPDATE webhook_delivery d
    SET attempts = d.attempts + 1, due_at = now() + make_interval(secs => t.wait_s),
        status = CASE WHEN t.error IS NULL THEN 'delivered'
            WHEN now() + make_interval(secs => t.wait_s) > d.gives_up_at THEN 'failed' ELSE 'pending' END,
        ended_at = CASE WHEN t.error IS NULL OR now() + make_interval(secs => t.wait_s) > d.gives_up_at
            THEN now() END
    FROM tried t
    WHERE d.organization_id = %s AND d.endpoint_id = %s AND d.event_id = t.event_id AND d.status = 'pending'
    RETURNING d.organization_id, d.endpoint_id, d.event_id, d.attempts
)
INSERT INTO webhook_attempt
    (organization_id, endpoint_id, event_id, number, at, took_ms, status_code, error, answer)
SELECT c.organization_id, c.endpoint_id, c.event_id, c.attempts,
    now() - make_interval(secs => t.took_ms / 1000.0), t.took_ms, t.status_code, t.error, t.answer
FROM changed c JOIN tried t USING (event_id)
"""
_STAND: LiteralString = """
UPDATE webhook_endpoint
SET failing_since = CASE WHEN %s THEN coalesce(failing_since, now()) END, failures = %s,
    rests_until = now() + make_interval(secs => %s),
    status = CASE WHEN %s::text IS NULL THEN status ELSE 'paused' END,
    paused_reason = coalesce(%s, paused_reason)
WHERE organization_id = %s AND endpoint_id = %s AND status = 'active'
"""
_GIVE_UP: LiteralString = """
UPDATE webhook_delivery SET status = 'failed', ended_at = now()
WHERE status = 'pending' AND gives_up_at <= now()
"""
_WAKE_DUE: LiteralString = """
SELECT count(webhook_wake(e.organization_id, e.endpoint_id)::text) FROM webhook_endpoint e
WHERE e.status = 'active' AND (e.rests_until IS NULL OR e.rests_until <= now()) AND EXISTS (
    SELECT 1 FROM webhook_delivery d
    WHERE d.organization_id = e.organization_id AND d.endpoint_id = e.endpoint_id AND d.status = 'pending'
        AND d.due_at <= now())
"""
_FORGET: LiteralString = """
DELETE FROM webhook_delivery WHERE (organization_id, endpoint_id, event_id) IN (
    SELECT organization_id, endpoint_id, event_id FROM webhook_delivery
    WHERE status <> 'pending' AND ended_at < now() - make_interval(days => 1) * %s LIMIT 5000)
"""


class Deliveries:
    """The sender's tables, over a pool of its own."""

    def __init__(self, pool: AsyncConnectionPool) -> None:
        self._pool = pool

    async def target(self, organization_id: str, endpoint_id: str) -> Target | None:
        """None: it was removed."""
        async with self._pool.connection() as connection:
            cursor = await connection.execute(_TARGET, (organization_id, endpoint_id))
            row = await cursor.fetchone()
        return None if row is None else Target(*row)

    async def due(
        self, organization_id: str, endpoint_id: str, rows_max: int, *, least_tried: bool
    ) -> list[DueDelivery]:
        async with self._pool.connection() as connection:
            cursor = await connection.execute(_DUE, (organization_id, endpoint_id, least_tried, rows_max))
            return [DueDelivery(*row) for row in await cursor.fetchall()]

    async def record(
        self, organization_id: str, endpoint_id: str, outcomes: Sequence[AttemptOutcome], standing: Standing
    ) -> None:
        """What became of a round, and how the endpoint stands after it: together."""
        key = (organization_id, endpoint_id)
        columns: list[list[Any]] = [list(column) for column in zip(*outcomes, strict=True)]
        because = standing.paused_because
        stands = (standing.is_failing, standing.failures, standing.rest_s, because, because, *key)
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute(_RECORD, (*columns, *key))
            await connection.execute(_STAND, stands)

    async def wake(self, organization_id: str, endpoint_id: str) -> None:
        async with self._pool.connection() as connection:
            await connection.execute("SELECT webhook_wake(%s, %s)", (organization_id, endpoint_id))

    async def sweep(self) -> int:
        """Gives up what is too old, and asks for the senders of what is due. Returns how many."""
        async with self._pool.connection() as connection:
            await connection.execute(_GIVE_UP)
            cursor = await connection.execute(_WAKE_DUE)
            (count,) = await cursor.fetchone() or (0,)
        return int(count)

    async def forget(self, days: float) -> int:
        """Takes ended deliveries away that are older, some thousand at a time. Returns how many."""
        gone = 0
        while True:
            async with self._pool.connection() as connection:
                rows = (await connection.execute(_FORGET, (days,))).rowcount
            gone += rows
            if rows < 5000:
                return gone


def open_pool(url: str, options: str) -> AsyncConnectionPool:
    """Not connected yet. `options`: libpq's, for each connection."""
    return AsyncConnectionPool(
        url,
        min_size=1,
        max_size=POOL_MAX,
        open=False,
        name="spendlog-webhooks",
        kwargs={
            "autocommit": True,
            "application_name": "spendlog-webhooks",
            "connect_timeout": 5,
            "options": options,
        },
    )
