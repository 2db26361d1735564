"""Plays a generated stream: a burst as fast as it goes, then at a steady pace, each decision compared."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from rich.console import Console

from infra.demo.spending import PlannedEvent
from infra.running.log import DecisionWatch, EventSender
from infra.running.steps import counting
from schemas.decisions import Decision
from schemas.reasons import Outcome

PACE_PER_S: Final = 500
PACED_EVENTS_MAX: Final = 2_000
EXAMPLES_MAX: Final = 3


@dataclass(slots=True)
class Tally:
    """What was decided, counted. `examples`: flagged requests, the most unusual first."""

    outcomes: Counter[str] = field(default_factory=Counter)
    declined: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    duplicates: int = 0
    flagged: int = 0
    scored: int = 0
    examples: list[Decision] = field(default_factory=list)

    @property
    def total(self) -> int:
        return sum(self.outcomes.values()) + self.duplicates

    def add(self, decision: Decision) -> None:
        """Repeats count as duplicates only, whatever they were answered."""
        if decision.duplicate_of is not None:
            self.duplicates += 1
            return
        self.outcomes[decision.outcome.value] += 1
        if decision.outcome is Outcome.DECLINED:
            self.declined[decision.reasons[0].code.value] += 1
        elif decision.outcome is Outcome.REJECTED:
            self.rejected[decision.reasons[0].code.value] += 1
        if decision.score is not None:
            self.scored += 1
            if decision.score.flagged:
                self._flag(decision)

    def _flag(self, decision: Decision) -> None:
        self.flagged += 1
        self.examples.append(decision)
        self.examples.sort(key=lambda found: -found.score.value if found.score else 0)
        del self.examples[EXAMPLES_MAX:]


@dataclass(frozen=True, slots=True)
class PlayedStream:
    """What playing a stream measured. `latencies_s`: of the paced events only, ascending."""

    burst_events: int
    burst_s: float
    paced_events: int
    pace_per_s: int
    latencies_s: Sequence[float]
    wrong: Sequence[str]
    unusual: int
    unusual_flagged: int

    @property
    def burst_per_s(self) -> float:
        return self.burst_events / self.burst_s if self.burst_s else 0.0

    def latency_s(self, share: float) -> float:
        """The latency below which `share` (0..1) of the paced events stayed."""
        found = self.latencies_s
        return found[min(len(found) - 1, int(share * len(found)))] if found else 0.0


class StreamPlayer:
    """Sends planned records and compares each decision with the plan."""

    def __init__(self, kafka: str, require_alive: Callable[[], None], console: Console) -> None:
        self._kafka = kafka
        self._require_alive = require_alive
        self._console = console
        self.tally = Tally()
        self._read_s: dict[tuple[int, int], float] = {}
        # (partition, source offset) -> outcome, reason, is a repeat, is flagged
        self._answers: dict[tuple[int, int], tuple[str, str | None, bool, bool]] = {}

    def decided(self, decision: Decision, read_s: float) -> None:
        self.tally.add(decision)
        at = decision.partition, decision.source_offset
        self._read_s[at] = read_s
        self._answers[at] = (
            decision.outcome.value,
            decision.reasons[0].code.value if decision.reasons else None,
            decision.duplicate_of is not None,
            decision.score is not None and decision.score.flagged,
        )

    def play(self, planned: Sequence[PlannedEvent], watch: DecisionWatch) -> PlayedStream:
        """Sends all and waits until every one is decided; `watch` calls `decided`."""
        paced = min(PACED_EVENTS_MAX, len(planned) // 2)
        burst, steady = planned[: len(planned) - paced], planned[len(planned) - paced :]
        sender = EventSender(self._kafka)
        sender.connect()  # so that the burst does not measure that
        burst_s = self._burst(burst, sender, watch)
        self._steady(steady, sender, watch)
        return self._compare(planned, sender, burst_s, len(burst), len(steady))

    def _burst(self, planned: Sequence[PlannedEvent], sender: EventSender, watch: DecisionWatch) -> float:
        """Returns the seconds from the first send to the last decision read."""
        with counting(self._console, "as fast as it goes", len(planned)) as bar:
            before, started_s = watch.count, time.monotonic()

            def show() -> None:
                bar.update(watch.count - before)
                self._require_alive()

            for n, record in enumerate(planned):
                sender.send(record.partition, record.key, record.value, timed=True)
                if n % 500 == 0:
                    show()
            watch.wait(sender.flush(), show)
            show()
            return time.monotonic() - started_s

    def _steady(self, planned: Sequence[PlannedEvent], sender: EventSender, watch: DecisionWatch) -> None:
        with counting(self._console, f"at {PACE_PER_S} events/s", len(planned)) as bar:
            before, started_s = watch.count, time.monotonic()

            def show() -> None:
                bar.update(watch.count - before)
                self._require_alive()

            for n, record in enumerate(planned):
                due_s = started_s + n / PACE_PER_S
                if (left_s := due_s - time.monotonic()) > 0:
                    time.sleep(left_s)
                sender.send(record.partition, record.key, record.value, timed=True)
                if n % 50 == 0:
                    show()
            watch.wait(sender.flush(), show)
            show()

    def _compare(
        self, planned: Sequence[PlannedEvent], sender: EventSender, burst_s: float, burst: int, paced: int
    ) -> PlayedStream:
        # Delivery keeps the order of sending within a partition, so the n-th record of a partition here
        # is the n-th offset there.
        offsets: dict[int, list[int]] = {}
        for partition, offset in sorted(sender.times_s):
            offsets.setdefault(partition, []).append(offset)
        position: Counter[int] = Counter()
        wrong, latencies_s, unusual, caught = [], [], 0, 0
        for n, record in enumerate(planned):
            at = record.partition, offsets[record.partition][position[record.partition]]
            position[record.partition] += 1
            outcome, reason, duplicate, flagged = self._answers[at]
            if (outcome, reason, duplicate) != (record.outcome, record.reason, record.duplicate):
                wrong.append(
                    f"{at[0]}:{at[1]} {record.event_id or ''}: {outcome} {reason or ''}, expected "
                    f"{record.outcome} {record.reason or ''}"
                )
            unusual += record.unusual
            caught += record.unusual and flagged
            if n >= burst:
                latencies_s.append(self._read_s[at] - sender.times_s[at])
        return PlayedStream(burst, burst_s, paced, PACE_PER_S, sorted(latencies_s), wrong, unusual, caught)
