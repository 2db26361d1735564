"""What is remembered of merchants and of categories, within one department."""

from __future__ import annotations

import msgspec

from streams.scoring.habits.levels import Usual

WEEK_S = 7 * 86_400
#: Labels of older requests say nothing about today.
WEEKS = 6
PLACE_MEMORY = 100
RECENT_MAX = 16


class PlaceHabits(msgspec.Struct, array_like=True, gc=False):
    """A merchant or a category: about 70 bytes in a snapshot.

    `cards`: cards that were there for the first time; `weeks`, `frauds`: requests, and those that turned out
    to be fraud, by the week in which they were made; `week` is the latest one, and comes first.
    """

    first_day: int
    last_s: int
    usual: Usual
    cards: int = 0
    week: int = 0
    weeks: list[int] = msgspec.field(default_factory=lambda: [0] * WEEKS)
    frauds: list[int] = msgspec.field(default_factory=lambda: [0] * WEEKS)
    recent_s: list[int] = []
    frauds_s: list[int] = []
    plain_frauds: int = 0
    all_frauds: int = 0
    new_frauds: int = 0
    repeats: int = 0
    top: int = 0

    def observe(self, at_s: int, at_level: int, first_of_card: bool, repeat: bool) -> None:
        """Fold one request, in place."""
        self.turn(at_s // WEEK_S)
        age = self.week - at_s // WEEK_S
        if age < WEEKS:
            self.weeks[age] += 1
        self.usual.observe(at_level, PLACE_MEMORY)
        self.cards += first_of_card
        self.repeats += repeat
        self.top = max(self.top, at_level)
        self.recent_s.append(at_s)
        if len(self.recent_s) > RECENT_MAX:
            del self.recent_s[0]
        self.last_s = max(self.last_s, at_s)

    def turn(self, week: int) -> None:
        """Time goes on to `week`."""
        passed = week - self.week
        if passed > 0:
            none = [0] * min(passed, WEEKS)
            self.weeks = (none + self.weeks)[:WEEKS]
            self.frauds = (none + self.frauds)[:WEEKS]
            self.week = week

    def fraud(self, at_s: int, plain: bool, new: bool) -> None:
        """A request that was made then was fraud; `plain`: of an amount that is usual for its card."""
        age = self.week - at_s // WEEK_S
        if 0 <= age < WEEKS:
            self.frauds[age] += 1
        self.frauds_s = sorted([*self.frauds_s, at_s])[-RECENT_MAX:]
        self.plain_frauds += plain
        self.all_frauds += 1
        self.new_frauds += new
