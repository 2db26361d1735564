"""Payments: ask for one, look one up."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Literal, cast
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from api import replies
from api.keys import Scope
from api.models import (
    AuthorizationIn,
    AuthorizationOut,
    AuthorizationPendingOut,
    DecisionOut,
    MoneyOut,
    authorization_out,
    merchant_of,
    reason_out,
)
from api.preferences import POSITION_HEADER, AtPosition, IdempotencyKey, Wait, Waiting, WithIdempotencyKey
from api.problems import Problem, responses
from api.reads import Which
from api.replies import reply
from api.security import Caller, KeyedRoute, needs
from api.services import services_of
from api.submissions import Answered, Pending
from schemas.events import AuthorizationRequested
from schemas.ids import is_name
from schemas.money import PositiveMoney

router = APIRouter(prefix="/v1/authorizations", tags=["authorizations"], route_class=KeyedRoute)

PENDING_DETAIL = {
    True: "The event is in the log and will be decided. This is neither an approval nor a decline.",
    False: "Whether the event reached the log is not known. Repeat the request with the same "
    "Idempotency-Key; it cannot be decided twice.",
}


@router.post(
    "",
    summary="Ask for an authorization",
    response_model=DecisionOut,
    openapi_extra=needs(Scope.AUTHORIZATIONS_WRITE),
    responses={
        200: {
            "description": "Decided: approved or declined. A repeat gets the same body.",
            "headers": replies.POSITION | replies.REPLAYED | replies.APPLIED,
        },
        202: {
            "description": "Not decided within the wait.",
            "model": AuthorizationPendingOut,
            "headers": replies.LOCATION | replies.APPLIED,
        },
        **responses(400, 401, 403, 404, 413, 415, 422, 500, 503),
    },
)
async def request_authorization(
    request: Request, body: AuthorizationIn, caller: Caller, key: WithIdempotencyKey, wait: Waiting
) -> Response:
    """Writes the request to the log and waits for its decision.

    `200` is the decision. `202` says that there is none yet: it claims nothing, and `Location` will have the
    answer. `503` says that nothing was written.
    """
    since = asyncio.get_running_loop().time()
    services = services_of(request)
    event = _event(body, caller.organization_id, key)
    result = await services.submit(event, wait, since=since)
    match result:
        case Answered():
            return _decided(event, result, wait)
        case Pending():
            return _pending(event, result, wait)


def _event(body: AuthorizationIn, organization_id: str, key: IdempotencyKey) -> AuthorizationRequested:
    digest = key.digest(organization_id)
    return AuthorizationRequested(
        event_id=f"api-{digest}",
        organization_id=organization_id,
        department_id=body.department_id,
        occurred_at=body.occurred_at or datetime.now(UTC),
        authorization_id=body.authorization_id or f"auth_{digest}",
        card_id=body.card_id,
        amount=PositiveMoney(body.amount.minor, body.amount.currency),
        merchant=merchant_of(body.merchant),
        cardholder=body.cardholder,
    )


def _decided(event: AuthorizationRequested, result: Answered, wait: Wait) -> Response:
    # Only what the first decision and every repeat of it say alike: a repeat's body must not differ.
    decision = result.decision
    amount = event.amount.minor if decision.amount is None else decision.amount
    body = DecisionOut(
        authorization_id=event.authorization_id,
        department_id=event.department_id,
        card_id=event.card_id,
        outcome=cast(Literal["approved", "declined"], decision.outcome.value),
        response_code=decision.response_code,
        reasons=[reason_out(reason) for reason in decision.reasons],
        amount=MoneyOut(minor=amount, currency=decision.currency or event.amount.currency),
        position=str(result.first),
    )
    headers = {POSITION_HEADER: str(decision.position), **wait.applied}
    if result.replayed:
        headers[replies.REPLAYED_HEADER] = "true"
    return reply(body, 200, **headers)


def _pending(event: AuthorizationRequested, result: Pending, wait: Wait) -> Response:
    body = AuthorizationPendingOut(
        authorization_id=event.authorization_id,
        department_id=event.department_id,
        recorded=result.recorded,
        detail=PENDING_DETAIL[result.recorded],
    )
    query = urlencode({"department_id": event.department_id})
    location = f"{router.prefix}/{quote(event.authorization_id, safe=':')}?{query}"
    return reply(body, 202, Location=location, Retry_After="1", **wait.applied)


@router.get(
    "/{authorization_id}",
    summary="Look up an authorization",
    response_model=AuthorizationOut,
    openapi_extra=needs(Scope.AUTHORIZATIONS_READ),
    responses={
        200: {"description": "As it stands at its position.", "headers": replies.POSITION | replies.APPLIED},
        **responses(400, 401, 403, 404, 422, 500, 503),
    },
)
async def read_authorization(
    request: Request,
    caller: Caller,
    wait: Waiting,
    position: AtPosition,
    authorization_id: Annotated[str, Path(max_length=128, examples=["auth_7f3a"])],
    department_id: Annotated[
        str | None, Query(max_length=64, description="of which department; any, if absent")
    ] = None,
) -> Response:
    """The payment as the views have it.

    With a log position: not before a view has reached it. With `Prefer: wait=N`: waits up to N seconds for it
    to appear, which is how to follow the `Location` of a `202`.
    """
    if not _can_exist(authorization_id, department_id):
        raise _unknown()
    services = services_of(request)
    which = Which(caller.organization_id, authorization_id, department_id)
    wait_s = wait.seconds(2.0 if position else 0.0, services.settings.api_wait_s_max)
    found = await services.authorizations.find(which, position, wait_s=wait_s)
    if found is None:
        raise _unknown()
    body = authorization_out(found)
    return reply(body, 200, **{POSITION_HEADER: body.position}, **wait.applied)


def _can_exist(authorization_id: str, department_id: str | None) -> bool:
    # Other producers than this API may use any printable id; PostgreSQL cannot even be asked for a NUL.
    return authorization_id.isprintable() and (department_id is None or is_name(department_id))


def _unknown() -> Problem:
    return Problem(404, "unknown_authorization", "There is no such authorization.")
