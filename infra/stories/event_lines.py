"""The left side of an event line: who, what, how much, when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from infra.stories import values
from infra.stories.plain_events import BY_TYPE, read_member
from infra.stories.story import LEVEL_WORDS, Said
from infra.stories.tokens import WordReader
from infra.stories.values import When
from infra.stories.verbs import EVERYWHERE, OPTIONS, VERBS, Verb
from schemas.administration import TREASURY

# Lines of these verbs are named by what they are about, unless `as NAME` says otherwise.
_NAMED_BY_ID: Final = ("request", "dispute", "request-increase", "request-card", "request-budget")
_OF_TREASURY: Final = ("cap", "lease-request", "lease-return")
_BY_TYPE: Final = Verb("an event by its type", None)
_OF_LINES: Final = ("on", "as", "recorded")


@dataclass(frozen=True, slots=True)
class EventLine:
    """An event line before its time is known. `named`: it says its name itself."""

    verb: str
    said: Said
    department: str | None
    at: When | None = None
    recorded: When | None = None
    name: str | None = None
    named: bool = False

    @property
    def refers_to(self) -> Iterator[str]:
        """Names of lines that must stand above."""
        said = self.said
        if said.reusing is not None:
            yield said.reusing
        if self.verb in ("again", "reuse") and said.id is not None:
            yield said.id
        if self.verb == "correct" and said.of is not None:
            yield said.of


def read_event(reader: WordReader, department: str | None) -> EventLine:
    """The event that `reader` stands at. Raises StoryError where a word does not belong to it."""
    verb = reader.one_of(VERBS.keys() | BY_TYPE.keys(), "an event")
    spec = VERBS.get(verb, _BY_TYPE)
    said = Said()
    _after_the_verb(reader, verb, spec, said)
    at, recorded, name = _options(reader, verb, spec, said)
    if verb == "budget" and department is None and said.id is not None and ":" not in said.id:
        department = said.id
    if verb in _OF_TREASURY and (department is None or verb == "cap"):
        department = TREASURY
    of_id = said.id if verb in _NAMED_BY_ID else said.own_id if verb == "refund" else None
    return EventLine(verb, said, department, at, recorded, name or of_id, named=name is not None)


def _after_the_verb(reader: WordReader, verb: str, spec: Verb, said: Said) -> None:
    if spec.id is not None and not (spec.id_need == "optional" and values.is_currency(reader.peek())):
        word = reader.next(spec.id)
        if verb == "activate" and not values.is_whole(word.text):
            reader.fail(word, spec.id)
        level, colon, _ = word.text.partition(":")
        if verb == "budget" and colon and level not in LEVEL_WORDS:
            reader.fail(word, spec.id, LEVEL_WORDS)
        said.id = word.text
    if spec.money == "needed" or (spec.money == "optional" and values.is_currency(reader.peek())):
        said.money = values.money(reader)


def _options(
    reader: WordReader, verb: str, spec: Verb, said: Said
) -> tuple[When | None, When | None, str | None]:
    """Fills `said`; returns the line's time, the broker's, and the line's name."""
    at: When | None = None
    recorded: When | None = None
    name: str | None = None
    allowed = spec.options | EVERYWHERE
    while (text := reader.peek()) is not None:
        if values.is_step(text):
            at = values.duration(reader)
            continue
        word = reader.next("")
        match word.raw:
            case "on":
                at = values.moment(reader)
            case "recorded":
                recorded = values.when(reader)
            case "as":
                name = reader.text("a name for this line")
            case known if known in allowed:
                OPTIONS[known](reader, said)
            case member if "=" in member and verb in BY_TYPE:
                read_member(reader, word, verb, said)
            case _:
                reader.fail(word, f"an option of {verb!r} or '=>'", sorted(allowed.union(_OF_LINES)))
    return at, recorded, name
