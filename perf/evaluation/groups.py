"""Who is flagged more: good requests among the highest 1 % of scores, by what they have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from perf.evaluation.contenders import SeenRequest
from perf.evaluation.data import LabelledRequest
from streams.scoring.features import NAMES
from streams.scoring.features.scales import long_scale

_AGE: Final = NAMES.index("card_age")
_REQUESTS: Final = NAMES.index("card_requests")
_VISITS: Final = NAMES.index("merchant_visits")
_CATEGORY: Final = NAMES.index("category_visits")
_MERCHANT: Final = NAMES.index("merchant_requests")
_HOUR: Final = NAMES.index("hour")

GROUPS: Final[dict[str, Callable[[SeenRequest], bool]]] = {
    "all": lambda seen: True,
    "cards of less than 32 days": lambda seen: seen.bins[_AGE] < long_scale(32),
    "cards of less than 24 requests": lambda seen: seen.bins[_REQUESTS] < long_scale(24),
    "the card's first at a merchant": lambda seen: seen.bins[_VISITS] == 0,
    "the card's first in a category": lambda seen: seen.bins[_CATEGORY] == 0,
    "merchants of less than 8 requests": lambda seen: seen.bins[_MERCHANT] < 8,
    "weekends": lambda seen: seen.bins[_HOUR] >= 24,
}
#: Departments, the largest first.
DEPARTMENTS_MAX: Final = 8


class Group(msgspec.Struct):
    """`share`: of the good requests, those in it; `flagged`: of these, wrongly among the highest 1 %."""

    share: float
    flagged: float


def groups_of(
    requests: Sequence[LabelledRequest], seen: Sequence[SeenRequest], flagged: Sequence[bool]
) -> dict[str, Group]:
    """By GROUPS, by amount, and by department where there are several. Empty groups are left out."""
    good = [place for place, request in enumerate(requests) if not request.fraud]
    amounts = sorted(requests[place].amount for place in good)
    found = {name: [place for place in good if is_in(seen[place])] for name, is_in in GROUPS.items()}
    if amounts:
        large, usual = amounts[len(amounts) * 95 // 100], amounts[len(amounts) // 2]
        found["the largest 5 % of amounts"] = [place for place in good if requests[place].amount >= large]
        found["the lower half of amounts"] = [place for place in good if requests[place].amount < usual]
    by_department: dict[str, list[int]] = {}
    for place in good:
        by_department.setdefault(requests[place].department, []).append(place)
    if len(by_department) > 1:
        largest = sorted(by_department.items(), key=lambda item: (-len(item[1]), item[0]))
        found |= {f"department {name}": places for name, places in largest[:DEPARTMENTS_MAX]}
    return {
        name: Group(len(places) / len(good), sum(flagged[place] for place in places) / len(places))
        for name, places in found.items()
        if places
    }
