"""No record costs its partition more than it may, whatever it holds and whatever came before it.

The promise is that each is decided or rejected with a reason within a second. Wall time is the machine's as
much as ours, so it decides nothing here: what decides is the processor time that the owner's step takes for a
record, by the clock of its own thread. The largest known is a tenth of the bound, so a slow machine passes.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import msgspec
import pytest

from tests.hostile.bench import RECORD_S_MAX, Bench, decided_again, folded, wrong
from tests.hostile.load import HostileChoice

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def as_the_worker_collects_garbage() -> Iterator[None]:
    """See streams/__main__.py: a whole collection takes 0.1 s for a million lists, so it is made seldom."""
    before = gc.get_threshold()
    gc.set_threshold(100_000, 50, 100)
    yield
    gc.set_threshold(*before)


async def attack(bench: Bench, wanted: Callable[[Bench], bool]) -> None:
    """Decide bursts until it is `wanted` no more."""
    await bench.owner.take_over()
    for burst in bench.bursts():
        for sent in burst:
            cost = await bench.decide(sent)
            assert cost.cpu_s < RECORD_S_MAX, f"seed {bench.seed}: {cost}"
        if not wanted(bench):
            return


@pytest.mark.parametrize(
    ("records", "seconds"),
    [(3_000, 60.0), pytest.param(10**9, 600.0, marks=[pytest.mark.faults, pytest.mark.timeout(3_600)])],
)
def test_every_hostile_record_is_decided_soon(records: int, seconds: float) -> None:
    """With SPENDLOG_HOSTILE_SEED another load; a failure tells the seed and the record."""
    bench = Bench(HostileChoice().seed, NOW)
    until_s = time.monotonic() + seconds
    asyncio.run(attack(bench, lambda bench: len(bench.kept) < records and time.monotonic() < until_s))
    told = [f"seed {bench.seed}: {len(bench.kept):,} records", bench.outcomes, bench.reasons, *bench.costs]
    sys.stdout.write("\n".join(map(str, told)) + "\n")
    assert len(bench.log.values) == len(bench.kept)
    assert {"approved", "declined", "accepted", "rejected"} <= set(bench.outcomes)
    assert len(bench.reasons) >= 25 or records < 10**9, "a load that does not reach the rules attacks nothing"
    assert asyncio.run(decided_again(bench)) == bench.log.values, f"seed {bench.seed}: replay is not live"
    reader = asyncio.run(folded(bench))
    assert msgspec.json.encode(reader.state) == msgspec.json.encode(bench.owner.state)
    assert wrong(bench) == {}, f"seed {bench.seed}"
