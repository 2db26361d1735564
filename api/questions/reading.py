"""The parts of a question gathered, and what they come to together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, get_args

from lark import Token, Tree
from pydantic import ValidationError

from api.questions.errors import NotUnderstood
from api.questions.fiscal_calendar import OrgCalendar
from api.questions.lexer import Lexeme
from api.questions.money import Amounts
from api.questions.organization_names import Directory
from api.questions.periods import Periods
from api.questions.query import (
    ROWS_MAX,
    ROWS_USUAL,
    TIMES,
    AskedNames,
    Dimension,
    Kind,
    Measure,
    Order,
    Query,
)
from api.questions.resolving import has_kind, resolved
from api.questions.spans import lexemes_of, whole
from api.resources.transactions.answer import TransactionStatus

_PREPOSITIONS: Final = frozenset(("IN", "AT", "ON", "FOR", "OF", "FROM", "TO", "WITH"))
_KINDS: Final[frozenset[str]] = frozenset(get_args(Kind))
_WAYS: Final[dict[str, Order]] = {
    "TOP": "largest", "MOST": "largest", "BOTTOM": "smallest", "LEAST": "smallest", "NEWEST": "newest",
    "OLDEST": "oldest", "LAST": "newest",
}  # fmt: skip
#: What a preposition at the end of a question asks for: "what did we spend most on".
_LOOSE: Final[dict[str, Dimension]] = {
    "ON": "category",
    "FOR": "category",
    **dict.fromkeys(("AT", "WITH", "TO", "FROM"), "merchant"),
}
#: A word that begins a question with "who" asks for people, and what they come to.
_SUBJECTS: Final[dict[str, Dimension]] = {"who": "person", "where": "merchant"}
#: Words that alone ask for nothing.
_HOLLOW: Final = frozenset(("CAN", "WHY", "TOP", "BOTTOM", "MOST", "LEAST", "NEWEST", "OLDEST", "LAST"))


class PartsReading:
    """`take` each part, then `query`."""

    def __init__(self, directory: Directory, clock: OrgCalendar) -> None:
        self._directory = directory
        self._marks: dict[str, Lexeme] = {}
        self._names: dict[Kind, list[str]] = defaultdict(list)
        self._left_out: dict[Kind, list[str]] = defaultdict(list)
        self._statuses: list[TransactionStatus] = []
        self._subjects: list[Dimension] = []
        self._groups: list[Dimension] = []
        self._order: Order | None = None
        self._rows: int | None = None
        self._measured: str | None = None
        self._dangling: Lexeme | None = None
        self._asked_at: Lexeme | None = None
        self._about_groups = False
        self._sided = False
        self._amounts = Amounts(directory)
        self._periods = Periods(clock)

    def take(self, part: Tree[Token]) -> None:
        """Raises NotUnderstood where it contradicts what came before, or names what it cannot."""
        rule, said = str(part.data), lexemes_of(part.children)
        self._dangling = None  # what is followed by something does not dangle
        if self._periods.take(part) or self._amounts.take(rule, said):
            return
        if rule in _SUBJECTS:
            self._about(_SUBJECTS[rule])
            return
        take: Callable[[list[Lexeme]], None] = getattr(self, f"_{rule}")
        take(said)

    # -- what the parts say

    def _measure(self, said: list[Lexeme]) -> None:
        word = said[0]
        self._marks.setdefault(word.terminal, word)
        if word.terminal == "STATUS":
            self._statuses.append(TransactionStatus(word.value))
        elif word.terminal == "SPENDERS":
            self._about("person")

    def _ranked(self, said: list[Lexeme]) -> None:
        for each in said:
            if each.terminal == "NUMBER":
                self._rows = whole(each)
                if not 1 <= self._rows <= ROWS_MAX:
                    raise NotUnderstood(
                        "contradiction", f"a list has 1 to {ROWS_MAX} rows", each.start, each.end
                    )
            elif each.terminal == "DIMS":
                self._subject_of(each)
            elif each.terminal == "PURCHASES":
                self._marks.setdefault("PURCHASES", each)
            else:
                self._marks.setdefault(each.terminal, each)
                self._order = self._order or _WAYS[each.terminal]

    def _latest(self, said: list[Lexeme]) -> None:
        self._order = "newest"
        for each in said:
            if each.terminal == "NUMBER":
                self._ranked([each])
            elif each.terminal != "LAST":
                self._measure([each])

    def _subject_of(self, dims: Lexeme) -> None:
        self._sided = True
        for each in dims.items:
            self._about(_dimension(each))

    def _about(self, dimension: Dimension) -> None:
        self._about_groups = True
        if dimension not in self._subjects:
            self._subjects.append(dimension)

    def _subject(self, said: list[Lexeme]) -> None:
        self._subject_of(next(each for each in said if each.terminal == "DIMS"))

    def _loose(self, said: list[Lexeme]) -> None:
        if said[0].terminal == "LOOSE":
            self._asked_at = said[0]
        self._dangling = said[0]

    def _by(self, said: list[Lexeme]) -> None:
        dims = next(each for each in said if each.terminal == "DIMS")
        self._groups += [_dimension(each) for each in dims.items]

    def _by_named(self, said: list[Lexeme]) -> None:
        self._by(said)
        self._named([each for each in said if each.terminal == "NAMES"])

    def _ordered(self, said: list[Lexeme]) -> None:
        self._measured = said[1].terminal

    def _me(self, said: list[Lexeme]) -> None:
        if self._directory.me is None:
            raise NotUnderstood(
                "not_known", "a key is nobody's: say whose, by name", said[-1].start, said[-1].end
            )
        self._names["person"].append(self._directory.me)

    def _named(self, said: list[Lexeme]) -> None:
        self._add(said, self._names)

    def _versus_names(self, said: list[Lexeme]) -> None:
        self._add(said, self._names)

    def _without(self, said: list[Lexeme]) -> None:
        if said[-1].terminal == "STATUS":
            left_out = TransactionStatus(said[-1].value)
            self._statuses += [status for status in TransactionStatus if status != left_out]
            return
        self._add(said, self._left_out)

    def _add(self, said: list[Lexeme], into: dict[Kind, list[str]]) -> None:
        names = next(each for each in said if each.terminal == "NAMES")
        dims = next((each for each in said if each.terminal == "DIMS"), None)
        preposition = next((each.terminal for each in said if each.terminal in (*_PREPOSITIONS, "BY")), None)
        kind: Any = None if dims is None else dims.items[0].value
        if dims is not None and not (kind in _KINDS and any(has_kind(one, kind) for one in names.items)):
            self._subject_of(dims)  # "Sales merchants": the merchants of Sales
            kind = None
        for name in names.items:
            meant = resolved(name, preposition, kind)
            into[meant.kind] += meant.ids

    def _currency(self, said: list[Lexeme]) -> None:
        self._amounts.only(said[-1])

    # -- what they come to

    def query(self) -> Query:
        """Raises NotUnderstood where the parts do not go together."""
        self._ask_at_the_end()
        self._require_something()
        compared_names = self._compare_names()
        groups = list(dict.fromkeys([*self._subjects, *self._groups, *compared_names]))
        measure = self._measure_of(groups)
        return self._made(measure, groups)

    def _ask_at_the_end(self) -> None:
        """“what did we spend most on” asks for categories."""
        loose = self._asked_at or self._dangling
        if loose is None:
            return
        side = _LOOSE.get(loose.value or loose.terminal)
        if side is None:
            words = f"after “{loose.text}” something is missing"
            raise NotUnderstood("not_understood", words, loose.start, loose.end)
        if not self._subjects:
            self._about(side)

    def _require_something(self) -> None:
        asked = set(self._marks) - _HOLLOW
        sides = self._groups or self._sided
        if not (asked or self._names or sides or self._periods.any or self._amounts.any):
            words = "nothing is asked: say what you want to know, such as “how much”, and of what"
            raise NotUnderstood("not_understood", words)

    def _compare_names(self) -> list[Dimension]:
        """What is compared side by side, without two periods."""
        if not self._periods.compares_names:
            return []
        kinds: list[Any] = [kind for kind, names in self._names.items() if len(names) > 1]
        return kinds[:1]

    def _measure_of(self, groups: Sequence[Dimension]) -> Measure:
        marks = self._marks
        if {"STILL", "BUDGET", "OVER_BUDGET"} & marks.keys() or {"CAN", "SPEND"} <= marks.keys():
            return "left"
        if self._periods.of_budget:
            return "left"
        if self._measured is not None:
            counted = self._measured in ("HOW_MANY", "PURCHASES")
            return "count" if counted else "average" if self._measured == "AVERAGE" else "total"
        if "AVERAGE" in marks:
            return "average"
        if "HOW_MANY" in marks:
            return "count"
        special = {"STATUS", "FLAGGED", "REVIEW", "WHY", "APPROVED"} & marks.keys()
        money = {"SPEND", "TOTAL"} & marks.keys()
        if groups or self._periods.compares:
            most = {"MOST", "LEAST"} & marks.keys()
            counted = bool(("PURCHASES" in marks and most) or special - {"APPROVED"} or "reason" in groups)
            return "count" if counted and not money else "total"
        if self._order in ("newest", "oldest") or (self._order is not None and not most_spend(marks)):
            return "purchases"
        if money:
            return "total"
        listed = special or "PURCHASES" in marks or self._amounts.any
        return "purchases" if listed else "total"

    def _made(self, measure: Measure, groups: list[Dimension]) -> Query:
        statuses = tuple(dict.fromkeys(self._statuses))
        if ("reason" in groups or "WHY" in self._marks) and not statuses:
            statuses = (TransactionStatus.DECLINED,)
        if measure == "count" and "WHY" in self._marks and len(groups) == 1 and "reason" not in groups:
            groups.append("reason")
        if len(groups) > 2:
            raise NotUnderstood("contradiction", f"by {', '.join(groups)} is too much: two at a time")
        purchase, group, count = self._amounts.of_purchase_and_group(
            bool(groups) and self._about_groups and "PURCHASES" not in self._marks
        )
        period, compared = self._periods.found(TIMES & set(groups))
        try:
            return Query(
                measure=measure,
                names=_names(self._names),
                without=_names(self._left_out),
                statuses=statuses,
                approved="APPROVED" in self._marks,
                flagged=True if "FLAGGED" in self._marks else None,
                review=True if "REVIEW" in self._marks else None,
                amount=purchase,
                group_amount=group,
                group_count=count,
                currency=self._amounts.currency,
                period=None if measure == "left" else period,
                compared_with=compared,
                group_by=tuple(groups),
                order=self._order or "largest",
                rows_max=self._rows_max(measure),
                over_budget="OVER_BUDGET" in self._marks,
            )
        except ValidationError as error:
            words = "; ".join(str(each["msg"]).removeprefix("Value error, ") for each in error.errors())
            raise NotUnderstood("contradiction", words) from None

    def _rows_max(self, measure: Measure) -> int:
        if self._rows is not None:
            return self._rows
        purchases = self._marks.get("PURCHASES")
        one = purchases is not None and purchases.text.lower() in _ONE
        return 1 if measure == "purchases" and one and self._order is not None else ROWS_USUAL


def most_spend(marks: dict[str, Lexeme]) -> bool:
    """“the most money spent” without of whom or what is a total."""
    return bool({"MOST", "LEAST"} & marks.keys()) and "PURCHASES" not in marks


_ONE: Final = frozenset(("purchase", "transaction", "payment", "expense", "charge"))


def _names(found: Mapping[Kind, Sequence[str]]) -> AskedNames:
    return AskedNames.model_validate({kind: tuple(ids) for kind, ids in found.items()})


def _dimension(lexeme: Lexeme) -> Dimension:
    value: Dimension = lexeme.value  # type: ignore[assignment]  # words.txt has no other
    return value
