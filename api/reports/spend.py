"""What was spent, by each side of purchases; against the period before; and over many periods."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Final, Literal, NamedTuple

from api.http.types import MoneyOut
from api.questions.answer import Cell
from api.questions.answering import Questions, change
from api.questions.fiscal_calendar import DaySpan
from api.questions.parameters import instant
from api.questions.saying import label_of
from api.reports.report import ReportSectionOut, column, section
from api.resources.transactions.answer import category_of_mcc
from api.stores.questions import as_json
from api.stores.reports import spend

Side = Literal["department", "team", "person", "category", "merchant"]
SIDES: Final[tuple[Side, ...]] = ("department", "team", "person", "category", "merchant")
#: Rows of a table; what is beyond is one row, so that it adds up.
ROWS_MAX: Final = 500
TREND_PARTS: Final = 12
_DAY: Final = timedelta(days=1)
_CLOSING_NOTE: Final = (
    "Settled, less refunds, corrections and won disputes; what came after its month was closed is in the "
    "next."
)
NOTE: Final = "Settled, less refunds, corrections and won disputes, on the day of each booking."


class Booked(NamedTuple):
    """What was booked of one side, in one part of time."""

    currency: str
    side: str
    part: int
    minor: int
    purchases: int


async def booked(
    questions: Questions, side: Side | None, edges: Sequence[date], *, closing: bool = False
) -> list[Booked]:
    """`edges`: the days on which parts begin, and that after the last. Raises Problem 503."""
    asker = questions.asker
    asked = spend(
        side,
        [instant(day, questions.zone) for day in edges],
        asker.departments,
        asker.own,
        as_json(category_of_mcc()),
        closing=closing,
    )
    row: Mapping[str, Any] = await questions.reads.run(asked)
    return [
        Booked(one["currency"], one["side"], one["part"], one["minor"], one["purchases"])
        for one in row["rows"]
    ]


async def by_side(
    questions: Questions, side: Side, span: DaySpan, *, closing: bool = False
) -> ReportSectionOut:
    """Each with what it was in the period before, largest first. `closing`: as months were closed."""
    before = span.before()
    rows = await booked(questions, side, [before.first, span.first, span.last + _DAY], closing=closing)
    now: dict[tuple[str, str], Booked] = {(one.currency, one.side): one for one in rows if one.part == 2}
    then = {(one.currency, one.side): one for one in rows if one.part == 1}
    sums: dict[str, int] = defaultdict(int)
    for one in now.values():
        sums[one.currency] += one.minor
    keys = sorted(now.keys() | then.keys(), key=lambda key: (key[0], -_minor(now.get(key)), key[1]))
    cells: list[list[Cell]] = []
    for currency in dict.fromkeys(currency for currency, _ in keys):
        own = [key for key in keys if key[0] == currency]
        lines = [(label_of(side, key[1], questions.directory), now.get(key), then.get(key)) for key in own]
        cells += _lines(currency, lines, sums[currency])
    columns = [
        column(side, "text"),
        column("spent"),
        column("purchases", "count"),
        column("share", "percent"),
        column("before"),
        column("change", "percent"),
    ]
    told = _CLOSING_NOTE if closing else NOTE
    note = f"{told} Before: {before.first} to {before.last}."
    return section(f"By {side}", columns, cells, note)


def _lines(
    currency: str, lines: Sequence[tuple[str, Booked | None, Booked | None]], whole: int
) -> list[list[Cell]]:
    shown, rest = lines[:ROWS_MAX], lines[ROWS_MAX:]
    found = [
        _line(label, currency, _minor(now), _count(now), _minor(then), whole) for label, now, then in shown
    ]
    if rest:
        sums = (
            sum(_minor(now) for _, now, _ in rest),
            sum(_count(now) for _, now, _ in rest),
            sum(_minor(then) for _, _, then in rest),
        )
        found.append(_line(f"{len(rest):,} others", currency, *sums, whole))
    return found


def _line(label: str, currency: str, minor: int, purchases: int, before: int, whole: int) -> list[Cell]:
    return [
        label,
        MoneyOut(minor=minor, currency=currency),
        purchases,
        percent(minor, whole),
        MoneyOut(minor=before, currency=currency),
        change(minor, before),
    ]


async def trend(questions: Questions, last: DaySpan) -> ReportSectionOut:
    """TREND_PARTS periods up to `last`, each with its change."""
    spans = [last]
    while len(spans) < TREND_PARTS:
        spans.insert(0, spans[0].before())
    rows = await booked(questions, None, [*(span.first for span in spans), last.last + _DAY])
    found = {(one.currency, one.part): one for one in rows}
    cells: list[list[Cell]] = []
    for currency in sorted({one.currency for one in rows}):
        before: int | None = None
        for part, span in enumerate(spans, 1):
            one = found.get((currency, part))
            minor = _minor(one)
            moved = None if before is None else change(minor, before)
            cells.append([_named(span), MoneyOut(minor=minor, currency=currency), _count(one), moved])
            before = minor
    columns = [
        column("period", "text"),
        column("spent"),
        column("purchases", "count"),
        column("change", "percent"),
    ]
    return section("Periods", columns, cells, NOTE)


def _named(span: DaySpan) -> str:
    match span.unit:
        case "month":
            return f"{span.first:%Y-%m}"
        case _:
            return f"{span.first} to {span.last}"


def percent(part: int, whole: int) -> str | None:
    """Of `whole`, one digit; None of nothing."""
    if not whole:
        return None
    return str((Decimal(100) * part / whole).quantize(Decimal("0.1"), ROUND_HALF_EVEN))


def _minor(one: Booked | None) -> int:
    return 0 if one is None else one.minor


def _count(one: Booked | None) -> int:
    return 0 if one is None else one.purchases
