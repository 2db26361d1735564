"""Rows of the read models of what people set, and of refunds, disputes and leases: columns in their order."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal, NamedTuple

Side = Literal["treasury", "department"]
LeaseKey = tuple[str, str, str, Side]  # organization, who holds it, period, in whose partition


class BudgetRow(NamedTuple):
    """Of `budget`. Amounts: minor units of `currency`; `limit_minor`: of each period, without increases."""

    organization_id: str
    department_id: str
    budget_id: str
    level: str
    subject: str | None
    name: str
    currency: str
    limit_minor: int
    tolerance_minor: int
    calendar: str
    time_zone: str
    start_day: int
    start_month: int
    removed: bool
    partition: int
    seq: int


class RemovedRow(NamedTuple):
    """Of `budget`: it no longer limits."""

    organization_id: str
    department_id: str
    budget_id: str
    seq: int


class IncreaseRow(NamedTuple):
    """Of `budget_increase`. `removed_seq`: of the decision that removed its budget later in the batch."""

    organization_id: str
    department_id: str
    budget_id: str
    amount: int
    starts_at: datetime
    ends_at: datetime
    partition: int
    seq: int
    removed_seq: int | None = None


class RequestRow(NamedTuple):
    """Of `increase_request`, as it was asked. `levels`: who may approve at each, as JSON."""

    organization_id: str
    department_id: str
    request_id: str
    budget_id: str
    currency: str
    amount: int
    starts_at: datetime | None
    ends_at: datetime
    asked_by: str
    asked_at: datetime | None
    reason: str | None
    levels: str
    partition: int
    seq: int


class ApprovedRow(NamedTuple):
    """Of `increase_request`: one level more has approved it."""

    organization_id: str
    department_id: str
    request_id: str
    approved_by: str
    seq: int


class ClosedRow(NamedTuple):
    """Of `increase_request`: how it ended. `refusal_reason`: as who refused gave it."""

    organization_id: str
    department_id: str
    request_id: str
    status: Literal["approved", "refused"]
    refused_by: str | None
    refusal_reason: str | None
    closed_at: datetime | None
    seq: int


class PeriodRow(NamedTuple):
    """Of `budget_period`: the balance of a budget's, limit's or lease's `period` after decision `seq`."""

    organization_id: str
    department_id: str
    budget_id: str
    period: str
    limit_minor: int
    posted_minor: int
    held_minor: int
    partition: int
    seq: int


class LimitRow(NamedTuple):
    """Of `limit_change`: the limit of the department's own budget in `period` from decision `seq` on.

    `sure` False: the limit before it is not known here, so it may be no change.
    """

    organization_id: str
    department_id: str
    period: str
    partition: int
    seq: int
    limit_minor: int
    occurred_at: datetime
    recorded_at: datetime
    sure: bool


class PolicyRow(NamedTuple):
    """Of `policy_version`: drafted in decision `drafted_seq`. `policy`: schemas.controls.Policy as JSON.

    Nobody drafted version 0: departments are opened with it. `active`: until an `ActivationRow` says more.
    """

    organization_id: str
    department_id: str
    version: int
    policy: str
    drafted_seq: int | None
    drafted_at: datetime | None
    active: bool
    partition: int


class ActivationRow(NamedTuple):
    """Of `policy_version`: put in force by decision `activated_seq`. `active`: still at the batch's end."""

    organization_id: str
    department_id: str
    version: int
    activated_seq: int
    activated_at: datetime | None
    active: bool


class CardRow(NamedTuple):
    """Of `card`; `body`: schemas.controls.Card as JSON."""

    organization_id: str
    department_id: str
    card_id: str
    status: str
    employee: str | None
    team: str | None
    expires_on: date | None
    body: str
    partition: int
    seq: int


class RefundRow(NamedTuple):
    """Of `refund`, as it was presented."""

    organization_id: str
    department_id: str
    refund_id: str
    authorization_id: str | None
    card_id: str | None
    currency: str
    amount: int
    occurred_at: datetime | None
    partition: int
    seq: int


class UndoneRow(NamedTuple):
    """Of `refund`: `undone` minor units more of it were taken back."""

    organization_id: str
    department_id: str
    refund_id: str
    undone: int
    seq: int


class DisputeRow(NamedTuple):
    """Of `dispute`, as it was opened."""

    organization_id: str
    department_id: str
    dispute_id: str
    authorization_id: str
    currency: str
    amount: int
    provisional: bool
    opened_at: datetime | None
    partition: int
    seq: int


class ResolvedRow(NamedTuple):
    """Of `dispute`: how it ended."""

    organization_id: str
    department_id: str
    dispute_id: str
    status: str
    resolved_at: datetime | None
    seq: int


class CapRow(NamedTuple):
    """Of `company_cap`; `departments`: their ids as a JSON array."""

    organization_id: str
    currency: str
    limit_minor: int
    calendar: str
    time_zone: str
    start_day: int
    start_month: int
    departments: str
    partition: int
    seq: int


class LeaseRow(NamedTuple):
    """Of `lease`: `moved` minor units are added to what was leased."""

    organization_id: str
    department_id: str
    period: str
    side: Side
    moved: int
    partition: int
    seq: int


class AskedRow(NamedTuple):
    """Of `lease`: what is asked for, or owed, beyond it. 0: nothing any more."""

    organization_id: str
    department_id: str
    period: str
    side: Side
    asked_minor: int
