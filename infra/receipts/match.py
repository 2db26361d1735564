"""Which purchase a receipt is of: by amount, day and merchant, in points of 100."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from enum import StrEnum
from typing import Final

import msgspec
from rapidfuzz import fuzz

from infra.receipts.fields import ReceiptReading
from schemas.money import Money
from schemas.names import merchant_key

AMOUNT: Final = 50
DAY: Final = 25
MERCHANT: Final = 25
#: By itself only what is beyond doubt; the rest is a person's to confirm.
MATCHED_MIN: Final = 88
AHEAD_MIN: Final = 12
LIKENESS_MIN: Final = 75
NEAR_DAY: Final = 20  # at most two days off, or one where day and month may be the other way round
SUGGESTED_MIN: Final = 50
SUGGESTED_MAX: Final = 3
#: A card is charged up to ten days after the receipt (hotels, shipped goods), or a day before (zones).
DAYS_BEFORE: Final = 3
DAYS_AFTER: Final = 10
#: Without a day: what a person may have carried around.
DAYS_CARRIED: Final = 60
#: Above the receipt by this share: a tip.
TIP_MAX_PERCENT: Final = 30


class MatchKind(StrEnum):
    """`matched` by itself; `suggested` to a person; `none`."""

    MATCHED = "matched"
    SUGGESTED = "suggested"
    NONE = "none"


class Candidate(msgspec.Struct, frozen=True):
    """`amounts`: what it may be told as: settled, held, asked for, in the merchant's currency."""

    authorization_id: str
    department_id: str
    merchant: str
    amounts: tuple[Money, ...]
    day: date
    has_receipt: bool = False


class Suggestion(msgspec.Struct, frozen=True, omit_defaults=True):
    """`differs`: what the purchase came to, where that is not the receipt's total."""

    authorization_id: str
    department_id: str
    points: int
    differs: Money | None = None


class ReceiptMatch(msgspec.Struct, frozen=True):
    """The best first; empty if none."""

    kind: MatchKind
    suggestions: tuple[Suggestion, ...] = ()


class _Scored(msgspec.Struct, frozen=True):
    purchase: Candidate
    amount: int
    day: int
    likeness: int

    @property
    def points(self) -> int:
        return self.amount + self.day + self.likeness * MERCHANT // 100


def match(reading: ReceiptReading, purchases: Iterable[Candidate], *, received: date) -> ReceiptMatch:
    """Purchases: those of who sent it, around its day. One that has a receipt already is at most
    suggested."""
    if reading.total is None:
        return ReceiptMatch(MatchKind.NONE)
    scored = [
        one for one in (_score(reading, purchase, received) for purchase in purchases) if one is not None
    ]
    ranked = sorted(
        scored, key=lambda one: (-one.points, one.purchase.has_receipt, one.purchase.authorization_id)
    )
    likely = [one for one in ranked if one.points >= SUGGESTED_MIN and _is_plausible(one)][:SUGGESTED_MAX]
    if not likely:
        return ReceiptMatch(MatchKind.NONE)
    kind = MatchKind.MATCHED if _is_certain(reading, likely[0], ranked[1:]) else MatchKind.SUGGESTED
    return ReceiptMatch(kind, tuple(_suggestion(one) for one in likely))


def _suggestion(one: _Scored) -> Suggestion:
    purchase = one.purchase
    differs = None if one.amount == AMOUNT else purchase.amounts[0]
    return Suggestion(purchase.authorization_id, purchase.department_id, one.points, differs)


def _is_plausible(one: _Scored) -> bool:
    """Another amount needs the same merchant; another merchant the same amount, and a day close by."""
    if one.amount == AMOUNT:
        return one.likeness >= 50 or one.day >= 15
    return one.likeness >= LIKENESS_MIN and one.day >= 15


def _is_certain(reading: ReceiptReading, best: _Scored, others: Sequence[_Scored]) -> bool:
    rival = max((one.points for one in others if not one.purchase.has_receipt), default=0)
    return (
        best.amount == AMOUNT
        and not reading.total_guessed
        and not best.purchase.has_receipt
        and best.likeness >= LIKENESS_MIN
        and best.day >= NEAR_DAY
        and best.points >= MATCHED_MIN
        and best.points - rival >= AHEAD_MIN
        # The same again at the same merchant some days off: which one it is the day alone would say.
        and not any(one.amount == AMOUNT and one.likeness >= LIKENESS_MIN and one.day >= 15 for one in others)
    )


def _score(reading: ReceiptReading, purchase: Candidate, received: date) -> _Scored | None:
    day = _day_points(reading, purchase.day, received)
    amount = _amount_points(reading, purchase.amounts)
    if day is None or amount is None:
        return None
    names = [name for name in (reading.merchant, *reading.merchants) if name]
    likeness = max((alike(name, purchase.merchant) for name in names), default=0)
    return _Scored(purchase, amount, day, likeness)


def _day_points(reading: ReceiptReading, bought: date, received: date) -> int | None:
    """None: too far off."""
    if reading.day is None:
        return 10 if -1 <= (received - bought).days <= DAYS_CARRIED else None
    best: int | None = None
    for day, lost in ((reading.day, 0), (reading.day_other, 5)):
        if day is None or not -DAYS_BEFORE <= (bought - day).days <= DAYS_AFTER:
            continue
        apart = abs((bought - day).days)
        points = (25 if apart <= 1 else 20 if apart == 2 else 15 if apart <= 4 else 5) - lost
        best = points if best is None else max(best, points)
    return best


def _amount_points(reading: ReceiptReading, amounts: Sequence[Money]) -> int | None:
    """None: another currency. A sign of several currencies is any of them."""
    total = reading.total
    assert total is not None
    best: int | None = None
    for amount in amounts:
        if amount.currency != total.currency and not {amount.currency, "*"} & set(reading.currencies):
            continue
        if amount.minor == total.minor:
            return AMOUNT
        within = total.minor < amount.minor <= total.minor * (100 + TIP_MAX_PERCENT) // 100
        near = abs(amount.minor - total.minor) * 50 <= total.minor
        best = max(best or 0, 25 if near else 20 if within else 10)
    return best


def alike(read: str, booked: str) -> int:
    """Of 100. Statements cut names off, leave gaps out and add a city: `BLUEBOTTLE COFF OAKLAND`."""
    one, other = merchant_key(read), merchant_key(booked)
    if one == other:
        return 100
    plain, cut = _letters(one), _letters(other)
    if min(len(plain), len(cut)) < 3:
        return 0
    likeness = max(fuzz.ratio(plain, cut), fuzz.token_sort_ratio(one, other))
    if min(len(plain), len(cut)) >= 6:
        shorter, longer = sorted((plain, cut), key=len)
        likeness = max(likeness, 0.95 * fuzz.ratio(shorter, longer[: len(shorter)]))
        likeness = max(likeness, 0.9 * fuzz.partial_ratio(shorter, longer))
    return int(likeness)


def _letters(name: str) -> str:
    return "".join(filter(str.isalnum, name))
