"""One event to the log, and the answer that its decision is: what all routes that write have in common."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from api.asking.submit import Answered, Pending
from api.http.conditions import ANY, changed_since
from api.http.paths import segment
from api.http.preferences import Wait
from api.http.problems import Problem, responses
from api.resources import replies
from api.resources.events.answer import EventPendingOut, event_decision_out
from api.resources.replies import PENDING_DETAIL, decided_headers, reply, undecided
from api.services import Services
from schemas.codec import decode_decision
from schemas.decisions import Decision
from schemas.events import Event

# How long a repeat may wait for the ledger to tell all that the first answer said.
FIRST_S_MAX = 0.5

PENDING_RESPONSE: dict[str, Any] = {
    "description": "Not decided within the wait.",
    "model": EventPendingOut,
    "headers": replies.LOCATION | replies.APPLIED,
}


def write_responses(status: int, description: str, **headers: Any) -> dict[int | str, dict[str, Any]]:
    """What a route that writes one event answers, in OpenAPI's words."""
    told = replies.POSITION | replies.REPLAYED | replies.APPLIED | headers
    return {
        status: {"description": description, "headers": told},
        202: PENDING_RESPONSE,
        **responses(400, 401, 403, 404, 409, 413, 415, 422, 500, 503),
    }


async def send(services: Services, event: Event, wait: Wait, *, since: float) -> Response:
    """Writes `event` and answers with its decision, whatever it is about.

    Raises:
        Problem: it was rejected, or nothing was written.
    """
    result = await services.submit(event, wait, since=since)
    match result:
        case Answered():
            return await _decided(services, result, wait, since=since)
        case Pending():
            return pending(event, result, wait)


@dataclass(frozen=True, slots=True)
class Seen:
    """What the caller takes a thing to be: at this position, or (None) not there. `exists`: the problem where
    it is there already."""

    position: str | None
    exists: Problem | None = None


async def submit_seen(
    services: Services,
    event: Event,
    wait: Wait,
    seen: Seen | None,
    now: Callable[[], Awaitable[str | None]],
    what: str,
    *,
    since: float,
) -> Answered | Pending:
    """Writes `event` if the thing that it changes is as `seen` says; None: whatever it is.

    `now`: its position in the books; `what`: its name, unique in this API. Of several writers who have seen
    the same, one is let through; without Redis one in each process, for the books are milliseconds old.
    A repeat is answered, not compared: it has changed the thing itself.

    Raises:
        Problem: 412, or `seen.exists`: it is not as it was seen; nothing was written.
    """
    if seen is None:
        return await services.submit(event, wait, since=since)
    name = f"{what} {seen.position}"
    taken = False

    async def check() -> None:
        nonlocal taken
        found = await now()
        if seen.position == ANY and found is not None:
            return
        if found != seen.position:
            raise seen.exists or changed_since(found)
        if not await services.memory.once(name, event.event_id):
            raise seen.exists or changed_since(None)
        taken = True

    try:
        return await services.submit(event, wait, since=since, check=check)
    except Problem:
        if taken:  # rejected or not written: it is still as it was seen
            await services.memory.again(name)
        raise


async def _decided(services: Services, answer: Answered, wait: Wait, *, since: float) -> Response:
    first = await first_decision(services, answer, since=since)
    body = event_decision_out(first or answer.decision, answer.first, whole=first is not None)
    headers = decided_headers(wait, replayed=answer.replayed, position=answer.decision.position)
    return reply(body, 200, **headers)


async def first_decision(services: Services, answer: Answered, *, since: float) -> Decision | None:
    """The first decision about the event: of a repeat from the ledger; None while that is away or behind.

    The log repeats the answer, not what else the first decision told: balances, alerts, effects.
    """
    if not answer.replayed:
        return answer.decision
    first = answer.first
    try:
        async with asyncio.timeout_at(since + services.settings.api_wait_s_max):
            row = await services.ledger.known("first_decision", first, wait_s=FIRST_S_MAX, seq=first.seq)
    except TimeoutError:
        return None
    return None if row is None or row["record"] is None else decode_decision(row["record"].encode())


def pending(event: Event, result: Pending, wait: Wait, *, location: str | None = None) -> Response:
    """202. `location`: where its outcome will be; the payment that it is about, if absent."""
    body = EventPendingOut(
        type=event.type,
        department_id=event.department_id,
        event_id=event.event_id,
        recorded=result.recorded,
        detail=PENDING_DETAIL[result.recorded],
    )
    if location is None and event.authorization_id is not None:
        query = urlencode({"department_id": event.department_id})
        location = f"/v1/authorizations/{segment(event.authorization_id)}?{query}"
    return undecided(body, result, wait, location=location)
