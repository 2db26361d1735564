"""Lists of journal entries: filters to SQL that reads a page from an index, whatever the table holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, LiteralString, NamedTuple

from api.stores.ledger import LedgerReads
from api.stores.postgres import QUERY_TIMEOUT_S, Row
from api.stores.sql import statement
from api.stores.transactions import LIST_TIMEOUT_S
from schemas.bookings import BookingKind, Layer
from schemas.ids import Position

EntryOrder = Literal["newest", "oldest"]
#: As the index of the rare kinds has it; an account that only these touch says so as well.
_RARE: Final[LiteralString] = "t.kind NOT IN ('hold', 'release', 'expiry', 'clearing')"
_COMMON: Final = ("hold", "release", "expiry", "clearing")
_RARE_ACCOUNTS: Final = (":fx-difference", ":provisional-credit")


class EntryKey(NamedTuple):
    """Where a page ended."""

    recorded_at: datetime
    partition: int
    seq: int
    n: int
    leg: int


@dataclass(frozen=True, slots=True)
class EntryFilters:
    """None: of all. Times in [since, until); `recorded_by` and `occurred_by` are included.

    `payment`: the partition and the numbers of the decisions about one; `up_to`: a decision, included.
    """

    department_id: str | None = None
    account: str | None = None
    kind: BookingKind | None = None
    layer: Layer | None = None
    currency: str | None = None
    period: str | None = None
    authorization_id: str | None = None
    payment: tuple[int, tuple[int, ...]] | None = None
    since: datetime | None = None
    until: datetime | None = None
    recorded_by: datetime | None = None
    occurred_by: datetime | None = None
    up_to: Position | None = None


_CONDITIONS: Final[dict[str, LiteralString]] = {
    "account": "%(account)s IN (t.debit_account, t.credit_account)",
    "kind": "t.kind = %(kind)s",
    "layer": "t.layer = %(layer)s",
    "currency": "t.currency = %(currency)s",
    "period": "t.period = %(period)s",
    "authorization_id": "t.authorization_id = %(authorization_id)s",
    "payment": "t.partition = %(of_partition)s AND t.seq = ANY(%(seqs)s::bigint[])",
    "since": "t.recorded_at >= %(since)s",
    "until": "t.recorded_at < %(until)s",
    "recorded_by": "t.recorded_at <= %(recorded_by)s",
    "occurred_by": "coalesce(t.occurred_at, t.recorded_at) <= %(occurred_by)s",
    "up_to": "t.partition = %(up_to_partition)s AND t.seq <= %(up_to_seq)s",
}


def entries_sql(filters: EntryFilters, order: EntryOrder, after: EntryKey | None) -> LiteralString:
    """The statement of a page. Parameters: `entry_parameters`, `organization_id`, `rows_max`, `partition`."""
    conditions = [text for name, text in _CONDITIONS.items() if getattr(filters, name) is not None]
    rare_account = filters.account is not None and filters.account.endswith(_RARE_ACCOUNTS)
    if rare_account or (filters.kind is not None and filters.kind not in _COMMON):
        conditions.append(_RARE)
    direction: LiteralString = "DESC" if order == "newest" else "ASC"
    if after is not None:
        beyond: LiteralString = "<" if order == "newest" else ">"
        conditions.append(
            f"(t.recorded_at, t.partition, t.seq, t.n, t.leg) {beyond} "
            "(%(after_at)s, %(after_partition)s, %(after_seq)s, %(after_n)s, %(after_leg)s)"
        )
    return (
        statement("journal_entries")
        .replace("/* conditions */", "".join(f" AND {text}" for text in conditions))
        .replace("/* order of t */", _ordered("t", direction))
        .replace("/* order of one */", _ordered("one", direction))
        .replace("/* order of found */", _ordered("found", direction))
    )


def _ordered(table: LiteralString, direction: LiteralString) -> LiteralString:
    columns: tuple[LiteralString, ...] = ("recorded_at", "partition", "seq", "n", "leg")
    return ", ".join(f"{table}.{column} {direction}" for column in columns)


def entry_parameters(filters: EntryFilters, after: EntryKey | None) -> dict[str, Any]:
    """Those of `entries_sql` that stand in the filters and the cursor."""
    given: dict[str, Any] = {name: getattr(filters, name) for name in filters.__slots__}
    payment, up_to = given.pop("payment"), given.pop("up_to")
    if payment is not None:
        given |= {"of_partition": payment[0], "seqs": list(payment[1])}
    if up_to is not None:
        given |= {"up_to_partition": up_to.partition, "up_to_seq": up_to.seq}
    if after is not None:
        given |= {
            "after_at": after.recorded_at,
            "after_partition": after.partition,
            "after_seq": after.seq,
            "after_n": after.n,
            "after_leg": after.leg,
        }
    return given


async def entries_page(
    ledger: LedgerReads,
    organization_id: str,
    filters: EntryFilters,
    order: EntryOrder,
    after: EntryKey | None,
    position: Position | None,
    *,
    rows_max: int,
    wait_s: float,
) -> Row:
    """The row of journal_entries.sql, with at most `rows_max` entries in their order.

    Raises:
        Problem: 503, PostgreSQL does not answer, or has not reached the position within `wait_s`.
    """
    asked = {"organization_id": organization_id, "rows_max": rows_max}
    return await ledger.run(
        entries_sql(filters, order, after),
        position,
        wait_s=wait_s,
        timeout_s=LIST_TIMEOUT_S + QUERY_TIMEOUT_S,
        prepare=False,
        asked=asked | entry_parameters(filters, after),
    )
