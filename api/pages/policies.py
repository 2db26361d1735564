"""Policies: what holds where, in words; drafts with their difference; a form for the commonest new rules."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

import msgspec
from fastapi import APIRouter, Form, Query
from starlette.responses import Response

from api.access.keys import Scope
from api.access.security import needs, require
from api.http.paging import Page
from api.http.problems import Problem
from api.pages.budgets import budgets_of
from api.pages.frame import page
from api.pages.route import Asked, Asking, PageRoute, back
from api.pages.words import NotMoney, minor_of, rule_words
from api.resources.budgets import BudgetOut
from api.resources.company_policies.route import DRAFTS_MAX
from api.resources.company_policies.view import company_policies_out
from api.resources.organization_paths import unknown_department
from api.resources.policies import VERSIONS_MAX, PolicyOut, policies_out
from api.resources.trials import DAYS_MAX, PolicyTrialIn, trial_of
from schemas.controls import MCC_GROUPS, Policy

router = APIRouter(route_class=PageRoute, include_in_schema=False)

_DEPARTMENTS_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class Difference:
    """What a version adds to the one in force and takes from it, in words."""

    added: tuple[str, ...]
    removed: tuple[str, ...]


@router.get("/policies", openapi_extra=needs(Scope.POLICIES_READ))
async def show_policies(asking: Asked) -> Response:
    """All departments, and whose policy differs from that of most."""
    row = await asking.organization().find(
        "company_policies", after=None, rows_max=_DEPARTMENTS_MAX, drafts_max=DRAFTS_MAX
    )
    found = company_policies_out(asking.viewer.organization_id, row, Page(None, _DEPARTMENTS_MAX))
    # Where no policy is that of most, none differs from it.
    most = next((kind.digest for kind in found.in_force if 2 * kind.departments > len(found.departments)), "")
    visible = asking.viewer.departments(Scope.POLICIES_READ)
    shown = [each for each in found.departments if visible is None or each.department_id in visible]
    return page(asking.request, "policies", found=found, departments=shown, most=most)


@router.get("/policies/{department_id}", openapi_extra=needs(Scope.POLICIES_READ))
async def show_policy(asking: Asked, department_id: str) -> Response:
    own, versions = await _versions(asking, department_id)
    currency = own.currency
    now = next(version for version in versions if version.in_force)
    drafts = [version for version in versions if not version.in_force and version.version > now.version]
    return page(
        asking.request,
        "policy",
        department_id=department_id,
        department=own.name,
        currency=currency,
        now=now,
        rules=_sentences(now, currency),
        drafts=[(draft, _difference(now, draft, currency)) for draft in drafts],
        older=[version for version in versions if version.version < now.version],
        groups=sorted(MCC_GROUPS),
    )


async def _versions(asking: Asking, department_id: str) -> tuple[BudgetOut, list[PolicyOut]]:
    """Its own budget, and its versions, newest first."""
    asking.department(department_id).own()
    budgets = await budgets_of(asking, department_id, "department")
    if not budgets:
        raise unknown_department()
    row = await asking.department(department_id).known("policies", only_active=False, rows_max=VERSIONS_MAX)
    found = policies_out(asking.viewer.organization_id, department_id, row).policies
    return budgets[0], found


def _policy(version: PolicyOut) -> Policy:
    return msgspec.convert(version.policy, Policy)


def _sentences(version: PolicyOut, currency: str) -> list[tuple[str, str]]:
    return [(rule.rule_id, rule_words(rule, currency)) for rule in _policy(version).rules]


def _difference(now: PolicyOut, then: PolicyOut, currency: str) -> Difference:
    old, new = _sentences(now, currency), _sentences(then, currency)
    return Difference(
        tuple(f"{name}: {words}" for name, words in new if (name, words) not in old),
        tuple(f"{name}: {words}" for name, words in old if (name, words) not in new),
    )


@router.get("/policies/{department_id}/trial", openapi_extra=needs(Scope.POLICIES_READ))
async def show_trial(
    asking: Asked,
    department_id: str,
    version: Annotated[int, Query(ge=0)],
    days: Annotated[int, Query(ge=1, le=DAYS_MAX)] = 30,
) -> Response:
    """What a version would have answered otherwise: a part of the policy's page, or a page of its own."""
    require(asking.viewer.caller, Scope.AUTHORIZATIONS_READ)
    found = await trial_of(asking.department(department_id), PolicyTrialIn(version=version, days=days))
    return page(
        asking.request,
        "trial",
        department_id=department_id,
        version=version,
        found=found,
        days=days,
        spans=(7, 30, 90),
    )


@router.post("/policies/{department_id}/activate", openapi_extra=needs(Scope.POLICIES_WRITE))
async def activate_policy(asking: Asked, department_id: str, version: Annotated[int, Form()]) -> Response:
    decided = await asking.send("policy.activated", department_id, policy_version=version)
    return back(f"/policies/{department_id}", decided, done=f"Version {version} is in force.")


@router.post("/policies/{department_id}/remove", openapi_extra=needs(Scope.POLICIES_WRITE))
async def remove_rule(
    asking: Asked, department_id: str, rule_id: Annotated[str, Form(max_length=64)]
) -> Response:
    """A draft without this rule."""
    _, versions = await _versions(asking, department_id)
    policy = dict(next(version for version in versions if version.in_force).policy)
    policy["rules"] = [rule for rule in policy.get("rules", []) if rule["rule_id"] != rule_id]
    return await _drafted(asking, department_id, policy)


@router.post("/policies/{department_id}/rules", openapi_extra=needs(Scope.POLICIES_WRITE))
async def draft_rule(
    asking: Asked,
    department_id: str,
    kind: Annotated[Literal["limit", "block"], Form()],
    name: Annotated[str, Form(min_length=1, max_length=60)],
    group: Annotated[str, Form(max_length=40)] = "",
    most: Annotated[str, Form(max_length=30)] = "",
    span: Annotated[Literal["transaction", "day", "week", "month"], Form()] = "transaction",
    action: Annotated[Literal["decline", "review", "shadow"], Form()] = "decline",
) -> Response:
    """A draft: the policy in force with one rule more."""
    own, versions = await _versions(asking, department_id)
    rule_id = re.sub("[^a-z0-9]+", "-", name.lower()).strip("-") or "rule"
    rule: dict[str, Any] = {"rule_id": rule_id, "action": action}
    what = {"mcc_groups": [group]} if group else None
    if kind == "block":
        if what is None:
            raise Problem(422, "invalid_request", "Choose a kind of purchases to decline.")
        rule |= {"rule": "block", "what": what}
    else:
        try:
            rule |= {"rule": "spend_limit", "amount": minor_of(most, own.currency)}
        except NotMoney as error:
            raise Problem(422, "invalid_request", f"{error}.") from None
        rule["window"] = "transaction" if span == "transaction" else "calendar"
        if span != "transaction":
            rule["calendar"] = {"period": span}
        if what is not None:
            rule["only"] = what
    policy = dict(next(version for version in versions if version.in_force).policy)
    policy["rules"] = [each for each in policy.get("rules", []) if each["rule_id"] != rule_id] + [rule]
    return await _drafted(asking, department_id, policy)


async def _drafted(asking: Asking, department_id: str, policy: dict[str, Any]) -> Response:
    decided = await asking.send("policy.drafted", department_id, policy=policy, activate=False)
    done = "Drafted. It stops nothing before you put it in force."
    return back(f"/policies/{department_id}", decided, done=done)
