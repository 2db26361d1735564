"""A query and its answer in words: the sentence that says how it was understood, its chips, the headline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, Final

from babel.numbers import format_currency
from pydantic import ValidationError

from api.http.types import MoneyOut
from api.questions.answer import Cell, ChipOut, ColumnOut, FigureOut
from api.questions.organization_names import Directory
from api.questions.query import KINDS, TIMES, AmountRange, AskedNames, AskedPeriod, Kind, Query
from api.stores.questions import COUNTED_MAX
from schemas.controls import MCC_GROUPS
from schemas.money import exponent
from schemas.reasons import ReasonCode

_TRAVEL: Final = frozenset(("airline", "hotel", "car_rental", "travel"))
_MEASURES: Final = {
    "total": "Spend",
    "count": "How many purchases",
    "average": "Average purchase",
    "purchases": "Purchases",
    "left": "What is left to spend",
}


def money_words(value: MoneyOut) -> str:
    """`$6,000.00`: exact, in the currency's own digits."""
    amount = Decimal(value.minor).scaleb(-exponent(value.currency))
    return format_currency(amount, value.currency, locale="en_US")


def label_of(dimension: str, value: str, directory: Directory) -> str:
    """A group's name for people."""
    if not value:
        return f"no {dimension}"
    if dimension == "category":
        return value.replace("_", " ")
    if dimension == "reason":
        known = value in ReasonCode._value2member_map_
        return value.replace("_", " ") if known else value
    if dimension in KINDS:
        kind: Any = dimension
        return directory.label(kind, value)
    return value


def _names(kind: Kind, ids: Sequence[str], directory: Directory) -> str:
    if kind == "category":
        left = [name for name in ids if name not in _TRAVEL] if set(ids) >= _TRAVEL else list(ids)
        words = [name.replace("_", " ") if name in MCC_GROUPS else _category(name) for name in left]
        return ", ".join((["travel"] if set(ids) >= _TRAVEL else []) + words)
    if kind == "merchant" and len(ids) > 4:
        return ", ".join(directory.label(kind, one) for one in ids[:3]) + f" and {len(ids) - 3} more"
    return ", ".join(directory.label(kind, one) for one in ids)


def _category(name: str) -> str:
    return f"MCC {name}" if name.isdigit() else f"{name} categories"


def period_words(period: AskedPeriod) -> str:
    if period.first is None:
        return f"until {period.last:%-d %b %Y}"
    if period.last is None:
        return f"since {period.first:%-d %b %Y}"
    if period.first == period.last:
        return f"on {period.first:%-d %b %Y}"
    return f"{period.first:%-d %b %Y} to {period.last:%-d %b %Y}"


def amount_words(amount: AmountRange) -> str:
    def said(bound: Decimal) -> str:
        return f"{bound:,f}" + (f" {amount.currency}" if amount.currency else "")

    if amount.at_least is not None and amount.at_least == amount.at_most:
        return f"of {said(amount.at_least)}"
    words = (
        ("over", amount.above),
        ("at least", amount.at_least),
        ("under", amount.below),
        ("at most", amount.at_most),
    )
    return " and ".join(f"{word} {said(bound)}" for word, bound in words if bound is not None)


def _parts(query: Query, directory: Directory) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Member, words, and what of the query changes without it."""
    for status in query.statuses:
        yield "statuses", str(status), {"statuses": tuple(one for one in query.statuses if one != status)}
    for member, word in (("approved", "approved"), ("flagged", "flagged"), ("review", "to review")):
        value = getattr(query, member)
        if value is not None and value is not False:
            yield member, word, {member: False if member == "approved" else None}
        elif value is False and member != "approved":
            yield member, f"not {word}", {member: None}
    if query.over_budget:
        yield "over_budget", "used up", {"over_budget": False}
    for group, word in (("names", ""), ("without", "without ")):
        names: AskedNames = getattr(query, group)
        for kind in KINDS:
            if ids := names.of(kind):
                left = names.model_copy(update={kind: ()})
                yield f"{group}.{kind}", word + _names(kind, ids, directory), {group: left}
    if query.amount is not None:
        yield "amount", amount_words(query.amount), {"amount": None}
    if query.group_amount is not None:
        yield "group_amount", f"in all {amount_words(query.group_amount)}", {"group_amount": None}
    if query.group_count is not None:
        least, most = query.group_count.at_least, query.group_count.at_most
        bounds = [f"at least {least}"] if least is not None else []
        bounds += [f"at most {most}"] if most is not None else []
        yield "group_count", f"{' and '.join(bounds)} purchases", {"group_count": None}
    if query.currency is not None:
        yield "currency", f"in {query.currency}", {"currency": None}
    if query.period is not None:
        yield "period", period_words(query.period), {"period": None, "compared_with": None}
    if query.compared_with is not None:
        yield "compared_with", f"compared with {period_words(query.compared_with)}", {"compared_with": None}
    for one in query.group_by:
        left_over = tuple(other for other in query.group_by if other != one)
        yield "group_by", f"by {one}", {"group_by": left_over, **_ungrouped(left_over)}


def _ungrouped(left: Sequence[str]) -> dict[str, Any]:
    return {} if left else {"group_amount": None, "group_count": None}


def chips_of(query: Query, directory: Directory) -> list[ChipOut]:
    """The measure first; it cannot be left out, but changed."""
    found = [ChipOut(part="measure", text=_MEASURES[query.measure].lower(), without=None)]
    for part, text, changed in _parts(query, directory):
        found.append(ChipOut(part=part, text=text, without=_changed(query, changed)))
    if query.group_by and query.order == "smallest":
        found.append(
            ChipOut(part="order", text="smallest first", without=_changed(query, {"order": "largest"}))
        )
    if query.measure == "purchases":
        found.append(ChipOut(part="order", text=f"{query.order} first", without=None))
    return found


def _changed(query: Query, changed: dict[str, Any]) -> Query | None:
    try:
        return Query.model_validate({**dict(query), **changed})
    except ValidationError:
        return None


def sentence_of(query: Query, directory: Directory) -> str:
    words = [text for part, text, _ in _parts(query, directory) if part != "group_by"]
    groups = f", by {' and '.join(query.group_by)}" if query.group_by else ""
    return f"{_MEASURES[query.measure]}{': ' if words else ''}{', '.join(words)}{groups}"


def headline_of(
    query: Query,
    figures: Sequence[FigureOut],
    columns: Sequence[ColumnOut],
    rows: Sequence[Sequence[Cell]],
) -> str:
    """The answer in words."""
    if not rows and query.over_budget:
        return "No budget is used up."
    if query.measure == "purchases" and rows and not figures:
        return _first_of_many(query, rows[0])
    if not figures or (not rows and query.measure != "left"):
        return "There is no such purchase."
    if query.measure == "left":
        left = " and ".join(money_words(figure.amount) for figure in figures)
        return f"{rows[0][0]} has {left} left" if len(rows) == 1 else f"{left} left in {len(rows)} budgets"
    whole = " and ".join(_figure(query, figure) for figure in figures)
    first = rows[0]
    if query.group_by and not TIMES & set(query.group_by) and query.measure != "purchases":
        value = next((n for n, column in enumerate(columns) if column.name == _SHOWN[query.measure]), None)
        lead = first[value] if value is not None else None
        said = money_words(lead) if isinstance(lead, MoneyOut) else f"{lead} purchases"
        word = "least" if query.order == "smallest" else "most"
        many = ""
        if query.measure == "count":
            count = max(figure.groups or 0 for figure in figures)
            many = f"{count} {_plural(query.group_by[0], count)}. "
        return f"{many}{first[0]}: {said}, the {word}. {whole}"
    if TIMES & set(query.group_by) and len(query.group_by) == len(figures) == 1:
        return f"{whole}. {_best(rows, query)}"
    return whole


def _first_of_many(query: Query, row: Sequence[Cell]) -> str:
    """Of a list that is too long to be added up."""
    _, merchant, _, _, _, value, *_ = row
    said = money_words(value) if isinstance(value, MoneyOut) else ""
    where = f" at {merchant}" if merchant else ""
    return f"The {query.order}: {said}{where}, of more than {COUNTED_MAX:,} purchases"


def _best(rows: Sequence[Sequence[Cell]], query: Query) -> str:
    """Of rows of time the one with the most."""
    place = 2 if query.measure == "count" else 1
    best = max(rows, key=lambda row: _value(row[place]))
    cell = best[place]
    said = money_words(cell) if isinstance(cell, MoneyOut) else f"{cell}"
    return f"Most in {best[0]}: {said}"


def _value(cell: Cell) -> int:
    return cell.minor if isinstance(cell, MoneyOut) else cell if isinstance(cell, int) else 0


def _plural(dimension: str, count: int) -> str:
    if count == 1:
        return dimension
    return {"person": "people", "status": "states"}.get(
        dimension, f"{dimension.removesuffix('y')}ies" if dimension.endswith("y") else f"{dimension}s"
    )


_SHOWN: Final = {"total": "amount", "count": "purchases", "average": "average"}


def _figure(query: Query, figure: FigureOut) -> str:
    purchases = f"{figure.purchases:,} purchase{'' if figure.purchases == 1 else 's'}"
    if query.measure == "count":
        said = f"{purchases}, {money_words(figure.amount)}"
    elif query.measure == "average" and figure.average is not None:
        said = f"{money_words(figure.average)} on average, of {purchases}"
    else:
        said = f"{money_words(figure.amount)} in {purchases}"
    if query.compared_with is None:
        return said
    if figure.change_percent is None:
        return f"{said}, and nothing before"
    way = "less" if figure.change_percent.startswith("-") else "more"
    before = figure.purchases_before if query.measure == "count" else None
    than = f"{before:,}" if before is not None else money_words(figure.before) if figure.before else ""
    return f"{said}, {figure.change_percent.lstrip('-')} % {way} than {than}"
