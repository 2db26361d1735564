"""Amounts of money in a text, and the currency that they are in."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from price_parser import Price

from infra.receipts.vocabulary import WORDS

_SIGN = "|".join(sorted((re.escape(sign) for sign in WORDS.signs), key=len, reverse=True))
_MARK = rf"(?:(?<![A-Za-z])(?:{'|'.join(sorted(WORDS.codes))})(?![A-Za-z])|{_SIGN})"
_AMOUNT: Final = re.compile(
    rf"(?P<minus>[-−–(]\s?)?(?:(?P<before>{_MARK}|S(?=\d))\s?)?(?P<inner>[-−]\s?)?"
    r"(?(before)|(?<![\d.,:/]))(?P<digits>\d{1,3}(?:[ .,'’]\d{3})+(?:[.,]\d{1,3})?|\d+(?:[.,]\d{1,3})?)"
    rf"(?![\d:/]|[.,]\d)(?P<after_minus>-(?!\d))?(?:\s?(?P<after>{_MARK}))?(?P<rate>\s?%)?"
)
#: `21. 00` and `21 .00`: a gap that was seen where there is none.
_GAP: Final = re.compile(r"(?<=\d)(?:\s+([.,])\s*|([.,])\s+)(?=\d{2}\b(?!\s*[.,:/]))")
_DECIMALS: Final = re.compile(r"([.,])(\d{2,3})$")
_BARE_MARK: Final = re.compile(_MARK)


@dataclass(frozen=True, slots=True)
class PrintedAmount:
    """`value` is without sign of currency; `mark` is that sign or code, if one stands beside it."""

    value: Decimal
    mark: str | None
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Currency:
    """`others`: what its sign may also stand for."""

    code: str
    others: tuple[str, ...] = ()


def closed(text: str) -> str:
    """Without gaps in numbers."""
    return _GAP.sub(lambda found: found[1] or found[2], text)


@dataclass(frozen=True, slots=True)
class Style:
    """How a receipt writes numbers. `separator` None: amounts have no decimals, as yen."""

    separator: str | None
    places: int

    def amounts(self, text: str) -> list[PrintedAmount]:
        """From left to right; rates (%) are none, nor are whole numbers where amounts have decimals."""
        found = []
        for match in _AMOUNT.finditer(text):
            if match["rate"]:
                continue
            digits, mark = match["digits"], match["before"] or match["after"]
            decimals = _DECIMALS.search(digits)
            exact = decimals is not None and decimals[1] == self.separator and len(decimals[2]) == self.places
            if self.separator is not None and not exact:
                continue
            if self.separator is None and mark is None and len(digits) > 9:
                continue  # a number of a receipt, a phone
            if self.separator is None:
                digits = re.sub(r"\D", "", digits)
            value = Price.fromstring(digits.replace("’", "'"), decimal_separator=self.separator or ".").amount
            if value is None:
                continue
            if match["minus"] or match["inner"] or match["after_minus"]:
                value = -value
            found.append(PrintedAmount(value, "$" if mark == "S" else mark, match.start(), match.end()))
        return found


def style_of(texts: Iterable[str]) -> Style:
    """By what most numbers of the receipt look like."""
    seen: Counter[tuple[str, int]] = Counter()
    for text in texts:
        for match in _AMOUNT.finditer(text):
            decimals = _DECIMALS.search(match["digits"])
            if decimals is not None and not match["rate"]:
                seen[decimals[1], len(decimals[2])] += 1
    two = [(count, separator) for (separator, places), count in seen.items() if places == 2]
    three = [(count, separator) for (separator, places), count in seen.items() if places == 3]
    if two:
        return Style(max(two)[1], 2)
    # Three digits after it are thousands, unless the currency has three places (the Gulf).
    text = " ".join(texts) if isinstance(texts, list) else ""
    if three and re.search(r"\b(?:KWD|BHD|OMR|TND|JOD|KD|BD)\b", text):
        return Style(max(three)[1], 3)
    return Style(None, 0)


def currency_of(texts: Sequence[str], style: Style, total: PrintedAmount | None) -> Currency | None:
    """What most amounts are marked with, that of the total above all; a code tells what `$` means."""
    votes: Counter[str] = Counter()
    if total is not None and total.mark is not None:
        votes[total.mark] += 3
    for text in texts:
        for amount in style.amounts(text):
            if amount.mark is not None:
                votes[amount.mark] += 2
        for mark in _BARE_MARK.findall(text):
            votes[mark] += 1 if mark in WORDS.codes else 0
    if not votes:
        return None
    codes: Counter[str] = Counter()
    for mark, count in votes.items():
        codes[mark if mark in WORDS.codes else WORDS.signs[mark][0]] += count
    mark = votes.most_common(1)[0][0]
    if mark in WORDS.codes:
        return Currency(mark)
    meant = WORDS.signs[mark]
    told = [code for code in meant if code in votes]
    if told:
        return Currency(told[0])
    return Currency(meant[0], meant[1:])
