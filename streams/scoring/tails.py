"""From a card's history and one request to the few numbers that the model sees."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Hashable
from datetime import datetime
from typing import Any, Final

import msgspec

from streams.core.calendar import epoch_s
from streams.core.history import (
    GAP_FLOOR_S,
    CardHistory,
    fading,
    merchant_hash,
)

AMOUNT_FOR_CARD: Final = "amount_for_card"
AMOUNT_FOR_DEPARTMENT: Final = "amount_for_department"
NEW_MERCHANTS: Final = "new_merchants"
SOONER_THAN_USUAL: Final = "sooner_than_usual"
JUST_BELOW_LIMIT: Final = "just_below_limit"
HOUR: Final = "hour"

# A card's own habits weigh as much as its department's after five requests.
CARD_TRUST_COUNT = 5.0
# (20 %)^2: amounts that differ by less than that are the same amount, so that a card which always pays the
# same price does not make a scandal of a price rise.
VARIANCE_FLOOR = 0.04
# A department is many cards: its habits move with the last 500 requests.
BASELINE_FORGET = 0.002

# The amounts that approval rules like: 1, 2, 2.5, 3 and 5 times a power of ten, from 50.00 on. Below
# that, just below a round amount is how prices look (4.99). The last is above any amount.
LIMITS: Final[tuple[int, ...]] = (
    5_000,
    *(first * 10**power for power in range(3, 15) for first in (10, 20, 25, 30, 50)),
)


class Baseline(msgspec.Struct, array_like=True, gc=False):
    """What a department usually pays: mean and variance of the logarithm of its amounts."""

    count: int = 0
    mean: float = 0.0
    variance: float = 1.0

    def observe(self, amount_minor: int) -> None:
        """Fold one request's amount (minor units, above zero), in place."""
        self.count += 1
        share = max(BASELINE_FORGET, 1.0 / (self.count + 1))
        step = math.log(amount_minor) - self.mean
        if self.count == 1:
            self.mean += step
            return
        self.mean += share * step
        self.variance = (1.0 - share) * (self.variance + share * step * step)


NO_CARD: Final = CardHistory()
NO_BASELINE: Final = Baseline()


def extract(
    history: CardHistory,
    baseline: Baseline,
    occurred_at: datetime,
    amount_minor: int,
    merchant_name: str,
) -> dict[Hashable, Any]:
    """The features of a request, before it is observed in `history` and `baseline`; all finite.

    `amount_for_*`: standard deviations of the logarithm above the usual (below zero: less than usual).
    `new_merchants`: 0 at a known merchant, else one more than the new ones of late, faded.
    `sooner_than_usual`: by which power of e the gap is shorter than the card's usual one.
    `just_below_limit`: the share of the next round limit that the amount fills.
    `hour`: 0-23 in UTC on weekdays, 24-47 at weekends. UTC, because the offset in `occurred_at` is the
    sender's habit and may differ between two senders; the hours of an office are learned wherever they lie.
    """
    now = epoch_s(occurred_at)
    amount = math.log(amount_minor)
    known = baseline.count > 0
    usual = baseline.mean if known else amount
    spread = baseline.variance
    above = (amount - usual) / math.sqrt(spread + VARIANCE_FLOOR)
    count = history.count
    if count:
        trust = count / (count + CARD_TRUST_COUNT)
        usual = trust * history.mean + (1.0 - trust) * usual if known else history.mean
        spread = trust * history.variance + (1.0 - trust) * spread
        above_card = (amount - usual) / math.sqrt(spread + VARIANCE_FLOOR)
        elapsed = max(0, now - history.last)
        sooner = history.gap - math.log(elapsed + GAP_FLOOR_S) if count > 1 else 0.0
        new = 0.0
        if merchant_hash(merchant_name) not in history.merchants:
            new = 1.0 + history.fresh * fading(elapsed)
    else:
        above_card, sooner, new = above, 0.0, 1.0
    days, second = divmod(now, 86_400)
    return {
        AMOUNT_FOR_CARD: above_card,
        AMOUNT_FOR_DEPARTMENT: above,
        NEW_MERCHANTS: new,
        SOONER_THAN_USUAL: sooner,
        JUST_BELOW_LIMIT: share_of_limit(amount_minor),
        # 1970-01-01 was a Thursday: (days + 3) % 7 is 5 on Saturdays, 6 on Sundays.
        HOUR: second // 3_600 + (24.0 if (days + 3) % 7 >= 5 else 0.0),
    }


def share_of_limit(amount_minor: int) -> float:
    """What share of the next round limit above it an amount fills: above 0, below 1."""
    return amount_minor / LIMITS[bisect_right(LIMITS, amount_minor)]
