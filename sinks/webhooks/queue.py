"""The statements of the webhook sink: which endpoints there are, and deliveries with the position."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, LiteralString, NamedTuple

import psycopg

from sinks.loop.chain import Run
from sinks.postgres import MOVE_PLACES, moves_of, require_moved


class Endpoint(NamedTuple):
    """What the sink needs to know of an endpoint. Empty tuples: all of them."""

    organization_id: str
    endpoint_id: str
    event_types: tuple[str, ...]
    department_ids: tuple[str, ...]
    created_at: datetime


class QueuedDelivery(NamedTuple):
    """A row of webhook_delivery. `has_room`: it is to be sent; else it is kept as dropped."""

    organization_id: str
    endpoint_id: str
    event_id: str
    event_type: str
    department_id: str | None
    lane: str
    body: str
    has_room: bool


_ENDPOINTS: LiteralString = """
SELECT organization_id, endpoint_id, event_types, department_ids, created_at
FROM webhook_endpoint WHERE organization_id = ANY(%s)
"""
_WAITING: LiteralString = """
SELECT o, e, (SELECT count(*) FROM (
    SELECT 1 FROM webhook_delivery
    WHERE organization_id = o AND endpoint_id = e AND status = 'pending' LIMIT %s
) AS waiting)
FROM unnest(%s::text[], %s::text[]) AS endpoint (o, e)
"""
# Of an endpoint that was removed since it was read: nothing. What is there already was queued before.
_QUEUE: LiteralString = """
INSERT INTO webhook_delivery (organization_id, endpoint_id, event_id, event_type, department_id, lane, body,
    status, ended_at)
SELECT d.organization_id, d.endpoint_id, d.event_id, d.event_type, d.department_id, d.lane, d.body,
    CASE WHEN d.has_room THEN 'pending' ELSE 'dropped' END,
    CASE WHEN d.has_room THEN NULL ELSE now() END
FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::bool[])
    WITH ORDINALITY AS d (organization_id, endpoint_id, event_id, event_type, department_id, lane, body,
        has_room, n)
JOIN webhook_endpoint USING (organization_id, endpoint_id)
ORDER BY d.n
ON CONFLICT (organization_id, endpoint_id, event_id) DO NOTHING
"""
_WAKE: LiteralString = "SELECT webhook_wake(o, e) FROM unnest(%s::text[], %s::text[]) AS endpoint (o, e)"


class QueueBatch:
    """One transaction, from `begin` to `finish`, on a connection that its session closes on error."""

    def __init__(self, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        self._connection = connection

    def begin(self, sink: str, runs: Sequence[Run], organizations: Collection[str]) -> list[Endpoint]:
        """Moves the positions, and reads the endpoints of `organizations`.

        Raises:
            PositionMoved: a stored position is not the run's `before`.
        """
        with self._connection.pipeline():
            self._connection.execute("BEGIN")
            moved = self._connection.execute(MOVE_PLACES, moves_of(sink, runs), binary=True)
            found = self._connection.execute(_ENDPOINTS, [list(organizations)])
        require_moved(runs, moved.rowcount)
        return [
            Endpoint(organization, endpoint, tuple(types), tuple(departments), created_at)
            for organization, endpoint, types, departments, created_at in found
        ]

    def room(self, endpoints: Collection[Endpoint], waiting_max: int) -> dict[Endpoint, int]:
        """How many more deliveries may wait for each."""
        wanted = list(endpoints)
        if not wanted:
            return {}
        keys = ([one.organization_id for one in wanted], [one.endpoint_id for one in wanted])
        rows = self._connection.execute(_WAITING, (waiting_max, *keys)).fetchall()
        waiting = {(organization, endpoint): count for organization, endpoint, count in rows}
        return {one: waiting_max - waiting[one.organization_id, one.endpoint_id] for one in wanted}

    def finish(self, deliveries: Sequence[QueuedDelivery]) -> None:
        """Queues `deliveries`, asks for their sender, and commits."""
        sent = sorted({(one.organization_id, one.endpoint_id) for one in deliveries if one.has_room})
        with self._connection.pipeline():
            if deliveries:
                self._connection.execute(_QUEUE, [list(column) for column in zip(*deliveries, strict=True)])
            if sent:
                # In one order, so that two owners never wait for each other.
                self._connection.execute(_WAKE, [list(column) for column in zip(*sent, strict=True)])
            self._connection.execute("COMMIT")
