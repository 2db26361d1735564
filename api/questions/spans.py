"""Periods in a question's tree to days of a calendar."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from lark import Token, Tree

from api.questions.errors import NotUnderstood
from api.questions.fiscal_calendar import DaySpan, OrgCalendar, Unit
from api.questions.lexer import Lexeme

Node = Tree[Token] | Token
_UNITS: Final[dict[str, Unit]] = {
    "day": "day", "week": "week", "month": "month", "quarter": "quarter", "year": "year",
}  # fmt: skip


def lexemes_of(nodes: Sequence[Node]) -> list[Lexeme]:
    return [node.value for node in nodes if isinstance(node, Token)]


class Spans:
    """`span`: of a tree of the rule span."""

    def __init__(self, clock: OrgCalendar) -> None:
        self._clock = clock

    def span(self, tree: Tree[Token]) -> DaySpan:
        """Raises NotUnderstood for a day that does not exist."""
        given = lexemes_of(tree.children)
        by_terminal = {each.terminal: each for each in given}
        read: Callable[[dict[str, Lexeme], Tree[Token]], DaySpan] = getattr(self, f"_{tree.data}")
        try:
            return read(by_terminal, tree)
        except (ValueError, OverflowError) as error:
            if isinstance(error, NotUnderstood):
                raise _placed(error, given) from None
            said = " ".join(each.text for each in given)
            raise _placed(NotUnderstood("contradiction", f"there is no “{said}”"), given) from None

    def _today(self, said: dict[str, Lexeme], tree: Tree[Token]) -> DaySpan:
        return self._clock.containing("day")

    def _yesterday(self, said: dict[str, Lexeme], tree: Tree[Token]) -> DaySpan:
        return self._clock.last("day")

    def _day_before(self, said: dict[str, Lexeme], tree: Tree[Token]) -> DaySpan:
        return self._clock.last("day").before()

    def _this(self, said: dict[str, Lexeme], tree: Tree[Token]) -> DaySpan:
        span = self._clock.containing(_UNITS[said["UNIT"].value])
        return DaySpan(span.first, self._clock.today) if "TO_DATE" in said else span

    def _to_date(self, said: dict[str, Lexeme], tree: Tree[Token]) -> DaySpan:
        unit = said.get("UNIT") or said["YTD"]
        return DaySpan(self._clock.containing(_UNITS[unit.value]).first, self._clock.today)

    def _last(self, said: dict[str, Lexeme], tree: Tree[Token]) -> DaySpan:
        return self._clock.last(_UNITS[said["UNIT"].value])

    def _rolling(self, said: dict[str, Lexeme], tree: Tree[Token]) -> DaySpan:
        count = _whole(said["NUMBER"]) if "NUMBER" in said else 1
        return self._clock.rolling(count, _UNITS[said["UNIT"].value])

    def _ago(self, said: dict[str, Lexeme], tree: Tree[Token]) -> DaySpan:
        return self._clock.ago(_whole(said["NUMBER"]), _UNITS[said["UNIT"].value])

    def _month(self, said: dict[str, Lexeme], tree: Tree[Token]) -> DaySpan:
        year = _year(said)
        return self._clock.month(int(said["MONTH"].value), year, over="LAST" in said)

    def _quarter(self, said: dict[str, Lexeme], tree: Tree[Token]) -> DaySpan:
        return self._clock.quarter(int(said["QUARTER"].value), self._within(said))

    def _half(self, said: dict[str, Lexeme], tree: Tree[Token]) -> DaySpan:
        return self._clock.half(int(said["HALF"].value), self._within(said))

    def _within(self, said: dict[str, Lexeme]) -> DaySpan | None:
        """The fiscal year of a quarter or half."""
        year = self._clock.fiscal_year()
        if "YEAR" in said:
            return self._clock.fiscal_year(_year(said))
        if "LAST" in said:
            return year.before()
        return year if "UNIT" in said or ("THIS" in said and "FISCAL" in said) else None

    def _fiscal(self, said: dict[str, Lexeme], tree: Tree[Token]) -> DaySpan:
        unit: Unit = _UNITS[said["UNIT"].value] if "UNIT" in said else "fiscal"
        unit = "fiscal" if unit == "year" else unit
        if "LAST" in said:
            return self._clock.last(unit)
        return self._clock.fiscal_year(_year(said)) if "YEAR" in said else self._clock.containing(unit)

    def _year(self, said: dict[str, Lexeme], tree: Tree[Token]) -> DaySpan:
        year = _year(said)
        assert year is not None
        return self._clock.containing("year", self._clock.today.replace(year=year, month=1, day=1))

    def _date(self, said: dict[str, Lexeme], tree: Tree[Token]) -> DaySpan:
        if "DATE" in said:
            text = said["DATE"].text
            if len(text) == 7:  # 2026-03
                year, month = text.split("-")
                return self._clock.month(int(month), int(year))
            return self._clock.day(text)
        return self.day(_whole(said["NUMBER"]), int(said["MONTH"].value), _year(said))

    def day(self, day: int, month: int, year: int | None) -> DaySpan:
        text = f"{day} {_MONTHS[month - 1]}" + (f" {year}" if year else "")
        return self._clock.day(text)

    def _weekday(self, said: dict[str, Lexeme], tree: Tree[Token]) -> DaySpan:
        return self._clock.weekday(int(said["WEEKDAY"].value), this="THIS" in said)

    def _weekend(self, said: dict[str, Lexeme], tree: Tree[Token]) -> DaySpan:
        return self._clock.weekend(this="THIS" in said)

    def _first_of(self, said: dict[str, Lexeme], tree: Tree[Token]) -> DaySpan:
        first = self._inner(tree).first
        return DaySpan(first, first, "day")

    def _end_of(self, said: dict[str, Lexeme], tree: Tree[Token]) -> DaySpan:
        last = self._inner(tree).last
        return DaySpan(last, last, "day")

    def _inner(self, tree: Tree[Token]) -> DaySpan:
        inner = next((node for node in tree.children if isinstance(node, Tree)), None)
        if inner is None:  # "the beginning of the year"
            return self._clock.containing(_UNITS[lexemes_of(tree.children)[-1].value])
        return self.span(inner)


_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)


def _year(said: dict[str, Lexeme]) -> int | None:
    return _whole(said["YEAR"]) if "YEAR" in said else None


def _whole(lexeme: Lexeme) -> int:
    number = lexeme.number
    assert number is not None
    if number != number.to_integral_value() or number > 9_999:
        raise NotUnderstood(
            "contradiction", f"“{lexeme.text}” is no number of days or purchases", lexeme.start, lexeme.end
        )
    return int(number)


whole = _whole


def _placed(error: NotUnderstood, given: Sequence[Lexeme]) -> NotUnderstood:
    if not error.end and given:
        error.start, error.end = given[0].start, given[-1].end
    return error
