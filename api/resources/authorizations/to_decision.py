"""A purchase asked for: the body to its event, and the event to its decision within the network's window."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from fastapi import Request

from api.access.keys import Principal
from api.asking.deadline import REVERSAL_S, SUFFIX, Missed
from api.asking.submit import Answered, Pending
from api.http.preferences import IdempotencyKey, Wait
from api.http.problems import FieldError, invalid_request
from api.resources.authorizations.body import AuthorizationIn, merchant_of, positive
from api.services import services_of, since_of
from schemas.decisions import Decision
from schemas.events import AuthorizationRequested
from schemas.reasons import Reason, ReasonCode

# The network's window for an answer, from the first byte of the request.
ANSWER_S_MAX = 2.0

# The whole answer of a missed deadline: it is the same whoever gives it, and at whatever position.
MISSED = Reason(
    code=ReasonCode.DEADLINE_MISSED, detail="no decision came in time, and one that comes later is undone"
)


async def ask(
    request: Request, body: AuthorizationIn, caller: Principal, key: IdempotencyKey, wait: Wait
) -> tuple[AuthorizationRequested, Answered | Missed | Pending]:
    """The event that `body` asks for, and what became of it.

    Raises:
        Problem: it was rejected, or nothing was written.
    """
    since = since_of(request)
    services = services_of(request)
    event = _event(body, caller.organization_id, key)
    result: Answered | Missed | Pending
    if body.on_timeout == "decline":
        _require_time(wait)
        result = await services.submit_or_decline(event, wait, since=since)
    else:
        result = await services.submit(event, wait, since=since)
    answer_s_max = ANSWER_S_MAX * services.settings.api_patience
    if not isinstance(result, Pending) and time.monotonic() - request.state.arrived > answer_s_max:
        # Who asked takes a late decision for none, so none is given; a repeat gets it.
        result = Pending(recorded=True)
    return event, result


def _event(body: AuthorizationIn, organization_id: str, key: IdempotencyKey) -> AuthorizationRequested:
    # What is to happen on a timeout belongs to the request: with another wish it is another request, also
    # where only the log remembers the first.
    suffix = SUFFIX if body.on_timeout == "decline" else ""
    return AuthorizationRequested(
        event_id=key.event_id(organization_id) + suffix,
        organization_id=organization_id,
        department_id=body.department_id,
        occurred_at=body.occurred_at or datetime.now(UTC),
        authorization_id=body.authorization_id or f"auth_{key.digest(organization_id)}",
        card_id=body.card_id,
        amount=positive(body.amount),
        merchant=merchant_of(body.merchant),
        cardholder=body.cardholder,
        entry_mode=body.entry_mode,
        partial_allowed=body.partial_allowed,
        merchant_amount=positive(body.merchant_amount) if body.merchant_amount else None,
        rate=body.rate,
    )


def _require_time(wait: Wait) -> None:
    if wait.asked == 0:
        words = f"on_timeout decline takes {REVERSAL_S} s of the wait, so wait 1 or 2 seconds"
        raise invalid_request([FieldError(field="header.prefer", code="wait_too_short", message=words)])


def came_too_late(decision: Decision) -> bool:
    return bool(decision.reasons) and decision.reasons[0].code is ReasonCode.DEADLINE_MISSED
