"""How busy this process is, and whom it still lets in: beyond what it can do, a quick no is worth more than a
late yes.

Two signals. The event loop's lateness says that the processor is used up: a request that is read late is
answered late. The time that answers take says that what stands behind (Kafka, the worker) is used up: the
number of requests in flight is then cut by a fifth, and grows by one with each answer in time (AIMD, as TCP
does it). Both count only above a handful of requests: a slow service with few requests is slow, not flooded,
and its answers say so themselves.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

BEAT_S = 0.01
# Half of it is forgotten in 0.7 s: what made the loop late on the way in may come again on the way out.
_RECENT = 0.99

FLIGHT_MIN = 16  # as many may always be in flight
WRITES_START = 256
READS_MAX = 256
SLOW_S = 0.6  # of the 2 s: what takes longer at this rate would soon take too long
CUT = 0.8
CUT_EVERY_S = 0.2  # an answer's time says nothing of a cut that was made after its request came

# A no must be out within 100 ms, and a turn of the loop reads a request, so it may be twice this late. In the
# mean of some beats: one late turn is the collector, or another process. Reads are shed first: a flood of
# them leaves the loop to those who ask for money.
WRITES_LATE_S_MAX = 0.025
READS_LATE_S_MAX = 0.015
_NEW = 0.2

#: Answers that end when the client goes.
STREAMS: Final = frozenset({"/v1/feed", "/live"})
LISTENERS_MAX: Final = 2_000  # 0.1 MB each, if all are as slow as they may be
_NEVER_SHED: Final = frozenset({"/healthz", "/readyz", "/metrics"})


class LoopClock:
    """How late the event loop is, by a timer that should fire every BEAT_S. Times are seconds."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        self._late_s = 0.0
        self._recent_s = 0.0
        self.mean_late_s = 0.0  # of the last few beats

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._next()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._loop = self._timer = None
        self._late_s = self._recent_s = self.mean_late_s = 0.0

    @property
    def late_s(self) -> float:
        """Of this turn of the loop: what is read now may have waited for so long."""
        overdue_s = time.monotonic() - self._due if self._timer is not None else 0.0
        return max(self._late_s, overdue_s)

    @property
    def recent_late_s(self) -> float:
        """The most of the last second or so: a timer that is set now may fire so late."""
        return max(self._recent_s, self.late_s)

    def arrived(self) -> float:
        """When the bytes that are read now came at the earliest."""
        return time.monotonic() - self.late_s

    def _next(self) -> None:
        assert self._loop is not None
        self._due = time.monotonic() + BEAT_S
        self._timer = self._loop.call_later(BEAT_S, self._beat)

    def _beat(self) -> None:
        self._late_s = max(0.0, time.monotonic() - self._due)
        self._recent_s = max(self._late_s, self._recent_s * _RECENT)
        self.mean_late_s += (self._late_s - self.mean_late_s) * _NEW
        self._next()


class Share:
    """One kind of requests: how many are in flight, and how many may be. No `limit_max`: `limit` is fixed."""

    def __init__(
        self, name: str, clock: LoopClock, *, late_s_max: float, limit: int, limit_max: int | None
    ) -> None:
        self.name = name
        self.in_flight = 0
        self.limit = float(limit if limit_max is None else min(limit, limit_max))
        self.shed = 0
        self._clock = clock
        self._late_s_max = late_s_max
        self._limit_max = limit_max
        self._cut_at = 0.0

    def admits(self) -> bool:
        """Whether one more may come in now."""
        if self.in_flight < FLIGHT_MIN:
            return True
        return self.in_flight < self.limit and self._clock.mean_late_s <= self._late_s_max

    def entered(self) -> None:
        self.in_flight += 1

    def left(self, seconds: float, *, served: bool) -> None:
        """One is answered, after `seconds`. `served`: no error, so its time says how busy all is."""
        self.in_flight -= 1
        if not served or self._limit_max is None:
            return
        if seconds > SLOW_S:
            now = time.monotonic()
            if now - self._cut_at > CUT_EVERY_S:
                self._cut_at = now
                self.limit = max(FLIGHT_MIN, self.limit * CUT)
        elif self.in_flight * 2 >= self.limit < self._limit_max:  # a limit that is not used says nothing
            self.limit = min(self._limit_max, self.limit + 1)


class Door:
    """All shares of one process. Health, readiness and metrics always get in: without a share."""

    def __init__(self, *, flight_max: int) -> None:
        self.clock = LoopClock()
        self.writes = Share(
            "writes", self.clock, late_s_max=WRITES_LATE_S_MAX, limit=WRITES_START, limit_max=flight_max
        )
        # Fixed: one that waits for its position takes its time however idle everything is.
        self.reads = Share("reads", self.clock, late_s_max=READS_LATE_S_MAX, limit=READS_MAX, limit_max=None)

        # They cost a read when they come, and next to nothing then.
        self.streams = Share(
            "streams", self.clock, late_s_max=READS_LATE_S_MAX, limit=LISTENERS_MAX, limit_max=None
        )
        #: What ends streams when the server stops, which waits for all answers.
        self.on_stop: list[Callable[[], None]] = []

    def stop(self) -> None:
        for end in self.on_stop:
            end()

    def share(self, method: str, path: str) -> Share | None:
        if method in ("GET", "HEAD", "OPTIONS"):
            if path in STREAMS:
                return self.streams
            return None if path in _NEVER_SHED else self.reads
        return self.writes
