"""Decisions to queued deliveries, in one PostgreSQL transaction with the position."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import NamedTuple

from schemas.decisions import Decision
from schemas.webhooks import wants
from sinks.errors import PartitionBroken, PositionMoved
from sinks.loop.chain import Place, Run
from sinks.postgres import PostgresSession, Refused, read_places
from sinks.webhooks.messages import Message, messages
from sinks.webhooks.queue import Endpoint, QueueBatch, QueuedDelivery

#: Of one endpoint. 100,000 bodies of about 1 kB: what three days may leave; beyond it they are kept unsent.
WAITING_MAX = 100_000


class Matched(NamedTuple):
    """A message, and an endpoint that wants it."""

    endpoint: Endpoint
    message: Message


class WebhookStore:
    """A Store. An endpoint is told what was recorded since it is there, also by a log that is read anew."""

    def __init__(self, postgres: PostgresSession, *, waiting_max: int = WAITING_MAX) -> None:
        self.name = "webhooks"
        self.remedy = (
            "begin anew with `DELETE FROM sink_position WHERE sink = 'webhooks'`: what was queued before is "
            "not queued twice"
        )
        self._postgres = postgres
        self._waiting_max = waiting_max

    def places(self, partitions: frozenset[int]) -> dict[int, Place]:
        return read_places(self._postgres, self.name, partitions)

    def verify(self, places: Mapping[int, Place]) -> None:
        for partition, place in self.places(frozenset(places)).items():
            if place != places[partition]:
                raise PositionMoved(f"partition {partition} was moved from {places[partition].next_offset}")

    def close(self) -> None:
        self._postgres.close()

    def commit(self, runs: Sequence[Run]) -> None:
        decisions = list(chain.from_iterable(run.decisions for run in runs))
        organizations = {decision.organization_id for decision in decisions} - {None}
        try:
            with self._postgres.session() as connection:
                batch = QueueBatch(connection)
                endpoints = batch.begin(self.name, runs, sorted(filter(None, organizations)))
                matched = list(match(decisions, endpoints))
                room = batch.room({one.endpoint for one in matched}, self._waiting_max)
                batch.finish(queued(matched, room))
        except Refused as refused:
            where = ", ".join(
                f"{run.partition}:{run.before.next_seq}..{run.after.next_seq - 1}" for run in runs
            )
            raise PartitionBroken(f"decisions {where} cannot be queued: {refused}") from refused


def match(decisions: Iterable[Decision], endpoints: Iterable[Endpoint]) -> Iterable[Matched]:
    """In the order of the log: every message with every endpoint that is to have it."""
    by_organization: dict[str, list[Endpoint]] = {}
    for endpoint in endpoints:
        by_organization.setdefault(endpoint.organization_id, []).append(endpoint)
    if not by_organization:
        return
    for decision in decisions:
        there = by_organization.get(decision.organization_id or "")
        for message in messages(decision) if there else ():
            for endpoint in there or ():
                if is_for(endpoint, message, decision.recorded_at):
                    yield Matched(endpoint, message)


def is_for(endpoint: Endpoint, message: Message, recorded_at: datetime) -> bool:
    departments = endpoint.department_ids
    return (
        recorded_at >= endpoint.created_at
        and (not departments or message.department_id in departments)
        and wants(endpoint.event_types, message.type)
    )


def queued(matched: Iterable[Matched], room: Mapping[Endpoint, int]) -> list[QueuedDelivery]:
    """Each as a row; those for which an endpoint has no room left are kept, but not sent."""
    left = dict(room)
    rows = []
    for endpoint, message in matched:
        left[endpoint] -= 1
        rows.append(
            QueuedDelivery(
                endpoint.organization_id,
                endpoint.endpoint_id,
                message.event_id,
                message.type,
                message.department_id,
                message.lane.replace("\0", "\ufffd"),  # which PostgreSQL cannot hold
                message.body.replace("\\u0000", "\\ufffd"),
                left[endpoint] >= 0,
            )
        )
    return rows
