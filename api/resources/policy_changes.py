"""Change the policy in force of a department: a new version of it, or one that was drafted."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Request
from pydantic import ConfigDict, Field
from starlette.responses import Response

from api.access.keys import Scope
from api.access.security import KeyedRoute, needs
from api.asking.submit import Answered, Pending
from api.http.conditions import ETAG, IfMatch, tagged
from api.http.members import converted, field_error, invalid, read_object
from api.http.preferences import IdempotencyKey, WithIdempotencyKey
from api.http.problems import responses
from api.http.types import Output
from api.resources.company_policies.body import require_usable
from api.resources.events.describe import reference_to
from api.resources.events.examples import EXAMPLES
from api.resources.organization_paths import OfDepartment, Reading
from api.resources.policies import PATH, find_policy_in_force, tag_of
from api.resources.replies import decided_headers, reply
from api.resources.sending import Seen, first_decision, pending, submit_seen, write_responses
from schemas.controls import Policy
from schemas.effects import PolicyTaken
from schemas.events import PolicyActivated, PolicyDrafted

router = APIRouter(tags=["policies"], route_class=KeyedRoute)


class PolicyChange(msgspec.Struct, frozen=True):
    """A new version, or the number of one that is there: one of both."""

    policy: Policy | None = None
    version: Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)] | None = None


class PolicySetOut(Output):
    """The version that is in force from `position` on."""

    model_config = ConfigDict(title="PolicySet")

    organization_id: str
    department_id: str
    version: int | None = Field(
        description="its number; null: of a repeat, while the ledger is away", examples=[4]
    )
    position: str = Field(description="`partition:seq` of the decision", examples=["3:1042"])


def _request_body() -> dict[str, Any]:
    policy = EXAMPLES["policy.drafted"]["policy"]
    schema = {
        "title": "PolicyChange",
        "type": "object",
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
        "properties": {
            "policy": reference_to(Policy),
            "version": {
                "type": "integer",
                "minimum": 0,
                "maximum": 2**31 - 1,
                "description": "one of the last 10 drafts, or 0: the default policy",
            },
        },
    }
    examples = {
        "new": {"summary": "A new version", "value": {"policy": policy}},
        "drafted": {"summary": "The default policy again", "value": {"version": 0}},
    }
    return {"required": True, "content": {"application/json": {"schema": schema, "examples": examples}}}


@router.put(
    PATH,
    summary="Set the policy in force",
    response_model=PolicySetOut,
    openapi_extra=needs(Scope.POLICIES_WRITE, requestBody=_request_body()),
    responses=write_responses(200, "In force from its position on.", **ETAG) | responses(412),
)
async def set_policy(
    request: Request, reading: Reading, key: WithIdempotencyKey, if_match: IfMatch = None
) -> Response:
    """`policy`: a new version of it, in force at once; `version`: one that was drafted before. It is the
    event `policy.drafted` or `policy.activated`, in one order with the department's payments.

    With `If-Match` only if nobody has put another version in force since; drafts change nothing of it.
    """
    reading.own()
    event = _event(_asked(await request.body()), reading, key)

    async def now() -> str | None:
        return tag_of(await find_policy_in_force(reading))

    seen, what = None if if_match is None else Seen(if_match), f"policy {event.key}"
    result = await submit_seen(reading.services, event, reading.wait, seen, now, what, since=reading.since)
    if isinstance(result, Pending):
        location = PATH.format(organization_id=event.organization_id, department_id=event.department_id)
        return pending(event, result, reading.wait, location=location)
    body = PolicySetOut(
        organization_id=event.organization_id,
        department_id=event.department_id,
        version=await _version(event, reading, result),
        position=str(result.first),
    )
    headers = decided_headers(reading.wait, replayed=result.replayed, position=result.decision.position)
    return reply(body, 200, **headers, **tagged(body.position))


def _asked(body: bytes) -> PolicyChange:
    """Raises Problem: 400 no JSON, 422 with the path of each member at fault."""
    raw = read_object(body)
    asked: PolicyChange = converted(raw, PolicyChange, raw)
    if (asked.policy is None) == (asked.version is None):
        words = "is one of `policy`, a new version, and `version`, the number of one that is there"
        raise invalid([field_error((), "one_of", words)])
    if asked.policy is not None:
        require_usable(asked.policy)
    return asked


def _event(
    asked: PolicyChange, reading: OfDepartment, key: IdempotencyKey
) -> PolicyDrafted | PolicyActivated:
    act: dict[str, Any] = {
        "event_id": key.event_id(reading.organization_id),
        "organization_id": reading.organization_id,
        "department_id": reading.department_id,
        "occurred_at": datetime.now(UTC),
        "actor": reading.caller.actor,
    }
    if asked.policy is not None:
        return PolicyDrafted(policy=asked.policy, activate=True, **act)
    return PolicyActivated(policy_version=asked.version or 0, **act)


async def _version(
    event: PolicyDrafted | PolicyActivated, reading: OfDepartment, answer: Answered
) -> int | None:
    if isinstance(event, PolicyActivated):
        return event.policy_version
    decision = await first_decision(reading.services, answer, since=reading.since)
    effects = () if decision is None else decision.effects
    return next((effect.policy_version for effect in effects if isinstance(effect, PolicyTaken)), None)
