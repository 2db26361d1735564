"""Text to terminals of grammar.lark: numbers, days, the lexicon's words, the organization's names.

What is longest counts; a word that is nothing is looked for as a part of a name, then as a typing error of a
letter (two in long words), and then it is said to be unknown: nothing is passed over that might matter.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from rapidfuzz import fuzz, process
from rapidfuzz.distance import OSA

from api.questions.errors import NotUnderstood
from api.questions.lexicon import SIGNS, Meaning, forms_of, lexicon
from api.questions.organization_names import WORD, Directory, NamedThing, Words, plain

LENGTH_MAX: Final = 300
_NUMBER: Final = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"
_SCALES: Final = {"k": 3, "thousand": 3, "m": 6, "mn": 6, "million": 6, "bn": 9, "billion": 9}
_SYMBOLS: Final = {"$": "$", "€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR"}
_RAW: Final = re.compile(
    rf"""(?P<date>\d{{4}}-\d{{2}}(?:-\d{{2}})?(?![\w-])|\d{{1,2}}[./]\d{{1,2}}[./]\d{{4}}(?!\w))
    |(?P<number>(?:(?P<symbol>[$€£¥₹])\s?)?(?P<digits>{_NUMBER})\s?(?P<scale>(?:k|mn?|bn|thousand|million|billion)\b)?
        (?P<ordinal>st|nd|rd|th)?(?![^\W_]))
    |(?P<word>{WORD.pattern})
    |(?P<sign>>=|<=|--|\S)""",
    re.VERBOSE | re.IGNORECASE,
)
#: Signs that join or end, and say nothing.
_SILENT: Final = frozenset("?!._:\"“”„()'’‘-–—/…")
#: What a dash after it makes the beginning of a range.
_RANGED: Final = frozenset(("NUMBER", "MONEY", "DATE", "MONTH", "YEAR", "QUARTER"))
#: Letters from which on so many may be wrong: to a shorter word others are as near as the one that was meant.
_CLOSENESS: Final = ((9, 2), (5, 1))
_NEAR: Final = 74.0  # percent alike: one letter of four, two of eight


@dataclass(frozen=True, slots=True)
class Raw:
    """A piece of the text. `word`: as it is looked up; "" for a sign. `number`: what it is, of a number."""

    text: str
    start: int
    end: int
    word: str = ""
    number: Decimal | None = None
    currency: str = ""
    day: bool = False


@dataclass(frozen=True, slots=True)
class Lexeme:
    """A terminal with what stands behind it. `named`: what names may mean. `items`: of several in a row."""

    terminal: str
    text: str
    start: int
    end: int
    value: str = ""
    number: Decimal | None = None
    named: tuple[NamedThing, ...] = ()
    items: tuple[Lexeme, ...] = ()


@dataclass(frozen=True, slots=True)
class Corrected:
    """A word that was taken for another."""

    text: str
    taken_for: str


def raw_of(text: str) -> list[Raw]:
    """Raises NotUnderstood for a sign that no question has."""
    found = []
    for each in _RAW.finditer(text):
        piece, start, end = each[0], each.start(), each.end()
        if each["date"]:
            found.append(Raw(piece, start, end, plain(piece), day=True))
        elif each["number"]:
            scale = _SCALES.get((each["scale"] or "").lower(), 0)
            number = Decimal(f"{Decimal(each['digits'].replace(',', '')).scaleb(scale):f}")
            whole = plain(piece.strip())
            found.append(
                Raw(
                    piece.strip(),
                    start + len(piece) - len(piece.lstrip()),
                    end,
                    whole,
                    number,
                    _SYMBOLS.get(each["symbol"] or "", ""),
                )
            )
        elif each["word"]:
            found.append(Raw(piece, start, end, plain(piece)))
        elif piece in SIGNS or piece in _SILENT:
            found.append(Raw(piece, start, end))
        else:
            raise NotUnderstood("unknown_word", f"the sign “{piece}” is in no question", start, end)
    return found


class Lexer:
    """One text of one organization."""

    def __init__(self, text: str, directory: Directory) -> None:
        self._raw = raw_of(text)
        self._text = text
        self._directory = directory
        self._lexicon = lexicon()
        self._known = self._lexicon.words | directory.words
        self.corrected: list[Corrected] = []
        self.unknown: list[Raw] = []

    def lexemes(self) -> list[Lexeme]:
        """All but those that say nothing. What is unknown is kept in `unknown`."""
        found: list[Lexeme] = []
        at = 0
        while at < len(self._raw):
            lexeme, after = self._next(at, found)
            if lexeme is None:
                self.unknown.append(self._raw[at])
            elif lexeme.terminal != "NOISE":
                found.append(lexeme)
            at = after
        return found

    def require_known(self) -> None:
        """Raises NotUnderstood: words that are unknown, the first with the one that is nearest."""
        if not self.unknown:
            return
        first, *others = self.unknown
        words = sorted(self._lexicon.telling | self._directory.words) if len(first.word) > 3 else []
        near = process.extractOne(
            first.word, [word for word in words if word != first.word], scorer=fuzz.ratio, score_cutoff=_NEAR
        )
        meant = (
            "it is no word of questions and no name that occurs here"
            if near is None
            else (f"did you mean “{near[0]}”?")
        )
        raise NotUnderstood(
            "unknown_word",
            f"“{first.text}” is not understood: {meant}",
            first.start,
            first.end,
            tuple(raw.text for raw in others),
            None if near is None else near[0],
        )

    def _next(self, at: int, before: Sequence[Lexeme]) -> tuple[Lexeme | None, int]:
        raw = self._raw[at]
        if not raw.word:
            return self._sign(at, before), at + 1
        found = self._longest(at, before)
        if found is not None:
            return found
        if raw.day:
            return self._made("DATE", at, at + 1), at + 1
        if raw.number is not None:
            return self._number(raw), at + 1
        if (year := re.fullmatch(r"fy(\d{4}|\d{2})", raw.word)) is not None:
            number = Decimal(year[1]) if len(year[1]) == 4 else Decimal(2000) + Decimal(year[1])
            return Lexeme("FISCAL", raw.text, raw.start, raw.end, number=number), at + 1
        found = self._part(at)
        return found if found is not None else self._typing_error(at, before)

    def _sign(self, at: int, before: Sequence[Lexeme]) -> Lexeme:
        raw = self._raw[at]
        between = before and before[-1].terminal in _RANGED and at + 1 < len(self._raw)
        if raw.text in "-–—" and between:
            return Lexeme("TO", raw.text, raw.start, raw.end)
        return Lexeme(SIGNS.get(raw.text, "NOISE"), raw.text, raw.start, raw.end, value=raw.text)

    def _number(self, raw: Raw) -> Lexeme:
        terminal = "MONEY" if raw.currency else "NUMBER"
        return Lexeme(terminal, raw.text, raw.start, raw.end, raw.currency, raw.number)

    def _run(self, at: int, length: int) -> tuple[Words, int] | None:
        """So many words from `at` on, whatever silent signs stand between, and where they end."""
        words: list[str] = []
        end = at
        while end < len(self._raw) and len(words) < length:
            raw = self._raw[end]
            if raw.word:
                words.append(raw.word)
            elif raw.text not in _SILENT and raw.text not in "&+":
                return None
            end += 1
        return (tuple(words), end) if len(words) == length else None

    def _longest(self, at: int, before: Sequence[Lexeme]) -> tuple[Lexeme, int] | None:
        most = max(self._lexicon.longest, self._directory.longest)
        for length in range(min(most, len(self._raw) - at), 0, -1):
            run = self._run(at, length)
            if run is None:
                continue
            words, end = run
            meaning = self._lexicon.find(words)
            named = tuple(self._directory.by_words.get(words, ()))
            if not named and length == 1 and meaning is None:
                named = self._other_number(words[0])
            if words in self._directory.own and meaning is None and not named:
                return self._made("NOISE", at, end), end
            if meaning is not None or named:
                return self._meant(at, end, meaning, named, before), end
        return None

    def _other_number(self, word: str) -> tuple[NamedThing, ...]:
        for form in forms_of(word):
            if found := self._directory.by_words.get((form,)):
                return tuple(found)
        return ()

    def _meant(
        self,
        at: int,
        end: int,
        meaning: Meaning | None,
        named: tuple[NamedThing, ...],
        before: Sequence[Lexeme],
    ) -> Lexeme:
        """A name that is a word of the lexicon as well is the name where it is written or used like one."""
        if meaning is not None and meaning.terminal == "CATEGORY":
            category = NamedThing("category", tuple(meaning.value.split("+")), self._said(at, end).lower())
            return replace(self._made("NAMES", at, end), named=(*named, category))
        if meaning is None:
            return replace(self._made("NAMES", at, end), named=named)
        if named:
            written = not self._said(at, end).islower() and at > 0
            used = bool(before) and before[-1].terminal in ("DIMS", "AT", "BY")
            if used or (written and meaning.terminal in ("NOISE", "IN", "ME", "STATUS", "PURCHASES")):
                return replace(self._made("NAMES", at, end), named=named)
        lexeme = replace(self._made(meaning.terminal, at, end), value=meaning.value)
        if meaning.terminal == "NUMBER":
            return replace(lexeme, number=Decimal(meaning.value))
        if meaning.terminal == "DIM":
            return replace(lexeme, terminal="DIMS")
        return lexeme

    def _said(self, at: int, end: int) -> str:
        return self._text[self._raw[at].start : self._raw[end - 1].end]

    def _made(self, terminal: str, at: int, end: int) -> Lexeme:
        return Lexeme(terminal, self._said(at, end), self._raw[at].start, self._raw[end - 1].end)

    def _part(self, at: int) -> tuple[Lexeme, int] | None:
        """A part of a name, the longest."""
        for length in range(min(self._directory.longest, len(self._raw) - at), 0, -1):
            run = self._run(at, length)
            if run is not None and (named := self._directory.part(run[0])):
                return replace(self._made("NAMES", at, run[1]), named=tuple(named)), run[1]
        return None

    def _typing_error(self, at: int, before: Sequence[Lexeme]) -> tuple[Lexeme | None, int]:
        raw = self._raw[at]
        letters = len(raw.word)
        most = next((wrong for least, wrong in _CLOSENESS if letters >= least), 0)
        if not most or not raw.word.isalpha() or raw.word in self._known:
            return None, at + 1
        close = process.extract(raw.word, self._known, scorer=OSA.distance, score_cutoff=most, limit=8)
        best = min((distance for _, distance, _ in close), default=0)
        meant = [word for word, distance, _ in close if distance == best]
        if len(meant) > 1:  # who mistypes rarely mistypes the first letter
            meant = [word for word in meant if word[0] == raw.word[0]] or meant
        tried = []
        # "organizations" is no typing error of what they are one of.
        for word in sorted(set(meant) - set(forms_of(raw.word))):
            self._raw[at] = replace(raw, word=word)
            lexeme, after = self._next(at, before)
            if lexeme is not None:
                tried.append((word, lexeme, after))
        self._raw[at] = raw
        if not tried or len({(one.terminal, one.value, one.named) for _, one, _ in tried}) > 1:
            return None, at + 1
        word, lexeme, after = tried[0]
        if lexeme.terminal != "NOISE":
            self.corrected.append(Corrected(raw.text, word))
        return lexeme, after
