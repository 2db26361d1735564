"""Four shards of a department on two workers, one of which is killed again and again."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.consumed import offset_of, partition_of
from infra.processes.supervisor import Supervisor
from infra.stack import Endpoints
from infra.verify.leases import Leases, all_departments
from infra.verify.records import Record
from infra.verify.report import Report
from perf.kafka import Ends
from schemas import partitions
from schemas.decisions import Decision
from schemas.events import AuthorizationRequested, BudgetSet, ClearingPresented, DepartmentSplit, Event
from schemas.money import Money, PositiveMoney
from schemas.reasons import Outcome
from tests.streams.events import NOW, request
from tests.streams.line import Line, value_of
from tests.verify.logs import World, violated

PARTITIONS = 4
LIMIT = 60_000
ROUNDS, EACH = 6, 60
QUIET_S = 2.0


def _partition(department: str) -> int:
    return partitions.partition_of(f"techcorp/{department}".encode(), PARTITIONS)


#: A department whose four shards lie on four partitions.
WIDE = next(
    name
    for name in (f"wide{number}" for number in itertools.count())
    if len({_partition(f"{name}-{shard}") for shard in range(1, 5)}) == PARTITIONS
)
SHARDS = tuple(f"{WIDE}-{number}" for number in range(1, 5))


@pytest.fixture
def line(stack: Endpoints, tmp_path: Path) -> Iterator[Line]:
    with Supervisor(tmp_path / "logs") as supervisor:
        yield Line(stack.kafka, f"shards-{tmp_path.name}-", tmp_path, supervisor, PARTITIONS)


def budget(department: str, number: int = 0, **more: Any) -> BudgetSet:
    return BudgetSet(
        event_id=f"budget-{department}-{number}",
        organization_id="techcorp",
        department_id=department,
        occurred_at=NOW,
        name=department,
        limit=Money(LIMIT, "USD"),
        **more,
    )


def clearing(paid: AuthorizationRequested) -> ClearingPresented:
    return ClearingPresented(
        event_id=f"clear-{paid.event_id}",
        organization_id="techcorp",
        department_id=paid.department_id,
        occurred_at=paid.occurred_at,
        authorization_id=paid.authorization_id,
        card_id=paid.card_id,
        amount=PositiveMoney(paid.amount.minor, "USD"),
        merchant=paid.merchant,
    )


class Log:
    """All of both topics, read as the verifier reads them."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.decided: list[tuple[Any, Decision]] = []

    def settled(self) -> list[Decision]:
        """What has been decided once every card event is, messages between owners included."""
        deadline, before = time.monotonic() + 120.0, -1
        while True:
            events = sum(Ends(self.line.kafka, self.line.names.card_events, PARTITIONS).now().values())
            if events == before and self._decided(events):
                return [decision for _, decision in self.decided]
            assert time.monotonic() < deadline, f"{len(self.decided)} of {events} decided"
            before = events
            time.sleep(QUIET_S)

    def _decided(self, events: int) -> bool:
        try:
            self.decided = self.line.decided(events, 10.0)
        except AssertionError:
            return False
        return True

    def verified(self) -> Report:
        """By the verifier's oracles, with books as the ledger makes them."""
        worlds = {partition: World(partition, PARTITIONS) for partition in range(PARTITIONS)}
        for message in self.line.read(self.line.names.card_events, len(self.decided), 30.0):
            record = Record(offset_of(message), message.value(), message.key())
            worlds[partition_of(message)].events.append(record)
        for message, decision in self.decided:
            world = worlds[partition_of(message)]
            world.decisions.append(decision)
            world.values.append(value_of(message))
        report = Report()
        leases = Leases(report)
        for world in worlds.values():
            world.book()
        checks = [world.check_into(report, leases) for world in worlds.values()]
        leases.finish(all_departments(check.departments for check in checks))
        return report


def approved(decisions: list[Decision]) -> int:
    return sum(one.granted for one in decisions if one.event_type == "authorization.requested")


@pytest.mark.faults
def test_shards_on_two_workers_one_killed_never_exceed_the_budget(line: Line) -> None:
    log = Log(line)
    line.worker("stays")
    line.worker("first")
    opening: list[Event] = [
        budget(WIDE),
        DepartmentSplit(
            event_id="split", organization_id="techcorp", department_id=WIDE, occurred_at=NOW, shards=SHARDS
        ),
    ]
    line.send(opening)
    log.settled()
    line.send(budget(shard, shard_of=WIDE) for shard in SHARDS)
    assert all(one.outcome is Outcome.ACCEPTED for one in log.settled())
    sent: list[AuthorizationRequested] = []
    for round_ in range(ROUNDS):
        worker = line.start_worker(f"killed-{round_}")
        requests = [
            request(round_ * EACH + number, shard, 97)
            for number in range(EACH)
            for shard in SHARDS[: 1 + round_ % len(SHARDS)]
        ]
        line.send(requests)
        sent += requests
        time.sleep(1.0 + 0.37 * round_ % 3)
        worker.kill()
        line.send(clearing(paid) for paid in requests[::5])
    decisions = log.settled()
    for _ in range(3):  # what is left, by one of them
        more = [request(10_000 + len(sent) + number, SHARDS[0], 97) for number in range(100)]
        line.send(more)
        sent += more
        decisions = log.settled()
    asked = [one for one in decisions if one.event_type == "authorization.requested"]
    assert len(asked) == len(sent), "a request is lost or was decided twice"
    assert 0.9 * LIMIT < approved(decisions) <= LIMIT
    report = log.verified()
    assert violated(report) == {}
    assert report["O11"].checked > 20
