"""Policies tried on the past: who would have been declined, and how much, before anybody is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from fastapi import APIRouter
from pydantic import ConfigDict, Field, StrictInt
from starlette.responses import Response

from api.access.keys import Scope
from api.access.security import KeyedRoute, needs, require
from api.asking.trial import (
    REQUESTS_MAX,
    WARM_UP_DAYS,
    TrialAnswer,
    TrialChange,
    TrialFailed,
    TrialQuestion,
    TrialSum,
)
from api.http.preferences import MEMBERS_ONCE
from api.http.problems import Problem, responses
from api.http.types import Input, MoneyOut, Output
from api.resources.company_policies.body import require_usable
from api.resources.organization_paths import DEPARTMENT, OfDepartment, Reading, invalid, shown
from api.resources.policies import VERSIONS_MAX, policies_out
from api.resources.reasons import ReasonOut, reason_out
from api.stores.postgres import REPORT_TIMEOUT_S
from schemas.controls import Card, Policy

router = APIRouter(tags=["policies"], route_class=KeyedRoute)

DAYS_MAX: Final = 90


class PolicyTrialIn(Input):
    """Which policy is tried: one of the department's versions, or one that nobody has drafted."""

    model_config = ConfigDict(title="NewPolicyTrial")

    version: StrictInt | None = Field(default=None, ge=0, description="of the department", examples=[4])
    policy: dict[str, Any] | None = Field(
        default=None, description="as in the event policy.drafted; instead of `version`", examples=[None]
    )
    days: StrictInt = Field(default=30, ge=1, le=DAYS_MAX, description="back from now", examples=[30])


class PolicyTrialSumOut(Output):
    """Purchases together."""

    model_config = ConfigDict(title="PolicyTrialSum")

    name: str = Field(description="of whom or what", examples=["maya@techcorp.com"])
    purchases: int = Field(examples=[3])
    amount: MoneyOut


class PolicyTrialPurchaseOut(Output):
    """A purchase to which the policy would say something else."""

    model_config = ConfigDict(title="PolicyTrialPurchase")

    transaction_id: str = Field(examples=["auth_7f3a"])
    created_at: datetime
    change: TrialChange = Field(description="declined, passed, or reviewed: approved, with a look")
    amount: MoneyOut
    card_id: str | None
    cardholder: str | None
    merchant: str | None
    reasons: list[ReasonOut] = Field(description="why it would be declined, or looked at")


class PolicyTrialOut(Output):
    """What a policy would have answered otherwise, by the rules themselves.

    Budgets and cards are as they were: what they refused stays refused. Limits count what passes, up to what
    was approved, and not what it came to when it settled or came back.
    """

    model_config = ConfigDict(title="PolicyTrial")

    since: datetime = Field(description="later than asked for where there were very many purchases")
    purchases: int = Field(description="those that were tried", examples=[1150])
    approved: MoneyOut = Field(description="of them, then")
    declined: PolicyTrialSumOut = Field(description="approved then, declined by this policy")
    passed: PolicyTrialSumOut = Field(description="declined then by the policy alone, approved by this one")
    reviewed: PolicyTrialSumOut = Field(description="approved by both, looked at by this one alone")
    people: list[PolicyTrialSumOut] = Field(description="whose purchases would be declined")
    rules: list[PolicyTrialSumOut] = Field(description="which rules would decline them")
    examples: list[PolicyTrialPurchaseOut] = Field(description="of each kind the newest 50")


@router.post(
    f"{DEPARTMENT}/policy-trials",
    summary="Try a policy on the past",
    response_model=PolicyTrialOut,
    dependencies=[MEMBERS_ONCE],
    openapi_extra=needs(Scope.POLICIES_READ),
    responses={
        200: {"description": "What would have been otherwise. Nothing is written."},
        **responses(400, 401, 403, 404, 413, 415, 422, 500, 503),
    },
)
async def try_policy(body: PolicyTrialIn, reading: Reading) -> Response:
    """Each purchase of the last days is put to the policy, in the order of the log, and the answers compared
    with those that were given. For keys that may read authorizations, too."""
    require(reading.caller, Scope.AUTHORIZATIONS_READ)
    if (body.version is None) == (body.policy is None):
        raise invalid("body.version", "one_of_two", "send either a version or a policy")
    return shown(await trial_of(reading, body), reading.wait)


async def trial_of(reading: OfDepartment, asked: PolicyTrialIn) -> PolicyTrialOut:
    """Raises Problem: 404, 422, or 503 where nobody here knows the rules."""
    trials = reading.services.beside.trials
    if trials is None:
        words = "This API was started alone, without the rules. `spendlog serve` starts it with them."
        raise Problem(503, "trials_unavailable", words)
    reading.own()
    row = await reading.known("policies", only_active=False, rows_max=VERSIONS_MAX)
    policy = _policy(reading, asked, row)
    since = datetime.now(UTC) - timedelta(days=asked.days)
    found = await reading.find(
        "trial_requests",
        timeout_s=REPORT_TIMEOUT_S,
        since=since - timedelta(days=WARM_UP_DAYS),
        rows_max=REQUESTS_MAX,
    )
    question = TrialQuestion(
        policy,
        row["currency"],
        since,
        tuple(msgspec.json.decode(card, type=Card) for card in found["cards"]),
        tuple(msgspec.Raw(record.encode()) for record in found["records"]),
    )
    try:
        answer = await trials.ask(question)
    except TrialFailed as failed:
        raise Problem(503, "trials_unavailable", f"It cannot be tried now: {failed}.") from None
    return _answer_out(answer, row["currency"], max(since, found["oldest"] or since))


def _policy(reading: OfDepartment, asked: PolicyTrialIn, row: Any) -> Policy:
    raw = asked.policy
    if raw is None:
        versions = policies_out(reading.organization_id, reading.department_id, row).policies
        raw = next((each.policy for each in versions if each.version == asked.version), None)
        if raw is None:
            raise Problem(404, "unknown_policy_version", "The department has no such version.")
    try:
        policy = msgspec.convert(raw, Policy)
    except msgspec.ValidationError as error:
        raise invalid("body.policy", "invalid_policy", str(error)) from None
    require_usable(policy)
    return policy


def _answer_out(answer: TrialAnswer, currency: str, since: datetime) -> PolicyTrialOut:
    def money(minor: int) -> MoneyOut:
        return MoneyOut(minor=minor, currency=currency)

    def sum_out(one: TrialSum) -> PolicyTrialSumOut:
        return PolicyTrialSumOut(name=one.name, purchases=one.purchases, amount=money(one.minor))

    changes = {one.name: one for one in answer.changes}

    def change_out(name: TrialChange) -> PolicyTrialSumOut:
        return sum_out(changes.get(name) or TrialSum(name, 0, 0))

    return PolicyTrialOut(
        since=since,
        purchases=answer.tried,
        approved=money(answer.minor),
        declined=change_out("declined"),
        passed=change_out("passed"),
        reviewed=change_out("reviewed"),
        people=[sum_out(one) for one in answer.people],
        rules=[sum_out(one) for one in answer.rules],
        examples=[
            PolicyTrialPurchaseOut(
                transaction_id=each.authorization_id,
                created_at=each.occurred_at,
                change=each.change,
                amount=money(each.minor),
                card_id=each.card_id,
                cardholder=each.cardholder,
                merchant=None if each.merchant is None else each.merchant.name,
                reasons=[reason_out(reason) for reason in each.reasons],
            )
            for each in answer.examples
        ],
    )
