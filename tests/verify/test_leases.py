"""O11 against leases that are handed out twice, invented, lost, or given back by who does not hold them."""

from __future__ import annotations

import msgspec
import pytest

from infra.verify.leases import Leases, all_departments
from infra.verify.report import Report
from schemas.decisions import Decision
from schemas.effects import Effect, LeaseAdded, LeaseGiven, LeaseGivenBack, LeaseTaken
from schemas.events import ClockTicked, DepartmentSplit, LeaseRequested
from schemas.money import Money
from tests.verify.logs import PARTITIONS, Company
from tests.verify.told import (
    assert_true,
    at,
    balances_with,
    budget,
    cap,
    clear,
    company,
    effects_with,
    event,
    found_by,
    lie,
    request,
)

SALES, OPS = budget(90_000), budget(90_000, department="ops")


def lending() -> tuple[Company, list[Decision]]:
    """A company whose departments ask for more, until one must give back what it does not use."""
    requests = [request(f"a{n}", 500, n / 100) for n in range(8)]
    return company(SALES, OPS, cap(4_000, "sales", "ops"), *requests, request("late", 500, 0.2))


def with_effect(
    told: Company, kind: type[Effect], n: int = 0, department: str | None = None
) -> tuple[Decision, int]:
    """The n-th decision (of a department) with such an effect that carries money, and the effect's index."""
    found = [
        (decision, index)
        for world in told.worlds.values()
        for decision in world.decisions
        for index, effect in enumerate(decision.effects)
        if isinstance(effect, kind) and getattr(effect, "amount", None)
        if department in (None, decision.department_id)
    ]
    return found[n]


def test_leases_that_come_and_go_are_right() -> None:
    told, decisions = lending()
    outcomes = {decision.outcome.value for decision in decisions}
    assert outcomes == {"accepted", "approved", "declined"}
    report = assert_true(told)
    assert report["O11"].checked > 20
    assert report["O11"].notes == []
    assert len({decision.partition for decision in decisions}) > 1
    with_effect(told, LeaseTaken)


def test_more_leased_than_the_cap_is_found() -> None:
    told, _ = lending()
    given, n = with_effect(told, LeaseGiven, 1)
    added, m = next(
        (decision, 0)
        for world in told.worlds.values()
        for decision in world.decisions
        if decision.event_id == f"lease-{given.position}-{n}"
    )
    lie(told, given, effects=effects_with(given, n, amount=4_001))
    lie(told, added, effects=effects_with(added, m, amount=4_001))
    found = found_by(told)["O11"]
    assert found[0].startswith(f"decision {given.position} gives 4001 of 2026-11 to ")
    assert "minor units are leased of a cap of 4000" in found[0]


def test_a_lease_that_arrives_as_another_amount_is_found() -> None:
    told, _ = lending()
    added, n = with_effect(told, LeaseAdded)
    effect = added.effects[n]
    assert isinstance(effect, LeaseAdded)
    lie(
        told,
        added,
        effects=effects_with(added, n, amount=effect.amount + 1),
        balances=balances_with(added, "company", limit=effect.amount + 1),
    )
    found = found_by(told)["O11"]
    assert any(line.startswith(f"{added.event_id} was sent as ") for line in found)
    assert any("are under way, but" in line for line in found)


def test_a_lease_that_nobody_gave_is_found() -> None:
    told, _ = lending()
    added, _ = with_effect(told, LeaseAdded)
    lie(told, added, event_id="lease-0:999-0")
    found = found_by(told)["O11"]
    assert any(line.startswith("lease-0:999-0 was received as ") for line in found)
    assert any(line.startswith(f"{added.event_id} was sent as ") for line in found)
    assert any(line.endswith("and never received") for line in found)


def test_a_lease_that_is_received_twice_is_found() -> None:
    told, _ = lending()
    added, _ = with_effect(told, LeaseAdded, 0, "sales")
    other, _ = with_effect(told, LeaseAdded, 1, "sales")
    lie(told, other, event_id=added.event_id)
    found = found_by(told)
    assert f"decision {other.position} receives {added.event_id} a second time" in found["O11"]
    assert any("was decided at" in line for line in found["O3"])


def test_a_lease_that_was_sent_and_lost_is_found_but_not_one_that_is_under_way() -> None:
    told, _ = company(SALES, OPS, cap(4_000, "sales", "ops"))
    added, _ = with_effect(told, LeaseAdded, 0, "sales")
    world = told.at(added)
    del world.events[added.seq], world.decisions[added.seq], world.values[added.seq]
    world.decisions = [msgspec.structs.replace(found, seq=n) for n, found in enumerate(world.decisions)]
    world.seal()
    world.book()
    found = found_by(told)["O11"]
    assert found == [f"{added.event_id} was sent as ('acme', 'sales', '2026-11', 1000) and never received"]
    report = Report()
    leases = Leases(report)
    checks = [told.worlds[p].check_into(report, leases) for p in range(PARTITIONS)]
    assert leases.unanswered == {added.event_id}
    leases.finish(all_departments(check.departments for check in checks), {added.event_id or ""})
    assert report.ok
    assert report["O11"].notes == ["1 messages about leases are under way"]


def test_a_lease_that_was_refused_is_not_lost_but_idle() -> None:
    euros = msgspec.structs.replace(SALES, limit=Money(9_000, "EUR"))
    told, _ = company(euros, OPS, cap(4_000, "sales", "ops"))
    report = assert_true(told)
    assert report["O11"].notes == ["1 messages about leases were refused by who they were sent to"]


def test_giving_back_what_is_in_use_is_found() -> None:
    told, _ = company(
        SALES,
        OPS,
        cap(4_000, "sales", "ops"),
        clear("o1", 300, department="ops"),
        *[request(f"a{n}", 500, n / 100) for n in range(8)],
    )
    assert_true(told)
    back, n = with_effect(told, LeaseGivenBack)
    effect = back.effects[n]
    assert isinstance(effect, LeaseGivenBack)
    lie(told, back, effects=effects_with(back, n, amount=effect.amount + 1))
    found = found_by(told)["O11"]
    assert (
        f"decision {back.position} gives {effect.amount + 1} of 2026-11 back and keeps 299 for 300"
        in found[0]
    )


def test_taking_more_than_a_department_holds_is_found() -> None:
    told, _ = lending()
    taken, n = with_effect(told, LeaseTaken)
    lie(told, taken, effects=effects_with(taken, n, amount=9_000))
    assert f"decision {taken.position} takes 9000 from ops, which holds" in found_by(told)["O11"][0]


def test_a_lease_that_another_gave_back_is_found() -> None:
    told, _ = lending()
    taken, n = with_effect(told, LeaseTaken)
    lie(told, taken, effects=effects_with(taken, n, department="sales"))
    found = found_by(told)["O11"]
    assert any(f"{taken.event_id} was sent as" in line and "received as" in line for line in found)


def test_a_lease_for_who_takes_no_part_is_found() -> None:
    told, _ = company(SALES, OPS, cap(4_000, "sales", "ops"))
    given, n = with_effect(told, LeaseGiven)
    lie(told, given, effects=effects_with(given, n, department="it"))
    assert "gives a lease to it, which takes part in no cap" in found_by(told)["O11"][0]


@pytest.mark.parametrize("period", ["2026-13", "2025-01", "2027-02", "2026-W47", "lifetime", "x", ""])
def test_a_lease_of_an_invented_or_far_period_is_found(period: str) -> None:
    told, decisions = lending()
    given, n = next(
        (decision, n)
        for world in told.worlds.values()
        for decision in world.decisions
        for n, effect in enumerate(decision.effects)
        if isinstance(effect, LeaseGiven) and decision.event_type == "lease.requested"
    )
    lie(told, given, effects=effects_with(given, n, period=period))
    words = f"decision {given.position} gives a lease of {period}, which is no period near its clock"
    assert any(line.startswith(words) for line in found_by(told)["O11"])
    assert decisions


def test_a_lowered_cap_takes_nothing_back_and_gives_nothing_more() -> None:
    told, decisions = company(
        SALES,
        OPS,
        cap(4_000, "sales", "ops"),
        cap(100, "sales", "ops"),
        request("a1", 1_001),
        request("a2", 900),
    )
    assert [decision.outcome.value for decision in decisions[-2:]] == ["declined", "approved"]
    assert_true(told)


@pytest.mark.parametrize("amount", [1_000, 5_000])
def test_clearings_above_a_lease_are_no_fault(amount: int) -> None:
    told, _ = company(SALES, OPS, cap(4_000, "sales", "ops"), clear("force", amount))
    assert_true(told)


def test_a_cap_that_a_department_sets_is_found() -> None:
    told, decisions = company(SALES, OPS, cap(4_000, "sales", "ops"))
    decision = decisions[-1]
    lie(told, decision, department_id="sales")
    assert any("sets the cap of acme as sales" in line for line in found_by(told)["O11"])


def test_a_month_that_is_over_and_was_only_shown_lends_nothing() -> None:
    """A decline shows its month; nothing counts in it, so nothing can be lent of it once it is over."""
    late = LeaseRequested(
        event_id="late",
        organization_id="acme",
        department_id="wide",
        occurred_at=at(25),
        department="wide-1",
        period="2026-12",
        needed=100,
    )
    told, decisions = company(
        budget(9_000, department="wide"),
        event(DepartmentSplit, 0, "wide", shards=("wide-1", "wide-2")),
        request("much", 90_000, 25, department="wide"),
        event(ClockTicked, 55, "wide"),
        late,
    )
    assert decisions[2].balances[0].key == "department@2026-12"
    (given,) = decisions[4].effects
    assert isinstance(given, LeaseGiven)
    assert (given.amount, given.short, given.charges) == (0, 100, ())
    assert_true(told)
