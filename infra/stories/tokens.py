"""A story's text as words with their places, and the error that says what was expected where."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NoReturn

from infra.errors import SpendlogError

ARROW: Final = "=>"
# A word may hold quoted parts: merchant "Edeka","Dell Technologies"
_WORD: Final = re.compile(r'(?:"[^"]*"|[^\s"])+')
_ITEM: Final = re.compile(r'(?:"[^"]*"|[^,"])+')
_SUGGESTED_MAX: Final = 12
_TYPOGRAPHIC: Final = dict.fromkeys(map(ord, "“”„‟«»＂"), '"')


class StoryError(SpendlogError):
    """A story cannot be read: `FILE:LINE:COLUMN: what is there; what was expected`."""


@dataclass(frozen=True, slots=True)
class TextPlace:
    """A line of a file, both as a person counts them."""

    file: str
    line: int

    def error(self, column: int, what: str) -> StoryError:
        return StoryError(f"{self.file}:{self.line}:{column}: {what}")


@dataclass(frozen=True, slots=True)
class Word:
    """`raw`: as written, quotes included; `column`: of its first letter, from 1."""

    raw: str
    column: int

    @property
    def quoted(self) -> bool:
        return len(self.raw) > 1 and self.raw[0] == self.raw[-1] == '"'

    @property
    def text(self) -> str:
        return self.raw.replace('"', "")

    def items(self) -> tuple[str, ...]:
        """The parts of a list: `DE,US`; a comma inside quotes is none."""
        return tuple(item.replace('"', "").strip() for item in _ITEM.findall(self.raw))


def words_of(text: str, place: TextPlace, column: int = 1) -> list[Word]:
    """The words of `text`, which begins in `column`. Raises StoryError where a quote is not closed."""
    text = plain_quotes(text)
    if text.count('"') % 2:
        raise place.error(column + text.rindex('"'), 'this quote is not closed; expected another "')
    return [Word(found[0], column + found.start()) for found in _WORD.finditer(text)]


def plain_quotes(text: str) -> str:
    """`text` with a word processor's quotes as plain ones; inside of plain quotes they stay as they are."""
    parts = text.split('"')
    if (
        len(parts) % 2 == 0
    ):  # a plain one is open: mixed, or wrong, which is said by whoever looks for its end
        return text.translate(_TYPOGRAPHIC)
    return '"'.join(part.translate(_TYPOGRAPHIC) if n % 2 == 0 else part for n, part in enumerate(parts))


def choice(options: Iterable[str]) -> str:
    """`a, b or c`."""
    names = sorted(options)
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))


@dataclass(slots=True)
class WordReader:
    """Goes over words from left to right. `end`: the column after the last one."""

    place: TextPlace
    words: list[Word]
    end: int
    at: int = field(default=0)

    def peek(self) -> str | None:
        """The next word without quotes; None at the end."""
        return self.words[self.at].text if self.at < len(self.words) else None

    def next(self, expected: str) -> Word:
        """The next word. Raises StoryError at the end, saying that `expected` is missing."""
        if self.at >= len(self.words):
            raise self.place.error(self.end, f"the line ends; expected {expected}")
        self.at += 1
        return self.words[self.at - 1]

    def text(self, expected: str) -> str:
        return self.next(expected).text

    def skip(self, *texts: str) -> bool:
        """Goes over these words if they are the next ones."""
        following = [word.raw for word in self.words[self.at : self.at + len(texts)]]
        if following != list(texts):
            return False
        self.at += len(texts)
        return True

    def need(self, *texts: str) -> None:
        """Goes over these words. Raises StoryError where another one stands."""
        for text in texts:
            word = self.next(repr(text))
            if word.raw != text:
                self.fail(word, repr(text))

    def one_of(self, options: Iterable[str], expected: str) -> str:
        """The next word, which must be one of `options`."""
        word = self.next(expected)
        if word.text not in options:
            self.fail(word, expected, options)
        return word.text

    def fail(self, word: Word, expected: str, options: Iterable[str] = ()) -> NoReturn:
        """Raises StoryError for `word`; names the option that it looks like, or all, if they are few."""
        known = list(options)
        near = difflib.get_close_matches(word.text, known, 1)
        more = ""
        if near:
            more = f" (did you mean {near[0]!r}?)"
        elif known and len(known) <= _SUGGESTED_MAX:
            more = f": {choice(known)}"
        raise self.place.error(word.column, f"{word.text!r} is not expected here; expected {expected}{more}")
