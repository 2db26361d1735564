"""The longest stop on the way of a decision: what everybody behind it in the partition waits for.

Each figure is the longest of many steps, in milliseconds of processor time of this thread, so that little of
what else the machine does is in it. The state is put together directly: to decide a million takes a minute.
"""

from __future__ import annotations

import gc
from datetime import timedelta

from perf.harness import Scale
from perf.partition import (
    CARDS,
    START,
    Partition,
    budget,
    collecting,
    fill,
    milliseconds,
    requests_from,
)
from perf.results import Stalls
from schemas.ids import department_key
from streams.core.state import BUCKET_S
from streams.image import Image
from streams.snapshots import Chunks
from streams.snapshotting import Rows


def run(scale: Scale) -> Stalls:
    """At as many payments of one department, and as many departments and budgets, as `scale` says."""
    with collecting():
        return _run(scale)


def _run(scale: Scale) -> Stalls:
    partition = Partition()
    partition.play(budget("department", START))
    partition.play(next(requests_from(START)))  # what is made ready once
    growing_ms = fill(partition, scale.stall_payments)
    gc.collect()
    gc.freeze()  # as a worker does after it has taken over
    try:
        snapshot_ms, longest_step_ms = _snapshot(partition)
        forgetting_ms = _forget(partition)
    finally:
        gc.unfreeze()
    return Stalls(
        payments=scale.stall_payments,
        growing_ms=growing_ms,
        forgetting_ms=forgetting_ms,
        snapshot_ms=snapshot_ms,
        snapshot_step_ms=longest_step_ms,
        others=scale.stall_others,
        due_ms=_departments(scale.stall_others),
        budgets_ms=_budgets(scale.stall_others),
    )


def _snapshot(partition: Partition) -> tuple[float, float]:
    """The longest stop of a decision while an image is made, and the longest step of the image itself."""
    chunks, requests = Chunks(), requests_from(START + timedelta(days=60))
    steps = 0.0

    def begin() -> None:
        partition.image = Image(partition.state, chunks.add)

    longest = milliseconds(begin)
    more = [True]

    def step() -> None:
        assert partition.image is not None
        more[0] = partition.image.step()

    while more[0]:
        longest = max(longest, partition.play(next(requests)))
        steps = max(steps, *(milliseconds(step) for _ in range(10)))
    partition.image = None
    return longest, steps


def _forget(partition: Partition) -> float:
    """The longest decision from the first one of another age, when nearly all is over, to the last row."""
    department = partition.state.departments[department_key("bench", "d")]
    requests = requests_from(START + timedelta(seconds=6 * BUCKET_S))
    longest = partition.play(next(requests))
    while department.sweep is not None:
        longest = max(longest, partition.play(next(requests)))
    return longest


def _departments(count: int) -> float:
    """Whether a snapshot is due, asked after a batch that has changed one of many departments."""
    partition, rows = Partition(), Rows()
    for number in range(count):
        partition.play(budget(f"b{number}", START, department_id=f"d{number}"))
    departments = partition.state.departments
    rows.count(departments)
    changed = {key: department for key, department in departments.items() if key.endswith("/d7")}
    return max(milliseconds(lambda: rows.count(changed)) for _ in range(1_000))


def _budgets(count: int) -> float:
    """The longest of budgets that are set one after the other, each with a request after it.

    The garbage collector looks at what is new every 20,000 objects, as in a worker: its pause is in this.
    """
    partition, requests = Partition(), requests_from(START)
    partition.play(budget("department", START))
    longest = 0.0
    for number in range(count - 1):
        one = {"budget_id": f"b{number}", "level": "card", "subject": f"card-{number % CARDS}"}
        longest = max(
            longest, partition.play(budget(f"b{number}", START, **one)), partition.play(next(requests))
        )
    return longest
