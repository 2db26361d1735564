"""Budgets: to set one, and the figures of each."""

from __future__ import annotations

from pydantic import ConfigDict, Field, StrictInt

from api.models.base import Input, LimitIn, MoneyOut, Output, PendingOut, Text
from schemas.controls import Level, PeriodKind
from schemas.money import MINOR_MAX


class BudgetIn(Input):
    """A department's budget as it shall be from now on. Its calendar cannot change."""

    model_config = ConfigDict(title="BudgetRequest")

    name: Text = Field(min_length=1, max_length=100, examples=["Engineering"])
    limit: LimitIn
    tolerance: StrictInt = Field(
        default=0, ge=0, le=MINOR_MAX, description="minor units above the limit that pass with review"
    )
    time_zone: Text = Field(
        default="UTC", min_length=1, max_length=64, description="IANA name", examples=["America/New_York"]
    )
    period: PeriodKind = Field(default="month", examples=["month"])
    start_day: StrictInt = Field(
        default=1, ge=1, le=28, description="first day of the period; of a week: 1 (Monday) to 7"
    )
    start_month: StrictInt = Field(default=1, ge=1, le=12, description="first month of a year or quarter")


class CalendarOut(Output):
    """How time is cut into periods."""

    model_config = ConfigDict(title="Calendar")

    period: PeriodKind
    time_zone: str
    start_day: int
    start_month: int


class BudgetOut(Output):
    """A budget's period. limit = posted + held + available; available is below zero when networks settled
    more than was held."""

    model_config = ConfigDict(title="Budget")

    organization_id: str
    department_id: str
    budget_id: str = Field(examples=["department", "team:platform"])
    level: Level
    subject: str | None = Field(description="which team, card or employee", examples=["platform"])
    name: str
    time_zone: str
    currency: str
    calendar: CalendarOut
    period: str = Field(description="label of the period in its calendar", examples=["2026-03"])
    limit: MoneyOut = Field(description="with the increases in force")
    tolerance: MoneyOut = Field(description="above the limit, approved with review")
    posted: MoneyOut
    held: MoneyOut
    available: MoneyOut = Field(description="without the tolerance")
    removed: bool = Field(description="it no longer limits", examples=[False])
    position: str = Field(
        description="`partition:seq` of the last decision that is in it", examples=["3:1042"]
    )


class BudgetListOut(Output):
    """All budgets of a department, each with its current period: department first, then by level and id."""

    model_config = ConfigDict(title="Budgets")

    budgets: list[BudgetOut]


class BudgetSetOut(Output):
    """The budget that is now in force."""

    model_config = ConfigDict(title="BudgetSet")

    organization_id: str
    department_id: str
    name: str
    time_zone: str
    period: PeriodKind
    limit: MoneyOut
    tolerance: MoneyOut
    position: str = Field(description="`partition:seq` from which on it holds", examples=["3:1042"])


class BudgetPendingOut(PendingOut):
    """Not in force yet, as far as is known."""

    model_config = ConfigDict(title="BudgetPending")

    organization_id: str
    department_id: str
