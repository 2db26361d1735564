"""True logs with true books, made by the system's own pure parts, to plant lies in."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zlib import crc32

import msgspec

from infra.demo.generator import generate
from infra.verify.bookings import Booking
from infra.verify.leases import Leases, all_departments
from infra.verify.partition import PartitionCheck
from infra.verify.records import LedgerRow, Record, TransferRow
from infra.verify.report import Report
from schemas.codec import encode_event, seal_decision
from schemas.decisions import GENESIS_HASH, PROBABILITIES, Decision, Score
from schemas.effects import HoldPlaced
from schemas.events import AuthorizationRequested, Event
from schemas.partitions import partition_of
from sinks.ledger.bookings import Bookkeeper
from streams.core.apply.evolve import evolve
from streams.core.intake import Record as Arrived
from streams.core.intake import judge
from streams.core.messages import messages
from streams.core.state import PartitionState

UNTIL = datetime(2026, 11, 21, 12, tzinfo=UTC)
PARTITIONS = 4


class ByName:
    """Scores that a published model might give: by the event's id, and none at all for a quarter of them."""

    def score(self, event: AuthorizationRequested) -> Score | None:
        value = (None, 0.0004, 0.2, 0.93)[crc32(event.event_id.encode()) % 4]
        return None if value is None else Score(value, PROBABILITIES, "1.0", value > 0.9)


@dataclass
class World:
    """One partition: its card events, its decisions, and the ledger's rows as they follow from them."""

    partition: int
    partitions: int = PARTITIONS
    events: list[Record] = field(default_factory=list)
    values: list[bytes] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    rows: list[LedgerRow] = field(default_factory=list)
    transfers: list[TransferRow] = field(default_factory=list)

    def change(self, seq: int, **members: Any) -> None:
        """Another decision in its place, the books after it, the chain made anew."""
        self.decisions[seq] = msgspec.structs.replace(self.decisions[seq], **members)
        self.seal()
        self.book()

    def seal(self) -> None:
        """Every decision's bytes and hash, from the first to the last."""
        before = GENESIS_HASH
        for n, decision in enumerate(self.decisions):
            self.decisions[n] = decision = msgspec.structs.replace(decision, previous_hash=before, hash="")
            # The sealed bytes hold the hash, so they are made again here rather than kept.
            value = seal_decision(decision)
            self.values[n : n + 1] = [value]
            before = decision.hash

    def book(self) -> None:
        """The ledger's rows, from the decisions as they are."""
        self.rows = [
            LedgerRow(
                decision.seq,
                decision.source_offset,
                decision.event_id,
                decision.outcome.value,
                decision.hash,
                hashlib.sha256(value).digest(),
            )
            for decision, value in zip(self.decisions, self.values, strict=True)
        ]
        self.transfers = [
            TransferRow(
                row.seq,
                Booking(
                    *(row.n, row.leg, row.authorization_id, row.layer, row.kind),
                    *(row.debit_account, row.credit_account, row.amount, row.currency, row.period),
                    row.compensates_seq,
                ),
            )
            for row in Bookkeeper().transfers(self.decisions)
        ]

    def check(self) -> tuple[Report, PartitionCheck]:
        report = Report()
        leases = Leases(report)
        check = self.check_into(report, leases)
        leases.finish(check.departments)
        return report, check

    def check_into(self, report: Report, leases: Leases, first_event: int = 0) -> PartitionCheck:
        check = PartitionCheck(self.partition, self.partitions, report, leases)
        # Offsets of decisions have holes: transaction markers.
        decisions = [Record(n * 2, value) for n, value in enumerate(self.values)]
        events = [event for event in self.events if event.offset >= first_event]
        for _ in check.run(events, decisions, self.rows, self.transfers, first_event):
            pass
        return check

    def find(self, wanted: Callable[[Decision], bool]) -> int:
        """The seq of a decision in the middle of the log that is as wanted."""
        found = [decision.seq for decision in self.decisions if wanted(decision)]
        return found[len(found) // 2]

    def an_approval(self) -> int:
        """One that placed a hold and let none lapse."""
        return self.find(
            lambda found: (
                found.outcome == "approved"
                and found.duplicate_of is None
                and [type(effect) for effect in found.moves] == [HoldPlaced]
            )
        )


class Company:
    """All partitions, decided as their owners would, leases sent between them included.

    `holes`: offsets of card events have some, as those of a transactional processor do.
    """

    def __init__(self, *, holes: bool = True) -> None:
        self._holes = holes
        self.worlds = {p: World(p) for p in range(PARTITIONS)}
        self._states = {p: PartitionState(p) for p in range(PARTITIONS)}

    def tell(self, *events: Event, recorded_at: datetime = UNTIL) -> list[Decision]:
        """Decides the events, and all that comes of them. Returns the decisions on `events`."""
        found = [self.decide(event, recorded_at) for event in events]
        self.book()
        return found

    def decide(self, event: Event, recorded_at: datetime) -> Decision:
        """The decision on one event; what comes of it is decided too. Nothing is booked yet."""
        decision = self.decide_alone(event, recorded_at)
        for message in messages(decision):
            self.decide(message, recorded_at)
        return decision

    def decide_alone(self, event: Event, recorded_at: datetime) -> Decision:
        """The decision on one event; what it sends to other departments is not there yet."""
        key = event.key.encode()
        return self.arrive(partition_of(key, PARTITIONS), key, encode_event(event), recorded_at)

    def arrive(self, p: int, key: bytes | None, value: bytes | None, recorded_at: datetime) -> Decision:
        """The decision on one record."""
        world, state = self.worlds[p], self._states[p]
        step = 3 if self._holes and len(world.events) % 5 == 0 else 1
        offset = world.events[-1].offset + step if world.events else 0
        world.events.append(Record(offset, value, key))
        decision = judge(state, Arrived(offset, recorded_at, key, value), PARTITIONS, ByName())
        world.values.append(seal_decision(decision))
        world.decisions.append(decision)
        evolve(state, decision)
        return decision

    def book(self) -> None:
        for world in self.worlds.values():
            world.book()

    def check(self) -> tuple[Report, dict[int, PartitionCheck]]:
        report = Report()
        leases = Leases(report)
        checks = {p: world.check_into(report, leases) for p, world in self.worlds.items()}
        leases.finish(all_departments(check.departments for check in checks.values()))
        return report, checks

    def at(self, decision: Decision) -> World:
        """The world that a decision lies in."""
        return self.worlds[decision.partition]


def true_world(events: int = 1_500, partition: int = 2) -> World:
    """The busiest partition of a generated stream, decided and booked."""
    company = Company()
    for record in generate(7, events, UNTIL, partitions=PARTITIONS):
        if record.partition == partition:
            company.arrive(partition, record.key, record.value, UNTIL)
    company.book()
    return company.worlds[partition]


def violated(report: Report) -> dict[str, list[str]]:
    """The examples of each oracle that is false."""
    return {oracle.id: oracle.examples for oracle in report.oracles.values() if not oracle.ok}


def ids(decisions: Iterable[Decision]) -> list[str]:
    return [decision.event_id or "?" for decision in decisions]
