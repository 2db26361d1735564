"""Name who looks into a case, and decide it: the decision is a label in the log."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request
from pydantic import ConfigDict, Field
from starlette.responses import Response

from api.access.audit import Changeset
from api.access.keys import Principal, Scope
from api.access.notes import change
from api.access.reach import WITHIN_REACH
from api.access.roles import Reach, Role, reaches
from api.access.security import KeyedRoute, needs
from api.http.preferences import MEMBERS_ONCE, IdempotencyKey, WithIdempotencyKey
from api.http.problems import responses
from api.http.types import DepartmentName, Input, Text
from api.resources.cases.answer import CaseOut, case_out
from api.resources.cases.read import CASES, CaseId, find_case
from api.resources.events.answer import EventDecisionOut
from api.resources.organization_paths import OfOrganization, ReadingAll, invalid, read_responses, shown
from api.resources.sending import send, write_responses
from api.stores.cases import FoundCase
from schemas.event import Label
from schemas.messages import AuthorizationLabelled

router = APIRouter(prefix=CASES, tags=["cases"], route_class=KeyedRoute)


class CaseAssignmentIn(Input):
    """Who shall look into a case."""

    model_config = ConfigDict(title="CaseAssignmentChange")

    assignee: Text | None = Field(
        min_length=1,
        max_length=200,
        description="e-mail address of somebody who may decide it, or the caller's own actor; null: nobody",
        examples=["carol@techcorp.com"],
    )
    department_id: DepartmentName | None = Field(
        default=None, description="whose case, where two departments have one of this id"
    )


class CaseDecisionIn(Input):
    """What was found."""

    model_config = ConfigDict(title="CaseDecision")

    label: Label = Field(description="`unsure`: looked at, and not to be known", examples=["fraud"])
    department_id: DepartmentName | None = Field(
        default=None, description="whose case, where two departments have one of this id"
    )


@router.put(
    "/{case_id}/assignment",
    summary="Name who looks into a case",
    response_model=CaseOut,
    dependencies=[MEMBERS_ONCE],
    openapi_extra=needs(Scope.CASES_WRITE, own=WITHIN_REACH),
    responses=read_responses("The case with whom it is assigned to.") | responses(413, 415),
)
async def assign_case(
    body: CaseAssignmentIn, request: Request, reading: ReadingAll, case_id: CaseId
) -> Response:
    """Somebody else may take it over at any time; the audit log has each change."""
    found = await assign(request, reading, case_id, body)
    return shown(case_out(found), reading.wait)


@router.post(
    "/{case_id}/decisions",
    summary="Decide a case",
    response_model=EventDecisionOut,
    dependencies=[MEMBERS_ONCE],
    openapi_extra=needs(Scope.CASES_WRITE, own=WITHIN_REACH),
    responses=write_responses(200, "Decided: the payment has this label. A repeat gets the same body."),
)
async def decide_case(
    body: CaseDecisionIn, reading: ReadingAll, case_id: CaseId, key: WithIdempotencyKey
) -> Response:
    """The decision is the event `authorization.labelled` with the source `review`, in the caller's name:
    models learn from it, no money moves. A later one takes its place; `unsure` teaches nothing."""
    return await decide(reading, case_id, body, key)


# -- what the routes and the pages do


async def assign(
    request: Request, reading: OfOrganization, case_id: str, body: CaseAssignmentIn
) -> FoundCase:
    """The case as it is then. Raises Problem: 404, 422 for whom it cannot be assigned to."""
    caller = reading.caller
    found = await find_case(reading, case_id, body.department_id, Scope.CASES_WRITE)
    of = {
        "organization_id": caller.organization_id,
        "department_id": found.payment.department_id,
        "authorization_id": found.payment.authorization_id,
    }

    async def make(changes: Changeset) -> None:
        before = await changes.row("case_assignee", **of)
        if body.assignee is None:
            done = await changes.row("case_unassign", **of)
        else:
            await _require_reviewer(changes, caller, body.assignee, of["department_id"])
            done = await changes.row("case_assign", **of, assignee=body.assignee, assigned_by=caller.actor)
        if done is not None:
            changes.tell(f"{CASES}/{case_id}", before=before, after={"assignee": body.assignee})

    await change(request, make)
    return await find_case(reading, case_id, found.payment.department_id, Scope.CASES_WRITE)


async def _require_reviewer(changes: Changeset, caller: Principal, assignee: str, department_id: str) -> None:
    """Raises Problem 422 unless `assignee` may decide this department's cases."""
    if assignee == caller.actor:
        return
    row = await changes.row("case_reviewer", organization_id=caller.organization_id, email=assignee)
    if row is None:
        raise invalid("body.assignee", "unknown_person", "belongs to nobody in this organization")
    role, departments = Role(row["role"]), frozenset(row["departments"])
    reach = reaches(role, departments).get(Scope.CASES_WRITE)
    if reach is None or (reach is not Reach.ORGANIZATION and department_id not in departments):
        words = f"may not decide cases of {department_id}; docs/access.md says who may"
        raise invalid("body.assignee", "may_not_decide", words)


async def decide(
    reading: OfOrganization, case_id: str, body: CaseDecisionIn, key: IdempotencyKey
) -> Response:
    """The decision about the label. Raises Problem: 404, there is no such case."""
    caller = reading.caller
    found = await find_case(reading, case_id, body.department_id, Scope.CASES_WRITE)
    given: dict[str, Any] = {"label": body.label, "source": "review"}
    event = AuthorizationLabelled(
        event_id=key.event_id(caller.organization_id),
        organization_id=caller.organization_id,
        department_id=found.payment.department_id,
        occurred_at=datetime.now(UTC),
        actor=caller.actor,
        authorization_id=found.payment.authorization_id,
        **given,
    )
    return await send(reading.services, event, reading.wait, since=reading.since)
