"""A question as a typed query: what a text is understood as, and what programs may send themselves.

Everything that reaches SQL is one of these members, never the text.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Annotated, Final, Literal, Self, get_args

from pydantic import AfterValidator, ConfigDict, Field, StrictBool, StrictInt, model_validator

from api.http.types import Currency, Input, Text
from api.resources.transactions.answer import TransactionStatus
from schemas.controls import MCC_GROUPS
from schemas.entrance import YEARS
from schemas.money import MINOR_MAX

Measure = Literal["total", "count", "average", "purchases", "left"]
Dimension = Literal[
    "department", "team", "person", "merchant", "category", "status", "reason", "card", "currency",
    "day", "week", "month", "quarter", "year",
]  # fmt: skip
Order = Literal["largest", "smallest", "newest", "oldest"]
#: What names of an organization may be of.
Kind = Literal["department", "team", "person", "merchant", "category", "card"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
TIMES: Final[frozenset[Dimension]] = frozenset(("day", "week", "month", "quarter", "year"))
ROWS_MAX: Final = 200
ROWS_USUAL: Final = 20
_NAMES_MAX: Final = 50
#: Of what no merchant category code tells: neither known nor in a group.
OTHER: Final = "other"


def _category(name: str) -> str:
    if name in MCC_GROUPS or name == OTHER or (len(name) == 4 and name.isascii() and name.isdigit()):
        return name
    raise ValueError(f"is no group of categories and no MCC; groups are {', '.join(MCC_GROUPS)}")


def _day(day: date) -> date:
    if day.year not in YEARS:
        raise ValueError(f"must be in the years {YEARS.start} to {YEARS[-1]}")
    return day


def _major(amount: Decimal) -> Decimal:
    if not amount.is_finite() or amount.adjusted() > 15 or int(amount.as_tuple().exponent) < -6:
        raise ValueError("is no amount of money")
    return amount


def _once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


_Name = Annotated[Text, Field(min_length=1, max_length=200)]
_Names = Annotated[tuple[_Name, ...], Field(max_length=_NAMES_MAX), AfterValidator(_once)]
_Major = Annotated[Decimal, Field(ge=0, le=Decimal(MINOR_MAX)), AfterValidator(_major)]
_Day = Annotated[date, AfterValidator(_day)]
_Category = Annotated[str, AfterValidator(_category)]


class AskedNames(Input):
    """Things of the organization; of one kind any of them. Departments, teams, cards by id; people as cards
    name their holder; merchants by key; categories by group or MCC."""

    model_config = ConfigDict(title="QuestionNames")

    department: _Names = ()
    team: _Names = ()
    person: _Names = ()
    merchant: Annotated[tuple[_Name, ...], Field(max_length=500), AfterValidator(_once)] = ()
    category: Annotated[tuple[_Category, ...], Field(max_length=_NAMES_MAX), AfterValidator(_once)] = ()
    card: _Names = ()

    def of(self, kind: Kind) -> tuple[str, ...]:
        found: tuple[str, ...] = getattr(self, kind)
        return found

    def __bool__(self) -> bool:
        return any(self.of(kind) for kind in KINDS)


class AmountRange(Input):
    """What an amount must be, in major units; without `currency` in each purchase's own."""

    model_config = ConfigDict(title="QuestionAmount")

    above: _Major | None = None
    at_least: _Major | None = None
    below: _Major | None = None
    at_most: _Major | None = None
    currency: Currency | None = None

    @model_validator(mode="after")
    def _some_fit(self) -> Self:
        low = max((bound for bound in (self.above, self.at_least) if bound is not None), default=None)
        high = min((bound for bound in (self.below, self.at_most) if bound is not None), default=None)
        if low is None and high is None:
            raise ValueError("has no bound")
        if low is not None and high is not None:
            strict = low in (self.above,) or high in (self.below,)
            if low > high or (low == high and strict):
                raise ValueError(f"nothing is above {low} and below {high}")
        return self


class CountRange(Input):
    """How many purchases a group must have."""

    model_config = ConfigDict(title="QuestionCount")

    at_least: StrictInt | None = Field(default=None, ge=0)
    at_most: StrictInt | None = Field(default=None, ge=0)


class AskedPeriod(Input):
    """Days of the organization's calendar, both included; null: open."""

    model_config = ConfigDict(title="QuestionPeriod")

    first: _Day | None = None
    last: _Day | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.first is None and self.last is None:
            raise ValueError("has neither a first nor a last day")
        if self.first is not None and self.last is not None and self.first > self.last:
            raise ValueError(f"the first day {self.first} is after the last {self.last}")
        return self


class Query(Input):
    """What is asked of an organization's purchases or budgets."""

    model_config = ConfigDict(title="QuestionQuery")

    measure: Measure = Field(
        default="total",
        description="total: what was spent (settled less refunds, and held); of declined, held, settled, "
        "refunded or disputed ones that amount. purchases: the list of them. left: what budgets still have",
    )
    names: AskedNames = AskedNames()
    without: AskedNames = Field(default=AskedNames(), description="none of these")
    statuses: tuple[TransactionStatus, ...] = Field(
        default=(),
        max_length=len(TransactionStatus),
        description="those alone; of `refunded` alone all of which something came back",
    )
    approved: StrictBool = Field(default=False, description="only what was approved, whatever came after")
    flagged: StrictBool | None = Field(default=None, description="by the model")
    review: StrictBool | None = Field(default=None, description="a rule wants somebody to look at it")
    amount: AmountRange | None = Field(default=None, description="of one purchase")
    group_amount: AmountRange | None = Field(default=None, description="of a whole group's total")
    group_count: CountRange | None = Field(default=None, description="of a whole group's purchases")
    currency: Currency | None = None
    period: AskedPeriod | None = Field(
        default=None, description="null: all there is; for `left` the current one"
    )
    compared_with: AskedPeriod | None = None
    group_by: tuple[Dimension, ...] = Field(default=(), max_length=2)
    order: Order = "largest"
    rows_max: StrictInt = Field(default=ROWS_USUAL, ge=1, le=ROWS_MAX, description="of each currency")
    over_budget: StrictBool = Field(default=False, description="with `left`: only budgets that are used up")

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if len(set(self.group_by)) != len(self.group_by):
            raise ValueError("group_by: the same twice")
        if self.compared_with is not None:
            if self.period is None:
                raise ValueError("compared_with: name the period that is compared, too")
            if self.measure in ("purchases", "left"):
                raise ValueError("compared_with: only totals, counts and averages are compared")
            if TIMES & set(self.group_by):
                raise ValueError("compared_with: cannot be grouped by time")
        if len(TIMES & set(self.group_by)) > 1:
            raise ValueError("group_by: one division of time is enough")
        if self.measure == "purchases" and self.group_by:
            raise ValueError("group_by: a list of purchases has no groups; ask for the total or the count")
        if (self.group_amount or self.group_count) and not self.group_by:
            raise ValueError("group_amount, group_count: there are no groups; say by what")
        if self.measure == "left":
            self._of_budgets()
        elif self.over_budget:
            raise ValueError("over_budget: is asked of budgets, with the measure left")
        return self

    def _of_budgets(self) -> None:
        """Raises ValueError for what a budget does not have."""
        wrong = [kind for kind in ("merchant", "category") if self.names.of(kind) or self.without.of(kind)]
        if wrong:
            raise ValueError(f"left: budgets are not kept by {wrong[0]}")
        if self.statuses or self.flagged is not None or self.review is not None or self.amount:
            raise ValueError("left: a budget has no purchases of its own to choose from")
        if set(self.group_by) - {"department", "team", "person", "card"} or len(self.group_by) > 1:
            raise ValueError("left: budgets are of departments, teams, people and cards")
        if self.period is not None:
            raise ValueError("left: only what is left now is known")
