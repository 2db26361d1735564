"""What is remembered of one card."""

from __future__ import annotations

from bisect import bisect_right

import msgspec

from streams.scoring.habits.levels import Usual

DAY_S = 86_400
RECENT_MAX = 24
MERCHANTS_MAX = 24
CATEGORIES_MAX = 12
COUNTRIES_MAX = 6
FRAUDS_MAX = 6
# The fifty last requests are a card's habit; of an hour or a weekday the last 255.
CARD_MEMORY = 50
HOURS_FULL = 255


NEW_MERCHANT, NEW_CATEGORY, REPEAT = 1, 2, 4


class Visits(msgspec.Struct, array_like=True, gc=False):
    """Requests of a card at one merchant, or in one category: how many, last day, what it pays, the top."""

    count: int
    day: int
    level: int
    top: int

    def observe(self, day: int, at_level: int) -> None:
        """Fold one request: the level is that of about the last four."""
        self.count += 1
        self.day = day
        self.level += (at_level - self.level) // min(self.count, 4)
        self.top = max(self.top, at_level)


class CardHabits(msgspec.Struct, array_like=True, gc=False):
    """At most 1.2 kB in a snapshot; most are half of that.

    Of the last requests in the order of event time: `times` (seconds), `places` (merchants), `amounts`, and
    whether each was the card's first there, its first in that category, or a repeat (1, else 0): a list or
    an array of its own for each, for features look through one of them at a time.

    `last_s`: its latest request; `frauds`: when its last requests that were fraud were made, as far as is
    known; `cleared`: requests of which a person said that they were not; `declined`: in a row.
    """

    first_day: int
    last_s: int
    usual: Usual
    gap: Usual
    times: list[int] = []
    places: list[int] = []
    amounts: list[int] = []
    first_here: bytearray = msgspec.field(default_factory=bytearray)
    first_of_kind: bytearray = msgspec.field(default_factory=bytearray)
    repeated: bytearray = msgspec.field(default_factory=bytearray)
    merchants: dict[int, Visits] = {}
    categories: dict[int, Visits] = {}
    countries: list[str] = []
    hours: list[int] = msgspec.field(default_factory=lambda: [0] * 8)
    weekdays: list[int] = msgspec.field(default_factory=lambda: [0] * 7)
    frauds: list[int] = []
    cleared: int = 0
    large_fraud_s: int = 0
    fraud_level: int = 0
    declined: int = 0
    known: int = 0

    def observe(
        self, at_s: int, merchant: int, category: int, country: str, amount: int, at_level: int
    ) -> int:
        """Fold one request, in place. Returns its marks: NEW_MERCHANT, NEW_CATEGORY, REPEAT."""
        day = at_s // DAY_S
        self.usual.observe(at_level, CARD_MEMORY)
        new = remember(self.merchants, merchant, day, at_level, MERCHANTS_MAX)
        self.known += new
        marks = NEW_MERCHANT if new else 0
        if category and remember(self.categories, category, day, at_level, CATEGORIES_MAX):
            marks |= NEW_CATEGORY
        times, places, amounts = self.times, self.places, self.amounts
        if amount in amounts and (merchant, amount) in zip(places, amounts, strict=True):
            marks |= REPEAT
        at = bisect_right(times, at_s)
        times.insert(at, at_s)
        places.insert(at, merchant)
        amounts.insert(at, amount)
        self.first_here.insert(at, marks & NEW_MERCHANT)
        self.first_of_kind.insert(at, marks >> 1 & 1)
        self.repeated.insert(at, marks >> 2)
        if len(times) > RECENT_MAX:
            del times[0], places[0], amounts[0]
            del self.first_here[0], self.first_of_kind[0], self.repeated[0]
        if country and country not in self.countries:
            self.countries.append(country)
            del self.countries[:-COUNTRIES_MAX]
        count_place(self.hours, at_s % DAY_S // 10_800)
        count_place(self.weekdays, (day + 3) % 7)
        self.last_s = max(self.last_s, at_s)
        return marks


def remember(known: dict[int, Visits], key: int, day: int, at_level: int, at_most: int) -> bool:
    """One more visit; whether it was the first that is known. The one that is longest ago is forgotten."""
    visits = known.pop(key, None)
    if visits is not None:
        visits.observe(day, at_level)
        known[key] = visits  # at the end: dictionaries keep the order of insertion, and so do snapshots
        return False
    if len(known) >= at_most:
        del known[next(iter(known))]
    known[key] = Visits(1, day, at_level, at_level)
    return True


def count_place(counts: list[int], place: int) -> None:
    """One more; all are halved when one is full, so that habits may change."""
    counts[place] += 1
    if counts[place] >= HOURS_FULL:
        counts[:] = [count // 2 for count in counts]
