"""The owner's own work for one event, without Kafka: judge, seal, learn, evolve."""

from __future__ import annotations

import asyncio
import cProfile
import gc
import io
import pstats
import time
from datetime import UTC, datetime
from itertools import chain

from perf.harness import Scale
from perf.partition import collecting
from perf.results import Decide
from perf.workload import HOT, SPREAD, Mix, events, opening
from schemas.codec import encode_event
from streams.core.intake import Record
from streams.log import Frame, NoLog
from streams.model import new_model
from streams.owner import Owner

# As many as one transaction holds at most in the worker.
FRAME_RECORDS = 5_000
RECORDED_AT = datetime(2026, 4, 1, tzinfo=UTC)


def run(scale: Scale) -> Decide:
    """Microseconds an event, for one and for 20 departments, without and with scoring."""
    hot, spread = _frames(scale.decide_events, HOT), _frames(scale.decide_events, SPREAD)
    rounds = scale.decide_rounds
    return Decide(
        events=scale.decide_events,
        hot_us=_best_us(hot, rounds, scoring=False),
        hot_scored_us=_best_us(hot, rounds, scoring=True),
        spread_us=_best_us(spread, rounds, scoring=False),
        spread_scored_us=_best_us(spread, rounds, scoring=True),
    )


def profiled(scale: Scale, lines_max: int = 30) -> str:
    """Where the time of one scored round on one department goes, by cProfile: shares, not speeds."""
    frames = _frames(scale.decide_events, HOT)
    profiler = cProfile.Profile()
    profiler.enable()
    _round_us(frames, scoring=True)
    profiler.disable()
    text = io.StringIO()
    pstats.Stats(profiler, stream=text).sort_stats("tottime").print_stats(lines_max)
    return text.getvalue()


def _frames(count: int, mix: Mix) -> list[Frame]:
    """The events as records of one partition; who owns which department does not matter here."""
    records = [
        Record(offset, RECORDED_AT, event.key.encode(), encode_event(event))
        for offset, event in enumerate(chain(opening(mix), events(count, mix)))
    ]
    return [
        Frame(at, min(at + FRAME_RECORDS, len(records)), records[at : at + FRAME_RECORDS])
        for at in range(0, len(records), FRAME_RECORDS)
    ]


def _best_us(frames: list[Frame], rounds: int, *, scoring: bool) -> float:
    """The best round, in CPU time: what else ran on the machine can only have made the others slower."""
    return min(_round_us(frames, scoring=scoring) for _ in range(rounds))


def _round_us(frames: list[Frame], *, scoring: bool) -> float:
    gc.collect()
    gc.freeze()  # as a worker does after it has taken over
    with collecting():
        return asyncio.run(_decide(frames, scoring))


async def _decide(frames: list[Frame], scoring: bool) -> float:
    # One partition, so that every department belongs here.
    owner = Owner(0, 1, NoLog(), lambda: new_model(scoring), lambda _: None, 10**9)
    await owner.take_over()
    started_s = time.process_time()
    for frame in frames:
        await owner.decide([frame])
    return (time.process_time() - started_s) / owner.state.seq * 1e6
