"""Money as integer minor units of an ISO 4217 currency. No float ever touches it."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Annotated

import msgspec
from iso4217 import Currency

# 10^15 minor units: 10 trillion dollars, and below 2^53, so that every JSON reader keeps it exact.
MINOR_MAX = 10**15
# What a sum may come to: below 2**53, up to which any JSON reader is exact, and a thousandth of a bigint.
TOTAL_MAX = 9 * 10**15
# A limit with its increases: what rules approve, tolerance included, stays within TOTAL_MAX.
LIMIT_MAX = TOTAL_MAX - MINOR_MAX

MinorUnits = Annotated[int, msgspec.Meta(ge=0, le=MINOR_MAX)]
PositiveMinorUnits = Annotated[int, msgspec.Meta(gt=0, le=MINOR_MAX)]
# What it is made of is checked where a budget is set; other amounts must have the budget's currency.
CurrencyCode = Annotated[
    str, msgspec.Meta(min_length=3, max_length=3, extra_json_schema={"pattern": "^[A-Z]{3}$"})
]


class CurrencyMismatch(ValueError):
    """Two amounts of different currencies met in one sum or comparison."""


@lru_cache(maxsize=512)
def exponent(currency: str) -> int:
    """Decimal digits of the minor unit of `currency` (USD 2, JPY 0, BHD 3), by ISO 4217.

    Raises:
        ValueError: the code is not a currency of ISO 4217, or has no minor unit (XAU, XXX).
    """
    try:
        digits = Currency(currency).exponent
    except ValueError:
        raise ValueError(f"{currency!r} is not a currency code of ISO 4217") from None
    if digits is None:
        raise ValueError(f"{currency!r} has no minor unit in ISO 4217, so it cannot hold an amount")
    return int(digits)


class Money(msgspec.Struct, frozen=True, order=False, gc=False):
    """A non-negative amount: `minor` units (cents, pence, yen) of `currency`."""

    minor: MinorUnits
    currency: CurrencyCode

    def __add__(self, other: Money) -> Money:
        return Money(self.minor + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        """Raises ValueError when the difference would be negative: the direction belongs to the booking."""
        difference = self.minor - self._same(other)
        if difference < 0:
            raise ValueError(f"{self} - {other} is negative")
        return Money(difference, self.currency)

    def __le__(self, other: Money) -> bool:
        return self.minor <= self._same(other)

    def __lt__(self, other: Money) -> bool:
        return self.minor < self._same(other)

    def __str__(self) -> str:
        return f"{self.currency} {self.decimal()}"

    def _same(self, other: Money) -> int:
        if other.currency != self.currency:
            raise CurrencyMismatch(f"{self.currency} and {other.currency} cannot be combined")
        return other.minor

    def decimal(self) -> Decimal:
        """The amount in major units, exact: 600000 USD cents is Decimal('6000.00')."""
        return Decimal(self.minor).scaleb(-exponent(self.currency))

    @classmethod
    def of(cls, amount: str | Decimal, currency: str) -> Money:
        """Money from major units: `Money.of("6000.00", "USD")`.

        Raises:
            ValueError: unknown currency, not a number, negative, too large, or more digits than the
                currency has (nothing is rounded).
        """
        try:
            minor = Decimal(amount).scaleb(exponent(currency))
        except InvalidOperation:
            raise ValueError(f"{amount!r} is not an amount") from None
        if not minor.is_finite() or minor != minor.to_integral_value():
            raise ValueError(f"{amount} has more digits than {currency} has ({exponent(currency)})")
        if not 0 <= minor <= MINOR_MAX:
            raise ValueError(f"{amount} {currency} is outside 0..{MINOR_MAX} minor units")
        return cls(int(minor), currency)


class PositiveMoney(Money, frozen=True, gc=False):
    """An amount above zero, as authorizations, clearings and refunds carry it."""

    minor: PositiveMinorUnits
