"""Waiting for a view to reach a position, and saying so when it does not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from api.http.problems import FieldError, Problem, invalid_request
from schemas.ids import Position

#: Whether the log ends before a position, see `api.log.follow`.
Beyond = Callable[[Position], bool]

T = TypeVar("T")

_LOOK_AGAIN_S = 0.005
_LOOK_AGAIN_S_MAX = 0.05  # at most 40 looks in 2 s: a waiting reader costs less than it may wait for


class LookAgain:
    """When to look again: soon, then less often, until the bound."""

    def __init__(self, wait_s: float) -> None:
        self._deadline = asyncio.get_running_loop().time() + wait_s
        self._pause_s = _LOOK_AGAIN_S

    async def again(self) -> bool:
        left_s = self._deadline - asyncio.get_running_loop().time()
        if left_s <= 0:
            return False
        await asyncio.sleep(min(self._pause_s, left_s))
        self._pause_s = min(self._pause_s * 1.5, _LOOK_AGAIN_S_MAX)
        return True


async def within(until: float, reading: Awaitable[T]) -> T:
    """What `reading` gives. Raises Problem 503 where it does not by loop time `until`."""
    try:
        async with asyncio.timeout_at(until):
            return await reading
    except TimeoutError:
        raise views_away({"the views": "no answer in time"}) from None


def reached(position: Position | None, next_seq: int | None) -> bool:
    """Whether a view whose next decision is `next_seq` (None: it has none there) has `position`."""
    return position is None or (next_seq is not None and next_seq > position.seq)


def view_behind(position: Position, behind: dict[str, int | None], beyond: Beyond) -> Problem:
    """503: no view has got to the position. Says where each is: the last decision it has.

    422 where the log itself has not got there: waiting does not help whoever made the position up, or has it
    from another installation.
    """
    if beyond(position):
        return invalid_request(
            [
                FieldError(
                    field="position",
                    code="position_beyond_log",
                    message=f"the decision log ends before {position}; take one from an answer of this API",
                )
            ]
        )
    views = {
        name: None if not next_seq else str(Position(position.partition, next_seq - 1))
        for name, next_seq in behind.items()
    }
    words = ", ".join(
        f"{name} is at {place or 'no decision of this partition'}" for name, place in views.items()
    )
    return Problem(
        503,
        "view_behind_position",
        f"No view has reached {position} yet: {words}.",
        headers={"Retry-After": "1"},
        asked=str(position),
        views=views,
    )


def views_away(away: dict[str, str]) -> Problem:
    return Problem(
        503,
        "views_unavailable",
        f"It cannot be looked up now: {' and '.join(away)} do not answer. Authorizations are still taken.",
        headers={"Retry-After": "2"},
    )
