"""Words, days and numbers as a shop of a country prints them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from random import Random
from typing import Final

import msgspec

from schemas.money import Money


class ShopWords(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of one language. Where there are several, one is drawn by lot."""

    receipt: tuple[str, ...]
    date: tuple[str, ...]
    subtotal: tuple[str, ...]
    tax: tuple[str, ...]
    total: tuple[str, ...]
    tip: str
    card: tuple[str, ...]
    thanks: tuple[str, ...]
    street: tuple[str, ...]
    months: tuple[str, ...]
    orders: tuple[str, ...]


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    words: dict[str, ShopWords]
    signs: dict[str, tuple[str, ...]]


_FILE: Final = msgspec.toml.decode((files(__package__) / "words.toml").read_bytes(), type=_File)


@dataclass(frozen=True, slots=True)
class Tongue:
    """How one shop writes. `sign`: before or after the number,
    by where its gap is; `marks_all`: at each price."""

    words: ShopWords
    currency: str
    sign: str
    decimal: str
    thousands: str
    order: str
    marks_all: bool

    @classmethod
    def drawn(cls, lot: Random, language: str, currency: str) -> Tongue:
        """Of one shop of that language."""
        words = _FILE.words[language]
        signs = _FILE.signs.get(currency, (f"{currency} ",))
        comma = language not in ("en",) and currency not in ("CHF", "CAD", "JPY")
        thousands = "'" if currency == "CHF" else lot.choice((".", " ")) if comma else ","
        orders = words.orders
        if currency == "USD":
            orders = ("{m:02}/{d:02}/{y}", "{M} {d}, {y}", "{m:02}/{d:02}/{s:02}", "{y}-{m:02}-{d:02}")
        return cls(
            words,
            currency,
            lot.choice(signs),
            "," if comma else ".",
            thousands,
            lot.choice(orders),
            lot.random() < 0.4,
        )

    def number(self, minor: int) -> str:
        """Without sign of currency."""
        whole, _, decimals = str(Money(minor, self.currency).decimal()).partition(".")
        grouped = f"{int(whole):,}".replace(",", self.thousands)
        return f"{grouped}{self.decimal}{decimals}" if decimals else grouped

    def money(self, minor: int) -> str:
        """With it."""
        return self.number(minor) + self.sign if self.sign.startswith(" ") else self.sign + self.number(minor)

    def day(self, day: date) -> str:
        """As this shop writes it."""
        month = self.words.months[day.month - 1]
        return self.order.format(d=day.day, m=day.month, y=day.year, s=day.year % 100, M=month)
