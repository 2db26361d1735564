"""Lists of transactions: filters to SQL that reads a page's rows from an index, whatever the table holds.

Every filter has an index in the order of the list (docs/decisions/0038). A filter with several values is a
branch for each of them, merged; so is a person, who pays with his own cards and with those that are nobody's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, LiteralString

import msgspec

from api.stores.ledger import LedgerReads
from api.stores.payment_pages import NEWEST, OLDEST, ListOrder, PaymentPlace
from api.stores.postgres import QUERY_TIMEOUT_S
from api.stores.sql import statement
from schemas.authorizations import Authorization, Status
from schemas.ids import Position
from schemas.names import folded

Order = Literal["newest", "oldest", "largest", "smallest"]

#: Longest time of a list: it reads rows by an index, but by which ones is for the planner to find out.
LIST_TIMEOUT_S = 1.5
# Of more merchants whose names fit the pages are found along the list itself: they cannot be rare.
KEYS_MAX = 300

_decoder = msgspec.json.Decoder(Authorization)


@dataclass(frozen=True, slots=True)
class Filters:
    """None, or empty: of all. `merchant`: its key; `words`: parts of the key. Times in [since, until)."""

    statuses: tuple[Status, ...] = ()
    granted: bool = False
    flagged: bool | None = None
    review: bool | None = None
    amount_min: int | None = None
    amount_max: int | None = None
    currency: str | None = None
    merchant: str | None = None
    words: tuple[str, ...] = ()
    mccs: tuple[str, ...] = ()
    department_id: str | None = None
    card_id: str | None = None
    employee: str | None = None
    since: datetime | None = None
    until: datetime | None = None


_ORDERS: Final[dict[Order, ListOrder]] = {
    "newest": NEWEST,
    "oldest": OLDEST,
    "largest": ListOrder("amount", down=True),
    "smallest": ListOrder("amount", down=False),
}
# Members of Filters that are one condition of a row, and the condition.
_CONDITIONS: Final[dict[str, LiteralString]] = {
    "flagged": "a.flagged = %(flagged)s",
    "review": "a.review = %(review)s",
    "amount_min": "a.amount >= %(amount_min)s",
    "amount_max": "a.amount <= %(amount_max)s",
    "currency": "a.currency = %(currency)s",
    "merchant": "a.merchant_key = %(merchant)s",
    "department_id": "a.department_id = %(department_id)s",
    "card_id": "a.card_id = %(card_id)s",
    "since": "a.created_at >= %(since)s",
    "until": "a.created_at < %(until)s",
}
# Members with several values, the rarest first: one of them is a branch for each value.
_SEVERAL: Final[dict[str, tuple[LiteralString, LiteralString]]] = {
    "keys": ("unnest(%(keys)s::text[])", "a.merchant_key = {}"),
    "mccs": ("unnest(%(mccs)s::text[])", "a.mcc = {}"),
    "statuses": ("unnest(%(statuses)s::text[])", "a.status = {}"),
}
#: Many merchants have the words. Behind the wall PostgreSQL may not ask its statistics about LIKE, which is
#: not leakproof; it takes it for rare, and sorts all there is. Of a CASE it expects one row in two.
_LIKE_MANY: Final[LiteralString] = (
    "CASE WHEN a.merchant_key LIKE ALL(%(words)s::text[]) THEN TRUE ELSE FALSE END"
)
_PERSON_S_CARDS: Final[LiteralString] = "unnest(%(cards)s::text[], %(departments)s::text[])"
_BY_CARD: Final[LiteralString] = "a.card_id = source.card_id AND a.department_id = source.department_id"
_BY_HOLDER: Final[LiteralString] = """a.cardholder = %(employee)s AND NOT EXISTS (
        SELECT 1
        FROM card
        WHERE card.organization_id = a.organization_id AND card.department_id = a.department_id
            AND card.card_id = a.card_id AND card.employee IS NOT NULL
    )"""


def page_sql(filters: Filters, order: Order, after: PaymentPlace | None, *, by_name: bool) -> LiteralString:
    """The statement of a page. `by_name`: merchants are given by the parameter `keys`; else by `words`.

    Parameters: those of `parameters`, `organization_id`, `rows_max`, and of `after`.
    """
    by = _ORDERS[order]
    conditions: list[LiteralString] = [
        text for name, text in _CONDITIONS.items() if getattr(filters, name) is not None
    ]
    if filters.granted:
        conditions.append("a.authorized > 0")
    if filters.words and not by_name:
        conditions.append(_LIKE_MANY)
    if after is not None:
        conditions.append(by.beyond("a"))
    given = {"keys": bool(filters.words) and by_name, "mccs": filters.mccs, "statuses": filters.statuses}
    several = [name for name in _SEVERAL if given[name]]
    if filters.employee is not None:
        conditions += [_SEVERAL[name][1].format(f"ANY(%({name})s::text[])") for name in several]
        branches = [
            _branch(f"{_PERSON_S_CARDS} AS source(card_id, department_id)", [_BY_CARD, *conditions], by),
            _branch("(SELECT 1) AS source", [_BY_HOLDER, *conditions], by),
        ]
    elif several:
        first, *others = several
        source, equal = _SEVERAL[first]
        conditions += [_SEVERAL[name][1].format(f"ANY(%({name})s::text[])") for name in others]
        branches = [_branch(f"{source} AS source(value)", [equal.format("source.value"), *conditions], by)]
    else:
        branches = [_branch("(SELECT 1) AS source", conditions, by)]
    return (
        statement("transactions")
        .replace("/* branches */", " UNION ALL ".join(branches))
        .replace("/* order of merged */", by.of("merged"))
        .replace("/* order of found */", by.of("found"))
    )


def _branch(source: LiteralString, conditions: Sequence[LiteralString], by: ListOrder) -> LiteralString:
    return (
        statement("transactions_branch")
        .replace("/* source */ AS source", source)
        .replace("/* conditions */", "".join(f" AND {text}" for text in conditions))
        .replace("/* order of a */", by.of("a"))
    )


def parameters(filters: Filters, after: PaymentPlace | None) -> dict[str, Any]:
    """Those of `page_sql` that stand in the filters and the cursor."""
    given = {name: getattr(filters, name) for name in filters.__slots__}
    given["statuses"] = [status.value for status in filters.statuses]
    given["mccs"] = list(filters.mccs)
    given["words"] = likes(filters.words)
    return given if after is None else given | after.parameters


def likes(words: Sequence[str]) -> list[str]:
    """Patterns of LIKE that have the words anywhere, letter for letter."""
    escaped = (word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") for word in words)
    return [f"%{word}%" for word in escaped]


def words_of(search: str) -> tuple[str, ...]:
    """What a search asks a merchant's key for."""
    return tuple(dict.fromkeys(folded(search).split()))


@dataclass(frozen=True, slots=True)
class TransactionReads:
    """Pages of one organization's transactions."""

    ledger: LedgerReads

    async def page(
        self,
        organization_id: str,
        filters: Filters,
        order: Order,
        after: PaymentPlace | None,
        position: Position | None,
        *,
        rows_max: int,
        wait_s: float,
    ) -> list[Authorization]:
        """At most `rows_max`, in their order.

        Raises:
            Problem: 503, PostgreSQL does not answer, or has not reached the position within `wait_s`.
        """
        asked = {"organization_id": organization_id, "rows_max": rows_max, **parameters(filters, after)}
        by_name = False
        if filters.words:
            row = await self.ledger.find("merchant_keys", position, wait_s=wait_s, **asked, keys_max=KEYS_MAX)
            by_name = len(row["keys"]) < KEYS_MAX
            asked["keys"] = row["keys"]
        if filters.employee is not None:
            row = await self.ledger.find("cards_of_employee", position, wait_s=wait_s, **asked)
            asked |= {"cards": row["cards"], "departments": row["departments"]}
        row = await self.ledger.run(
            page_sql(filters, order, after, by_name=by_name),
            position,
            wait_s=wait_s,
            timeout_s=LIST_TIMEOUT_S + QUERY_TIMEOUT_S,
            prepare=False,
            asked=asked,
        )
        return [_decoder.decode(body) for body in row["bodies"]]
