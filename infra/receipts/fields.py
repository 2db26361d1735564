"""Total, tax, currency, day and merchant of a receipt, by its words and where they stand."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Final, NamedTuple

import msgspec
from rapidfuzz import fuzz

from infra.receipts.amounts import PrintedAmount, Style, closed, currency_of, style_of
from infra.receipts.days import day_of
from infra.receipts.text_rows import PrintedRow, PrintedWord, label_of, rows_of
from infra.receipts.vocabulary import WORDS
from schemas.money import MINOR_MAX, Money

_GREETING: Final = re.compile(r"^(?:welcome to|willkommen bei|bienvenue chez|bienvenido a)\s+", re.I)
_ADDRESS: Final = re.compile(
    r"\d.*\b(?:street|st|road|rd|ave|avenue|rue|lane|blvd|floor)\b|\w*(?:straße|strasse|str\.|gasse|platz|weg|vägen|gatan)\b"
    r"|\b(?:tel|phone|fax|www|http|vat no|ust-?id|tax id|siret|nif)\b|@|\b\d{4,5}\b",
    re.I,
)
MERCHANTS_MAX: Final = 6


class ReceiptReading(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was read; None: it was not found.

    `total_guessed`: no word says that it is the total. `currencies`: what the sign may also mean; `*`:
    there is
    none. `day_other`: the day with day and month the other way round. `merchants`: other lines that may be
    the name.
    """

    total: Money | None = None
    tax: Money | None = None
    day: date | None = None
    merchant: str | None = None
    total_guessed: bool = False
    currencies: tuple[str, ...] = ()
    day_other: date | None = None
    merchants: tuple[str, ...] = ()


class _Labelled(NamedTuple):
    row: PrintedRow
    text: str
    label: str
    amounts: list[PrintedAmount]


def read(words: Iterable[PrintedWord], *, received: date, home_currency: str) -> ReceiptReading:
    """A receipt that came in on `received`. `home_currency`: where amounts have no sign."""
    rows = rows_of(words)
    texts = [closed(row.text) for row in rows]
    style = style_of(texts)
    lines = [
        _Labelled(row, text, label_of(text), style.amounts(text))
        for row, text in zip(rows, texts, strict=True)
    ]
    total, guessed = _total(lines)
    currency = currency_of(texts, style, total)
    abroad = any(set(line.label.split()) & WORDS.not_english for line in lines)
    code = currency.code if currency else home_currency
    day = day_of(texts, received=received, month_first=code == "USD" and not abroad)
    names = _merchants(lines)
    return ReceiptReading(
        total=_money(None if total is None else total.value, code),
        tax=_money(_tax(lines, style, total), code),
        day=None if day is None else day.day,
        merchant=names[0] if names else None,
        total_guessed=guessed,
        currencies=("*",) if currency is None else currency.others,
        day_other=None if day is None else day.other,
        merchants=tuple(names[1:]),
    )


def _money(value: Decimal | None, currency: str) -> Money | None:
    if value is None:
        return None
    try:
        money = Money.of(value, currency)
    except ValueError:
        return None
    return money if 0 < money.minor <= MINOR_MAX else None


def _says(label: str, names: Sequence[str]) -> bool:
    """Whether one of `names` stands in it, as a word or words of its own, a letter or so apart."""
    words = label.split()
    for name in names:
        count = name.count(" ") + 1
        for at in range(len(words) - count + 1):
            found = " ".join(words[at : at + count])
            if found == name or (len(name) >= 5 and fuzz.ratio(found, name) >= 84):
                return True
    return False


def _total(lines: Sequence[_Labelled]) -> tuple[PrintedAmount | None, bool]:
    """The amount, and whether it is a guess."""
    by_rank: list[list[PrintedAmount]] = [[], [], []]
    for number, line in enumerate(lines):
        squashed = line.label.replace(" ", "")
        if _says(line.label, WORDS.not_total) or _says(squashed, WORDS.not_total):
            continue
        for rank, names in enumerate((WORDS.due, WORDS.total, WORDS.paid)):
            # A name that lost its gaps: `GRANDTOTAL`.
            whole = tuple(name.replace(" ", "") for name in names if " " in name)
            if _says(line.label, names) or _says(squashed, whole):
                amount = _amount_of(lines, number)
                if amount is not None and amount.value > 0:
                    by_rank[rank].append(amount)
                break
    for amounts in by_rank:
        if amounts:
            return max(amounts, key=lambda one: (one.value, one.mark is not None)), False
    every = [one for line in lines for one in line.amounts if one.value > 0]
    if not every:
        return None, True
    twice = [one for one in every if sum(one.value == other.value for other in every) > 1]
    return max(twice or every, key=lambda one: one.value), True


def _amount_of(lines: Sequence[_Labelled], number: int) -> PrintedAmount | None:
    """The last one in the row; else the one in the next row, where it stands alone."""
    if lines[number].amounts:
        return lines[number].amounts[-1]
    if number + 1 < len(lines):
        below = lines[number + 1]
        if len(below.amounts) == 1 and len(below.label.replace(" ", "")) <= 4:
            return below.amounts[0]
    return None


def _tax(lines: Sequence[_Labelled], style: Style, total: PrintedAmount | None) -> Decimal | None:
    """The sum of the rows of tax, or the one row that says it is the sum."""
    rows = []
    for line in lines:
        if (
            not _says(line.label, WORDS.tax)
            or not line.amounts
            or _says(line.label, ("subtotal", "excl", "total incl"))
        ):
            continue
        values = [
            one.value for one in line.amounts if one.value > 0 and (total is None or one.value < total.value)
        ]
        if values:
            rows.append((line, _tax_among(values, line.text)))
    if not rows:
        return None
    sums = [value for line, value in rows if _says(line.label, ("total", "summe", "gesamt"))]
    return max(sums) if sums else sum((value for _, value in rows), Decimal(0))


def _tax_among(values: list[Decimal], text: str) -> Decimal:
    """Of net, tax and gross in one row the tax: the one that the rate makes of another, else the least."""
    rate = re.search(r"(\d{1,2}(?:[.,]\d{1,2})?)\s?%", text)
    if rate and len(values) > 1:
        share = Decimal(rate[1].replace(",", ".")) / 100
        for value in values:
            if any(abs(value - other * share) < Decimal("0.02") for other in values if other != value):
                return value
    return min(values)


def _merchants(lines: Sequence[_Labelled]) -> list[str]:
    """Lines of the head that may be its name, the likeliest first: high, early, and no address."""
    if not lines:
        return []
    heights = sorted(line.row.height for line in lines)
    usual = heights[len(heights) // 2]
    found: list[tuple[float, str]] = []
    for number, line in enumerate(lines[:10]):
        for part in line.row.parts():
            name = _GREETING.sub("", part.text).strip(" *-=_.:|#~")
            label = label_of(name)
            if len(label.replace(" ", "")) < 2 or line.amounts or _is_word_of_form(label):
                continue
            score = 3.0 - 0.4 * number + 4.0 * (part.height / usual - 1.0)
            if _ADDRESS.search(name) or sum(map(str.isdigit, name)) > len(name) / 3:
                score -= 4.0
            found.append((score, name[:200]))
    found.sort(key=lambda one: -one[0])
    return [name for _, name in found[:MERCHANTS_MAX]]


def _is_word_of_form(label: str) -> bool:
    return any(
        fuzz.ratio(label, name) >= 85 or label.startswith((f"{name} no", f"{name} nr", f"{name} n "))
        for name in WORDS.no_name
    )
