"""What a company, a bank and a national processor need, by the slopes that were measured: docs/sizing.md.

`python -m perf.growth.sizing` writes its tables anew from perf/results/growth.json.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import NamedTuple

import msgspec

from perf.bench import GROWTH, REPOSITORY, BenchRun
from perf.document import between, lines, table
from perf.results import CostAt, Growth, PartitionsAt

PAGE = REPOSITORY / "docs" / "sizing.md"
BEGIN, END = "<!-- made by `python -m perf.growth.sizing` -->", "<!-- end of what is made -->"

GIB, MIB, KIB = 2**30, 2**20, 2**10
MONTH_S = 30 * 86_400
# Answers and what is settled are kept for 90 to 120 days.
KEPT_MONTHS = 3.5
# A request and its clearing; and of five payments one is raised, reversed, refunded, or told twice.
EVENTS_A_PAYMENT = 2.2
# Payments fall into half of the day, the busiest hour has twice their mean, its busiest second twice that.
PEAK = 8
# A worker is at work for half of the time at its peak: what is left takes a take-over.
BUSY = 0.5
# What a worker may hold: a snapshot of this is read in about a minute.
WORKER_GIB = 16
# Several for each worker, so that they can be shared out evenly, and again when there are more workers.
PARTITIONS_A_WORKER = 4
PARTITIONS_MIN = 4


class Customer(NamedTuple):
    """Who runs it. `payments`: of a card in a month."""

    name: str
    cards: int
    departments: int
    budgets: int
    payments: int


CUSTOMERS = (
    Customer("a company", cards=100, departments=5, budgets=50, payments=20),
    Customer("a bank", cards=1_000_000, departments=20_000, budgets=100_000, payments=20),
    Customer("a national processor", cards=50_000_000, departments=1_000_000, budgets=5_000_000, payments=25),
)


class Slopes(NamedTuple):
    """What was measured. Bytes of one more of each; `event_us`: of a worker's processor, all in all."""

    department: float
    card: float
    payment: float
    budget: float
    event_us: float
    partition_bytes: float
    worker_bytes: float
    partition_idle: float
    log_bytes: float

    @classmethod
    def of(cls, growth: Growth) -> Slopes:
        """An event costs what it does where there is most: at the end of both slopes."""
        weights = {one.what: one.bytes for one in growth.weights}
        few, many = min(growth.partitions, key=_partitions), max(growth.partitions, key=_partitions)
        more = many.partitions - few.partitions
        partition = max(0.0, (many.memory_mib - few.memory_mib) / more) * MIB
        alone = min(growth.workers, key=lambda one: one.workers)
        return cls(
            department=weights["department_in_use"] - weights["open_payment"],
            card=weights["card_in_use"] - weights["open_payment"],
            payment=weights["settled_payment"],
            budget=weights["budget"],
            event_us=alone.cpu_us * max(_steepest(growth.departments), _steepest(growth.payments)),
            partition_bytes=partition,
            worker_bytes=few.memory_mib * MIB - few.partitions * partition,
            partition_idle=max(0.0, (many.idle_cores - few.idle_cores) / more),
            log_bytes=growth.event_bytes + growth.decision_bytes,
        )


def _partitions(at: PartitionsAt) -> int:
    return at.partitions


def _steepest(at: list[CostAt]) -> float:
    return max(1.0, *(one.ratio for one in at))


class Need(NamedTuple):
    """What a customer needs of workers, by `slopes`."""

    customer: Customer
    mean: float  # events a second
    peak: float
    state_bytes: float
    cores: float
    workers: int
    partitions: int
    log_bytes_a_month: float

    @classmethod
    def of(cls, customer: Customer, slopes: Slopes) -> Need:
        payments = customer.cards * customer.payments
        mean = payments * EVENTS_A_PAYMENT / MONTH_S
        state = (
            customer.cards * slopes.card
            + customer.departments * slopes.department
            + customer.budgets * slopes.budget
            + payments * KEPT_MONTHS * slopes.payment
        )
        cores = mean * PEAK * slopes.event_us / 1e6 / BUSY
        workers = max(1, math.ceil(cores), math.ceil(state / (WORKER_GIB * GIB)))
        partitions = max(PARTITIONS_MIN, workers * PARTITIONS_A_WORKER)
        log = payments * EVENTS_A_PAYMENT * slopes.log_bytes
        return cls(customer, mean, mean * PEAK, state, cores, workers, partitions, log)


def sizing(run: BenchRun) -> str:
    """The page's tables. Raises KeyError where growth was not measured."""
    growth = run.results["growth"]
    assert isinstance(growth, Growth)
    slopes = Slopes.of(growth)
    return "\n\n".join([_conditions(run), _measured(growth, slopes), _one_worker(slopes), _needs(slopes)])


def _conditions(run: BenchRun) -> str:
    machine = run.machine
    return lines(
        f"Measured {run.date:%Y-%m-%d}, commit {(run.commit or 'unknown')[:12]}, on {machine.cores} cores of",
        f"{machine.cpu}, {machine.memory_gib:g} GiB, {machine.python}; load {machine.load_1m:g} before.",
        *(f"A trial: {why}." for why in run.trial),
        "",
        "![Cost of an event by departments and payments](pictures/growth.svg)",
    )


def _measured(growth: Growth, slopes: Slopes) -> str:
    rows = [
        ("a department with its own budget, in use", _bytes(slopes.department)),
        ("a registered card in use", _bytes(slopes.card)),
        (f"a settled payment, for about {KEPT_MONTHS:g} months", _bytes(slopes.payment)),
        ("a budget of a card, team or employee", _bytes(slopes.budget)),
        ("a worker that owns nothing", _bytes(slopes.worker_bytes)),
        ("a partition in which nothing happens", _bytes(slopes.partition_bytes)),
        ("the same, of a processor", f"{slopes.partition_idle:.3%} of a core"),
        ("an event, in a worker", f"{slopes.event_us:.0f} µs of a core"),
        ("an event and its decision, in the log", _bytes(slopes.log_bytes)),
    ]
    slope = [
        (f"{one.count:,}", what, f"{one.us:.1f} µs", f"{one.ratio:.2f}")
        for what, at in (("departments", growth.departments), ("payments", growth.payments))
        for one in at
    ]
    shared = [
        (str(one.workers), f"{one.rate:,.0f}", f"{one.cpu_us:.0f} µs", f"{one.busiest:.0%}")
        for one in growth.workers
    ]
    return "\n\n".join(
        [
            "### What one more costs",
            table(("one more", "needs"), rows),
            "### What an event costs its owner, by what is there already",
            table(("there are", "of", "an event", "to the fewest"), slope),
            "### Workers that share the partitions",
            table(("workers", "decisions/s", "processor time of a decision", "the busiest had"), shared),
        ]
    )


def _one_worker(slopes: Slopes) -> str:
    free = WORKER_GIB * GIB - slopes.worker_bytes - 64 * slopes.partition_bytes
    rows = [
        ("events a second, half of one core", f"{BUSY * 1e6 / slopes.event_us:,.0f}"),
        (f"settled payments in {WORKER_GIB} GiB", f"{free / slopes.payment:,.0f}"),
        (f"or cards in {WORKER_GIB} GiB", f"{free / slopes.card:,.0f}"),
        (f"or departments in {WORKER_GIB} GiB", f"{free / slopes.department:,.0f}"),
    ]
    return f"### What one worker holds\n\n{table(('of', 'with 64 partitions'), rows)}"


def _needs(slopes: Slopes) -> str:
    needs = [Need.of(customer, slopes) for customer in CUSTOMERS]
    rows = [
        ("cards", *(f"{one.customer.cards:,}" for one in needs)),
        ("departments", *(f"{one.customer.departments:,}" for one in needs)),
        ("payments a month", *(f"{one.customer.cards * one.customer.payments:,}" for one in needs)),
        ("events a second, on average", *(_rate(one.mean) for one in needs)),
        ("in the busiest second", *(_rate(one.peak) for one in needs)),
        ("state in memory", *(_bytes(one.state_bytes) for one in needs)),
        (f"cores to decide, {BUSY:.0%} busy", *(f"{one.cores:.2f}" for one in needs)),
        (f"workers of one core and {WORKER_GIB} GiB", *(f"{one.workers:,}" for one in needs)),
        ("partitions", *(f"{one.partitions:,}" for one in needs)),
        ("log a month, one replica, as it is", *(_bytes(one.log_bytes_a_month) for one in needs)),
    ]
    head = ("", *(customer.name for customer in CUSTOMERS))
    return f"### What each needs\n\n{table(head, rows)}"


def _rate(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def _bytes(value: float) -> str:
    for unit, name in ((1024 * GIB, "TiB"), (GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")):
        if value >= unit:
            return f"{value / unit:,.1f} {name}"
    return f"{value:.0f} bytes"


def written(page: str, run: BenchRun) -> str:
    """The page with the tables of this run."""
    return between(page, BEGIN, END, sizing(run), PAGE)


def read_run(path: Path = GROWTH) -> BenchRun:
    return msgspec.json.decode(path.read_bytes(), type=BenchRun)


def main() -> None:
    from perf.growth.picture import PICTURE, draw

    run = read_run()
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), run), encoding="utf-8")
    growth = run.results["growth"]
    assert isinstance(growth, Growth)
    draw(growth, PICTURE)
    sys.stdout.write(f"{PAGE}\n{PICTURE}\n")


if __name__ == "__main__":
    main()
