"""The longest stop on the way of a decision: what everybody behind it in the partition waits for.

Each figure is the longest of many steps, in milliseconds of processor time of this thread, so that little of
what else the machine does is in it. The state is put together directly: to decide a million takes a minute.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from perf.harness import Scale
from perf.results import Stalls
from schemas.codec import encode_event
from schemas.event import Merchant
from schemas.events import AuthorizationRequested, BudgetSet, CardEvent
from schemas.ids import department_key
from schemas.money import Money, PositiveMoney
from schemas.reasons import Outcome
from streams.core.apply.evolve import evolve
from streams.core.history import CardHistory
from streams.core.intake import Record, judge
from streams.core.plans import Plans
from streams.core.sealing import seal
from streams.core.state import BUCKET_S, Answer, PartitionState, Payment, Period, Posting
from streams.image import Image
from streams.model import Unscored
from streams.snapshots import Chunks
from streams.snapshotting import Rows
from streams.turns import GC_THRESHOLDS

CARDS = 5_000
HELD = 5  # one in so many payments still holds something
START = datetime(2026, 3, 2, 9, tzinfo=UTC)
PLENTY = Money(10**12, "USD")


def run(scale: Scale) -> Stalls:
    """At as many payments of one department, and as many departments and budgets, as `scale` says."""
    before = gc.get_threshold()
    gc.set_threshold(*GC_THRESHOLDS)
    try:
        return _run(scale)
    finally:
        gc.set_threshold(*before)


def _run(scale: Scale) -> Stalls:
    partition = _Partition()
    partition.play(_budget("department", START))
    partition.play(next(_requests(START)))  # what is made ready once
    growing_ms = _fill(partition, scale.stall_payments)
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


class _Partition:
    """An owner's work, event by event."""

    def __init__(self) -> None:
        self.state = PartitionState(0)
        self.image: Image | None = None
        self._plans = Plans()
        self._model = Unscored()

    def play(self, event: CardEvent) -> float:
        """Milliseconds."""
        at = event.occurred_at
        record = Record(self.state.next_offset, at, event.key.encode(), encode_event(event))
        return _ms(lambda: self._decide(record))

    def _decide(self, record: Record) -> None:
        decision, _ = seal(judge(self.state, record, 1, self._model, self._plans))
        assert decision.outcome is not Outcome.REJECTED, decision.reasons
        if self.image is not None:
            self.image.before(f"{decision.organization_id}/{decision.department_id}")
        evolve(self.state, decision)


def _ms(work: Callable[[], object]) -> float:
    began_ns = time.thread_time_ns()
    work()
    return (time.thread_time_ns() - began_ns) / 1e6


def _common(event_id: str, at: datetime) -> dict[str, Any]:
    return {"event_id": event_id, "organization_id": "bench", "department_id": "d", "occurred_at": at}


def _budget(name: str, at: datetime, **more: Any) -> BudgetSet:
    return BudgetSet(**(_common(f"budget-{name}", at) | more), name=name, limit=PLENTY)


def _requests(at: datetime) -> Iterator[AuthorizationRequested]:
    """A second apart."""
    number = 0
    while True:
        number += 1
        yield AuthorizationRequested(
            **_common(f"request-{at:%m%d}-{number}", at + timedelta(seconds=number)),
            authorization_id=f"payment-{at:%m%d}-{number}",
            card_id=f"card-{number % CARDS}",
            amount=PositiveMoney(1_234, "USD"),
            merchant=Merchant("Merchant", "5943", "US"),
        )


def _fill(partition: _Partition, count: int) -> float:
    """Payments over three buckets, each with the answers to two events. Returns the longest step."""
    department = partition.state.departments[department_key("bench", "d")]
    bucket, second = department.latest_bucket, int(START.timestamp())
    charges = ("department@2026-03",)
    for number in range(CARDS):
        department.cards[f"card-{number}"] = CardHistory(50, 7.0, 1.0, 9.0, second, 1.0, list(range(16)))
    department.latest_bucket += 2
    held = 1_234 * -(-count // HELD)
    department.periods[charges[0]] = Period(PLENTY.minor, bucket, 1_234 * count - held, held)

    def add(number: int) -> None:
        name, of = f"authorization-{number}", bucket + number % 3
        held = 1_234 if number % HELD == 0 else 0
        postings = () if held else (Posting(number, 1_234),)
        payment = Payment(charges, of, True, number, held=held, expires_s=second + number, postings=postings)
        department.payments[name] = payment
        if held:
            department.expiries.add(payment.expires_s, name)
        for event in ("requested", "presented"):
            answer = Answer(of, number, f"authorization.{event}", "0123456789abcdef", 1_234, Outcome.APPROVED)
            department.answers[f"event-{event}-{number}"] = answer

    return max(_ms(partial(add, number)) for number in range(count))


def _snapshot(partition: _Partition) -> tuple[float, float]:
    """The longest stop of a decision while an image is made, and the longest step of the image itself."""
    chunks, requests = Chunks(), _requests(START + timedelta(days=60))
    steps = 0.0

    def begin() -> None:
        partition.image = Image(partition.state, chunks.add)

    longest = _ms(begin)
    more = [True]

    def step() -> None:
        assert partition.image is not None
        more[0] = partition.image.step()

    while more[0]:
        longest = max(longest, partition.play(next(requests)))
        steps = max(steps, *(_ms(step) for _ in range(10)))
    partition.image = None
    return longest, steps


def _forget(partition: _Partition) -> float:
    """The longest decision from the first one of another age, when nearly all is over, to the last row."""
    department = partition.state.departments[department_key("bench", "d")]
    requests = _requests(START + timedelta(seconds=6 * BUCKET_S))
    longest = partition.play(next(requests))
    while department.sweep is not None:
        longest = max(longest, partition.play(next(requests)))
    return longest


def _departments(count: int) -> float:
    """Whether a snapshot is due, asked after a batch that has changed one of many departments."""
    partition, rows = _Partition(), Rows()
    for number in range(count):
        partition.play(_budget(f"b{number}", START, department_id=f"d{number}"))
    departments = partition.state.departments
    rows.count(departments)
    changed = {key: department for key, department in departments.items() if key.endswith("/d7")}
    return max(_ms(lambda: rows.count(changed)) for _ in range(1_000))


def _budgets(count: int) -> float:
    """The longest of budgets that are set one after the other, each with a request after it.

    The garbage collector looks at what is new every 20,000 objects, as in a worker: its pause is in this.
    """
    partition, requests = _Partition(), _requests(START)
    partition.play(_budget("department", START))
    longest = 0.0
    for number in range(count - 1):
        one = {"budget_id": f"b{number}", "level": "card", "subject": f"card-{number % CARDS}"}
        longest = max(
            longest, partition.play(_budget(f"b{number}", START, **one)), partition.play(next(requests))
        )
    return longest
