"""What an event costs the owner of a partition, by how much there is already.

The sizes take turns, so that what else the machine does meets all of them, and each has its best turn. Events
go to departments, cards and payments at random: the worst that the processor's caches can meet.
"""

from __future__ import annotations

import gc
import math
import random
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import count, islice
from statistics import mean

from perf.harness import Scale
from perf.partition import (
    AMOUNT,
    CARDS,
    HELD,
    START,
    Partition,
    budget,
    collecting,
    common,
    fill,
    milliseconds,
    request,
)
from perf.results import CostAt
from schemas.events import AuthorizationReversed, CardEvent, ClearingPresented
from schemas.money import PositiveMoney

CARDS_A_DEPARTMENT = 10
# Small, so that what is measured hardly grows meanwhile; many turns make up for it.
EVENTS_A_TURN = 300
SEED = 7

Stream = Iterator[CardEvent]


def by_departments(scale: Scale) -> list[CostAt]:
    """A request and its clearing in one of so many departments of a partition."""
    with collecting():
        sides = {size: _departments(size) for size in scale.growth_departments}
        return _in_turns(sides, scale.growth_turns)


def by_payments(scale: Scale) -> list[CostAt]:
    """A request, its clearing, and a part given back of one of so many payments of a department."""
    with collecting():
        sides = {size: _payments(size) for size in scale.growth_payments}
        return _in_turns(sides, scale.growth_turns)


def log_bytes() -> tuple[float, float]:
    """Mean bytes of a card event and of its decision, requests and clearings in turn, before compression."""
    partition, stream = _departments(1)
    values = []
    for event in islice(stream, EVENTS_A_TURN):
        record = partition.record(event)
        values.append((len(record.value or b""), len(partition.decide(record))))
    return mean(event for event, _ in values), mean(decision for _, decision in values)


def _in_turns(sides: Mapping[int, tuple[Partition, Stream]], turns: int) -> list[CostAt]:
    gc.collect()
    gc.freeze()  # as a worker does after it has taken over
    best = dict.fromkeys(sides, math.inf)
    for _ in range(turns):
        for size, (partition, stream) in sides.items():
            best[size] = min(best[size], _turn(partition, stream))
    smallest = best[min(best)]
    return [CostAt(count=size, us=us, ratio=us / smallest) for size, us in best.items()]


def _turn(partition: Partition, stream: Stream) -> float:
    """Microseconds of processor time for an event."""
    first = partition.state.next_offset
    records = [
        partition.record(event)._replace(offset=first + number)
        for number, event in enumerate(islice(stream, EVENTS_A_TURN))
    ]

    def work() -> None:
        for record in records:
            partition.decide(record)

    return milliseconds(work) * 1e3 / len(records)


def _departments(size: int) -> tuple[Partition, Stream]:
    """Each has had a request, so that its rules are ready: what is measured is not the first time."""
    partition = Partition()
    for number in range(size):
        partition.play(budget(f"b{number}", START, department_id=f"d{number}"))
        partition.play(request(f"first-{number}", START, "card-0", f"d{number}"))
    return partition, _spread(size)


def _spread(departments: int) -> Stream:
    rng = random.Random(SEED)
    for number in count():
        at = START + timedelta(milliseconds=number)
        department, card = f"d{rng.randrange(departments)}", f"card-{rng.randrange(CARDS_A_DEPARTMENT)}"
        yield request(str(number), at, card, department)
        yield _clearing(number, at, card, department)


def _payments(size: int) -> tuple[Partition, Stream]:
    partition, at = Partition(), START + timedelta(days=60)
    partition.play(budget("department", START))
    partition.play(request("first", START, "card-0"))
    fill(partition, size, lapsing=at + timedelta(days=60))
    return partition, _mixed(at, size)


def _mixed(start: datetime, payments: int) -> Stream:
    rng = random.Random(SEED)
    for number in count():
        at, card = start + timedelta(milliseconds=number), f"card-{rng.randrange(CARDS)}"
        yield request(str(number), at, card)
        yield _clearing(number, at, card, "d")
        yield AuthorizationReversed(
            **common(f"reversed-{number}", at),
            authorization_id=f"authorization-{rng.randrange(0, payments, HELD)}",
            amount=PositiveMoney(1, "USD"),
        )


def _clearing(number: int, at: datetime, card: str, department: str) -> ClearingPresented:
    return ClearingPresented(
        **common(f"clearing-{number}", at, department),
        authorization_id=f"payment-{number}",
        card_id=card,
        amount=PositiveMoney(AMOUNT, "USD"),
    )
