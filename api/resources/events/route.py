"""Events of any type: whatever processors send and people set, as it stands on the topic.

`POST /v1/events`, not a path for each department: the body is the event's own JSON, with its department in
it, so that what a processor would produce to Kafka can be sent as it is; one address takes all messages of a
processor; and the treasury of a company's cap, which has no department's name, needs no path of its own.
"""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.access.reach import BY_ROUTE
from api.access.security import Caller, KeyedRoute, needs
from api.http.preferences import Waiting, WithIdempotencyKey
from api.resources.events.answer import EventDecisionOut
from api.resources.events.describe import request_body
from api.resources.events.read import read_event
from api.resources.events.scopes import SCOPES
from api.resources.sending import send, write_responses
from api.services import services_of, since_of

_ANY = dict.fromkeys(scope for scopes in SCOPES.values() for scope in scopes)
router = APIRouter(prefix="/v1/events", tags=["events"], route_class=KeyedRoute)


@router.post(
    "",
    summary="Send an event",
    response_model=EventDecisionOut,
    openapi_extra=needs(*_ANY, own=BY_ROUTE, requestBody=request_body()),
    responses=write_responses(
        200, "Approved, in part too, declined, or accepted. A repeat gets the same body."
    ),
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
    return await send(services, event, wait, since=since)
