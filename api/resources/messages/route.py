"""The routes of `table.MESSAGES`: the id is in the path, the rest of the event is the body."""

from __future__ import annotations

from datetime import UTC, datetime
from inspect import Parameter, Signature, cleandoc
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from api.access.reach import BY_ROUTE
from api.access.security import KeyedRoute, needs
from api.http.members import field_error, invalid, read_object
from api.http.paths import IN_PATH, storable
from api.http.preferences import WithIdempotencyKey
from api.resources.events.answer import EventDecisionOut
from api.resources.events.describe import components
from api.resources.events.examples import EXAMPLES
from api.resources.events.read import event_of
from api.resources.events.scopes import scopes_of, tag_of
from api.resources.messages.event_routes import MESSAGES, MessageRoute
from api.resources.organization_paths import OfOrganization, ReadingAll
from api.resources.sending import send, write_responses
from api.stores.authorizations import Which
from schemas.event import Event
from schemas.ids import is_name

router = APIRouter(route_class=KeyedRoute)

# A view has a payment milliseconds after its answer: so long a message waits that leaves out whose it is.
KNOWN_S_MAX = 0.5


def _add(message: MessageRoute) -> None:
    """A handler of its own, because its signature is what the framework reads the path's parameter from."""

    async def handle(request: Request, reading: ReadingAll, key: WithIdempotencyKey, **path: str) -> Response:
        raw = read_object(await request.body())
        whole = await completed(message, raw, path, reading)
        organization_id = reading.caller.organization_id
        event = event_of(whole, reading.caller, event_id=key.event_id(organization_id), now=datetime.now(UTC))
        return await send(reading.services, event, reading.wait, since=reading.since)

    kinds: dict[str, Any] = {"request": Request, "reading": ReadingAll, "key": WithIdempotencyKey}
    if message.named is not None:
        kinds[message.named] = Annotated[str, Path(max_length=128, description=IN_PATH)]
    parameters = [Parameter(name, Parameter.KEYWORD_ONLY, annotation=kind) for name, kind in kinds.items()]
    handle.__signature__ = Signature(parameters, return_annotation=Response)  # type: ignore[attr-defined]
    router.add_api_route(
        message.path,
        handle,
        methods=["POST"],
        name=message.operation,
        tags=[message.tag],
        summary=message.summary,
        description=_description(message),
        response_model=EventDecisionOut,
        openapi_extra=needs(*scopes_of(message.event), own=BY_ROUTE, requestBody=_request_body(message)),
        responses=write_responses(200, "What became of it. A repeat gets the same body."),
    )


async def completed(
    message: MessageRoute, raw: dict[str, Any], path: dict[str, str], reading: OfOrganization
) -> dict[str, Any]:
    """The event's members: of the body, of the path, and of the payment that the views know.

    Raises:
        Problem: 422 for a member that the path has already.
    """
    twice = [
        field_error((name,), "given_by_path", "is given by the path")
        for name in (*path, "type")
        if name in raw
    ]
    if twice:
        raise invalid(twice)
    whole = {"type": tag_of(message.event), **path, **raw}
    wanted = [name for name in left_out(message.event) if name not in raw]
    if message.of is None or not wanted:
        return whole
    found = await _known(path["authorization_id"], raw.get("department_id"), reading)
    return {name: found[name] for name in wanted if name in found} | whole


def left_out(event: type[Event]) -> list[str]:
    """Members that a message about a payment may leave out."""
    return [name for name in ("department_id", "card_id") if name in event.__struct_fields__]


async def _known(authorization_id: str, department_id: object, reading: OfOrganization) -> dict[str, str]:
    """Department and card of a payment; nothing where no view has it: then the event says what it lacks."""
    named = isinstance(department_id, str) and is_name(department_id)
    if not storable(authorization_id) or (department_id is not None and not named):
        return {}
    which = Which(reading.caller.organization_id, authorization_id, str(department_id) if named else None)
    position = reading.position
    wait_s = min(KNOWN_S_MAX, reading.services.reading(reading.wait, position, since=reading.since))
    found = await reading.services.authorizations.find(which, position, wait_s=wait_s)
    if found is None:
        return {}
    card = {} if found.card_id is None else {"card_id": found.card_id}
    return {"department_id": found.department_id, **card}


_LEFT_OUT = (
    "\n\n`department_id` and `card_id` may be left out where the views know the payment: a moment after its "
    "answer, or with its `Spendlog-Position`."
)


def _description(message: MessageRoute) -> str:
    words = cleandoc(message.event.__doc__ or "")
    if message.of is not None:
        words += _LEFT_OUT
    return f"{words}\n\nThe same as `POST /v1/events` with `type` `{tag_of(message.event)}`."


def _request_body(message: MessageRoute) -> dict[str, Any]:
    """The event's schema and example, without what the path has."""
    tag = tag_of(message.event)
    gone = {"type", message.named}
    whole = components()[f"event.{message.event.__name__}"]
    optional = set(left_out(message.event)) if message.of else set()
    schema = {
        "title": f"{message.event.__name__}Body",
        "type": "object",
        "properties": {name: value for name, value in whole["properties"].items() if name not in gone},
        "required": [name for name in whole["required"] if name not in gone | optional],
        "additionalProperties": False,
    }
    example = {name: value for name, value in EXAMPLES[tag].items() if name not in gone}
    return {"required": True, "content": {"application/json": {"schema": schema, "example": example}}}


for _message in MESSAGES:
    _add(_message)
