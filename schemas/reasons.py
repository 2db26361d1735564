"""Why an answer is what it is: stable codes, their ISO 8583 response codes and their sentences."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

import msgspec
from babel.numbers import format_currency

from schemas.money import exponent


class Outcome(StrEnum):
    """What became of an event. Approved and declined answer an authorization request."""

    APPROVED = "approved"
    DECLINED = "declined"
    ACCEPTED = "accepted"  # took effect: a budget, reversal, clearing or refund
    REJECTED = "rejected"  # the event itself is unusable: nothing moved, dead-lettered


class ReasonCode(StrEnum):
    """Reasons of declines and rejections. The order of the declines is the order of the rules."""

    BUDGET_EXCEEDED = "budget_exceeded"

    UNDECODABLE = "undecodable"
    INVALID_EVENT = "invalid_event"
    UNKNOWN_TYPE = "unknown_type"
    UNSUPPORTED_VERSION = "unsupported_version"
    TOMBSTONE = "tombstone"
    MISSING_KEY = "missing_key"
    KEY_MISMATCH = "key_mismatch"
    WRONG_PARTITION = "wrong_partition"
    OCCURRED_IN_FUTURE = "occurred_in_future"
    TOO_OLD = "too_old"
    UNKNOWN_DEPARTMENT = "unknown_department"
    UNKNOWN_CURRENCY = "unknown_currency"
    WRONG_CURRENCY = "wrong_currency"
    UNKNOWN_TIME_ZONE = "unknown_time_zone"
    UNKNOWN_AUTHORIZATION = "unknown_authorization"
    NOTHING_HELD = "nothing_held"
    EXCEEDS_HOLD = "exceeds_hold"
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
    """One reason with its numbers, in minor units of `currency`. `current` is posted + held."""

    code: ReasonCode
    detail: str | None = None  # rejections: what was wrong and where
    subject: str | None = None  # the name of what the rule guards, e.g. the department's
    currency: str | None = None
    limit: int | None = None
    posted: int | None = None
    held: int | None = None
    requested: int | None = None

    @property
    def current(self) -> int:
        return (self.posted or 0) + (self.held or 0)

    @property
    def available(self) -> int | None:
        return None if self.limit is None else self.limit - self.current


# ISO 8583:1987 field 39, as card networks use it.
_RESPONSE_CODES = {ReasonCode.BUDGET_EXCEEDED: "61"}


def response_code(outcome: Outcome, reasons: tuple[Reason, ...]) -> str:
    """The ISO 8583 field 39 code: 00 approved, that of the first reason when declined, 30 unusable event."""
    if outcome is Outcome.DECLINED:
        return _RESPONSE_CODES[reasons[0].code]
    return "30" if outcome is Outcome.REJECTED else "00"


def sentence(reason: Reason) -> str:
    """The reason for a person, with its numbers."""
    if reason.code is ReasonCode.BUDGET_EXCEEDED:
        return (
            f"Department '{reason.subject}' budget exceeded. "
            f"Limit: {_display(reason.limit, reason.currency)}, "
            f"Current: {_display(reason.current, reason.currency)}, "
            f"Requested: {_display(reason.requested, reason.currency)}"
        )
    words = reason.code.value.replace("_", " ")
    return f"{words}: {reason.detail}" if reason.detail else words


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
