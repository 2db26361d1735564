"""Features in words: what a bin says to somebody who looks at a flagged purchase."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Final, NamedTuple

from schemas.decisions import Contribution
from streams.scoring.features import NAMES

In = Callable[[int], str]


class Why(NamedTuple):
    """One feature's share in a score; `moved`: by how much it moves the sum, in logits of fraud."""

    feature: str
    words: str
    moved: float


def unlong(place: int) -> int:
    """The least count that `scales.long_scale` puts at this place."""
    if place < 8:
        return place
    doublings, quarter = divmod(place + 4, 4)
    return (4 + quarter) << doublings - 2


def _times(what: str, place: int) -> str:
    """Of two-sided scales, which end at 1/16 and 15 times."""
    if place >= 63:
        return f"15 or more × {what}"
    return f"{2 ** ((place - 32) / 8):.2g} × {what}"


def _deviations(whose: str, place: int) -> str:
    far = abs(place - 32) / 8
    return f"{far:.1f} standard deviations {'above' if place >= 32 else 'below'} what is usual {whose}"


def _count(one: str, many: str, place: int) -> str:
    return f"{place} {one if place == 1 else many}"


def _about(what: str, place: int) -> str:
    """Of long scales; what is below 8 is exact."""
    return f"{'' if place < 8 else 'about '}{unlong(place):,} {what}"


def _share(of: str, place: int) -> str:
    return f"{round(100 * place / 63)} % {of}"


def _days(since: str, never: str, place: int) -> str:
    return never if place >= 63 else _about(f"days since {since}", place)


def _flat_days(since: str, never: str, place: int) -> str:
    return never if place >= 63 else f"{place} days since {since}"


def _hour(place: int) -> str:
    return (
        f"{place % 24:02d}:00 to {place % 24:02d}:59 UTC, {'at a weekend' if place >= 24 else 'on a weekday'}"
    )


def _visits(where: str, place: int) -> str:
    return (
        f"the card's first purchase {where}" if not place else _about(f"purchases of the card {where}", place)
    )


def _limit(what: str, place: int) -> str:
    return (
        f"{what} not just below a round limit"
        if not place
        else f"{what} {(place + 137) / 2:.1f} % of a limit"
    )


def _amount(place: int) -> str:
    return f"an amount of about {2 ** ((place + 12) / 4) / 100:,.2f}"


def _yes_no(yes: str, no: str, place: int) -> str:
    return yes if place else no


_COUNTED: Final[Mapping[str, str]] = {
    "requests_1h": "requests of the card within an hour",
    "requests_24h": "requests of the card within 24 hours",
    "requests_7d": "requests of the card within 7 days",
    "requests_28d": "requests of the card within 28 days",
    "large_14d": "of the card's last requests at least half as large",
    "new_merchants_1d": "merchants that are new to the card within a day",
    "new_merchants_3d": "merchants that are new to the card within three days",
    "new_categories_3d": "categories that are new to the card within three days",
    "merchants_1d": "other merchants within a day",
    "same_purchases": "times the same amount here before",
    "near_purchases_3d": "times nearly the same amount here within three days",
    "same_amount_elsewhere_3d": "times the same amount elsewhere within three days",
    "split_count_2d": "more purchases here within two days",
    "same_day_here": "more purchases here within a day",
    "card_repeats": "repeats among the card's last requests",
    "declined_in_a_row": "declined requests before it",
    "merchant_clean_since_fraud": "good purchases here since the last fraud that is known",
    "merchant_plain_frauds": "frauds of usual amounts known here",
    "card_frauds_28d": "frauds known of the card within 28 days",
    "card_cleared": "requests of the card that were found legitimate",
}
_LONG: Final[Mapping[str, str]] = {
    "since_last": "hours since the card's last request",
    "card_age": "days since the card's first request",
    "card_requests": "requests of the card so far",
    "merchants_known": "merchants that the card has been at",
    "merchant_requests": "requests at this merchant so far",
    "merchant_age": "days since the merchant's first request",
    "merchant_idle": "hours since anybody's last request here",
    "merchant_cards": "cards that have been here",
    "merchant_week": "requests here in this week and the last",
    "category_requests": "requests in this category so far",
    "category_cards": "cards that have been in this category",
    "merchant_frauds": "frauds known here in six weeks",
    "category_frauds": "frauds known in this category in six weeks",
    "category_all_fraud_rate": "frauds in a thousand in this category",
    "category_new_fraud_rate": "frauds in a thousand by cards that were new in this category",
    "merchant_all_fraud_rate": "frauds in a thousand at this merchant",
}
_TIMES: Final[Mapping[str, str]] = {
    "amount_for_card_at_merchant": "what the card pays here",
    "amount_for_card_in_category": "what the card pays in this category",
    "amount_to_largest": "the largest of the card's last amounts",
    "amount_to_median": "the card's middle amount",
    "amount_to_mean": "the card's usual amount",
    "amount_to_top_at_merchant": "the most that the card paid here",
    "amount_to_top_in_category": "the most that the card paid in this category",
    "amount_to_top_of_merchant": "the most that anybody paid here",
    "gap_to_usual": "as soon after the last as usual",
    "spent_24h": "the card's usual amount spent within 24 hours",
    "spent_7d": "the card's usual amount spent within 7 days",
    "spent_at_new_3d": "the card's usual amount spent at new merchants within three days",
    "merchant_level": "the usual amount is usual here",
    "split_sum": "the card's usual amount spent here within two days",
    "amount_to_fraud": "the amount of the card's last known fraud",
}
_SHARES: Final[Mapping[str, str]] = {
    "amount_rank": "of the card's last amounts are smaller",
    "hour_habit": "of the card's requests are at this time of day",
    "weekday_habit": "of the card's requests are on this day of the week",
    "category_share": "of the card's requests are in this category",
    "exploring": "of the card's requests were at new merchants",
    "merchant_repeats": "of the requests here are repeats",
    "merchant_fraud_rate": "fraud in this merchant's weeks that had some",
    "merchant_fraud_share": "fraud here since the first that is known",
    "category_fraud_rate": "fraud in this category's weeks that had some",
}
WORDS: Final[Mapping[str, In]] = {
    **{name: partial(_count, what, what) for name, what in _COUNTED.items()},
    **{name: partial(_about, what) for name, what in _LONG.items()},
    **{name: partial(_times, what) for name, what in _TIMES.items()},
    **{name: partial(_share, what) for name, what in _SHARES.items()},
    "amount": _amount,
    "amount_for_card": partial(_deviations, "for the card"),
    "amount_for_department": partial(_deviations, "in the organization"),
    "amount_for_category": partial(_deviations, "in this category"),
    "amount_for_merchant": partial(_deviations, "at this merchant"),
    "share_of_limit": partial(_limit, "the amount is"),
    "split_below_limit": partial(_limit, "this and an earlier amount here are"),
    "hour": _hour,
    "merchant_visits": partial(_visits, "at this merchant"),
    "category_visits": partial(_visits, "in this category"),
    "merchant_days": partial(_days, "the card was here", "the card was never here"),
    "category_days": partial(_days, "the card was in this category", "the card was never in this category"),
    "same_purchase_days": partial(_days, "the same amount here", "the same amount was not paid here lately"),
    "new_country": partial(
        _yes_no, "a country that is new to the card", "no country that is new to the card"
    ),
    "merchant_fraud_days": partial(_flat_days, "the last fraud here", "no fraud is known here lately"),
    "card_fraud_days": partial(_flat_days, "the card's last fraud", "no fraud of the card is known lately"),
    "card_large_fraud_days": partial(
        _flat_days, "the card's last fraud of an unusual amount", "no such fraud of the card is known lately"
    ),
}


def words(feature: str, place: int) -> str:
    """What bin `place` of a feature says."""
    return WORDS[feature](place)


def reasons(bins: bytes, moved: Mapping[int, float], at_most: int = 3) -> tuple[Why, ...]:
    """The features that raise the score most, the largest first. `moved`: by their place in NAMES."""
    raising: Iterable[int] = sorted(
        (place for place, by in moved.items() if by > 0), key=lambda place: (-moved[place], place)
    )
    found = [Why(NAMES[place], words(NAMES[place], bins[place]), moved[place]) for place in raising]
    return tuple(found[:at_most])


def contributions(bins: bytes, moved: Mapping[int, float], scale: float = 1.0) -> tuple[Contribution, ...]:
    """The same as a score tells them; `scale`: from what `moved` is in to what is told.

    Its numbers are floats, also where they are whole: a decision that was read is written as it was.
    """
    return tuple(
        Contribution(
            why.feature, float(bins[NAMES.index(why.feature)]), round(float(scale * why.moved), 4), why.words
        )
        for why in reasons(bins, moved)
    )
