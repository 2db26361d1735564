"""The bench of growth measures what it names, and docs/sizing.md is what its figures come to."""

from __future__ import annotations

import math

import pytest

from perf.growth.costs import by_departments, by_payments, log_bytes
from perf.growth.sizing import (
    CUSTOMERS,
    GIB,
    PAGE,
    PARTITIONS_MIN,
    WORKER_GIB,
    Customer,
    Need,
    Slopes,
    read_run,
    written,
)
from perf.growth.weights import KINDS
from perf.harness import Scale
from perf.partition import START, Partition, budget
from perf.results import CostAt, Growth, PartitionsAt, Weight, WorkersAt, rows

SMALL = Scale(growth_departments=(2, 40), growth_payments=(100, 2_000), growth_turns=2)
SLOPES = Slopes(
    department=4_000,
    card=1_000,
    payment=500,
    budget=2_000,
    event_us=100,
    partition_bytes=10_000,
    worker_bytes=1e8,
    partition_idle=0.001,
    log_bytes=1_000,
)


def test_an_event_is_measured_at_every_size() -> None:
    for at, sizes in ((by_departments(SMALL), (2, 40)), (by_payments(SMALL), (100, 2_000))):
        assert [one.count for one in at] == list(sizes)
        assert at[0].ratio == 1
        assert all(0 < one.us < math.inf for one in at)


def test_the_log_has_an_event_and_a_larger_decision() -> None:
    event, decision = log_bytes()
    assert 100 < event < decision < 5_000


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_weighed_is_there(kind: str) -> None:
    """Each of so many events takes effect, and leaves that many of what is weighed."""
    partition = Partition()
    partition.play(budget("department", START))
    for event in KINDS[kind](20):
        partition.play(event)
    departments = partition.state.departments
    own = departments["bench/d"]
    found = {
        "department": len(departments) - 1,
        "department_in_use": len(departments) - 1,
        "card": len(own.registered),
        "card_in_use": len(own.payments),
        "open_payment": sum(payment.held > 0 for payment in own.payments.values()),
        "settled_payment": sum(payment.settled for payment in own.payments.values()),
        "budget": len(own.budgets) - 1,
    }
    assert found[kind] == 20


def growth() -> Growth:
    """As if it had been measured."""
    weights = {"department_in_use": 4_500, "card_in_use": 1_500, "open_payment": 500, "settled_payment": 600}
    return Growth(
        departments=[CostAt(count=10, us=20.0, ratio=1.0), CostAt(count=1_000, us=26.0, ratio=1.3)],
        payments=[CostAt(count=10, us=20.0, ratio=1.0), CostAt(count=1_000, us=22.0, ratio=1.1)],
        weights=[
            Weight(what=name, count=9, bytes=value) for name, value in (weights | {"budget": 9}).items()
        ],
        partitions=[
            PartitionsAt(partitions=4, start_s=1, memory_mib=104, idle_cores=0.01, broker_idle_cores=0.1),
            PartitionsAt(partitions=64, start_s=2, memory_mib=164, idle_cores=0.07, broker_idle_cores=0.1),
        ],
        workers=[WorkersAt(workers=1, events=9, rate=9.0, cpu_us=100.0, busiest=1.0)],
        event_bytes=300,
        decision_bytes=700,
    )


def test_what_grows_more_than_a_fifth_misses_what_is_asked() -> None:
    met = {row.what: row.met for row in rows({"growth": growth()}) if row.met is not None}
    assert met == {
        "1,000 departments, to the fewest": False,
        "1,000 payments of one department, to the fewest": True,
    }


def test_slopes_are_what_one_more_adds() -> None:
    slopes = Slopes.of(growth())
    assert (slopes.department, slopes.card, slopes.payment) == (4_000, 1_000, 600)
    assert slopes.event_us == pytest.approx(130), "at the worse of both ends"
    assert slopes.partition_bytes == 2**20
    assert slopes.worker_bytes == 100 * 2**20
    assert slopes.partition_idle == pytest.approx(0.001)


def test_a_small_company_needs_one_worker_and_a_large_one_what_its_memory_and_its_peak_need() -> None:
    small = Need.of(CUSTOMERS[0], SLOPES)
    assert (small.workers, small.partitions) == (1, PARTITIONS_MIN)
    forgetful = Need.of(Customer("busy", cards=10**6, departments=1, budgets=0, payments=1_000), SLOPES)
    assert forgetful.mean == pytest.approx(1e9 * 2.2 / (30 * 86_400))
    assert forgetful.state_bytes == pytest.approx(10**9 + 4_000 + 3.5e9 * 500)
    assert forgetful.workers == math.ceil(forgetful.state_bytes / (WORKER_GIB * GIB))
    busy = Need.of(
        Customer("busy", cards=10**6, departments=1, budgets=0, payments=1_000), SLOPES._replace(payment=0)
    )
    assert busy.workers == math.ceil(busy.peak * 100e-6 / 0.5)


def test_the_page_is_what_was_measured() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert written(page, read_run()) == page, "python -m perf.growth.sizing writes it anew"
