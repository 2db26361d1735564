"""What the columns of the books may hold, table by table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, NamedTuple, get_origin

from msgspec import inspect

from schemas.event import ShortText
from schemas.ids import Identifier, Name
from schemas.money import CurrencyCode, MinorUnits
from sinks.ledger import kinds
from sinks.ledger.rows import ROWS
from sinks.ledger.statements import columns

_EVENT: Final = "the event's schema"

#: Tables that are written otherwise than by row types -> their columns that have a bound, and of which kind.
_TABLES: Final[Mapping[str, Mapping[str, Any]]] = {
    "decision": {
        "organization_id": Name,
        "department_id": Name,
        "event_id": Identifier,
        "authorization_id": Identifier,
        "card_id": Identifier,
        "actor": ShortText,
        "currency": CurrencyCode,
        "amount": kinds.Total,
        "event_type": kinds.Code,
        "outcome": kinds.Code,
        "reason": kinds.Code,
        "review": kinds.Code,
        "hash": kinds.Hash,
        "record": kinds.LogRecord,
    },
    "transfer": {
        "organization_id": Name,
        "department_id": Name,
        "authorization_id": Identifier,
        "amount": kinds.PositiveTotal,
        "debit_account": kinds.AccountName,
        "credit_account": kinds.AccountName,
        "period": kinds.PeriodLabel,
    },
    "account": {"organization_id": Name, "department_id": Name, "name": kinds.AccountName},
    "card_authorization": {
        "organization_id": Name,
        "department_id": Name,
        "authorization_id": Identifier,
        "card_id": Identifier,
        "cardholder": ShortText,
        "mcc": kinds.Mcc,
        "currency": CurrencyCode,
        "requested": MinorUnits,
        "authorized": MinorUnits,
        "held": kinds.Total,
        "status": kinds.Code,
        "merchant_key": kinds.MerchantKey,
    },
    "department_tick": {"organization_id": Name, "department_id": Name},
    "merchant": {"organization_id": Name, "name": kinds.MerchantName, "merchant_key": kinds.MerchantKey},
}


class Bound(NamedTuple):
    """Of one column: characters of a text, else the number itself. `by`: who refuses it first."""

    table: str
    column: str
    least: int
    most: int
    text: bool
    by: str


def bounds() -> list[Bound]:
    """One for each column that has one."""
    tables = {table: dict(found) for table, found in _TABLES.items()}
    for table, rows in ROWS.items():
        tables[table] = {name: kind for row in rows for name, kind in columns(row).items()}
    found = (_bound(table, column, kind) for table, of in tables.items() for column, kind in of.items())
    return [bound for bound in found if bound is not None]


def _bound(table: str, column: str, kind: Any) -> Bound | None:
    """What `kind`, an annotation, says of the column; None: it has no bound of its own."""
    if get_origin(kind) is not Annotated or kind == kinds.Json:
        return None
    by = next((more for more in kind.__metadata__ if isinstance(more, str)), _EVENT)
    info = inspect.type_info(kind)
    if isinstance(info, inspect.Metadata):
        info = info.type
    if isinstance(info, inspect.StrType):
        assert info.max_length is not None
        return Bound(table, column, info.min_length or 0, info.max_length, True, by)
    assert isinstance(info, inspect.IntType)
    assert info.le is not None
    least = info.ge if info.gt is None else info.gt + 1
    assert least is not None
    return Bound(table, column, int(least), int(info.le), False, by)
