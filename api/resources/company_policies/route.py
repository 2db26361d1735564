"""A company's policy: to all its departments in one act, and which of them have it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.access.keys import Principal, Scope
from api.access.security import Caller, KeyedRoute, needs, own_organization
from api.asking.rollout import CompanyPolicy, Fate, Origin
from api.asking.submit import Answered
from api.http.paging import Paged
from api.http.preferences import AtPosition, IdempotencyKey, Waiting, WithIdempotencyKey
from api.http.problems import responses
from api.resources import replies
from api.resources.company_policies.answer import CompanyPoliciesOut, CompanyPolicySetOut
from api.resources.company_policies.body import read_company_policy, request_body
from api.resources.company_policies.view import company_policies_out, policy_set_out
from api.resources.organization_paths import (
    ORGANIZATION,
    OrganizationId,
    list_responses,
    shown,
)
from api.resources.replies import REPLAYED_HEADER, reply
from api.services import services_of, since_of
from api.stores.pace import within

PATH = f"{ORGANIZATION}/policies"
router = APIRouter(tags=["policies"], route_class=KeyedRoute)

DRAFTS_MAX = 10  # as many as a department keeps

_STATUS = {"complete": 200, "pending": 202, "partial": 207}


@router.post(
    PATH,
    summary="Set a policy for the whole company",
    response_model=CompanyPolicySetOut,
    openapi_extra=needs(Scope.POLICIES_WRITE, requestBody=request_body()),
    responses={
        200: {
            "description": "Accepted in every department. A repeat gets the same body.",
            "headers": replies.REPLAYED | replies.APPLIED,
        },
        202: {
            "description": "Not decided or not sent everywhere within the wait: repeat the request.",
            "model": CompanyPolicySetOut,
            "headers": replies.LOCATION | replies.APPLIED,
        },
        207: {
            "description": "Decided everywhere, and rejected by some: each with its reasons.",
            "model": CompanyPolicySetOut,
            "headers": replies.REPLAYED | replies.APPLIED,
        },
        **responses(400, 401, 403, 404, 413, 415, 422, 500, 503),
    },
)
async def set_company_policy(
    request: Request,
    caller: Caller,
    key: WithIdempotencyKey,
    wait: Waiting,
    position: AtPosition,
    organization_id: OrganizationId,
) -> Response:
    """Drafts the policy in each department, and puts it in force there with `activate`.

    It is checked before anything is sent: one that names something unknown or contradicts itself is refused
    as a whole, with each field and reason. Each department then decides for itself, at its place in its log,
    and the answer tells what became of it in each. A repeat with the same key completes what is missing and
    makes no second version; while some are undecided it gets `202` with all that is known, not `409`.

    Without `departments` it is for those that have a budget now (with a log position: at that position, at
    least); the treasury of a cap is none. A repeat is for those that came since, too. A department that is
    created later does not get it by itself: it has the default policy, and the list of policies says so.
    """
    since = since_of(request)
    own_organization(caller, organization_id)
    asked = read_company_policy(await request.body())
    services = services_of(request)
    answer_s = services.deciding(wait)
    act = _act(caller, key)

    async def send() -> list[Fate]:
        departments = asked.departments
        if not departments:
            wait_s = services.reading(wait, position, since=since)
            reading = services.rollouts.departments(organization_id, position, wait_s=wait_s)
            departments = tuple(await within(since + services.settings.api_wait_s_max, reading))
        return await services.rollouts.send(act, asked, departments, wait_s=answer_s, since=since)

    _, fates = await services.claimed(act.event_id, _content(organization_id, asked), send)
    body = policy_set_out(organization_id, asked, fates)
    headers = dict(wait.applied)
    if body.status == "pending":
        headers |= {"Location": PATH.format(organization_id=organization_id), "Retry-After": "1"}
    elif all(isinstance(fate.result, Answered) and fate.result.replayed for fate in fates):
        headers[REPLAYED_HEADER] = "true"
    return reply(body, _STATUS[body.status], **headers)


def _act(caller: Principal, key: IdempotencyKey) -> Origin:
    event_id = key.event_id(caller.organization_id)
    return Origin(caller.organization_id, event_id, caller.actor, datetime.now(UTC))


def _content(organization_id: str, asked: CompanyPolicy) -> str:
    return f"policies {organization_id} {asked.fingerprint}"


@router.get(
    PATH,
    summary="List what is in force in each department",
    response_model=CompanyPoliciesOut,
    openapi_extra=needs(Scope.POLICIES_READ),
    responses=list_responses("A page of departments."),
)
async def list_company_policies(
    request: Request,
    caller: Caller,
    wait: Waiting,
    position: AtPosition,
    page: Paged,
    organization_id: OrganizationId,
) -> Response:
    """Which version each department has in force, since when, and which drafts wait there.

    Policies with the same content have the same `digest`, whatever their version's number is: a department
    whose digest differs has drifted from the company's policy, or never got it.
    """
    own_organization(caller, organization_id)
    services = services_of(request)
    row: Any = await services.ledger.find(
        "company_policies",
        position,
        wait_s=services.reading(wait, position, since=since_of(request)),
        organization_id=organization_id,
        after=page.after,
        rows_max=page.rows_max,
        drafts_max=DRAFTS_MAX,
    )
    body = company_policies_out(organization_id, row, page)
    return shown(body, wait, **page.link(body.next))
