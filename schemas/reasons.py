"""Why an answer is what it is: stable codes, their ISO 8583 response codes and their sentences."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from enum import StrEnum

import msgspec
from babel.numbers import format_currency

from schemas.money import exponent


class Outcome(StrEnum):
    """What became of an event. The first three answer a request, an increment or a verification."""

    APPROVED = "approved"
    PARTIALLY_APPROVED = "partially_approved"
    DECLINED = "declined"
    ACCEPTED = "accepted"  # took effect: a budget, reversal, clearing, refund ...
    REJECTED = "rejected"  # the event itself is unusable: nothing moved, dead-lettered


#: Outcomes of a question that a card asks.
ANSWERS = (Outcome.APPROVED, Outcome.PARTIALLY_APPROVED, Outcome.DECLINED)


class ReasonCode(StrEnum):
    """Reasons of declines, reviews and rejections. Declines stand in the order of the rules."""

    DEADLINE_MISSED = "deadline_missed"
    UNKNOWN_PAYMENT = "unknown_payment"
    PAYMENT_CLOSED = "payment_closed"
    CARD_UNKNOWN = "card_unknown"
    CARD_CANCELED = "card_canceled"
    CARD_FROZEN = "card_frozen"
    CARD_EXPIRED = "card_expired"
    CARD_USED = "card_used"
    MERCHANT_LOCKED = "merchant_locked"
    BLOCKED = "blocked"
    NOT_ALLOWED = "not_allowed"
    OUTSIDE_HOURS = "outside_hours"
    FRAUD_LIKELY = "fraud_likely"
    AMOUNT_TOO_LARGE = "amount_too_large"
    COUNT_EXCEEDED = "count_exceeded"
    LIMIT_EXCEEDED = "limit_exceeded"
    BUDGET_EXCEEDED = "budget_exceeded"
    LEASE_EXCEEDED = "lease_exceeded"

    TOLERANCE_USED = "tolerance_used"  # a review only

    UNDECODABLE = "undecodable"
    INVALID_EVENT = "invalid_event"
    DECISION_TOO_LARGE = "decision_too_large"
    CARD_NUMBER = "card_number"
    UNKNOWN_TYPE = "unknown_type"
    UNSUPPORTED_VERSION = "unsupported_version"
    TOMBSTONE = "tombstone"
    MISSING_KEY = "missing_key"
    KEY_MISMATCH = "key_mismatch"
    WRONG_PARTITION = "wrong_partition"
    OCCURRED_IN_FUTURE = "occurred_in_future"
    TOO_OLD = "too_old"
    UNKNOWN_DEPARTMENT = "unknown_department"
    SUM_OUT_OF_RANGE = "sum_out_of_range"
    TOO_MANY = "too_many"
    UNKNOWN_CURRENCY = "unknown_currency"
    WRONG_CURRENCY = "wrong_currency"
    WRONG_RATE = "wrong_rate"
    UNKNOWN_TIME_ZONE = "unknown_time_zone"
    INVALID_BUDGET = "invalid_budget"
    UNKNOWN_BUDGET = "unknown_budget"
    INVALID_POLICY = "invalid_policy"
    UNKNOWN_POLICY = "unknown_policy"
    INVALID_MODEL = "invalid_model"
    NO_ACTOR = "no_actor"
    REQUEST_EXISTS = "request_exists"
    UNKNOWN_REQUEST = "unknown_request"
    REQUEST_CLOSED = "request_closed"
    MAY_NOT_APPROVE = "may_not_approve"
    INVALID_DELEGATION = "invalid_delegation"
    UNKNOWN_DELEGATION = "unknown_delegation"
    INVALID_CARD = "invalid_card"
    UNKNOWN_CARD = "unknown_card"
    WRONG_STATUS = "wrong_status"
    UNKNOWN_AUTHORIZATION = "unknown_authorization"
    NOTHING_HELD = "nothing_held"
    EXCEEDS_HOLD = "exceeds_hold"
    EXCEEDS_SETTLED = "exceeds_settled"
    UNKNOWN_REFUND = "unknown_refund"
    EXCEEDS_REFUND = "exceeds_refund"
    REFUND_EXISTS = "refund_exists"
    UNKNOWN_DISPUTE = "unknown_dispute"
    DISPUTE_EXISTS = "dispute_exists"
    DISPUTE_RESOLVED = "dispute_resolved"
    UNKNOWN_POSTING = "unknown_posting"
    ALREADY_UNDONE = "already_undone"
    INVALID_CAP = "invalid_cap"
    NO_CAP = "no_cap"
    AUTHORIZATION_EXISTS = "authorization_exists"
    EXISTS_WITH_DIFFERENT_TYPE = "exists_with_different_type"
    EXISTS_WITH_DIFFERENT_AMOUNT = "exists_with_different_amount"
    EXISTS_WITH_DIFFERENT_CONTENT = "exists_with_different_content"


CONFLICTS = frozenset(
    {
        ReasonCode.EXISTS_WITH_DIFFERENT_TYPE,
        ReasonCode.EXISTS_WITH_DIFFERENT_AMOUNT,
        ReasonCode.EXISTS_WITH_DIFFERENT_CONTENT,
        ReasonCode.AUTHORIZATION_EXISTS,
    }
)


class Reason(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """One reason with its numbers, in minor units of `currency`. `current` is posted (at least 0) + held.

    `rule`: id of the budget or of the policy's rule that says so; `period`: which of its periods.
    `count` and `count_limit` are numbers of requests, `count` with this one.
    """

    code: ReasonCode
    detail: str | None = None  # what was wrong and where
    subject: str | None = None  # the name of what the rule guards, e.g. the department's
    rule: str | None = None
    period: str | None = None
    currency: str | None = None
    limit: int | None = None
    posted: int | None = None
    held: int | None = None
    requested: int | None = None
    count: int | None = None
    count_limit: int | None = None
    fraud: bool = False

    @property
    def current(self) -> int:
        return max(0, self.posted or 0) + (self.held or 0)

    @property
    def available(self) -> int | None:
        return None if self.limit is None else self.limit - self.current


# ISO 8583:1987 field 39, as card networks use it.
_RESPONSE_CODES = {
    ReasonCode.DEADLINE_MISSED: "91",  # issuer unavailable
    ReasonCode.UNKNOWN_PAYMENT: "25",  # unable to locate the original
    ReasonCode.PAYMENT_CLOSED: "12",  # invalid transaction
    ReasonCode.CARD_UNKNOWN: "14",
    ReasonCode.CARD_CANCELED: "62",  # restricted card
    ReasonCode.CARD_FROZEN: "62",
    ReasonCode.CARD_EXPIRED: "54",
    ReasonCode.CARD_USED: "62",
    ReasonCode.MERCHANT_LOCKED: "57",  # not permitted to this card
    ReasonCode.BLOCKED: "57",
    ReasonCode.NOT_ALLOWED: "57",
    ReasonCode.OUTSIDE_HOURS: "57",
    ReasonCode.FRAUD_LIKELY: "59",  # suspected fraud
    ReasonCode.AMOUNT_TOO_LARGE: "61",  # exceeds amount limit
    ReasonCode.COUNT_EXCEEDED: "65",  # exceeds frequency limit
    ReasonCode.LIMIT_EXCEEDED: "61",
    ReasonCode.BUDGET_EXCEEDED: "61",
    ReasonCode.LEASE_EXCEEDED: "61",
}
SUSPECTED_FRAUD = "59"
DEPARTMENT = "department"  # the id of the budget that people mean when they say budget


def response_code(outcome: Outcome, reasons: tuple[Reason, ...], event_type: str | None = None) -> str:
    """The ISO 8583 field 39 code.

    00 approved, 10 approved in part, 85 nothing against a zero-amount verification, that of the first reason
    when declined, 94 an authorization or event id used twice, 30 another unusable event.
    """
    if outcome is Outcome.DECLINED:
        first = reasons[0]
        return SUSPECTED_FRAUD if first.fraud else _RESPONSE_CODES[first.code]
    if outcome is Outcome.PARTIALLY_APPROVED:
        return "10"
    if outcome is Outcome.REJECTED:
        return "94" if reasons and reasons[0].code in CONFLICTS else "30"
    return "85" if event_type == "verification.requested" else "00"


def sentence(reason: Reason) -> str:
    """The reason for a person, with its numbers."""
    words = _SENTENCES.get(reason.code)
    if words is not None:
        return words(reason)
    said = reason.code.value.replace("_", " ")
    return f"{said}: {reason.detail}" if reason.detail else said


def _budget_exceeded(reason: Reason) -> str:
    level, colon, _ = (reason.rule or DEPARTMENT).partition(":")
    whose = level.capitalize() if colon or level == DEPARTMENT else f"Budget {level}:"
    return (
        f"{whose} '{reason.subject}' budget exceeded. "
        f"Limit: {_display(reason.limit, reason.currency)}, "
        f"Current: {_display(reason.current, reason.currency)}, "
        f"Requested: {_display(reason.requested, reason.currency)}"
    )


def _lease_exceeded(reason: Reason) -> str:
    return (
        f"Shared limit of {reason.subject}: this department holds "
        f"{_display(reason.limit, reason.currency)} of it for "
        f"{reason.period}, {_display(reason.available, reason.currency)} of that is left, "
        f"{_display(reason.requested, reason.currency)} requested. More has been asked for"
    )


def _limit_exceeded(reason: Reason) -> str:
    return (
        f"Limit '{reason.rule}' of {reason.subject} exceeded ({reason.period}). "
        f"Limit: {_display(reason.limit, reason.currency)}, "
        f"Current: {_display(reason.current, reason.currency)}, "
        f"Requested: {_display(reason.requested, reason.currency)}"
    )


def _amount_too_large(reason: Reason) -> str:
    return (
        f"Rule '{reason.rule}': at most {_display(reason.limit, reason.currency)} in one payment, "
        f"{_display(reason.requested, reason.currency)} requested"
    )


def _count_exceeded(reason: Reason) -> str:
    return (
        f"Rule '{reason.rule}': at most {reason.count_limit} of {reason.subject} ({reason.period}), "
        f"this would be number {reason.count}"
    )


def _fraud_likely(reason: Reason) -> str:
    return f"Rule '{reason.rule}': {reason.detail}"


def _tolerance_used(reason: Reason) -> str:
    return (
        f"Budget '{reason.subject}' is exceeded within its tolerance. "
        f"Limit: {_display(reason.limit, reason.currency)}, "
        f"Current: {_display(reason.current, reason.currency)}, "
        f"Requested: {_display(reason.requested, reason.currency)}"
    )


_SENTENCES: dict[ReasonCode, Callable[[Reason], str]] = {
    ReasonCode.BUDGET_EXCEEDED: _budget_exceeded,
    ReasonCode.LEASE_EXCEEDED: _lease_exceeded,
    ReasonCode.LIMIT_EXCEEDED: _limit_exceeded,
    ReasonCode.AMOUNT_TOO_LARGE: _amount_too_large,
    ReasonCode.COUNT_EXCEEDED: _count_exceeded,
    ReasonCode.TOLERANCE_USED: _tolerance_used,
    ReasonCode.FRAUD_LIKELY: _fraud_likely,
}


def _display(minor: int | None, currency: str | None) -> str:
    """`$6,000` or `$6,000.50`: whole amounts without their zero fraction."""
    if minor is None or currency is None:
        return "?"
    digits = exponent(currency)
    whole = minor % 10**digits == 0
    return format_currency(
        Decimal(minor).scaleb(-digits),
        currency,
        format="¤#,##0" if whole else None,
        locale="en_US",
        currency_digits=not whole,
    )
