"""All habits of an organization's cards in one currency, and how decisions are folded into them."""

from __future__ import annotations

import struct
from typing import Any, Final, NamedTuple
from zlib import crc32

import msgspec

from streams.core.paged_map import Pages
from streams.scoring.habits.cards import (
    DAY_S,
    FRAUDS_MAX,
    NEW_CATEGORY,
    NEW_MERCHANT,
    REPEAT,
    CardHabits,
)
from streams.scoring.habits.levels import FINE, STEPS, Usual, level
from streams.scoring.habits.places import PlaceHabits

DEPARTMENT_MEMORY = 500
GAP_MEMORY = 50
# As long as the core's own memory of a card.
KEPT_S = 365 * DAY_S
# A label finds its request for 60 to 120 days: chargebacks come within 45, nearly all.
GENERATION_S = 60 * DAY_S
FOUND_FRAUD, FOUND_GOOD = 8, 16  # of a request's marks, beside those of `cards`
_ASKED: Final = struct.Struct("<qqIHB")  # when, amount, merchant, category, marks; then the card


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
    """What was not used for a year is forgotten, a week at a time.

    `asked`, `asked_before`: requests of this and the last generation by name, packed, for labels that come
    later. `going`: of the generation before, let go of bit by bit; no part of a snapshot.
    """

    usual: Usual
    cards: Pages[str, CardHabits] = msgspec.field(default_factory=Pages)
    merchants: Pages[int, PlaceHabits] = msgspec.field(default_factory=Pages)
    categories: Pages[int, PlaceHabits] = msgspec.field(default_factory=Pages)
    asked: Pages[str, bytes] = msgspec.field(default_factory=Pages)
    asked_before: Pages[str, bytes] = msgspec.field(default_factory=Pages)
    generation: int = 0
    swept_day: int = 0
    horizon_s: int = 0
    going: list[dict[str, bytes]] = []

    @property
    def rows(self) -> int:
        """About what a snapshot of it costs, in rows of the state: a card is several."""
        return 4 * self.cards.about + self.merchants.about + self.asked.about + self.asked_before.about

    def observe(self, request: Observation, declined: bool, name: str | None = None) -> None:
        """Fold one decided request, in place. `name`: by which a label may tell what it turned out to be."""
        at_s, card_id, merchant, category, country, amount, at_level = request
        day = at_s // DAY_S
        card = self.cards.change(card_id)
        if card is None:
            card = self.cards[card_id] = CardHabits(day, at_s, Usual(), Usual())
        else:
            card.gap.observe(level(max(1, at_s - card.last_s)), GAP_MEMORY)
        marks = card.observe(at_s, merchant, category, country, amount, at_level)
        repeat = bool(marks & REPEAT)
        card.declined = card.declined + 1 if declined else 0
        place_of(self.merchants, merchant, at_s).observe(at_s, at_level, bool(marks & NEW_MERCHANT), repeat)
        if category:
            kind = place_of(self.categories, category, at_s)
            kind.observe(at_s, at_level, bool(marks & NEW_CATEGORY), repeat)
        self.usual.observe(at_level, DEPARTMENT_MEMORY)
        if day > self.swept_day:
            self.sweep(day)
        if name is not None:
            packed = _ASKED.pack(at_s, amount, merchant, category, marks & (NEW_MERCHANT | NEW_CATEGORY))
            self.asked[name] = packed + card_id.encode()
        if self.going:
            self.going.pop()

    def found_out(self, name: str, fraud: bool) -> None:
        """What a request turned out to be, once each: of what is forgotten by then nothing is learned."""
        for asked in (self.asked, self.asked_before):
            packed = asked.get(name)
            if packed is None:
                continue
            at_s, amount, merchant, category, marks = _ASKED.unpack_from(packed)
            if marks & FOUND_FRAUD or (marks & FOUND_GOOD and not fraud):
                return
            card = packed[_ASKED.size :].decode()
            request = Observation(at_s, card, merchant, category, "", amount, level(amount))
            self.label(request, fraud, bool(marks & NEW_MERCHANT), bool(marks & NEW_CATEGORY))
            marks |= FOUND_FRAUD if fraud else FOUND_GOOD
            asked[name] = _ASKED.pack(at_s, amount, merchant, category, marks) + packed[_ASKED.size :]
            return

    def label(self, request: Observation, fraud: bool, new_merchant: bool, new_category: bool) -> None:
        """What a request turned out to be. Of what is forgotten by then nothing is learned."""
        card = self.cards.change(request.card)
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
                place = places.change(key)
                if place is not None:
                    place.fraud(request.at_s, plain, new)

    def sweep(self, day: int) -> None:
        """Forget what was not used for a year, and requests that no label will come for any more."""
        if self.swept_day and day // 7 > self.swept_day // 7:
            oldest_s = day * DAY_S - KEPT_S
            known: tuple[Pages[Any, Any], ...] = (self.cards, self.merchants, self.categories)
            for rows in known:
                for name in [name for name, one in rows.items() if one.last_s < oldest_s]:
                    del rows[name]
        self.swept_day = day
        generation = day * DAY_S // GENERATION_S
        if generation > self.generation:
            self.going += [page for _, page in self.asked_before.pages()]
            self.asked_before, self.asked = self.asked, Pages()
            self.generation = generation


def place_of(places: Pages[int, PlaceHabits], key: int, at_s: int) -> PlaceHabits:
    """The one that is known, or a new one."""
    place = places.change(key)
    if place is None:
        place = places[key] = PlaceHabits(at_s // DAY_S, at_s, Usual())
    return place
