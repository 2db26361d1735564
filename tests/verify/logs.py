"""A true log with true books, made by the system's own pure parts, to plant lies in."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec

from infra.demo.generator import generate
from infra.verify.fold import Booking
from infra.verify.partition import LedgerRow, PartitionCheck, Record, TransferRow
from infra.verify.report import Report
from schemas.codec import seal_decision
from schemas.decisions import GENESIS_HASH, Decision, HoldPlaced
from sinks.core.bookings import Bookkeeper
from streams.core.evolve import evolve
from streams.core.intake import Record as Arrived
from streams.core.intake import judge
from streams.core.state import PartitionState

UNTIL = datetime(2026, 11, 21, 12, tzinfo=UTC)
PARTITIONS = 4


class NoScore:
    """Scores nothing."""

    def score(self, history: object, event: object) -> None:
        return None


@dataclass
class World:
    """One partition: its card events, its decisions, and the ledger's rows as they follow from them."""

    partition: int
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
                    *(
                        row.n,
                        row.authorization_id,
                        row.layer,
                        row.kind,
                        row.debit_account,
                        row.credit_account,
                    ),
                    *(row.amount, row.currency, row.period),
                ),
            )
            for row in Bookkeeper().transfers(self.decisions)
        ]

    def check(self) -> tuple[Report, PartitionCheck]:
        report = Report()
        check = PartitionCheck(self.partition, report)
        # Offsets of decisions have holes: transaction markers.
        decisions = [Record(n * 2, value) for n, value in enumerate(self.values)]
        for _ in check.run(self.events, decisions, self.rows, self.transfers):
            pass
        return report, check

    def find(self, wanted: Callable[[Decision], bool]) -> int:
        """The seq of a decision in the middle of the log that is as wanted."""
        found = [decision.seq for decision in self.decisions if wanted(decision)]
        return found[len(found) // 2]

    def an_approval(self) -> int:
        return self.find(lambda found: found.outcome == "approved" and found.duplicate_of is None)


def hold_of(decision: Decision) -> HoldPlaced:
    (effect,) = decision.effects
    assert isinstance(effect, HoldPlaced)
    return effect


def true_world(events: int = 1_500, partition: int = 2) -> World:
    """The busiest partition of a generated stream, decided and booked."""
    world = World(partition)
    state = PartitionState(partition)
    offset = 0
    for record in generate(7, events, UNTIL, partitions=PARTITIONS):
        if record.partition != partition:
            continue
        world.events.append(Record(offset, record.value))
        decision = judge(state, Arrived(offset, UNTIL, record.key, record.value), PARTITIONS, NoScore())
        world.values.append(seal_decision(decision))
        world.decisions.append(decision)
        evolve(state, decision)
        offset += 3 if offset % 5 == 0 else 1  # a transactional processor leaves holes here too
    world.book()
    return world
