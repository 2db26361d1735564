"""Lines of a settlement file against what the ledger settled, in one transaction of PostgreSQL.

A movement is a decision by which the organization's `card-payable` moved. Passes in the order of how certain
they are: by the processor's reference, by the payment and amount, then by card, merchant, amount and day,
where nothing else could be meant. Amounts are compared in SQL; nothing is held in this process.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cache
from importlib.resources import files
from typing import Any, Final, LiteralString, NamedTuple

from infra.jobs.job import Connection

#: Bookings so many days before and after the file's own are looked at: a reference may be that late.
AROUND_DAYS: Final = 45

_MONEY_OF_LINE: Final[LiteralString] = "line.minor::text, line.currency, line.refund::text"
_MONEY: Final[LiteralString] = "minor::text, currency, refund::text"
_PLACE_OF_LINE: Final[LiteralString] = f"{_MONEY_OF_LINE}, line.card_id, line.merchant_key"
_PLACE: Final[LiteralString] = f"{_MONEY}, card_id, merchant_key"
_CARD_OF_LINE: Final[LiteralString] = (
    f"{_MONEY_OF_LINE}, line.card_id, CASE WHEN line.merchant_key IS NULL THEN '-' END"
)
_CARD: Final[LiteralString] = f"{_MONEY}, card_id, '-'"


class _Pass(NamedTuple):
    """`of_line` and `of_movement`: what must be equal, as lists of SQL. `alone`: only where each is one."""

    name: str
    of_line: LiteralString
    of_movement: LiteralString
    alone: bool = False
    near: bool = False

    @property
    def looks(self) -> bool:
        """Whether it goes by what a line looks like; then a line that the books know by name is no other."""
        return self.name in ("day", "near")


_PASSES: Final = (
    _Pass("reference", f"line.reference, {_MONEY_OF_LINE}", f"event_id, {_MONEY}"),
    _Pass("reference", f"line.reference, {_MONEY_OF_LINE}", f"refund_id, {_MONEY}"),
    _Pass("authorization", f"line.authorization_id, {_MONEY_OF_LINE}", f"authorization_id, {_MONEY}"),
    _Pass("authorization", f"line.reference, {_MONEY_OF_LINE}", f"authorization_id, {_MONEY}"),
    _Pass("reference", "line.reference", "event_id", alone=True),
    _Pass("reference", "line.reference", "refund_id", alone=True),
    _Pass(
        "authorization", "line.authorization_id, line.refund::text", "authorization_id, refund::text", True
    ),
    _Pass("authorization", "line.reference, line.refund::text", "authorization_id, refund::text", True),
    _Pass("day", f"{_PLACE_OF_LINE}, line.day::text", f"{_PLACE}, day::text"),
    _Pass("day", f"{_PLACE_OF_LINE}, line.bought::text", f"{_PLACE}, day::text"),
    _Pass("near", _PLACE_OF_LINE, _PLACE, near=True),
    _Pass("near", _CARD_OF_LINE, _CARD, near=True),
)


Told = Callable[[int, int], Awaitable[None]]


async def match_file(
    connection: Connection, organization_id: str, file_id: str, told: Told | None = None
) -> bool:
    """Finds for each open line what it is; again gives the same. False: there is no such file to be matched.

    `told`: is called with the steps that are done, and all of them.

    The caller's transaction makes all of it happen, or nothing.
    """
    asked: dict[str, Any] = {
        "organization_id": organization_id,
        "file_id": file_id,
        "around_days": AROUND_DAYS,
    }
    found = await connection.execute(_FIND, asked)
    row = await found.fetchone()
    if row is None:
        return False
    asked["days_max"] = row[0]
    # Of what a statement has just found the planner knows nothing, and for few rows it would go by each of
    # them through all of the others: 100,000 times 100,000.
    await connection.execute("SET LOCAL enable_nestloop = off")
    steps = _steps()
    for number, (sql, more) in enumerate(steps):
        if told is not None:
            await told(number, len(steps))
        await connection.execute(sql, asked | more)
    return True


def _steps() -> list[tuple[LiteralString, dict[str, str]]]:
    """Statements in their order, each with what it is asked besides."""
    passes = [(_pass_sql(one), {"matched_by": one.name}) for one in _PASSES]
    first: list[tuple[LiteralString, dict[str, str]]] = [
        *((_sql(name), {}) for name in ("begin", "movements", "known")),
        ("ANALYZE movement", {}),
    ]
    return [*first, *passes, *((_sql(name), {}) for name in ("rest", "cancelled", "missing_there", "end"))]


#: One file of an organization at a time: two could claim the same booking.
_FIND: Final[LiteralString] = """
SELECT days_max, pg_advisory_xact_lock(hashtextextended('reconciliation ' || organization_id, 0))
FROM settlement_file
WHERE organization_id = %(organization_id)s AND file_id = %(file_id)s AND status IN ('matching', 'matched')
FOR UPDATE
"""


_NOT_KNOWN: Final[LiteralString] = """
            AND NOT coalesce(line.reference IN (SELECT name FROM known), false)
            AND NOT coalesce(line.authorization_id IN (SELECT name FROM known), false)"""


@cache
def _pass_sql(one: _Pass) -> LiteralString:
    return (
        _sql("pair_near" if one.near else "pair")
        .replace("/* key of line */", f"ARRAY[{one.of_line}]")
        .replace("/* key of movement */", f"ARRAY[{_qualified(one) if one.near else one.of_movement}]")
        .replace("/* and is not known */", _NOT_KNOWN if one.looks else "")
        .replace("/* many or one */", "line.many = 1 AND booked.many = 1" if one.alone else "true")
    )


def _qualified(one: _Pass) -> LiteralString:
    """The movement's columns beside those of a line, which has the same names."""
    parts: list[LiteralString] = [
        part if part.startswith("'") else f"movement.{part}" for part in one.of_movement.split(", ")
    ]
    return ", ".join(parts)


@cache
def _sql(name: str) -> LiteralString:
    """A file of this package is part of the program, so as literal as text in a module."""
    text: LiteralString = (
        files("infra.reconciliation").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")
    )
    return text
