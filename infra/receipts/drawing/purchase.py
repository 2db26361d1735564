"""What was bought, drawn by lot; what a reader of its receipt should find."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Final

from schemas.money import Money, exponent

MERCHANTS: Final = (
    "Blue Bottle Coffee", "Acme Hardware", "Corner Bistro", "Luigi's Trattoria", "Hotel Adler",
    "City Cabs", "Office World",
    "Fresh & Green Market", "Stadtbäckerei Müller", "Café de Flore", "Harbour Grill", "Northwind Books",
    "Pixel Camera Shop",
    "Taberna del Puerto", "Papeterie Lumière", "Green Leaf Garden", "Sakura Sushi Bar",
    "Union Square Deli", "The Copper Kettle",
    "Bergmann Elektronik", "Riverside Pharmacy", "Metro Parking", "Orchard Bakery", "Sunrise Diner",
    "Kiosk am Bahnhof",
    "Mercado Central", "Lakeview Lodge", "Express Print & Copy", "Golden Dragon", "Nordlicht Optik",
)  # fmt: skip
ITEMS: Final = (
    "Espresso", "Sandwich", "Mineral water", "Notebook A5", "USB cable", "Club salad", "Soup of the day",
    "Printer paper",
    "Batteries AA", "Croissant", "Orange juice", "Desk lamp", "Taxi ride", "Room 1 night", "Parking",
    "Pasta", "Tea", "Pens 10x",
)  # fmt: skip
#: Share of the price, in percent, that is tax; its word; the language that shops of that currency print.
CURRENCIES: Final[dict[str, tuple[tuple[str, ...], tuple[int, ...]]]] = {
    "USD": (("en",), (8, 6)),
    "EUR": (("de", "fr", "es", "it"), (19, 7, 20, 10, 21, 22)),
    "GBP": (("en",), (20,)),
    "JPY": (("en",), (10, 8)),
    "CHF": (("de", "fr"), (8,)),
    "CAD": (("en", "fr"), (13, 5)),
    "SEK": (("sv",), (25, 12)),
}


@dataclass(frozen=True, slots=True)
class Item:
    """`price`: of all of them, in minor units."""

    name: str
    count: int
    price: int


@dataclass(frozen=True, slots=True)
class Bought:
    """`tax` is within the total, or on top of the items; `total` is the items, tax on top and tip."""

    merchant: str
    day: date
    time: str
    language: str
    items: tuple[Item, ...]
    tax_percent: int
    tax_on_top: bool
    tax: Money
    tip: int
    total: Money

    @property
    def subtotal(self) -> int:
        """Of the items, in minor units."""
        return sum(item.price for item in self.items)


def bought(
    lot: Random,
    received: date,
    *,
    merchant: str | None = None,
    total: Money | None = None,
    day: date | None = None,
) -> Bought:
    """Anything, within the three weeks before `received`; or what is given, as one item."""
    currency = lot.choice(tuple(CURRENCIES)) if total is None else total.currency
    languages, rates = CURRENCIES.get(currency, (("en",), (20,)))
    on_top = currency in ("USD", "CAD") and total is None
    items = _items(lot, currency) if total is None else (Item(lot.choice(ITEMS), 1, total.minor),)
    rate = lot.choice(rates)
    price = sum(item.price for item in items)
    tax = _rounded(Decimal(price) * rate / (100 if on_top else 100 + rate))
    tip = _rounded(Decimal(price) * lot.choice((15, 18, 20)) / 100) if on_top and lot.random() < 0.3 else 0
    return Bought(
        merchant=merchant or lot.choice(MERCHANTS),
        day=day or received - timedelta(days=lot.randrange(0, 21)),
        time=f"{lot.randrange(7, 23):02}:{lot.randrange(60):02}",
        language=lot.choice(languages),
        items=items,
        tax_percent=rate,
        tax_on_top=on_top,
        tax=Money(tax, currency),
        tip=tip,
        total=Money(price + (tax if on_top else 0) + tip, currency),
    )


def _items(lot: Random, currency: str) -> tuple[Item, ...]:
    """One to six; a price has few digits, as in a shop."""
    unit = 10 ** exponent(currency)
    found = []
    for name in lot.sample(ITEMS, lot.randrange(1, 7)):
        count = lot.choice((1, 1, 1, 2, 3))
        single = lot.randrange(2, 90) * unit + (lot.choice((0, 50, 95, 99, 25)) if unit == 100 else 0)
        if unit == 1 or currency == "SEK":
            single *= 10
        if lot.random() < 0.04:
            single *= 20
        found.append(Item(name, count, single * count))
    return tuple(found)


def _rounded(value: Decimal) -> int:
    return int(value.quantize(Decimal(1)))
