"""A table as data of a chart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from api.http.types import MoneyOut
from api.questions.answer import Cell, ChartOut, ColumnOut, SeriesOut

_BARS_MAX: Final = 30
_SERIES_MAX: Final = 6


def chart_of(
    columns: Sequence[ColumnOut], rows: Sequence[Sequence[Cell]], *, time: bool, measure: str = "total"
) -> ChartOut | None:
    """None where there are no groups to draw, or nothing in them.

    Two groups are one series for each value of the second (of the one that is no time); each currency has
    series of its own.
    """
    labels = [n for n, column in enumerate(columns) if column.kind in ("text", "time")]
    if not labels or not rows:
        return None
    along = next((n for n in labels if columns[n].kind == "time"), labels[0])
    beside = next((n for n in labels if n != along), None)
    value = next(
        (n for n, column in enumerate(columns) if column.name == _VALUES.get(measure, "amount")), None
    )
    if value is None:
        return None
    before = next(
        (n for n, column in enumerate(columns) if column.name == f"{columns[value].name} before"), None
    )
    order = list(dict.fromkeys(str(row[along]) for row in rows))
    series: dict[tuple[str, str | None], dict[str, int]] = {}
    for row in rows:
        for place, suffix in ((value, ""), (before, " before")):
            if place is not None:
                _put(series, row, along, beside, place, suffix)
    if not time:
        order = order[:_BARS_MAX]
    found = [
        SeriesOut(
            label=label or (currency or "purchases"),
            currency=currency,
            values=[values.get(name, 0 if time else None) for name in order],
        )
        for (label, currency), values in list(series.items())[:_SERIES_MAX]
    ]
    return ChartOut(kind="line" if time else "bars", labels=order, series=found)


_VALUES: Final = {"count": "purchases", "average": "average", "left": "left"}


def _put(
    series: dict[tuple[str, str | None], dict[str, int]],
    row: Sequence[Cell],
    along: int,
    beside: int | None,
    place: int,
    suffix: str,
) -> None:
    cell = row[place]
    money = next(each for each in row if isinstance(each, MoneyOut))
    if isinstance(cell, MoneyOut):
        amount, currency = cell.minor, cell.currency
    elif isinstance(cell, int):
        amount, currency = cell, None
    else:
        return
    label = str(row[beside]) if beside is not None else ""
    name = f"{label}{suffix}" if label else suffix.strip() and f"{money.currency}{suffix}"
    values = series.setdefault((name or "", currency), {})
    key = str(row[along])
    values[key] = values.get(key, 0) + amount
