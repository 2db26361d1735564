"""Whether different people are left for all levels of a request for an increase.

Levels that name approvers need one person each, a different one: a matching of levels and people. A level
that names nobody is no part of it, because anybody can be found for it, whoever is needed elsewhere.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple


class Shortage(NamedTuple):
    """Too few people: those of `people` (from none) are all who may approve the levels `levels`.

    `levels`: indices in their order, one more than people. Without any one of them there would be enough.
    """

    levels: tuple[int, ...]
    people: tuple[str, ...]


def shortage(levels: Sequence[Sequence[str]], busy: Collection[str] = ()) -> Shortage | None:
    """The first levels that cannot all be given to different people; None: they can.

    `levels`: who may approve each, anybody if empty. `busy`: who may approve none of them. An empty name is
    nobody's. Kuhn's augmenting paths: 10 levels of 500 approvers at most, so at most 50,000 steps.
    """
    given: dict[str, int] = {}  # person: the level that he has
    for number, approvers in enumerate(levels):
        if not approvers:
            continue
        asked: dict[str, None] = {}
        if not _give(number, levels, busy, given, asked):
            # Everybody whom it asked has one of the other levels: a set as Hall's theorem names it.
            stuck = sorted({number, *(given[person] for person in asked)})
            return Shortage(tuple(stuck), tuple(sorted(asked)))
    return None


def listed(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(words) if len(words) < 3 else f"{', '.join(words[:-1])} and {words[-1]}"


def _give(
    number: int,
    levels: Sequence[Sequence[str]],
    busy: Collection[str],
    given: dict[str, int],
    asked: dict[str, None],
) -> bool:
    """Gives the level to somebody who has none, or whose own level somebody else can have."""
    for person in levels[number]:
        if not person or person in busy or person in asked:
            continue
        asked[person] = None
        if person not in given or _give(given[person], levels, busy, given, asked):
            given[person] = number
            return True
    return False
