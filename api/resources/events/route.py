"""Events of any type: whatever processors send and people set, as it stands on the topic.

`POST /v1/events`, not a path for each department: the body is the event's own JSON, with its department in
it, so that what a processor would produce to Kafka can be sent as it is; one address takes all messages of a
processor; and the treasury of a company's cap, which has no department's name, needs no path of its own.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.access.security import Caller, KeyedRoute, needs
from api.asking.submit import Answered, Pending
from api.http.paths import segment
from api.http.preferences import Wait, Waiting, WithIdempotencyKey
from api.http.problems import responses
from api.resources import replies
from api.resources.events.answer import EventDecisionOut, EventPendingOut, event_decision_out
from api.resources.events.describe import request_body
from api.resources.events.read import read_event
from api.resources.events.scopes import SCOPES
from api.resources.replies import PENDING_DETAIL, decided_headers, reply, undecided
from api.services import Services, services_of, since_of
from schemas.codec import decode_decision
from schemas.decisions import Decision
from schemas.events import CardEvent

router = APIRouter(prefix="/v1/events", tags=["events"], route_class=KeyedRoute)

# How long a repeat may wait for the ledger to tell all that the first answer said.
FIRST_S_MAX = 0.5


@router.post(
    "",
    summary="Send an event",
    response_model=EventDecisionOut,
    openapi_extra=needs(*dict.fromkeys(SCOPES.values()), requestBody=request_body()),
    responses={
        200: {
            "description": "Approved, in part too, declined, or accepted. A repeat gets the same body.",
            "headers": replies.POSITION | replies.REPLAYED | replies.APPLIED,
        },
        202: {
            "description": "Not decided within the wait.",
            "model": EventPendingOut,
            "headers": replies.LOCATION | replies.APPLIED,
        },
        **responses(400, 401, 403, 404, 409, 413, 415, 422, 500, 503),
    },
)
async def send_event(request: Request, caller: Caller, key: WithIdempotencyKey, wait: Waiting) -> Response:
    """Any message of a card network and any act of a person, as it stands on the topic of card events,
    without `event_id`, `organization_id`, `version` and `actor`: those are given by the key and its use.

    `type` names the event; the schema of each type says which scope it needs, or of which one. It is written
    to the log, in one order with all else of its department, and answered with its decision. A message that
    was rejected is a problem `422` whose `code` and `detail` say why: nothing has moved.

    The actor of what people do is that of the key: the name with which it was made (`spendlog keys create
    --actor`), or else the key's id. Who asks for an increase and who approves it need keys of their own; the
    `approvers` of a policy's `approvals` are actors, compared exactly. A key that replaces another one keeps
    its actor.

    Leases of a company's cap are not to be sent: the owners of partitions write them.
    """
    since = since_of(request)
    services = services_of(request)
    event_id = key.event_id(caller.organization_id)
    event = read_event(await request.body(), caller, event_id=event_id, now=datetime.now(UTC))
    result = await services.submit(event, wait, since=since)
    match result:
        case Answered():
            return await _decided(services, result, wait, since=since)
        case Pending():
            return _pending(event, result, wait)


async def _decided(services: Services, answer: Answered, wait: Wait, *, since: float) -> Response:
    decision, whole = answer.decision, True
    if answer.replayed:
        # The log repeats the answer, not what else the first decision told: balances, alerts, versions.
        first = await _first(services, answer, until=since + services.settings.api_wait_s_max)
        decision, whole = (decision, False) if first is None else (first, True)
    body = event_decision_out(decision, answer.first, whole=whole)
    headers = decided_headers(wait, replayed=answer.replayed, position=answer.decision.position)
    return reply(body, 200, **headers)


async def _first(services: Services, answer: Answered, *, until: float) -> Decision | None:
    """The first decision, from the ledger; None while that is away or behind."""
    first = answer.first
    try:
        async with asyncio.timeout_at(until):
            row = await services.ledger.known("first_decision", first, wait_s=FIRST_S_MAX, seq=first.seq)
    except TimeoutError:
        return None
    return None if row is None or row["record"] is None else decode_decision(row["record"].encode())


def _pending(event: CardEvent, result: Pending, wait: Wait) -> Response:
    body = EventPendingOut(
        type=event.type,
        department_id=event.department_id,
        event_id=event.event_id,
        recorded=result.recorded,
        detail=PENDING_DETAIL[result.recorded],
    )
    location = None
    authorization_id = getattr(event, "authorization_id", None)
    if authorization_id is not None:
        query = urlencode({"department_id": event.department_id})
        location = f"/v1/authorizations/{segment(authorization_id)}?{query}"
    return undecided(body, result, wait, location=location)
