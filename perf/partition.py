"""An owner's work without Kafka, event by event, on a state that may be put together directly.

To decide a million payments takes a minute; to write down what is left of them takes seconds.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from schemas.codec import encode_event
from schemas.event import Merchant
from schemas.events import AuthorizationRequested, BudgetSet, CardEvent
from schemas.ids import department_key
from schemas.money import Money, PositiveMoney
from schemas.reasons import Outcome
from streams.core.apply.evolve import evolve
from streams.core.intake import Record, judge
from streams.core.plans import Plans
from streams.core.sealing import seal
from streams.core.state import Answer, PartitionState, Payment, Period, Posting
from streams.image import Image
from streams.model import Unscored
from streams.turns import GC_THRESHOLDS

CARDS = 5_000
HELD = 5  # one in so many payments still holds something
START = datetime(2026, 3, 2, 9, tzinfo=UTC)
PLENTY = Money(10**12, "USD")
AMOUNT = 1_234


class Partition:
    """What the owner of a partition does with an event: decode, judge, decide, seal, apply. Not scored."""

    def __init__(self) -> None:
        self.state = PartitionState(0)
        self.image: Image | None = None
        self._plans = Plans()
        self._model = Unscored()

    def play(self, event: CardEvent) -> float:
        """Milliseconds of this thread's processor time. The event must take effect."""
        record = self.record(event)
        return milliseconds(lambda: self.decide(record))

    def record(self, event: CardEvent) -> Record:
        """As it lies in the partition next."""
        return Record(self.state.next_offset, event.occurred_at, event.key.encode(), encode_event(event))

    def decide(self, record: Record) -> bytes:
        """The decision as it goes to the log."""
        decision, value = seal(judge(self.state, record, 1, self._model, self._plans))
        assert decision.outcome is not Outcome.REJECTED, decision.reasons
        if self.image is not None:
            self.image.before(f"{decision.organization_id}/{decision.department_id}")
        evolve(self.state, decision)
        return value


def milliseconds(work: Callable[[], object]) -> float:
    """Of this thread's processor time."""
    began_ns = time.thread_time_ns()
    work()
    return (time.thread_time_ns() - began_ns) / 1e6


@contextmanager
def collecting() -> Iterator[None]:
    """With the garbage collector as a worker has set it."""
    before = gc.get_threshold()
    gc.set_threshold(*GC_THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def common(event_id: str, at: datetime, department: str = "d") -> dict[str, Any]:
    """What every event has."""
    return {"event_id": event_id, "organization_id": "bench", "department_id": department, "occurred_at": at}


def budget(name: str, at: datetime, **more: Any) -> BudgetSet:
    return BudgetSet(**(common(f"budget-{name}", at) | more), name=name, limit=PLENTY)


def request(name: str, at: datetime, card: str, department: str = "d") -> AuthorizationRequested:
    return AuthorizationRequested(
        **common(f"request-{name}", at, department),
        authorization_id=f"payment-{name}",
        card_id=card,
        amount=PositiveMoney(AMOUNT, "USD"),
        merchant=Merchant("Merchant", "5943", "US"),
    )


def requests_from(at: datetime) -> Iterator[AuthorizationRequested]:
    """A second apart."""
    number = 0
    while True:
        number += 1
        yield request(f"{at:%m%d}-{number}", at + timedelta(seconds=number), f"card-{number % CARDS}")


def fill(partition: Partition, count: int, lapsing: datetime = START) -> float:
    """Payments over three buckets, each with the answers to two events. Returns the longest step.

    `lapsing`: when the first hold does; the others follow a second apart.
    """
    department = partition.state.departments[department_key("bench", "d")]
    bucket, lapse_s = department.latest_bucket, int(lapsing.timestamp())
    charges = ("department@2026-03",)
    department.latest_bucket += 2
    held = AMOUNT * -(-count // HELD)
    department.periods[charges[0]] = Period(PLENTY.minor, bucket, AMOUNT * count - held, held)

    def add(number: int) -> None:
        name, of = f"authorization-{number}", bucket + number % 3
        held = AMOUNT if number % HELD == 0 else 0
        postings = () if held else (Posting(number, AMOUNT),)
        payment = Payment(charges, of, True, number, held=held, expires_s=lapse_s + number, postings=postings)
        department.payments[name] = payment
        if held:
            department.expiries.add(payment.expires_s, name)
        for event in ("requested", "presented"):
            answer = Answer(
                of, number, f"authorization.{event}", "0123456789abcdef", AMOUNT, Outcome.APPROVED
            )
            department.answers[f"event-{event}-{number}"] = answer

    return max(milliseconds(partial(add, number)) for number in range(count))
