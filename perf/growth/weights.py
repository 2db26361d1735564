"""What one more weighs in a worker's memory: of many, in a process of their own, by its resident size.

All come by events, so each brings the answer that is kept of its event: 90 to 120 days of event time.
"""

from __future__ import annotations

import gc
import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from itertools import islice

import psutil

from perf.growth.costs import CARDS_A_DEPARTMENT
from perf.harness import Scale
from perf.partition import AMOUNT, START, Partition, budget, common, request
from perf.results import Weight
from schemas.controls import BUDGETS_MAX, Card
from schemas.events import CardEvent, CardSet, ClearingPresented
from schemas.money import PositiveMoney

Events = Iterator[CardEvent]
FIRST = 100


def _departments(count: int) -> Events:
    for number in range(count):
        yield budget(f"b{number}", START, department_id=f"d{number}")


def _departments_in_use(count: int) -> Events:
    for number in range(count):
        yield budget(f"b{number}", START, department_id=f"d{number}")
        yield request(f"r{number}", START, "card", f"d{number}")


def _cards(count: int) -> Events:
    for number in range(count):
        card = Card(card_id=f"card-{number}", employee=f"employee-{number}")
        yield CardSet(**common(f"card-{number}", START), card=card)


def _cards_in_use(count: int) -> Events:
    for number in range(count):
        card = Card(card_id=f"card-{number}", employee=f"employee-{number}")
        yield CardSet(**common(f"card-{number}", START), card=card)
        yield request(f"r{number}", START + timedelta(milliseconds=number), f"card-{number}")


def _holds(count: int) -> Events:
    for number in range(count):
        at = START + timedelta(milliseconds=number)
        yield request(f"r{number}", at, f"card-{number % CARDS_A_DEPARTMENT}")


def _settled(count: int) -> Events:
    for number in range(count):
        at, card = START + timedelta(milliseconds=number), f"card-{number % CARDS_A_DEPARTMENT}"
        yield request(f"r{number}", at, card)
        yield ClearingPresented(
            **common(f"clearing-{number}", at),
            authorization_id=f"payment-r{number}",
            card_id=card,
            amount=PositiveMoney(AMOUNT, "USD"),
        )


def _budgets(count: int) -> Events:
    for number in range(count):
        one = {"budget_id": f"b{number}", "level": "card", "subject": f"card-{number}"}
        yield budget(f"b{number}", START, **one)


#: By name; the order is that of the table.
KINDS: dict[str, Callable[[int], Events]] = {
    "department": _departments,
    "department_in_use": _departments_in_use,
    "card": _cards,
    "card_in_use": _cards_in_use,
    "open_payment": _holds,
    "settled_payment": _settled,
    "budget": _budgets,
}


def weights(scale: Scale) -> list[Weight]:
    """One process each, one after the other."""
    spawn = multiprocessing.get_context("spawn")  # a fork would bring along what is free in this one
    with ProcessPoolExecutor(1, mp_context=spawn, max_tasks_per_child=1) as pool:
        return [
            Weight(what=kind, count=count, bytes=pool.submit(weigh, kind, count).result())
            for kind, count in ((kind, _count(kind, scale)) for kind in KINDS)
        ]


def _count(kind: str, scale: Scale) -> int:
    return min(scale.growth_weighed, BUDGETS_MAX - 1 - FIRST) if kind == "budget" else scale.growth_weighed


def weigh(kind: str, count: int) -> float:
    """Bytes for each of `count`, on top of what the first ones have made ready."""
    partition = Partition()
    partition.play(budget("department", START))
    events = KINDS[kind](FIRST + count)
    _play(partition, islice(events, FIRST))
    before = _resident()
    _play(partition, events)
    return (_resident() - before) / count


def _play(partition: Partition, events: Events) -> None:
    for event in events:
        partition.play(event)


def _resident() -> int:
    gc.collect()
    return int(psutil.Process().memory_info().rss)
