"""Policies of the API. Written by `python -m infra.client_code`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from api.client.call import Call, at, given, new_key
from api.client.generated.shared import Money, Reason
from api.client.operations import Resource, S, listing, operation


class CompanyPolicies(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """An organization's departments by id."""

    organization_id: str
    in_force: list[PolicyInForce]
    departments: list[DepartmentPolicy]
    next: str | None = None


class CompanyPolicySet(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What became of the policy, department by department."""

    organization_id: str
    status: str
    message: str
    digest: str
    activate: bool
    departments: list[PolicyFate]


class DepartmentPolicy(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What is in force in one department."""

    department_id: str
    name: str
    version: int
    default: bool
    digest: str
    activated_at: datetime | None = None
    position: str | None = None
    drafts: list[PolicyDraft]


class Policies(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Versions, newest first."""

    policies: list[Policy]


class Policy(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One version of a department's policy."""

    organization_id: str
    department_id: str
    version: int
    in_force: bool
    policy: dict[str, Any]
    drafted_at: datetime | None = None
    activated_at: datetime | None = None
    position: str | None = None


class PolicyDraft(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A version that waits to be put in force."""

    version: int
    digest: str
    drafted_at: datetime | None = None
    position: str


class PolicyFate(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What became of it in one department."""

    department_id: str
    status: str
    policy_version: int | None = None
    position: str | None = None
    reasons: list[Reason]
    detail: str | None = None
    look_up: str


class PolicyInForce(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One content, and in how many departments it is in force."""

    digest: str
    departments: int
    default: bool


class PolicySet(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The version that is in force from `position` on."""

    organization_id: str
    department_id: str
    version: int | None = None
    position: str


class PolicyTrial(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What a policy would have answered otherwise, by the rules themselves."""

    since: datetime
    purchases: int
    approved: Money
    declined: PolicyTrialSum
    passed: PolicyTrialSum
    reviewed: PolicyTrialSum
    people: list[PolicyTrialSum]
    rules: list[PolicyTrialSum]
    examples: list[PolicyTrialPurchase]


class PolicyTrialPurchase(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A purchase to which the policy would say something else."""

    transaction_id: str
    created_at: datetime
    change: str
    amount: Money
    card_id: str | None = None
    cardholder: str | None = None
    merchant: str | None = None
    reasons: list[Reason]


class PolicyTrialSum(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Purchases together."""

    name: str
    purchases: int
    amount: Money


class PoliciesResource(Resource[S]):
    """Operations on policies."""

    @operation
    def read(
        self,
        organization_id: str,
        department_id: str,
        *,
        wait: int | None = None,
        position: str | None = None,
    ) -> Call[Policy]:
        """Look at the policy in force."""
        return Call(
            "GET",
            at("/v1/organizations/{}/departments/{}/policy", organization_id, department_id),
            Policy,
            wait=wait,
            position=position,
            reads=True,
        )

    @operation
    def set(
        self,
        organization_id: str,
        department_id: str,
        *,
        policy: Mapping[str, Any] | None = None,
        version: int | None = None,
        wait: int | None = None,
        position: str | None = None,
        idempotency_key: str | None = None,
        if_match: str | None = None,
    ) -> Call[PolicySet]:
        """Set the policy in force."""
        return Call(
            "PUT",
            at("/v1/organizations/{}/departments/{}/policy", organization_id, department_id),
            PolicySet,
            body=given(policy=policy, version=version),
            wait=wait,
            position=position,
            key=idempotency_key or new_key(),
            if_match=if_match,
        )

    @operation
    def list(
        self,
        organization_id: str,
        department_id: str,
        *,
        wait: int | None = None,
        position: str | None = None,
    ) -> Call[Policies]:
        """List a policy's versions."""
        return Call(
            "GET",
            at("/v1/organizations/{}/departments/{}/policies", organization_id, department_id),
            Policies,
            wait=wait,
            position=position,
            reads=True,
        )

    @operation
    def try_on_past(
        self,
        organization_id: str,
        department_id: str,
        *,
        version: int | None = None,
        policy: Mapping[str, Any] | None = None,
        days: int | None = None,
        wait: int | None = None,
        position: str | None = None,
    ) -> Call[PolicyTrial]:
        """Try a policy on the past."""
        return Call(
            "POST",
            at("/v1/organizations/{}/departments/{}/policy-trials", organization_id, department_id),
            PolicyTrial,
            body=given(version=version, policy=policy, days=days),
            wait=wait,
            position=position,
            reads=True,
        )

    @operation
    def set_of_company(
        self,
        organization_id: str,
        *,
        policy: Mapping[str, Any],
        activate: bool | None = None,
        departments: Sequence[str] | None = None,
        idempotency_key: str | None = None,
        wait: int | None = None,
        position: str | None = None,
    ) -> Call[CompanyPolicySet]:
        """Set a policy for the whole company."""
        return Call(
            "POST",
            at("/v1/organizations/{}/policies", organization_id),
            CompanyPolicySet,
            body=given(policy=policy, activate=activate, departments=departments),
            key=idempotency_key or new_key(),
            wait=wait,
            position=position,
        )

    def _list_of_company(
        self,
        organization_id: str,
        *,
        after: str | None = None,
        limit: int | None = None,
        wait: int | None = None,
        position: str | None = None,
    ) -> Call[CompanyPolicies]:
        """List what is in force in each department."""
        return Call(
            "GET",
            at("/v1/organizations/{}/policies", organization_id),
            CompanyPolicies,
            query={"after": after, "limit": limit},
            wait=wait,
            position=position,
            reads=True,
        )

    list_of_company = listing(_list_of_company, "in_force", PolicyInForce)
