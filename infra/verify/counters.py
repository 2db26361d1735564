"""What rules have counted: rolling windows in slots, calendars in their newest period (docs/rules.md)."""

from __future__ import annotations

from datetime import date

import msgspec

from infra.verify.calendar import end_of, first_day, label
from infra.verify.state import SPAN_S, SPANS_KEPT
from schemas.controls import Calendar, SpendLimit

SLOTS = 60


class Window(msgspec.Struct, gc=False):
    """The last `SLOTS` + 1 slots of `size` seconds. `slots`: [requests, minor units] by slot since 1970."""

    size: int
    newest: int = 0
    slots: dict[int, list[int]] = {}

    def so_far(self, at_s: int) -> tuple[int, int]:
        """Requests and minor units that count for a request at `at_s`."""
        first = max(at_s // self.size, self.newest) - SLOTS
        requests = amount = 0
        for slot, counted in self.slots.items():
            if slot >= first:
                requests += counted[0]
                amount += counted[1]
        return requests, amount

    def count(self, at_s: int, requests: int, amount: int) -> None:
        """What comes from before the window counts nowhere."""
        slot = at_s // self.size
        if slot > self.newest:
            self.newest = slot
            for old in [old for old in self.slots if old < slot - SLOTS]:
                del self.slots[old]
        if slot >= self.newest - SLOTS:
            counted = self.slots.setdefault(slot, [0, 0])
            counted[0] += requests
            counted[1] += amount

    def is_past(self, from_s: int) -> bool:
        """Whether it counts nothing for any moment from `from_s` on."""
        return (self.newest + SLOTS + 1) * self.size <= from_s


class Newest(msgspec.Struct, gc=False):
    """The newest period of a calendar in which something was counted, and what."""

    calendar: Calendar
    label: str = ""
    first: date = date.min
    requests: int = 0
    amount: int = 0

    def so_far(self, at_s: int) -> tuple[int, int]:
        """Requests and minor units that count for a request at `at_s`."""
        return (0, 0) if self._is_newer(label(self.calendar, at_s)) else (self.requests, self.amount)

    def count(self, at_s: int, requests: int, amount: int) -> None:
        """Counts in the period of `at_s`, or in the newest."""
        asked = label(self.calendar, at_s)
        if self._is_newer(asked):
            self.label, self.first = asked, first_day(asked)
            self.requests = self.amount = 0
        self.requests += requests
        self.amount += amount

    def _is_newer(self, asked: str) -> bool:
        return asked != self.label and (not self.label or first_day(asked) > self.first)

    def is_past(self, from_s: int) -> bool:
        """Whether it counts nothing for any moment from `from_s` on."""
        return self._is_newer(label(self.calendar, from_s))


Counter = Window | Newest


def counter_of(rule: SpendLimit) -> Counter:
    """An empty one for a rule that counts."""
    if rule.window == "rolling":
        return Window(slot_s(rule))
    return Newest(rule.calendar or Calendar())


def slot_s(rule: SpendLimit) -> int:
    """Seconds of a slot of a rolling window."""
    return -(-(rule.seconds or 1) // SLOTS)


def is_counted(rule: SpendLimit) -> bool:
    """Whether a counter of its own stands for the rule; amounts that decline are charged to payments."""
    if rule.window == "calendar":
        return rule.count is not None or rule.action != "decline"
    return rule.window == "rolling"


def oldest_s(latest_span: int) -> int:
    """The first second that is remembered: no event of an earlier time is usable."""
    return (latest_span - SPANS_KEPT + 1) * SPAN_S


def is_over(calendar: Calendar | None, period: str, latest_span: int) -> bool:
    """Whether the period ended before all that is remembered. `calendar` None: it is gone."""
    end_s = end_of(calendar, period)
    return end_s is not None and end_s <= oldest_s(latest_span)
