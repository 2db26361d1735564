"""Shared of the API. Written by `python -m infra.client_code`."""

from __future__ import annotations

from datetime import datetime

import msgspec


class ApprovalRequest(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Somebody asked."""

    organization_id: str
    department_id: str
    request_id: str
    kind: str
    budget_id: str
    status: str
    amount: Money
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    budget: WantedBudget | None = None
    card: WantedCard | None = None
    asked_by: str
    asked_at: datetime | None = None
    lapses_at: datetime | None = None
    reminded_at: datetime | None = None
    reason: str | None = None
    levels: list[list[str]]
    approved_by: list[str]
    on_behalf_of: list[str | None]
    waits_for: list[str] | None = None
    stand_ins: dict[str, str]
    refused_by: str | None = None
    refused_on_behalf_of: str | None = None
    refusal_reason: str | None = None
    closed_at: datetime | None = None
    position: str


class ApprovalRequests(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A page of requests, by id."""

    requests: list[ApprovalRequest]
    next: str | None = None


class Authorization(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One payment as it stands at `position`."""

    authorization_id: str
    organization_id: str
    department_id: str
    status: str
    response_code: str | None = None
    card_id: str | None = None
    cardholder: str | None = None
    merchant: Merchant | None = None
    merchant_amount: Money | None = None
    rate: str | None = None
    occurred_at: datetime | None = None
    updated_at: datetime | None = None
    expires_at: datetime | None = None
    requested: Money
    approved: Money
    authorized: Money
    incremented: Money
    reversed: Money
    expired: Money
    held: Money
    posted: Money
    refunded: Money
    disputed: Money
    recovered: Money
    reasons: list[Reason]
    reviews: list[Reason]
    shadows: list[Reason]
    alerts: list[str]
    would_pass: WouldPass | None = None
    flagged: bool
    score: Score | None = None
    position: str


class Balance(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One budget's (or limit's) period after the decision."""

    budget: str
    period: str
    limit: Money
    posted: Money
    held: Money
    available: Money


class Booking(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One transfer between two accounts."""

    kind: str
    layer: str
    debit_account: str
    credit_account: str
    amount: Money
    period: str | None = None
    occurred_at: datetime | None = None
    recorded_at: datetime
    position: str


class Budget(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A budget's period."""

    organization_id: str
    department_id: str
    budget_id: str
    level: str
    subject: str | None = None
    name: str
    time_zone: str
    currency: str
    calendar: Calendar
    period: str
    limit: Money
    tolerance: Money
    posted: Money
    held: Money
    available: Money
    removed: bool
    changed_by: str | None = None
    changed_at: datetime | None = None
    position: str


class Calendar(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """How time is cut into periods."""

    period: str
    time_zone: str
    start_day: int
    start_month: int


class Contribution(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One feature's share in a score."""

    feature: str
    value: float
    weight: float
    words: str | None = None


class EventDecision(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What became of an event."""

    type: str
    department_id: str
    authorization_id: str | None = None
    outcome: str
    response_code: str
    reasons: list[Reason]
    review: bool
    reviews: list[Reason]
    shadows: list[Reason]
    alerts: list[str]
    amount: Money | None = None
    approved: Money | None = None
    would_pass: WouldPass | None = None
    available: Money | None = None
    actor: str | None = None
    policy_version: int | None = None
    balances: list[Balance] | None = None
    position: str


class Merchant(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=False):
    """Who is paid."""

    name: str
    mcc: str | None = None
    country: str | None = None
    id: str | None = None


class Money(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=False):
    """An amount."""

    minor: int
    currency: str


class QuestionColumn(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A column of the table."""

    name: str
    kind: str


class Reason(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Why, in a code for programs, a sentence for people, and the numbers of both."""

    code: str
    message: str
    rule: str | None = None
    period: str | None = None
    limit: Money | None = None
    posted: Money | None = None
    held: Money | None = None
    current: Money | None = None
    available: Money | None = None
    requested: Money | None = None
    count: int | None = None
    count_limit: int | None = None


class Relief(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The first moment at which the whole amount passes, other things equal."""

    at: datetime
    because: str
    subject: str


class Score(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What the model said before the decision."""

    value: float
    model: str
    version: str
    flagged: bool
    reasons: list[Contribution]


class TransactionDetail(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A purchase with every message of its life, its bookings, and why it was answered as it was."""

    transaction_id: str
    organization_id: str
    department_id: str
    status: str
    outcome: str | None = None
    amount: Money
    requested: Money
    approved: Money
    held: Money
    settled: Money
    refunded: Money
    disputed: Money
    recovered: Money
    card_id: str | None = None
    cardholder: str | None = None
    merchant: TransactionMerchant | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    flagged: bool
    review: bool
    reasons: list[Reason]
    position: str
    authorization: Authorization
    messages: list[TransactionMessage]
    bookings: list[Booking]


class TransactionMerchant(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Who was paid."""

    name: str
    mcc: str | None = None
    country: str | None = None
    id: str | None = None
    key: str
    groups: list[str]


class TransactionMessage(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One message of its life, and what was decided."""

    type: str
    department_id: str
    authorization_id: str | None = None
    outcome: str
    response_code: str
    reasons: list[Reason]
    review: bool
    reviews: list[Reason]
    shadows: list[Reason]
    alerts: list[str]
    amount: Money | None = None
    approved: Money | None = None
    would_pass: WouldPass | None = None
    available: Money | None = None
    actor: str | None = None
    policy_version: int | None = None
    balances: list[Balance] | None = None
    position: str
    occurred_at: datetime | None = None
    recorded_at: datetime


class WantedBudget(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The budget that the last approval sets."""

    budget_id: str
    name: str
    level: str
    subject: str | None = None
    limit: Money
    tolerance: Money
    period: str
    time_zone: str


class WantedCard(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The card that the last approval registers."""

    card_id: str
    employee: str | None = None
    team: str | None = None
    single_use: bool
    locked_to: str | None = None


class WouldPass(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What the same rules say to less money, and to a later time."""

    now: Money
    later: Relief | None = None
    message: str
