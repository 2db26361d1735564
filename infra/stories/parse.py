"""Text to stories. Reads nothing and decides nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from infra.stories import values
from infra.stories.books import read_ledger, read_payment
from infra.stories.event_lines import EventLine, read_event
from infra.stories.expect import read_expected
from infra.stories.rules import PolicyReader
from infra.stories.story import LedgerLine, Line, PaymentLine, Said, Story
from infra.stories.tokens import ARROW, StoryError, TextPlace, WordReader, words_of
from schemas.administration import TREASURY
from schemas.reasons import Outcome

STARTS_AT: Final = datetime(2026, 11, 10, 9, 0, tzinfo=UTC)
STEP: Final = timedelta(minutes=1)
DEPARTMENT: Final = "eng"
_RAW: Final = "raw "


def parse(text: str, file: str = "story") -> list[Story]:
    """All stories of a file, in order. `file`: its name, for errors.

    Raises:
        StoryError: with file, line and column, what stands there and what was expected.
    """
    stories = []
    for number, block in _blocks(text):
        lines = [(number + n, line) for n, line in enumerate(block) if not line.lstrip().startswith("#")]
        if lines:
            stories.append(_story(lines, file))
    return stories


def _blocks(text: str) -> Iterator[tuple[int, list[str]]]:
    """Number of the first line, and lines, of each run of lines that are not blank."""
    block: list[str] = []
    lines = [*text.splitlines(), ""]
    for number, line in enumerate(lines, 1):
        if line.strip():
            block.append(line)
        elif block:
            yield number - len(block), block
            block = []


def _story(lines: list[tuple[int, str]], file: str) -> Story:
    (number, first), *rest = lines
    place = TextPlace(file, number)
    head, colon, name = first.partition(":")
    if head != "story" or not colon or not name.strip():
        raise place.error(1, f"{first.strip()[:40]!r} is no beginning; a story begins with 'story: NAME'")
    teller = _Teller(name.strip(), place)
    for number, line in rest:
        teller.read(line, TextPlace(file, number))
    return teller.story()


@dataclass(slots=True)
class _Teller:
    """What has been read of a story. `clock`: the latest time of a line that is not to be rejected."""

    name: str
    place: TextPlace
    clock: datetime = STARTS_AT - STEP
    core_only: bool = False
    department: str | None = None
    lines: list[Line] = field(default_factory=list)
    ledger: list[LedgerLine] = field(default_factory=list)
    payments: list[PaymentLine] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    policy: tuple[PolicyReader, Said] | None = None

    def story(self) -> Story:
        """Raises StoryError when nothing happens in it."""
        if not self.lines:
            raise self.place.error(1, f"story {self.name!r} has no events")
        self._name_requests()
        own = self.department or DEPARTMENT
        return Story(
            self.name,
            self.place,
            tuple(replace(line, department=line.department or own) for line in self.lines),
            tuple(replace(line, department=line.department or own) for line in self.ledger),
            tuple(replace(line, department=line.department or own) for line in self.payments),
            self.core_only,
        )

    def _name_requests(self) -> None:
        """A timeout may be of a request that stands below it, so its event id is known only at the end."""
        named = {line.name: line for line in self.lines}
        for line in self.lines:
            if line.verb != "reverse" or line.said.of is None:
                continue
            request = named.get(line.said.of)
            if request is None or request.verb != "request" or request.said.reusing is not None:
                raise line.place.error(1, f"no line of this story is a request named {line.said.of!r}")
            if not line.said.timeout:
                raise line.place.error(1, "only a timeout is of one request: 'timeout of NAME'")
            line.said.request_id = request.event_id

    def read(self, line: str, place: TextPlace) -> None:
        text = line.strip()
        column = len(line) - len(line.lstrip()) + 1
        if column > 1:
            self._rule(text, place, column)
            return
        self.policy = None
        if _RAW in text.partition(ARROW)[0] and text.startswith((_RAW, "in ")):
            self._raw(text, place)
            return
        words = words_of(text, place)
        at = next((n for n, word in enumerate(words) if word.raw == ARROW), None)
        end = len(text) + 1
        if at is None:
            self._without_answer(WordReader(place, words, end), text)
        else:
            left = WordReader(place, words[:at], words[at].column)
            self._event(left, WordReader(place, words[at + 1 :], end), text)

    def _rule(self, text: str, place: TextPlace, column: int) -> None:
        if self.policy is None:
            raise place.error(column, "an indented line belongs below a `policy` line, as one of its rules")
        reader, said = self.policy
        reader.read(WordReader(place, words_of(text, place, column), column + len(text)))
        said.policy = reader.policy

    def _without_answer(self, reader: WordReader, text: str) -> None:
        """Lines about the story, or about the books at its end."""
        if reader.skip("core", "only"):
            self.core_only = True
        elif reader.skip("starts"):
            self.clock = values.moment(reader) - STEP
        else:
            department = _department(reader)
            match reader.peek():
                case "ledger":
                    self.ledger.append(read_ledger(reader, text, department))
                case "payment":
                    self.payments.append(read_payment(reader, text, department))
                case _:
                    raise reader.place.error(
                        reader.end, f"the line ends; expected {ARROW!r} and what must be answered"
                    )
            return
        if reader.peek() is not None:
            reader.fail(reader.next(""), "the end of the line")
        if self.lines:
            raise reader.place.error(1, f"{text!r} belongs above the first event")

    def _event(self, left: WordReader, right: WordReader, text: str) -> None:
        department = _department(left)
        if self.ledger or self.payments:
            raise left.place.error(1, "an event below 'ledger' or 'payment'; these end a story")
        self._add(read_event(left, department), right, text)

    def _raw(self, text: str, place: TextPlace) -> None:
        """`raw TEXT => ...`: the text goes to the log as it is, quotes and all."""
        left, arrow, right = text.rpartition(f" {ARROW} ")
        if not arrow:
            raise place.error(len(text) + 1, f"the line ends; expected {ARROW!r} and what must be answered")
        before, _, value = left.partition(_RAW)
        head = WordReader(place, words_of(before, place), len(before) + 1)
        told = EventLine("raw", Said(raw=value.strip()), _department(head))
        column = len(left) + len(arrow) + 1
        self._add(told, WordReader(place, words_of(right, place, column), len(text) + 1), text)

    def _add(self, told: EventLine, right: WordReader, text: str) -> None:
        expected = read_expected(right)
        place = right.place
        occurred_at = self.clock + (told.at if isinstance(told.at, timedelta) else STEP)
        if isinstance(told.at, datetime):
            occurred_at = told.at
        if expected.outcome is not Outcome.REJECTED:
            self.clock = max(self.clock, occurred_at)
        recorded_at = told.recorded
        if isinstance(recorded_at, timedelta):
            recorded_at = occurred_at + recorded_at
        for wanted in told.refers_to:
            if wanted not in self.names:
                raise place.error(1, f"no line above is named {wanted!r}; 'as NAME' names a line")
        if told.named and told.name in self.names:
            raise place.error(1, f"a line above is named {told.name!r} already")
        # The first line that has a name keeps it: a second request with one id is sent to be refused.
        name = None if told.name in self.names else told.name
        if name is not None:
            self.names.add(name)
        if self.department is None and told.department != TREASURY:
            self.department = told.department
        if told.verb == "policy":
            reader = PolicyReader()
            told.said.policy = reader.policy
            self.policy = reader, told.said
        self.lines.append(
            Line(
                place=place,
                text=text,
                department=told.department or "",
                verb=told.verb,
                said=told.said,
                occurred_at=occurred_at,
                expected=expected,
                name=name,
                recorded_at=recorded_at,
            )
        )


def _department(reader: WordReader) -> str | None:
    """`in sales:` before a verb."""
    if not reader.skip("in"):
        return None
    word = reader.next("a department and a colon, such as sales:")
    if not word.text.endswith(":"):
        reader.fail(word, "a department and a colon, such as sales:")
    return word.text[:-1]


__all__ = ["DEPARTMENT", "STARTS_AT", "STEP", "StoryError", "parse"]
