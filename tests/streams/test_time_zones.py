"""A budget whose time zone no longer counts as one: it goes on, and it can be mended."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from schemas.codec import encode_event, seal_decision
from schemas.controls import Calendar
from schemas.decisions import Decision
from schemas.events import BudgetSet, Event
from schemas.money import Money
from schemas.reasons import Outcome
from streams.core.apply.evolve import evolve
from streams.core.intake import Record, judge
from streams.core.state import PartitionState
from streams.model import Unscored
from tests.streams.events import request

AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
BUDGET = BudgetSet(
    event_id="b",
    organization_id="techcorp",
    department_id="eng",
    occurred_at=AT,
    name="Eng",
    limit=Money(10_000, "USD"),
    time_zone="UTC",
)


def _decide(state: PartitionState, event: Event) -> Decision:
    record = Record(state.next_offset, AT, event.key.encode(), encode_event(event))
    decision = judge(state, record, 1, Unscored())
    seal_decision(decision)
    evolve(state, decision)
    return decision


def _budget(number: int, **members: object) -> BudgetSet:
    return msgspec.structs.replace(BUDGET, event_id=f"b{number}", **members)


@pytest.mark.parametrize(
    "zone", ["localtime", "posix/Europe/Berlin", "Nowhere/At_All", "Factory", "europe/berlin"]
)
@pytest.mark.parametrize("level", ["department", "team"])
def test_a_bad_time_zone_can_be_mended_and_only_that(zone: str, level: str) -> None:
    state = PartitionState(0)
    _decide(state, BUDGET)
    whose: dict[str, object] = {} if level == "department" else {"level": "team", "subject": "platform"}
    _decide(state, _budget(1, **whose))
    department = state.departments["techcorp/eng"]
    name = BUDGET.id if level == "department" else "team:platform"
    # As an older version took it.
    department.budgets[name].calendar = Calendar("month", zone)
    department.revision += 1
    assert _decide(state, _budget(2, time_zone=zone, **whose)).reasons[0].code == "unknown_time_zone"
    assert _decide(state, _budget(3, time_zone="Europe/Paris", **whose)).outcome is Outcome.ACCEPTED
    assert state.departments["techcorp/eng"].budgets[name].calendar.time_zone == "Europe/Paris"
    assert _decide(state, _budget(4, time_zone="UTC", **whose)).reasons[0].code == "invalid_budget"


def test_a_zone_that_this_machine_does_not_know_stops_nothing() -> None:
    state = PartitionState(0)
    _decide(state, BUDGET)
    department = state.departments["techcorp/eng"]
    department.budgets["department"].calendar = Calendar("month", "Nowhere/At_All")
    department.revision += 1
    asked = msgspec.structs.replace(request(1, "eng", amount=100), occurred_at=AT)
    assert _decide(state, asked).outcome is Outcome.APPROVED
