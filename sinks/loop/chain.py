"""Reading a partition of the decision log so that a gap or a changed record cannot pass unseen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from schemas.chain import Chain, NotNext
from schemas.decisions import GENESIS_HASH, Decision
from sinks.errors import PartitionBroken


class DecisionRecord(NamedTuple):
    """One record of the decisions topic. Offsets have holes: claims, and what is void, take some.

    `stamp`: whose it is (`schemas.claims`).
    """

    partition: int
    offset: int
    value: bytes | None
    stamp: bytes | None = None


class Place(NamedTuple):
    """Where a sink stands: the next record is at `next_offset` or above, and is decision `next_seq`."""

    next_offset: int
    next_seq: int
    last_hash: str


BEGINNING = Place(0, 0, GENESIS_HASH)


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive decisions of one partition: all that lies between `before` and `after`."""

    partition: int
    before: Place
    after: Place
    decisions: list[Decision]
    values: list[bytes]  # as they stand on the topic, one for each decision


def read_run(
    partition: int, before: Place, records: Iterable[DecisionRecord], chain: Chain | None = None
) -> tuple[Run, PartitionBroken | None]:
    """The records of `partition` from `before` on, up to the first that does not continue them.

    Records below `before.next_offset` were handled already and are dropped. The error says what is wrong
    with the first record that cannot follow; None: all of them do. `chain`: as of `before`, and moved on.
    """
    next_offset = before.next_offset
    chain = chain or chain_of(partition, before, None if before.next_offset else b"")
    follow = chain.follow
    decisions: list[Decision] = []
    values: list[bytes] = []
    broken = None
    for _, offset, value, stamp in records:
        if offset < next_offset:
            continue
        try:
            decision = follow(offset, value, stamp)
        except NotNext as found:
            broken = PartitionBroken(f"partition {partition} offset {offset}: {found}", partition)
            break
        if decision is None:
            continue
        assert value is not None
        decisions.append(decision)
        values.append(value)
        next_offset = offset + 1
    after = before
    if decisions:
        after = Place(next_offset, decisions[-1].seq + 1, decisions[-1].hash)
    return Run(partition, before, after, decisions, values), broken


def chain_of(partition: int, place: Place, in_force: bytes | None) -> Chain:
    """The rule's reader at `place`, where the claim `in_force` is in force."""
    return Chain(partition, place.next_seq, place.last_hash, in_force)
