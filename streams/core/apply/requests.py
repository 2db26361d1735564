"""Requests that people approve, and who stands in for whom."""

from __future__ import annotations

from schemas.decisions import Decision
from schemas.effects import (
    DelegationGiven,
    DelegationTakenBack,
    IncreaseAsked,
    RequestAsked,
    RequestClosed,
    RequestLapsed,
    RequestStep,
)
from streams.core.calendar import epoch_s
from streams.core.state import ApprovalRequest, Delegation, Department


def ask_increase(department: Department, effect: IncreaseAsked, decision: Decision, bucket: int) -> None:
    department.requests[effect.request_id] = ApprovalRequest(
        effect.budget_id,
        bucket,
        effect.amount,
        epoch_s(effect.starts_at) if effect.starts_at is not None else 0,
        epoch_s(effect.ends_at),
        effect.asked_by,
        effect.levels,
        lapses_s=epoch_s(effect.lapses_at) if effect.lapses_at is not None else 0,
    )


def ask(department: Department, effect: RequestAsked, decision: Decision, bucket: int) -> None:
    department.requests[effect.request_id] = ApprovalRequest(
        effect.budget.budget_id,
        bucket,
        effect.budget.limit,
        0,
        0,
        effect.asked_by,
        effect.levels,
        lapses_s=epoch_s(effect.lapses_at),
        budget=effect.budget,
        card=effect.card,
    )


def step(department: Department, effect: RequestStep, decision: Decision, bucket: int) -> None:
    request = department.requests[effect.request_id]
    request.approved_by = (*request.approved_by, effect.approved_by)
    if effect.on_behalf_of is not None:
        request.stood_in = (*request.stood_in, (effect.on_behalf_of, effect.approved_by))
    request.bucket = max(request.bucket, bucket)
    if not effect.left:
        request.closed = "approved"


def close(department: Department, effect: RequestClosed, decision: Decision, bucket: int) -> None:
    request = department.requests[effect.request_id]
    request.closed = "refused"
    request.bucket = max(request.bucket, bucket)


def lapse(department: Department, effect: RequestLapsed, decision: Decision, bucket: int) -> None:
    request = department.requests[effect.request_id]
    request.closed = "lapsed"
    request.bucket = max(request.bucket, bucket)


def give_delegation(department: Department, effect: DelegationGiven, decision: Decision, bucket: int) -> None:
    """What is over goes with the next one that is set."""
    for absent in [name for name, one in department.delegations.items() if one.until_s <= department.clock_s]:
        del department.delegations[absent]
    department.delegations[effect.absent] = Delegation(
        effect.delegate, epoch_s(effect.starts_at), epoch_s(effect.until)
    )


def take_delegation_back(
    department: Department, effect: DelegationTakenBack, decision: Decision, bucket: int
) -> None:
    del department.delegations[effect.absent]
