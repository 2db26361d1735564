"""Questions of the API. Written by `python -m infra.client_code`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import msgspec

from api.client.call import Call, given
from api.client.generated.shared import Money, QuestionColumn
from api.client.operations import Resource, S, operation


class Answer(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """An answer."""

    sentence: str
    headline: str
    query: QuestionQuery
    chips: list[QuestionChip]
    corrected: list[QuestionCorrection]
    by_assistant: bool | None = None
    time_zone: str
    figures: list[QuestionFigure]
    columns: list[QuestionColumn]
    rows: list[list[Any]]
    chart: QuestionChart | None = None


class QuestionAmount(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What an amount must be, in major units."""

    above: str | None = None
    at_least: str | None = None
    below: str | None = None
    at_most: str | None = None
    currency: str | None = None


class QuestionChart(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Data of a chart."""

    kind: str
    labels: list[str]
    series: list[QuestionSeries]


class QuestionChip(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A part of how a question was understood."""

    part: str
    text: str
    without: QuestionQuery | None = None


class QuestionCorrection(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A word that was taken for another."""

    word: str
    taken_for: str


class QuestionCount(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """How many purchases a group must have."""

    at_least: int | None = None
    at_most: int | None = None


class QuestionFigure(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What all that is asked about comes to, in one currency."""

    amount: Money
    purchases: int
    average: Money | None = None
    before: Money | None = None
    purchases_before: int | None = None
    change_percent: str | None = None
    groups: int | None = None


class QuestionNames(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Things of the organization."""

    department: list[str]
    team: list[str]
    person: list[str]
    merchant: list[str]
    category: list[str]
    card: list[str]


class QuestionPeriod(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Days of the organization's calendar, both included."""

    first: date | None = None
    last: date | None = None


class QuestionQuery(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What is asked of an organization's purchases or budgets."""

    measure: str | None = None
    names: QuestionNames
    without: QuestionNames
    statuses: list[str]
    approved: bool | None = None
    flagged: bool | None = None
    review: bool | None = None
    amount: QuestionAmount | None = None
    group_amount: QuestionAmount | None = None
    group_count: QuestionCount | None = None
    currency: str | None = None
    period: QuestionPeriod | None = None
    compared_with: QuestionPeriod | None = None
    group_by: list[str]
    order: str | None = None
    rows_max: int | None = None
    over_budget: bool | None = None


class QuestionSeries(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Values of a chart, one for each label."""

    label: str
    currency: str | None = None
    values: list[int | None]


class QuestionsResource(Resource[S]):
    """Operations on questions."""

    @operation
    def ask(
        self,
        *,
        question: str | None = None,
        query: Mapping[str, Any] | None = None,
        wait: int | None = None,
        position: str | None = None,
    ) -> Call[Answer]:
        """Ask a question."""
        return Call(
            "POST",
            "/v1/questions",
            Answer,
            body=given(question=question, query=query),
            wait=wait,
            position=position,
            reads=True,
        )
