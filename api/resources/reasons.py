"""Why an answer is what it is, and what would change it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from pydantic import ConfigDict, Field

from api.http.types import MoneyOut, Output, money
from schemas import decisions, reasons
from schemas.money import Money


class ReasonOut(Output):
    """Why, in a code for programs, a sentence for people, and the numbers of both."""

    model_config = ConfigDict(title="Reason")

    code: str = Field(examples=["budget_exceeded"])
    message: str
    rule: str | None = Field(default=None, description="id of the budget or rule", examples=["department"])
    period: str | None = Field(default=None, description="which of its periods", examples=["2026-03"])
    limit: MoneyOut | None = None
    posted: MoneyOut | None = None
    held: MoneyOut | None = None
    current: MoneyOut | None = Field(default=None, description="posted + held")
    available: MoneyOut | None = Field(default=None, description="limit - current")
    requested: MoneyOut | None = None
    count: int | None = Field(default=None, description="number of requests, this one included")
    count_limit: int | None = None


class ReliefOut(Output):
    """The first moment at which the whole amount passes, other things equal."""

    model_config = ConfigDict(title="Relief")

    at: datetime
    because: str = Field(examples=["hold_expires"])
    subject: str = Field(description="a hold's authorization, a budget or a rule", examples=["auth_7f3a"])


class WouldPassOut(Output):
    """What the same rules say to less money, and to a later time."""

    model_config = ConfigDict(title="WouldPass")

    now: MoneyOut = Field(description="the largest amount that passes at once; 0: nothing")
    later: ReliefOut | None
    message: str


def reason_out(reason: reasons.Reason) -> ReasonOut:
    known, currency = reason.limit is not None, reason.currency
    return ReasonOut(
        code=reason.code.value,
        message=reasons.sentence(reason),
        rule=reason.rule,
        period=reason.period,
        limit=money(reason.limit, currency),
        posted=money(reason.posted, currency),
        held=money(reason.held, currency),
        current=money(reason.current, currency) if known else None,
        available=money(reason.available, currency),
        requested=money(reason.requested, currency),
        count=reason.count,
        count_limit=reason.count_limit,
    )


def would_pass_out(found: decisions.WouldPass | None, currency: str | None) -> WouldPassOut | None:
    if found is None or currency is None:
        return None
    later = found.later
    return WouldPassOut(
        now=MoneyOut(minor=found.now, currency=currency),
        later=ReliefOut(at=later.at, because=later.because, subject=later.subject) if later else None,
        message=would_pass_sentence(found, currency),
    )


def would_pass_sentence(found: decisions.WouldPass, currency: str) -> str:
    """For a person: `120.00 USD passes now; all of it when the hold A1 lapses on 2026-06-03T00:00:00Z.`"""
    now = (
        f"{Money(found.now, currency).decimal()} {currency} passes now" if found.now else "Nothing passes now"
    )
    if found.later is None:
        return f"{now}."
    at = found.later.at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return f"{now}; all of it when {_EVENTS[found.later.because](found.later.subject)} on {at}."


_EVENTS: dict[str, Callable[[str], str]] = {
    "hold_expires": "the hold {} lapses".format,
    "period_starts": "the next period of {} begins".format,
    "increase_starts": "the increase of {} begins".format,
}
