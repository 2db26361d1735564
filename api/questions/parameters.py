"""A typed query to the parameters of its statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from api.questions.errors import NotUnderstood
from api.questions.fiscal_calendar import OrgCalendar, Unit
from api.questions.organization_names import Directory
from api.questions.query import OTHER, TIMES, AmountRange, AskedPeriod, Dimension, Query
from api.resources.transactions.answer import (
    STATUSES,
    TransactionStatus,
    category_of_mcc,
    mccs_of,
)
from api.stores.questions import as_json
from schemas.controls import MCC_GROUPS
from schemas.money import exponent

_DAY: Final = timedelta(days=1)
#: A chart with more points shows nothing, and a question with more asks for something else.
BUCKETS_MAX: Final = 400
_MONEY_OF: Final[Mapping[TransactionStatus, str]] = {
    TransactionStatus.HELD: "held",
    TransactionStatus.SETTLED: "settled",
    TransactionStatus.REFUNDED: "refunded",
    TransactionStatus.DISPUTED: "disputed",
}
#: Nothing was spent by these, so they neither count nor thin an average, unless they are asked for.
_UNSPENT: Final = frozenset(
    (
        TransactionStatus.DECLINED,
        TransactionStatus.VOIDED,
        TransactionStatus.EXPIRED,
        TransactionStatus.REVERSED,
    )
)


@dataclass(frozen=True, slots=True)
class Bucket:
    """A part of the period that rows are grouped into."""

    first: date
    last: date
    label: str


@dataclass(frozen=True, slots=True)
class Asker:
    """How far the one who asks may see. `departments`: those; None: all. `own`: as cards name him; None: more
    than his own."""

    organization_id: str
    departments: tuple[str, ...] | None = None
    own: tuple[str, ...] | None = None


def money_of(query: Query) -> str:
    """What of a purchase counts (api.stores.questions.MONEY)."""
    if not query.statuses:
        return "spent" if query.measure != "purchases" else "amount"
    if len(query.statuses) == 1:
        return _MONEY_OF.get(query.statuses[0], "amount")
    return "amount" if _UNSPENT & set(query.statuses) else "spent"


def parameters(query: Query, asker: Asker, directory: Directory, zone: ZoneInfo) -> dict[str, Any]:
    """Of the conditions; None: not asked."""
    names = {
        kind: list(query.names.of(kind)) or None
        for kind in ("department", "team", "person", "merchant", "card")
    }
    without = {
        f"without_{kind}": list(query.without.of(kind)) or None
        for kind in ("department", "team", "person", "merchant", "card")
    }
    statuses = query.statuses
    looked_at = query.flagged or query.review or query.approved
    if not statuses and not looked_at:
        statuses = tuple(status for status in TransactionStatus if status not in _UNSPENT)
    came_back = query.statuses == (TransactionStatus.REFUNDED,)  # a part is enough
    categories, without_categories = query.names.category, query.without.category
    return {
        **names,
        **without,
        "departments": None if asker.departments is None else list(asker.departments),
        "own": None if asker.own is None else list(asker.own),
        "mccs": _mccs(categories) if categories else None,
        "other": OTHER in categories,
        "without_mccs": _mccs(without_categories) if without_categories else None,
        "statuses": [state.value for status in statuses for state in STATUSES[status]] or None
        if not came_back
        else None,
        "came_back": came_back or None,
        "approved": True if query.approved else None,
        "flagged": query.flagged,
        "review": query.review,
        "currency": _currency(query),
        **_bounds(query.amount, directory.currencies),
        **{
            f"group_{name}": bound
            for name, bound in _bounds(query.group_amount, directory.currencies).items()
        },
        "count_at_least": query.group_count.at_least if query.group_count else None,
        "count_at_most": query.group_count.at_most if query.group_count else None,
        "since": _begins(query.period, zone),
        "until": _ends(query.period, zone),
        "since_before": _begins(query.compared_with, zone),
        "until_before": _ends(query.compared_with, zone),
        "category_of": as_json(category_of_mcc()),
        "status_of": as_json(
            {state.value: status.value for status, states in STATUSES.items() for state in states}
        ),
        "rows_max": query.rows_max,
        "edges": None,
    }


def _currency(query: Query) -> str | None:
    for given in (query.currency, *(one.currency for one in (query.amount, query.group_amount) if one)):
        if given is not None:
            return given
    return None


def _bounds(amount: AmountRange | None, currencies: Sequence[str]) -> dict[str, str | None]:
    """Major units to minor units of each currency, which have two decimals or none or three."""
    found: dict[str, str | None] = {}
    for member in ("above", "at_least", "below", "at_most"):
        bound: Decimal | None = None if amount is None else getattr(amount, member)
        minor = bound if bound is None else {one: str(bound.scaleb(exponent(one))) for one in currencies}
        found[member] = None if minor is None else as_json(minor)
    return found


def _mccs(categories: Sequence[str]) -> list[str]:
    found: dict[str, None] = {}
    for category in categories:
        if category in MCC_GROUPS:
            found |= dict.fromkeys(mccs_of(category))
        elif category != OTHER:
            found[category] = None
    return list(found)


def _begins(period: AskedPeriod | None, zone: ZoneInfo) -> datetime | None:
    if period is None or (period.first is None and period.last is None):
        return None
    return instant(period.first or date(1970, 1, 1), zone)


def _ends(period: AskedPeriod | None, zone: ZoneInfo) -> datetime | None:
    if period is None or (period.first is None and period.last is None):
        return None
    return instant((period.last or date(9000, 1, 1)) + _DAY, zone)


def instant(day: date, zone: ZoneInfo) -> datetime:
    """When that day begins there."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def buckets_of(query: Query, clock: OrgCalendar) -> list[Bucket]:
    """The parts of the query's period by its division of time. Raises NotUnderstood: too many."""
    dimension = next(one for one in query.group_by if one in TIMES)
    unit: Unit = dimension  # type: ignore[assignment]  # those of TIMES are units
    period = query.period or AskedPeriod(last=clock.today)
    last = period.last or clock.today
    span = clock.containing(unit, period.first or _first_of(unit, last, clock))
    found = []
    while span.first <= last:
        first = max(span.first, period.first or span.first)
        found.append(Bucket(first, min(span.last, last), _label(dimension, span.first)))
        if len(found) > BUCKETS_MAX:
            raise NotUnderstood(
                "contradiction", f"more than {BUCKETS_MAX} {unit}s are too many; ask for fewer"
            )
        span = clock.containing(unit, span.last + _DAY)
    return found


def _first_of(unit: Unit, last: date, clock: OrgCalendar) -> date:
    return last - timedelta(days={"day": 29, "week": 12 * 7}.get(unit, 365))


def _label(dimension: Dimension, first: date) -> str:
    match dimension:
        case "month":
            return f"{first:%Y-%m}"
        case "quarter":
            return f"{first.year}-Q{(first.month + 2) // 3}"
        case "year":
            return f"{first.year}"
        case "week":
            year, week, _ = first.isocalendar()
            return f"{year}-W{week:02}"
        case _:
            return first.isoformat()
