"""What the columns of the books may hold: the bounds of events and sums a second time, for the database.

The newest migration that names a column holds it there; a test tries each of them by SQL.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Final, NamedTuple

import msgspec
from msgspec import inspect

from schemas.administration import BudgetId
from schemas.event import ShortText
from schemas.ids import Identifier, Name
from schemas.money import TOTAL_MAX, CurrencyCode, MinorUnits, PositiveMinorUnits
from schemas.names import MERCHANT_KEY_MAX
from schemas.topics import MESSAGE_BYTES_MAX

_Label = Annotated[str, msgspec.Meta(min_length=1, max_length=10)]  # 2026-11-21, lifetime
_Zone = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
_Code = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
_Hash = Annotated[str, msgspec.Meta(min_length=64, max_length=64)]
_Record = Annotated[str, msgspec.Meta(min_length=1, max_length=MESSAGE_BYTES_MAX)]
_Mcc = Annotated[str, msgspec.Meta(min_length=4, max_length=4)]
_MerchantName = Annotated[str, msgspec.Meta(min_length=1, max_length=MERCHANT_KEY_MAX)]
_BudgetName = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
# department:ORGANIZATION/DEPARTMENT:encumbrance-reserve
_Account = Annotated[str, msgspec.Meta(min_length=1, max_length=160)]
# rule:RULE_ID:SUBJECT
_Budget = Annotated[str, msgspec.Meta(min_length=1, max_length=len("rule::") + 64 + 200)]
_Day = Annotated[int, msgspec.Meta(ge=1, le=28)]
_Month = Annotated[int, msgspec.Meta(ge=1, le=12)]
_Total = Annotated[int, msgspec.Meta(ge=0, le=TOTAL_MAX)]
_PositiveTotal = Annotated[int, msgspec.Meta(ge=1, le=TOTAL_MAX)]
_SignedTotal = Annotated[int, msgspec.Meta(ge=-TOTAL_MAX, le=TOTAL_MAX)]


class Bound(NamedTuple):
    """Of one column: characters of a text, else the number itself. `by`: who refuses it first."""

    table: str
    column: str
    least: int
    most: int
    text: bool
    by: str


_EVENT: Final = "the event's schema"
_CORE: Final = "the core (`sum_out_of_range`)"
_OURS: Final = "made here"

_TABLES: Final = (
    *("decision", "transfer", "account", "card_authorization", "budget", "budget_increase"),
    *("increase_request", "budget_period", "limit_change", "policy_version", "card", "refund", "dispute"),
    *("company_cap", "lease", "department_tick", "merchant"),
)
_Row = tuple[tuple[str, ...], Any, tuple[str, ...]]  # columns, their type, the tables that have them

_PAYMENTS: Final = ("decision", "transfer", "card_authorization", "refund", "dispute")
_OF_EVENTS: Final[tuple[_Row, ...]] = (
    (("organization_id",), Name, _TABLES),
    (("department_id",), Name, tuple(table for table in _TABLES if table not in ("company_cap", "merchant"))),
    (("event_id",), Identifier, ("decision",)),
    (("authorization_id",), Identifier, _PAYMENTS),
    (("card_id",), Identifier, ("decision", "card_authorization", "card", "refund")),
    (("refund_id",), Identifier, ("refund",)),
    (("dispute_id",), Identifier, ("dispute",)),
    (("request_id",), Identifier, ("increase_request",)),
    (("budget_id",), BudgetId, ("budget", "budget_increase", "increase_request")),
    (("subject",), Identifier, ("budget",)),
    (("name",), _BudgetName, ("budget",)),
    (("time_zone",), _Zone, ("budget", "company_cap")),
    (("start_day",), _Day, ("budget", "company_cap")),
    (("start_month",), _Month, ("budget", "company_cap")),
    (("period",), ShortText, ("budget_period", "lease")),
    (("team",), Name, ("card",)),
    (("employee",), ShortText, ("card",)),
    (("actor",), ShortText, ("decision",)),
    (("cardholder",), ShortText, ("card_authorization",)),
    (("mcc",), _Mcc, ("card_authorization",)),
    (("name",), _MerchantName, ("merchant",)),
    (("asked_by", "reason", "refused_by", "refusal_reason"), ShortText, ("increase_request",)),
    (
        ("currency",),
        CurrencyCode,
        ("decision", "card_authorization", "budget", "increase_request", "refund", "dispute", "company_cap"),
    ),
    (("limit_minor",), MinorUnits, ("budget", "company_cap")),
    (("tolerance_minor",), MinorUnits, ("budget",)),
    (("amount",), PositiveMinorUnits, ("budget_increase", "increase_request", "dispute")),
    (("requested", "authorized"), MinorUnits, ("card_authorization",)),
    (("asked_minor",), MinorUnits, ("lease",)),
)
_OF_CORE: Final[tuple[_Row, ...]] = (
    (("amount",), _Total, ("decision",)),
    (("amount",), _PositiveTotal, ("transfer",)),
    (("held",), _Total, ("card_authorization",)),
    (("limit_minor",), _SignedTotal, ("budget_period", "limit_change")),
    (("posted_minor",), _SignedTotal, ("budget_period",)),
    (("held_minor",), _Total, ("budget_period",)),
)
_MADE_HERE: Final[tuple[_Row, ...]] = (
    (("event_type", "outcome", "reason", "review"), _Code, ("decision",)),
    (("status",), _Code, ("card_authorization",)),
    (("hash",), _Hash, ("decision",)),
    (("merchant_key",), _MerchantName, ("card_authorization", "merchant")),
    (("record",), _Record, ("decision",)),
    (("debit_account", "credit_account"), _Account, ("transfer",)),
    (("name",), _Account, ("account",)),
    (("budget_id",), _Budget, ("budget_period",)),
    (("period",), _Label, ("transfer", "limit_change")),
)


def bounds() -> Iterator[Bound]:
    """One for each column that has one, by who refuses it first."""
    for rows, by in ((_OF_EVENTS, _EVENT), (_OF_CORE, _CORE), (_MADE_HERE, _OURS)):
        for columns, kind, tables in rows:
            info = inspect.type_info(kind)
            if isinstance(info, inspect.Metadata):
                info = info.type
            for column in columns:
                for table in tables:
                    yield _bound(table, column, info, by)


def _bound(table: str, column: str, info: inspect.Type, by: str) -> Bound:
    if isinstance(info, inspect.StrType):
        assert info.max_length is not None
        return Bound(table, column, info.min_length or 0, info.max_length, True, by)
    assert isinstance(info, inspect.IntType)
    assert info.le is not None
    least = info.ge if info.gt is None else info.gt + 1
    assert least is not None
    return Bound(table, column, int(least), int(info.le), False, by)
