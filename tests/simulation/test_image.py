"""A snapshot is made while deciding goes on: it is of the state as it was, and no step of it is long."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Sequence

import pytest

from schemas.reasons import Outcome
from streams.core import paged_map
from streams.core.apply.evolve import evolve
from streams.core.expiries import Expiries
from streams.core.intake import judge
from streams.core.plans import Plans
from streams.core.sealing import seal
from streams.core.state import Answer, Department, PartitionState, Payment
from streams.image import Image, decoded, encoded
from streams.log import Entry, NoLog
from streams.owner import Owner
from streams.scoring import Scorer
from streams.snapshots import CHUNK_BYTES, Collector
from streams.snapshotting import CHUNKS_A_BATCH
from tests.simulation.histories import history
from tests.simulation.world import Cluster

KEY = "o/d"


@pytest.mark.parametrize("page_rows", [2, 5])
@pytest.mark.parametrize("seed", range(6))
def test_an_image_is_of_the_moment_at_which_it_was_begun(
    seed: int, page_rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is decided while it is made, and however slowly it is."""
    monkeypatch.setattr(paged_map, "PAGE_ROWS", page_rows)
    rng = random.Random(seed)
    state, plans, scorer = PartitionState(0), Plans(), Scorer(warm_up=5, ns_max=math.inf)
    image: Image | None = None
    parts: list[bytes] = []
    before, made = PartitionState(0), 0
    for record in history(seed, 120):
        if image is None and rng.random() < 0.2:
            parts = []
            before, image = decoded(encoded(state)), Image(state, parts.append)
        decision, _ = seal(judge(state, record, 1, scorer, plans))
        if image is not None:
            image.before(f"{decision.organization_id}/{decision.department_id}")
        evolve(state, decision)
        for _ in range(rng.choice((0, 0, 1, 2))):
            if image is not None and not image.step():
                assert decoded(b"".join(parts)) == before
                image, made = None, made + 1
    assert made >= 2
    assert all(department.payments.watch is None for department in state.departments.values()) or image


def department(rows: int) -> Department:
    made = Department("o", "d", "USD", 1)
    for number in range(rows):
        made.payments[f"a{number}"] = Payment(("department@1970-01",), 1, held=1, expires_s=number)
        made.answers[f"e{number}"] = Answer(1, number, "t", "0" * 16, 1, Outcome.APPROVED)
    made.expiries = Expiries()
    return made


@pytest.mark.parametrize("rows", [100, 3_000, 30_000])
def test_no_step_encodes_more_than_a_page(rows: int) -> None:
    state = PartitionState(0, departments={KEY: department(rows)})
    parts: list[bytes] = []
    image = Image(state, parts.append)
    steps = 0
    while image.step():
        steps += 1
        assert len(parts) == steps + 1, "one part with each step"
    assert max(map(len, parts)) < 200 * paged_map.PAGE_ROWS
    assert steps >= 2 * rows / paged_map.PAGE_ROWS
    found = decoded(b"".join(parts)).departments[KEY]
    assert dict(found.payments.items()) == dict(state.departments[KEY].payments.items())
    assert len(list(found.expiries)) == rows


@pytest.mark.parametrize("cut", ["first", "middle", "last"])
def test_an_image_that_is_cut_is_none(cut: str) -> None:
    whole = encoded(PartitionState(0, departments={KEY: department(2_000)}))
    at = {"first": 2, "middle": len(whole) // 2, "last": len(whole) - 1}[cut]
    with pytest.raises(ValueError, match="cut"):
        decoded(whole[:at])
    assert decoded(whole).departments[KEY].payment("a7") is not None


class Keeping(NoLog):
    """Keeps the chunks, by batch."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[list[Entry]] = []
        self.collector = Collector(0)

    async def store_snapshot(self, chunks: Sequence[Entry]) -> None:
        self.batches.append(list(chunks))
        for entry in chunks:
            self.collector.add(entry.headers, entry.value)


def test_batches_are_not_held_up_by_a_large_snapshot() -> None:
    """Its chunks go along, a few with each; then a decision names it."""
    cluster, log = Cluster(history(2, 200)), Keeping()

    async def run() -> Owner:
        owner = Owner(0, 1, log, lambda: Scorer(warm_up=5, ns_max=math.inf), lambda changed: None, 20)
        await owner.take_over()
        owner.state.departments[KEY] = department(20_000)
        while owner.position < cluster.end:
            await owner.decide([cluster.frame(owner.position, 5)])
            for _ in range(10):  # as many steps as a broker's answer takes
                await asyncio.sleep(0)
        await owner.close()
        return owner

    owner = asyncio.run(run())
    whole = log.collector.newest_first()[-1]
    assert whole.seq >= 20
    assert max(map(len, log.batches)) <= CHUNKS_A_BATCH
    written = sum(len(entry.value or b"") for batch in log.batches for entry in batch)
    assert written > 3 * CHUNK_BYTES
    assert len(log.batches) > 2
    found = decoded(whole.state)
    assert found.seq == whole.seq < owner.state.seq
    assert (
        found.departments[KEY]
        == decoded(encoded(PartitionState(0, departments={KEY: department(20_000)}))).departments[KEY]
    )
