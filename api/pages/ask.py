"""Ask: a question in plain language, how it was understood, and its answer as number, table and chart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, get_args
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query
from pydantic import ValidationError
from starlette.responses import Response

from api.access.keys import Scope
from api.access.reach import BY_ROUTE
from api.access.security import needs
from api.http.problems import Problem
from api.pages.frame import page
from api.pages.route import Asked, Asking, PageRoute
from api.questions.answer import AnswerOut, ChartOut
from api.questions.lexer import LENGTH_MAX
from api.questions.query import Dimension, Measure
from api.questions.query import Query as TypedQuery
from api.questions.route import answered, csv_answer, questions_of
from api.questions.suggest import examples
from schemas.money import exponent

router = APIRouter(route_class=PageRoute, include_in_schema=False)

ADDRESS: Final = "/ask"
_COLOURS: Final = ("--posted", "--held", "--good", "--warn", "--bad", "--calm")
#: What the form changes: words for people.
MEASURES: Final[Mapping[Measure, str]] = {
    "total": "What was spent",
    "count": "How many purchases",
    "average": "The average purchase",
    "purchases": "A list of purchases",
    "left": "What is left of budgets",
}
DIMENSIONS: Final = get_args(Dimension)


class _Given:
    """A text, or a typed query with what the form changes in it."""

    def __init__(
        self,
        q: Annotated[str, Query(max_length=LENGTH_MAX)] = "",
        query: Annotated[str, Query(max_length=20_000)] = "",
        measure: Annotated[str, Query(max_length=20)] = "",
        by: Annotated[str, Query(max_length=20)] = "",
        first: Annotated[str, Query(max_length=10)] = "",
        last: Annotated[str, Query(max_length=10)] = "",
    ) -> None:
        self.text = q.strip()
        self._json = query
        self._changed = {"measure": measure, "by": by, "first": first, "last": last}

    def query(self) -> TypedQuery | None:
        """Raises Problem 422: it is no query, or makes no sense with what was changed."""
        if not self._json:
            return None
        try:
            found = TypedQuery.model_validate_json(self._json)
            return TypedQuery.model_validate({**dict(found), **self._changes(found)})
        except ValidationError as error:
            words = "; ".join(str(each["msg"]).removeprefix("Value error, ") for each in error.errors())
            raise Problem(422, "invalid_request", f"{words}.") from None

    def _changes(self, found: TypedQuery) -> dict[str, Any]:
        changes: dict[str, Any] = {}
        if self._changed["measure"]:
            changes["measure"] = self._changed["measure"]
        if self._changed["by"]:
            rest = () if self._changed["by"] == "none" else (self._changed["by"],)
            changes |= {"group_by": rest, "group_amount": None, "group_count": None}
        days = {name: self._changed[name] or None for name in ("first", "last")}
        if any(days.values()):
            before = found.period.model_dump() if found.period else {}
            changes |= {"period": {**before, **{name: day for name, day in days.items() if day}}}
        return changes

    @property
    def is_empty(self) -> bool:
        return not (self.text or self._json)


Given = Annotated[_Given, Depends(_Given)]


@router.get(ADDRESS, openapi_extra=needs(Scope.AUTHORIZATIONS_READ, own=BY_ROUTE))
async def show_ask(asking: Asked, given: Given) -> Response:
    """The question stays in the address, so that it can be kept and shared."""
    told: dict[str, Any] = {"text": given.text, "answer": None, "fault": None, "examples": [], "chart": None}
    questions = await questions_of(asking.organization())
    if given.is_empty:
        return page(asking.request, "ask", **told | {"examples": examples(questions.directory)})
    try:
        answer = await answered(questions, given.text or None, given.query())
    except Problem as problem:
        if problem.status_code != 422:
            raise
        return page(asking.request, "ask", status=422, **told | {"fault": fault_of(problem, given.text)})
    return page(asking.request, "ask", **told | shown_of(answer))


@router.get(f"{ADDRESS}.csv", openapi_extra=needs(Scope.AUTHORIZATIONS_READ, own=BY_ROUTE))
async def export_answer(asking: Asked, given: Given) -> Response:
    """The answer's table to take away."""
    return csv_answer(await _answer(asking, given))


async def _answer(asking: Asking, given: _Given) -> AnswerOut:
    return await answered(await questions_of(asking.organization()), given.text or None, given.query())


def fault_of(problem: Problem, text: str) -> dict[str, Any]:
    """The text before, in and after the word that it is about, and the questions that are near."""
    start, end = problem.members.get("start", 0), problem.members.get("end", 0)
    assert isinstance(start, int) and isinstance(end, int)
    return {
        "words": str(problem.detail),
        "before": text[:start],
        "word": text[start:end],
        "after": text[end:],
        "near": problem.members.get("suggestions", []),
    }


def shown_of(answer: AnswerOut) -> dict[str, Any]:
    return {
        "answer": answer,
        "places": [  # a column in which nothing stands only takes room
            n for n in range(len(answer.columns)) if any(row[n] not in (None, "") for row in answer.rows)
        ],
        "chart": None if answer.chart is None else drawn(answer.chart, answer.columns[0].name),
        "kept": answer.query.model_dump_json(exclude_defaults=True),
        "chips": [(chip, None if chip.without is None else address(chip.without)) for chip in answer.chips],
        "taken_away": f"{ADDRESS}.csv?{_query(answer.query)}",
        "measures": MEASURES,
        "dimensions": DIMENSIONS,
    }


def address(query: TypedQuery) -> str:
    """The page that asks it."""
    return f"{ADDRESS}?{_query(query)}"


def _query(query: TypedQuery) -> str:
    return urlencode({"query": query.model_dump_json(exclude_defaults=True)})


def drawn(chart: ChartOut, x: str) -> dict[str, Any]:
    """For charts.js: places 0, 1, ... with labels, named `x`; in whole units of the first currency."""
    currency = chart.series[0].currency
    unit = 1 if currency is None else 10 ** exponent(currency)
    series = [one for one in chart.series if one.currency == currency]
    return {
        "currency": currency,
        "time": False,
        "x": x,
        "labels": chart.labels,
        "height": 280,
        "data": [
            list(range(len(chart.labels))),
            *([None if value is None else value / unit for value in one.values] for one in series),
        ],
        "series": [
            {
                "label": one.label,
                "colour": colour,
                "fill": len(series) == 1 or chart.kind == "bars",
                "bars": 0 if chart.kind == "line" else len(series),
            }
            for one, colour in zip(series, _COLOURS, strict=False)
        ],
    }
