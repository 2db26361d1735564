"""Payments: ask for one, look one up."""

from __future__ import annotations

from typing import Annotated, Literal, cast
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from api.access.keys import Scope
from api.access.reach import BY_ROUTE, is_own
from api.access.security import Caller, KeyedRoute, needs
from api.asking.deadline import Missed
from api.asking.submit import Answered, Pending
from api.http.paths import IN_PATH, segment, storable
from api.http.preferences import (
    MEMBERS_ONCE,
    POSITION_HEADER,
    AtPosition,
    Wait,
    Waiting,
    WithIdempotencyKey,
)
from api.http.problems import Problem, responses
from api.http.types import MoneyOut
from api.resources import replies
from api.resources.authorizations.answer import AuthorizationOut, authorization_out
from api.resources.authorizations.body import (
    AuthorizationIn,
    AuthorizationPendingOut,
    DecisionOut,
)
from api.resources.authorizations.to_decision import MISSED, ask, came_too_late
from api.resources.reasons import reason_out, would_pass_out
from api.resources.replies import PENDING_DETAIL, decided_headers, reply, undecided
from api.services import services_of, since_of
from api.stores.authorizations import Which
from schemas.events import AuthorizationRequested
from schemas.ids import is_name
from schemas.reasons import Outcome, response_code

router = APIRouter(prefix="/v1/authorizations", tags=["authorizations"], route_class=KeyedRoute)


@router.post(
    "",
    summary="Ask for an authorization",
    response_model=DecisionOut,
    dependencies=[MEMBERS_ONCE],
    openapi_extra=needs(Scope.AUTHORIZATIONS_WRITE),
    responses={
        200: {
            "description": "Approved, in part too, or declined. A repeat gets the same body.",
            "headers": replies.POSITION | replies.REPLAYED | replies.APPLIED,
        },
        202: {
            "description": "Not decided within the wait.",
            "model": AuthorizationPendingOut,
            "headers": replies.LOCATION | replies.APPLIED,
        },
        **responses(400, 401, 403, 404, 409, 413, 415, 422, 500, 503),
    },
)
async def request_authorization(
    request: Request, body: AuthorizationIn, caller: Caller, key: WithIdempotencyKey, wait: Waiting
) -> Response:
    """Writes the request to the log and waits for its decision.

    `200` is the decision. Without one in time: `202` says that there is none yet; it claims nothing, and
    `Location` will have the answer. Or, with `on_timeout: decline`, `200` with response code 91, once it is
    certain that nothing will be held. `503` says that nothing was written.
    """
    event, result = await ask(request, body, caller, key, wait)
    match result:
        case Answered():
            headers = decided_headers(wait, replayed=result.replayed, position=result.decision.position)
            return reply(_decided(event, result), 200, **headers)
        case Missed():
            return reply(_missed(event), 200, **decided_headers(wait, replayed=result.replayed))
        case Pending():
            return _pending(event, result, wait)


def _decided(event: AuthorizationRequested, answer: Answered) -> DecisionOut:
    # Only what the first decision and every repeat of it say alike: a repeat's body must not differ.
    decision = answer.decision
    if came_too_late(decision):
        return _missed(event)
    currency = event.amount.currency
    return DecisionOut(
        authorization_id=event.authorization_id,
        department_id=event.department_id,
        card_id=event.card_id,
        outcome=cast(Literal["approved", "partially_approved", "declined"], decision.outcome.value),
        response_code=decision.response_code,
        reasons=[reason_out(reason) for reason in decision.reasons],
        review=decision.granted > 0 and bool(decision.reviews),
        reviews=[reason_out(reason) for reason in decision.reviews],
        shadows=[reason_out(reason) for reason in decision.shadows],
        amount=MoneyOut(minor=event.amount.minor, currency=currency),
        approved=MoneyOut(minor=decision.granted, currency=currency),
        would_pass=would_pass_out(decision.would_pass, currency),
        position=str(answer.first),
    )


def _missed(event: AuthorizationRequested) -> DecisionOut:
    amount = event.amount
    return DecisionOut(
        authorization_id=event.authorization_id,
        department_id=event.department_id,
        card_id=event.card_id,
        outcome="declined",
        response_code=response_code(Outcome.DECLINED, (MISSED,)),
        reasons=[reason_out(MISSED)],
        review=False,
        reviews=[],
        shadows=[],
        amount=MoneyOut(minor=amount.minor, currency=amount.currency),
        approved=MoneyOut(minor=0, currency=amount.currency),
        would_pass=None,
        position=None,
    )


def _pending(event: AuthorizationRequested, result: Pending, wait: Wait) -> Response:
    body = AuthorizationPendingOut(
        authorization_id=event.authorization_id,
        department_id=event.department_id,
        event_id=event.event_id,
        recorded=result.recorded,
        detail=PENDING_DETAIL[result.recorded],
    )
    query = urlencode({"department_id": event.department_id})
    location = f"{router.prefix}/{segment(event.authorization_id)}?{query}"
    return undecided(body, result, wait, location=location)


@router.get(
    "/{authorization_id}",
    summary="Look up an authorization",
    response_model=AuthorizationOut,
    openapi_extra=needs(Scope.AUTHORIZATIONS_READ, own=BY_ROUTE),
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
    authorization_id: Annotated[str, Path(max_length=128, description=IN_PATH, examples=["auth_7f3a"])],
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
    wait_s = services.reading(wait, position, since=since_of(request))
    found = await services.authorizations.find(which, position, wait_s=wait_s)
    if found is None or not is_own(caller, found.cardholder, Scope.AUTHORIZATIONS_READ):
        raise _unknown()
    body = authorization_out(found)
    return reply(body, 200, **{POSITION_HEADER: body.position}, **wait.applied)


def _can_exist(authorization_id: str, department_id: str | None) -> bool:
    return storable(authorization_id) and (department_id is None or is_name(department_id))


def _unknown() -> Problem:
    return Problem(404, "unknown_authorization", "There is no such authorization.")
