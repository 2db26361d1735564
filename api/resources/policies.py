"""Policies of departments. They are set with events; here they are looked at."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from fastapi import APIRouter
from pydantic import ConfigDict, Field
from starlette.responses import Response

from api.access.keys import Scope
from api.access.security import KeyedRoute, needs
from api.http.conditions import ETAG, tagged
from api.http.types import Output
from api.resources.organization_paths import (
    DEPARTMENT,
    OfDepartment,
    Reading,
    read_responses,
    shown,
)
from schemas.ids import Position

Row = Mapping[str, Any]


class PolicyOut(Output):
    """One version of a department's policy. 0 is the default, which nobody drafted."""

    model_config = ConfigDict(title="Policy")

    organization_id: str
    department_id: str
    version: int = Field(examples=[3])
    in_force: bool
    policy: dict[str, Any] = Field(
        description="rules and validities, as in the event policy.drafted",
        examples=[
            {"rules": [{"rule": "block", "rule_id": "no-gambling", "what": {"mcc_groups": ["gambling"]}}]}
        ],
    )
    drafted_at: datetime | None
    activated_at: datetime | None = Field(description="the last time; null: never")
    position: str | None = Field(
        description="`partition:seq` of the decision that drafted it, or put it in force", examples=["3:1042"]
    )


class PolicyListOut(Output):
    """Versions, newest first."""

    model_config = ConfigDict(title="Policies")

    policies: list[PolicyOut]


def policies_out(organization_id: str, department_id: str, row: Row) -> PolicyListOut:
    """The row of policies.sql."""
    return PolicyListOut(
        policies=[_policy_out(organization_id, department_id, policy) for policy in row["policies"]]
    )


def _policy_out(organization_id: str, department_id: str, row: Row) -> PolicyOut:
    seq = max((seq for seq in (row["drafted_seq"], row["activated_seq"]) if seq is not None), default=None)
    return PolicyOut(
        organization_id=organization_id,
        department_id=department_id,
        version=row["version"],
        in_force=row["active"],
        policy=msgspec.json.decode(row["policy"]),
        drafted_at=row["drafted_at"],
        activated_at=row["activated_at"],
        position=None if seq is None else str(Position(row["partition"], seq)),
    )


router = APIRouter(tags=["policies"], route_class=KeyedRoute)

PATH = f"{DEPARTMENT}/policy"
VERSIONS_MAX = 100
_IN_FORCE = read_responses("The version in force.")
_IN_FORCE[200]["headers"] = _IN_FORCE[200]["headers"] | ETAG


@router.get(
    PATH,
    summary="Look at the policy in force",
    response_model=PolicyOut,
    openapi_extra=needs(Scope.POLICIES_READ),
    responses=_IN_FORCE,
)
async def read_policy(
    reading: Reading,
) -> Response:
    """What a request is measured by now. Set another by PUT, draft one with the event `policy.drafted`."""
    body = await find_policy_in_force(reading)
    return shown(body, reading.wait, body.position, **tagged(tag_of(body)))


async def find_policy_in_force(reading: OfDepartment) -> PolicyOut:
    """Raises Problem 404, there is no such department."""
    where = reading.own()
    row = await reading.known("policies", only_active=True, rows_max=VERSIONS_MAX)
    return policies_out(*where, row).policies[0]


def tag_of(policy: PolicyOut) -> str:
    """Where it was put in force; the default policy, which nobody has, has a word instead."""
    return policy.position or "default"


@router.get(
    f"{DEPARTMENT}/policies",
    summary="List a policy's versions",
    response_model=PolicyListOut,
    openapi_extra=needs(Scope.POLICIES_READ),
    responses=read_responses(f"The newest {VERSIONS_MAX} versions."),
)
async def list_policies(
    reading: Reading,
) -> Response:
    """Drafts and what was in force, newest first. The last 10 drafts may be put in force."""
    where = reading.own()
    row = await reading.known("policies", only_active=False, rows_max=VERSIONS_MAX)
    return shown(policies_out(*where, row), reading.wait)
