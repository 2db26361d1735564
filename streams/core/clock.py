"""A department's own time: the latest that took effect, and the spans in which it remembers."""

from __future__ import annotations

from datetime import datetime

from streams.core.calendar import epoch_s
from streams.core.state import BUCKET_S, Department


def bucket_of(seconds: int) -> int:
    """The memory bucket of a moment: whole 30-day spans since the epoch."""
    return seconds // BUCKET_S


def clock_after(
    department: Department | None, at_s: int, occurred_at: datetime, recorded_at: datetime
) -> int:
    """The department's clock after an event of `at_s`, which is `occurred_at` in whole seconds.

    Never ahead of the broker's, so a forged date moves no time.
    """
    if occurred_at > recorded_at:
        at_s = epoch_s(recorded_at)
    return at_s if department is None or at_s > department.clock_s else department.clock_s
