"""What a question is answered with: how it was understood, a number, a table, and data of a chart."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field

from api.http.types import MoneyOut, Output
from api.questions.query import Query

Cell = str | int | MoneyOut | None


class ChipOut(Output):
    """A part of how a question was understood. Without it the question is `without`."""

    model_config = ConfigDict(title="QuestionChip")

    part: str = Field(description="member of the query", examples=["names.department"])
    text: str = Field(examples=["Sales"])
    without: Query | None = Field(description="the query without this part; null: it cannot be left out")


class CorrectedOut(Output):
    """A word that was taken for another."""

    model_config = ConfigDict(title="QuestionCorrection")

    word: str = Field(examples=["sofware"])
    taken_for: str = Field(examples=["software"])


class FigureOut(Output):
    """What all that is asked about comes to, in one currency."""

    model_config = ConfigDict(title="QuestionFigure")

    amount: MoneyOut
    purchases: int
    average: MoneyOut | None = Field(description="of a purchase, rounded half to even; null: there is none")
    before: MoneyOut | None = Field(description="in the period that it is compared with")
    purchases_before: int | None
    change_percent: str | None = Field(
        description="a decimal with one digit; null: nothing to compare with, or it was nothing before",
        examples=["12.5"],
    )
    groups: int | None = Field(description="how many there are, beyond those in the table too")


class ColumnOut(Output):
    """A column of the table."""

    model_config = ConfigDict(title="QuestionColumn")

    name: str = Field(examples=["department"])
    kind: Literal["text", "time", "money", "count", "percent"]


class SeriesOut(Output):
    """Values of a chart, one for each label; null: there is none."""

    model_config = ConfigDict(title="QuestionSeries")

    label: str
    currency: str | None = Field(description="of the values, in minor units; null: they are counts")
    values: list[int | None]


class ChartOut(Output):
    """Data of a chart: lines over time, or bars."""

    model_config = ConfigDict(title="QuestionChart")

    kind: Literal["line", "bars"]
    labels: list[str] = Field(examples=[["2026-01", "2026-02"]])
    series: list[SeriesOut]


class AnswerOut(Output):
    """An answer. The table has at most `rows_max` rows of each currency; the figures are of all. A list of
    more than 10,000 purchases has no figures: ask for the total instead."""

    model_config = ConfigDict(title="Answer")

    sentence: str = Field(description="how the question was understood, in words")
    headline: str = Field(description="the answer in words", examples=["$6,000.00 in 3 purchases"])
    query: Query
    chips: list[ChipOut]
    corrected: list[CorrectedOut]
    by_assistant: bool = Field(
        default=False, description="a language model understood it, where the grammar did not"
    )
    time_zone: str = Field(description="whose days the periods have", examples=["America/New_York"])
    figures: list[FigureOut] = Field(description="one for each currency")
    columns: list[ColumnOut]
    rows: list[list[Cell]]
    chart: ChartOut | None

    def cells(self) -> list[list[Any]]:
        """The table's rows with money as it is."""
        return [list(row) for row in self.rows]
