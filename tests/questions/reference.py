"""The answers once more, worked out payment by payment from what the core decided: no SQL, no database."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final
from zoneinfo import ZoneInfo

from api.questions.query import KINDS, TIMES, AmountRange, AskedPeriod, Query
from infra.stories.core import CoreRun
from schemas.authorizations import Authorization
from schemas.controls import MCC_GROUPS, Card
from schemas.money import exponent
from schemas.names import merchant_key
from tests.questions.seeded import NOW, PEOPLE

ZONE: Final = ZoneInfo("America/New_York")
TODAY: Final = NOW.astimezone(ZONE).date()
DEPARTMENTS: Final = {
    "engineering": "Engineering", "sales": "Sales", "marketing": "Marketing", "berlin": "Berlin Office",
}  # fmt: skip
UNSPENT: Final = ("declined", "voided", "expired", "reversed")
TEAMS: Final = {"platform": "Platform"}
COARSE: Final = {
    "approved": "held", "partially_approved": "held", "cleared": "settled", "partially_cleared": "settled",
}  # fmt: skip


class Payment:
    """A purchase with what SQL joins to it."""

    def __init__(self, found: Authorization, cards: dict[tuple[str, str], Card]) -> None:
        self.found = found
        card = cards.get((found.department_id, found.card_id or ""))
        self.person = (card.employee if card else None) or found.cardholder or ""
        self.team = (card.team if card else None) or ""
        self.status = COARSE.get(found.status.value, found.status.value)
        assert found.created_at is not None
        self.at: datetime = found.created_at
        self.day = self.at.astimezone(ZONE).date()
        self.mcc = found.merchant.mcc if found.merchant else None
        self.key = merchant_key(found.merchant.name) if found.merchant else ""

    def groups(self) -> list[str]:
        number = int(self.mcc or 0)
        return [name for name, ranges in MCC_GROUPS.items() if any(a <= number <= b for a, b in ranges)]

    def value(self, kind: str) -> list[str]:
        match kind:
            case "department":
                return [self.found.department_id]
            case "team":
                return [self.team]
            case "person":
                return [self.person]
            case "merchant":
                return [self.key]
            case "card":
                return [self.found.card_id or ""]
            case _:
                return [*self.groups(), self.mcc or ""]

    def spent(self) -> int:
        found = self.found
        return max(0, found.posted - found.refunded - found.recovered) + found.held

    def counts(self, statuses: Iterable[str]) -> int:
        named = list(statuses)
        if not named:
            return self.spent()
        amounts = {"held": self.found.held, "settled": self.found.posted, "refunded": self.found.refunded}
        return amounts.get(named[0], self.found.amount) if len(named) == 1 else self.spent()


def reference_line(query: Query, run: CoreRun) -> str:
    """As tests.questions.notation.answer_line."""
    cards = _cards(run)
    every = [Payment(found, cards) for found in run.payments.values()]
    fitting = [one for one in every if _fits(one, query)]
    if query.measure == "purchases":
        return _list(query, [one for one in fitting if _within(one.day, query.period)])
    money: Callable[[Payment], int] = lambda one: one.counts(query.statuses)  # noqa: E731
    now = [one for one in fitting if _within(one.day, query.period)]
    before = [one for one in fitting if query.compared_with and _within(one.day, query.compared_with)]
    return _grouped(query, now, before, money)


def _cards(run: CoreRun) -> dict[tuple[str, str], Card]:
    found = {}
    for state in run.states.values():
        for name, department in state.departments.items():
            for card in department.registered.values():
                found[name.partition("/")[2], card.card.card_id] = card.card
    return found


def _fits(one: Payment, query: Query) -> bool:
    for kind in KINDS:
        if query.names.of(kind) and not set(one.value(kind)) & set(query.names.of(kind)):
            return False
        if set(one.value(kind)) & set(query.without.of(kind)):
            return False
    if query.statuses == ("refunded",):
        if not one.found.refunded:
            return False
    elif query.statuses:
        if one.status not in query.statuses:
            return False
    elif not (query.approved or query.flagged or query.review) and one.status in UNSPENT:
        return False
    if query.flagged is not None and one.found.flagged != query.flagged:
        return False
    if query.currency is not None and one.found.currency != query.currency:
        return False
    return _in_range(one.found.amount, one.found.currency, query.amount)


def _in_range(minor: int, currency: str, amount: AmountRange | None) -> bool:
    if amount is None:
        return True
    major = Decimal(minor).scaleb(-exponent(currency))
    return (
        (amount.currency in (None, currency))
        and (amount.above is None or major > amount.above)
        and (amount.at_least is None or major >= amount.at_least)
        and (amount.below is None or major < amount.below)
        and (amount.at_most is None or major <= amount.at_most)
    )


def _within(day: date, period: AskedPeriod | None) -> bool:
    if period is None:
        return True
    return (period.first is None or day >= period.first) and (period.last is None or day <= period.last)


def _money(minor: int, currency: str) -> str:
    return f"{currency} {Decimal(minor).scaleb(-exponent(currency)):f}"


def _list(query: Query, found: list[Payment]) -> str:
    keys: dict[str, Callable[[Payment], object]] = {
        "largest": lambda one: (one.found.currency, -one.found.amount, -one.at.timestamp()),
        "smallest": lambda one: (one.found.currency, one.found.amount, -one.at.timestamp()),
        "newest": lambda one: -one.at.timestamp(),
        "oldest": lambda one: one.at.timestamp(),
    }
    ordered = sorted(found, key=keys[query.order])  # type: ignore[arg-type]
    taken: dict[str, int] = {}
    rows = []

    def amount(one: Payment) -> int:
        return one.found.refunded if query.statuses == ("refunded",) else one.found.amount

    for one in ordered:
        place = one.found.currency if query.order in ("largest", "smallest") else ""
        taken[place] = taken.get(place, 0) + 1
        if taken[place] <= query.rows_max:
            rows.append(f"{one.found.authorization_id} {_money(amount(one), one.found.currency)}")
    sums = _figures(query, found, [], amount)
    return " | ".join([sums, *rows])


def _figures(query: Query, now: list[Payment], before: list[Payment], money: Callable[[Payment], int]) -> str:
    said = []
    for currency in sorted({one.found.currency for one in [*now, *before]}):
        mine = [one for one in now if one.found.currency == currency]
        total = sum(map(money, mine))
        text = f"{_money(total, currency)}/{len(mine)}"
        if query.measure == "average":
            mean = (Decimal(total) / len(mine)).quantize(Decimal(1), ROUND_HALF_EVEN)
            text += f" ~{_money(int(mean), currency).partition(' ')[2]}"
        if query.compared_with:
            other = [one for one in before if one.found.currency == currency]
            old = len(other) if query.measure == "count" else sum(map(money, other))
            text += _change(len(mine) if query.measure == "count" else total, old)
        said.append(text)
    return ", ".join(said) or "nothing"


def _change(now: int, before: int) -> str:
    if not before:
        return ""
    percent = (Decimal(100) * (now - before) / before).quantize(Decimal("0.1"), ROUND_HALF_EVEN)
    return f" {'+' if percent >= 0 else ''}{percent}%"


def _side(one: Payment, dimension: str) -> str:
    match dimension:
        case "department":
            return DEPARTMENTS[one.found.department_id]
        case "team":
            return TEAMS.get(one.team, one.team) or "no team"
        case "person":
            return PEOPLE.get(one.person, one.person)
        case "merchant":
            return one.found.merchant.name if one.found.merchant else ""
        case "category":
            groups = one.groups()
            return groups[-1].replace("_", " ") if groups else "other"
        case "status":
            return one.status
        case "reason":
            return one.found.reasons[0].code.value.replace("_", " ")
        case "card":
            return one.found.card_id or ""
        case "currency":
            return one.found.currency
    return _time(one.day, dimension)


def _time(day: date, dimension: str) -> str:
    match dimension:
        case "day":
            return day.isoformat()
        case "week":
            return f"{day.isocalendar()[0]}-W{day.isocalendar()[1]:02}"
        case "month":
            return f"{day:%Y-%m}"
        case "quarter":
            return f"{day.year}-Q{(day.month + 2) // 3}"
    return str(day.year)


def _grouped(query: Query, now: list[Payment], before: list[Payment], money: Callable[[Payment], int]) -> str:
    groups: dict[tuple[str, ...], tuple[list[Payment], list[Payment]]] = {}
    for kept, payments in ((0, now), (1, before)):
        for one in payments:
            at = (one.found.currency, *(_side(one, dimension) for dimension in query.group_by))
            groups.setdefault(at, ([], []))[kept].append(one)
    if query.group_amount or query.group_count:
        groups = {at: both for at, both in groups.items() if _kept(query, at[0], both[0], money)}
        now = [one for both in groups.values() for one in both[0]]
    figures = _figures(query, now, before, money)
    if not query.group_by:
        return figures
    time = next((n for n, dimension in enumerate(query.group_by, 1) if dimension in TIMES), None)
    if time is not None and len(query.group_by) == 1:
        for currency in {at[0] for at in groups}:
            for label in _labels(query):
                groups.setdefault((currency, label), ([], []))
    rows = sorted(groups.items(), key=lambda each: _order(query, each[0], each[1][0], money, time))
    taken: dict[str, int] = {}
    said = []
    for at, (mine, old) in rows:
        taken[at[0]] = taken.get(at[0], 0) + 1
        if time is not None or taken[at[0]] <= query.rows_max:
            said.append(_row(query, at, mine, old, money))
    return " | ".join([figures, *said])


def _labels(query: Query) -> list[str]:
    assert query.period is not None and query.period.first is not None
    day, labels = query.period.first, []
    while day <= (query.period.last or TODAY):
        labels.append(_time(day, query.group_by[0]))
        day += timedelta(days=1)
    return list(dict.fromkeys(labels))


def _kept(query: Query, currency: str, mine: list[Payment], money: Callable[[Payment], int]) -> bool:
    count = query.group_count
    if count and not (count.at_least or 0) <= len(mine) <= (count.at_most or len(mine)):
        return False
    return _in_range(sum(map(money, mine)), currency, query.group_amount)


def _order(
    query: Query, at: tuple[str, ...], mine: list[Payment], money: Callable[[Payment], int], time: int | None
) -> tuple[object, ...]:
    if time is not None:
        others = tuple(part for n, part in enumerate(at) if n not in (0, time))
        return (at[0], at[time], others)
    total = sum(map(money, mine))
    value = Decimal(total)
    if query.measure == "count":
        value = Decimal(len(mine))
    if query.measure == "average":
        value = Decimal(total) / max(1, len(mine))
    return (at[0], value if query.order == "smallest" else -value, _keys(query, mine, at))


def _keys(query: Query, mine: list[Payment], at: tuple[str, ...]) -> tuple[str, ...]:
    """Of what is equal by amount the order is that of ids, not of labels."""
    if not mine:
        return at
    ids = {"department": mine[0].found.department_id, "person": mine[0].person, "merchant": mine[0].key}
    return tuple(ids.get(dimension, label) for dimension, label in zip(query.group_by, at[1:], strict=True))


def _row(
    query: Query,
    at: tuple[str, ...],
    mine: list[Payment],
    old: list[Payment],
    money: Callable[[Payment], int],
) -> str:
    currency, total = at[0], sum(map(money, mine))
    text = f"{' '.join(at[1:])} {_money(total, currency)}/{len(mine)}"
    if query.measure == "average":
        mean = (Decimal(total) / len(mine)).quantize(Decimal(1), ROUND_HALF_EVEN)
        text += f" {_money(int(mean), currency)}"
    if query.compared_with:
        before = sum(map(money, old))
        counted = query.measure == "count"
        change = _change(len(mine), len(old)) if counted else _change(total, before)
        text += f" {_money(before, currency)}/{len(old)}{change or ' new'}"
    return text
