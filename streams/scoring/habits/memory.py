"""All habits of one department, and how decisions are folded into them."""

from __future__ import annotations

from typing import NamedTuple
from zlib import crc32

import msgspec

from streams.scoring.habits.cards import DAY_S, FRAUDS_MAX, REPEAT, CardHabits
from streams.scoring.habits.levels import FINE, STEPS, Usual, level
from streams.scoring.habits.places import PlaceHabits

DEPARTMENT_MEMORY = 500
GAP_MEMORY = 50
# As long as the core's own memory of a card.
KEPT_S = 365 * DAY_S


class Observation(NamedTuple):
    """What features are made of. `amount`: minor units, above zero; `category`: the MCC, 0 if not told."""

    at_s: int
    card: str
    merchant: int
    category: int
    country: str
    amount: int
    level: int


def observation(
    at_s: int, card: str, merchant: str, mcc: str | None, country: str | None, amount: int
) -> Observation:
    """`merchant`: its id or name; CRC-32 of it is kept: the same in every process, unlike `hash`."""
    key = crc32(merchant.encode("utf-8", "surrogatepass"))
    return Observation(at_s, card, key, int(mcc) if mcc else 0, country or "", amount, level(amount))


class Habits(msgspec.Struct, array_like=True):
    """Of one department. What was not used for a year is forgotten, a day at a time."""

    usual: Usual
    cards: dict[str, CardHabits] = {}
    merchants: dict[int, PlaceHabits] = {}
    categories: dict[int, PlaceHabits] = {}
    departments: dict[str, Usual] = {}
    swept_day: int = 0
    horizon_s: int = 0

    def observe(self, request: Observation, declined: bool) -> None:
        """Fold one decided request, in place."""
        at_s, card_id, merchant, category, country, amount, at_level = request
        day = at_s // DAY_S
        card = self.cards.get(card_id)
        if card is None:
            card = self.cards[card_id] = CardHabits(day, at_s, Usual(), Usual())
        else:
            card.gap.observe(level(max(1, at_s - card.last_s)), GAP_MEMORY)
        first = merchant not in card.merchants
        first_category = category not in card.categories
        card.observe(at_s, merchant, category, country, amount, at_level)
        marks = card.recent[-1].marks
        repeat = bool(marks & REPEAT)
        card.declined = card.declined + 1 if declined else 0
        place_of(self.merchants, merchant, at_s).observe(at_s, at_level, first, repeat)
        if category:
            place_of(self.categories, category, at_s).observe(at_s, at_level, first_category, repeat)
        self.usual.observe(at_level, DEPARTMENT_MEMORY)
        if day > self.swept_day:
            self.sweep(day)

    def label(self, request: Observation, fraud: bool, new_merchant: bool, new_category: bool) -> None:
        """What a request turned out to be. Of what is forgotten by then nothing is learned."""
        card = self.cards.get(request.card)
        if card is not None and fraud:
            card.frauds = sorted([*card.frauds, request.at_s])[-FRAUDS_MAX:]
            if request.level - (card.usual.mean >> FINE) >= STEPS:
                card.large_fraud_s = max(card.large_fraud_s, request.at_s)
                card.fraud_level = request.level
        elif card is not None:
            card.cleared += 1
        if fraud:
            self.horizon_s = max(self.horizon_s, request.at_s)
            plain = card is None or abs(request.level - (card.usual.mean >> FINE)) < STEPS
            for places, key, new in (
                (self.merchants, request.merchant, new_merchant),
                (self.categories, request.category, new_category),
            ):
                place = places.get(key)
                if place is not None:
                    place.fraud(request.at_s, plain, new)

    def sweep(self, day: int) -> None:
        """Forget what was not used for a year. The oldest come first, but for those that were used again."""
        if self.swept_day and day // 7 > self.swept_day // 7:
            oldest_s = day * DAY_S - KEPT_S
            for card in [card for card, one in self.cards.items() if one.last_s < oldest_s]:
                del self.cards[card]
            for places in (self.merchants, self.categories):
                for key in [key for key, one in places.items() if one.last_s < oldest_s]:
                    del places[key]
        self.swept_day = day


def place_of(places: dict[int, PlaceHabits], key: int, at_s: int) -> PlaceHabits:
    """The one that is known, or a new one."""
    place = places.get(key)
    if place is None:
        place = places[key] = PlaceHabits(at_s // DAY_S, at_s, Usual())
    return place
