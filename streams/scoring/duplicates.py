"""Exact repeats, by a rule of their own: no model finds them at a small share of alerts.

The same card, merchant and amount again within three days is an alert, unless it is usual. Read from the
features of the score, so it is in every recorded request and costs nothing to remember.
"""

from __future__ import annotations

from typing import Final

from schemas.decisions import Contribution
from streams.scoring.features import NAMES
from streams.scoring.wording import words

FEATURE: Final = "same_purchase_days"
#: Chosen on the first half of injected misuse: decision 81.
DAYS: Final = 3
#: Purchases that are small in the organization are nobody's time: a quarter of a standard deviation below.
AMOUNT_LEAST: Final = 30
#: Three times the same, or the fourth purchase here within two days, is how this card buys here.
SAME_MAX: Final = 1
HERE_MAX: Final = 2
#: Of the card's last 24 requests, and of 63 requests at the merchant: where more are repeats, they are usual.
OF_CARD_MAX: Final = 8
AT_MERCHANT_MAX: Final = 8

#: The place of FEATURE.
SAME_PURCHASE: Final = NAMES.index(FEATURE)
_AMOUNT: Final = NAMES.index("amount_for_department")
_SAME: Final = NAMES.index("same_purchases")
_HERE: Final = NAMES.index("split_count_2d")
_OF_CARD: Final = NAMES.index("card_repeats")
_AT_MERCHANT: Final = NAMES.index("merchant_repeats")


def is_odd_repeat(bins: bytes) -> bool:
    """Whether these are the features of an exact repeat that is not usual."""
    return (
        bins[SAME_PURCHASE] < DAYS
        and bins[_AMOUNT] >= AMOUNT_LEAST
        and bins[_SAME] <= SAME_MAX
        and bins[_HERE] <= HERE_MAX
        and bins[_OF_CARD] <= OF_CARD_MAX
        and bins[_AT_MERCHANT] <= AT_MERCHANT_MAX
    )


def reason(bins: bytes) -> Contribution:
    """Why, in words. Its weight is 0: it moves no score, which stays what the model said."""
    return Contribution(
        FEATURE, float(bins[SAME_PURCHASE]), 0.0, f"a repeat: {words(FEATURE, bins[SAME_PURCHASE])}"
    )
