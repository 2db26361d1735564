"""Which days a question is about, and with which they are compared."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, timedelta
from typing import Final

from lark import Token, Tree

from api.questions.errors import NotUnderstood
from api.questions.fiscal_calendar import DaySpan, OrgCalendar, Unit
from api.questions.lexer import Lexeme
from api.questions.query import AskedPeriod, Dimension
from api.questions.spans import Spans, lexemes_of, whole

_DAY: Final = timedelta(days=1)
_OVER: Final[dict[str, Unit]] = {
    "MONTH_OVER_MONTH": "month", "QUARTER_OVER_QUARTER": "quarter", "WEEK_OVER_WEEK": "week",
}  # fmt: skip
#: How far back a division of time goes where no period is said, in its own units.
_USUAL: Final[dict[Dimension, tuple[int, Unit]]] = {
    "day": (30, "day"),
    "week": (12, "week"),
    "month": (12, "month"),
    "quarter": (8, "quarter"),
    "year": (5, "year"),
}


class Periods:
    """`take` each part that is about time or compares."""

    def __init__(self, clock: OrgCalendar) -> None:
        self._clock = clock
        self._spans = Spans(clock)
        self._during: list[tuple[DaySpan, Lexeme]] = []
        self._ranges: list[tuple[DaySpan, DaySpan]] = []
        self._first: date | None = None
        self._last: date | None = None
        self._versus: DaySpan | None = None
        self._before: str | None = None
        self._word: Lexeme | None = None
        self._since: DaySpan | None = None
        self._compared = False
        self._changed = False
        self._names = False
        self.of_budget = False

    @property
    def any(self) -> bool:
        return bool(self._during or self._first or self._last or self.compares)

    @property
    def compares(self) -> bool:
        """Whether two periods stand side by side."""
        if self.compares_names:
            return False
        return bool(self._versus or self._before or self._changed or self._compared)

    @property
    def compares_names(self) -> bool:
        spans = self._versus or self._before or len(self._during) > 1 or self._ranges
        return self._names or bool(self._compared and not spans)

    def take(self, part: Tree[Token]) -> bool:
        """Whether the part is one of these."""
        rule, said = str(part.data), lexemes_of(part.children)
        spans = [self._spans.span(node) for node in part.children if isinstance(node, Tree)]
        if rule in ("during", "with_span"):
            self._during.append((spans[0], _first_word(part)))
            self._compared |= rule == "with_span"
        elif rule in ("since", "after", "before", "until"):
            self._bound(rule, spans[0], part)
        elif rule == "range":
            self._range(spans[0], spans[1], said)
        elif rule in ("days", "to_day"):
            self._days(rule, spans, said)
        elif rule == "versus":
            self._versus = spans[0]
        elif rule in ("versus_previous", "versus_year", "period_over"):
            self._before, self._word = rule, said[-1]
        elif rule == "versus_budget":
            self.of_budget = True
        elif rule == "compare":
            self._compared = True
        elif rule == "change":
            self._changed = True
        elif rule == "future":
            raise NotUnderstood("not_known", "what is to come is not known", said[0].start, said[-1].end)
        elif rule == "versus_names":
            self._names = True
            return False  # and they are names
        else:
            return False
        return True

    def _bound(self, rule: str, span: DaySpan, part: Tree[Token]) -> None:
        if rule in ("since", "after"):
            word = _first_word(part)
            over = span.unit != "day" and span.last < self._clock.today
            if word.terminal == "FROM" and over and _relative(part):  # "purchases from last month"
                self._during.append((span, word))
                return
            self._since = span
            self._first = _only(self._first, span.first if rule == "since" else span.last + _DAY, word)
        else:
            word = _first_word(part)
            self._last = _only(self._last, span.last if rule == "until" else span.first - _DAY, word)

    def _range(self, one: DaySpan, other: DaySpan, said: list[Lexeme]) -> None:
        word = said[0] if said else None
        # "from Q2 to Q3", "between Q2 and Q3" tell what it was before first; "Q3 to Q2" after.
        forward = word is not None and word.terminal in ("FROM", "BETWEEN")
        self._ranges.append((other, one) if forward else (one, other))
        if one.first > other.last and other.unit in ("month", "day", "quarter"):
            one = one.year_before() if one.year_before().first <= other.last else one
        if one.first > other.last:
            raise _contradiction(f"the period ends on {other.last}, before it begins on {one.first}", word)
        self._first = _only(self._first, one.first, word)
        self._last = _only(self._last, other.last, word)

    def _days(self, rule: str, spans: list[DaySpan], said: list[Lexeme]) -> None:
        numbers = [whole(each) for each in said if each.terminal == "NUMBER"]
        year = next((whole(each) for each in said if each.terminal == "YEAR"), None)
        if rule == "to_day":
            first = spans[0]
            last = self._spans.day(numbers[0], first.first.month, year or first.first.year)
        else:
            month = next(int(each.value) for each in said if each.terminal == "MONTH")
            first = self._spans.day(numbers[0], month, year)
            last = self._spans.day(numbers[1], month, first.first.year)
        self._range(first, last, said)

    def found(self, times: Collection[Dimension]) -> tuple[AskedPeriod | None, AskedPeriod | None]:
        """The period, and that with which it is compared."""
        if self.compares:
            return self._pair()
        span = self._one()
        first = _later(span.first if span else None, self._first)
        last = _earlier(span.last if span else None, self._last)
        if first is not None and last is not None and first > last:
            raise _contradiction(f"nothing is both from {first} on and until {last}", None)
        if first is not None and first > self._clock.today:
            raise NotUnderstood("not_known", f"{first} is to come: what will be spent is not known")
        if first is None and last is None:
            return self._usual(times), None
        return AskedPeriod(first=first, last=last if last or not times else self._clock.today), None

    def _usual(self, times: Collection[Dimension]) -> AskedPeriod | None:
        for dimension in times:
            count, unit = _USUAL[dimension]
            first = self._clock.ago(count - 1, unit).first
            return AskedPeriod(first=first, last=self._clock.today)
        return None

    def _one(self) -> DaySpan | None:
        """The period that was said; several that follow each other are one."""
        if not self._during:
            return None
        spans = _narrowest([span for span, _ in self._during])
        one = spans[0]
        for span in spans[1:]:
            if span.first > one.last + _DAY:
                word = self._during[-1][1]
                raise _contradiction("two periods are asked about; say which is compared with which", word)
            one = one if len(spans) == 1 else DaySpan(one.first, max(one.last, span.last))
        return one

    def _pair(self) -> tuple[AskedPeriod, AskedPeriod]:
        mine, other = self._sides()
        if mine.first > self._clock.today or other.first > self._clock.today:
            raise NotUnderstood(
                "not_known", "one of the two periods is to come: what will be spent is not known"
            )
        return AskedPeriod(first=mine.first, last=mine.last), AskedPeriod(first=other.first, last=other.last)

    def _sides(self) -> tuple[DaySpan, DaySpan]:
        during = [span for span, _ in self._during]
        if len(during) > 2 or (len(during) == 2 and self._versus is not None):
            raise _contradiction("two periods are compared, not three", self._during[-1][1])
        if len(during) == 2:
            return during[0], during[1]
        if self._ranges and during == []:
            return self._ranges[0]
        if self._since is not None and self._versus is None and not during:
            unit = self._since.unit or "day"
            mine = self._clock.containing(unit)
            return mine, self._since if self._since != mine else mine.before()
        mine_or_none = during[0] if during else None
        if self._versus is not None:
            if self._versus == mine_or_none:  # "the last 30 days and the previous 30 days"
                return self._versus, self._versus.before()
            return mine_or_none or self._counterpart(self._versus), self._versus
        unit = _OVER.get(self._word.terminal, "month") if self._word is not None else "month"
        mine = mine_or_none or self._clock.containing(unit)
        return mine, mine.year_before() if self._before == "versus_year" else mine.before()

    def _counterpart(self, other: DaySpan) -> DaySpan:
        """What is compared with `other` where nothing was said: the current one of its kind."""
        if other.unit is None:
            raise _contradiction("say which period is compared with it", self._word)
        mine = self._clock.containing(other.unit)
        if mine == other:
            raise _contradiction("a period is compared with itself; say which other", self._word)
        return mine


def _narrowest(spans: Sequence[DaySpan]) -> list[DaySpan]:
    """Without those that hold another: “in 2026, in March” is March. In the order of their days."""
    by_days = {(span.first, span.last): span for span in spans}
    return [
        span
        for days, span in sorted(by_days.items())
        if not any(span.first <= one and other <= span.last for one, other in by_days if (one, other) != days)
    ]


def _first_word(part: Tree[Token]) -> Lexeme:
    lexeme: Lexeme = next(part.scan_values(lambda token: isinstance(token, Token))).value
    return lexeme


def _relative(part: Tree[Token]) -> bool:
    terminals = {token.type for token in part.scan_values(lambda token: isinstance(token, Token))}
    return bool(terminals & {"LAST", "THIS", "PAST", "YESTERDAY", "TODAY", "YEAR", "FISCAL"})


def _only(before: date | None, day: date, word: Lexeme | None) -> date:
    if before is not None and before != day:
        raise _contradiction(f"the period has two ends: {before} and {day}", word)
    return day


def _later(one: date | None, other: date | None) -> date | None:
    return max(one, other) if one is not None and other is not None else one or other


def _earlier(one: date | None, other: date | None) -> date | None:
    return min(one, other) if one is not None and other is not None else one or other


def _contradiction(words: str, word: Lexeme | None) -> NotUnderstood:
    return NotUnderstood("contradiction", words, word.start if word else 0, word.end if word else 0)
