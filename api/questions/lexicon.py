"""The lexicon of questions, read once from words.txt: which words are which terminal of the grammar."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from api.questions.organization_names import Words, words_of

#: Terminals of signs: they are no words.
SIGNS: Final = {
    ">": "OVER",
    "<": "UNDER",
    ">=": "AT_LEAST",
    "≥": "AT_LEAST",
    "<=": "AT_MOST",
    "≤": "AT_MOST",
    "+": "OR_MORE",
    "&": "AND",
    ",": "AND",
}


@dataclass(frozen=True, slots=True)
class Meaning:
    """Terminal and value of a phrase."""

    terminal: str
    value: str


@dataclass(frozen=True)
class Lexicon:
    """Phrases and what they mean. `words`: of all phrases; `telling`: of those that say something."""

    phrases: Mapping[Words, Meaning]
    longest: int
    words: frozenset[str]
    telling: frozenset[str]

    def find(self, words: Words) -> Meaning | None:
        """Of a phrase as it stands, or in the singular or plural of its last word."""
        if (found := self.phrases.get(words)) is not None:
            return found
        *before, last = words
        for form in forms_of(last):
            found = self.phrases.get((*before, form))
            if found is not None and found.terminal != "NOISE":  # "companies" are not this one
                return found
        return None


def forms_of(word: str) -> tuple[str, ...]:
    """Other numbers of a word."""
    if len(word) < 4 or not word.isalpha():
        return ()
    found = [f"{word}s"]
    if word.endswith("ies"):
        found.append(f"{word[:-3]}y")
    if word.endswith("es"):
        found.append(word[:-2])
    if word.endswith("s"):
        found.append(word[:-1])
    return tuple(found)


@cache
def lexicon() -> Lexicon:
    """Raises ValueError where a phrase has two meanings."""
    phrases: dict[Words, Meaning] = {}
    for line in files(__package__).joinpath("words.txt").read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        head, _, texts = line.partition(": ")
        terminal, _, value = head.partition(" ")
        meaning = Meaning(terminal, value)
        for text in texts.split(", "):
            words = words_of(text)
            if not words:
                continue
            if phrases.setdefault(words, meaning) != meaning:
                raise ValueError(f"words.txt: {text!r} is {phrases[words]} and {meaning}")
    telling = [phrase for phrase, meaning in phrases.items() if meaning.terminal != "NOISE"]
    return Lexicon(
        phrases,
        longest=max(map(len, phrases)),
        words=frozenset(word for phrase in phrases for word in phrase),
        telling=frozenset(word for phrase in telling for word in phrase),
    )
