"""Reading a partition of the decision log so that a gap or a changed record cannot pass unseen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from schemas.codec import BrokenChain, check_seal, decode_decision
from schemas.decisions import GENESIS_HASH, Decision
from sinks.errors import InvariantBroken


class Record(NamedTuple):
    """One record of the decisions topic. Offsets have holes: transaction markers take some."""

    partition: int
    offset: int
    value: bytes | None


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


def read_run(partition: int, before: Place, records: Iterable[Record]) -> tuple[Run, InvariantBroken | None]:
    """The records of `partition` from `before` on, up to the first that does not continue them.

    Records below `before.next_offset` were handled already and are dropped. The error says what is wrong
    with the first record that cannot follow; None: all of them do.
    """
    next_offset, next_seq, last_hash = before
    decisions: list[Decision] = []
    values: list[bytes] = []
    broken = None
    for _, offset, value in records:
        if offset < next_offset:
            continue
        try:
            if value is None:
                raise _Unusable("a record without value")
            decision = decode_decision(value)
            if decision.seq != next_seq or decision.partition != partition:
                raise _Unusable(f"{decision.position}: {_explain(decision.seq, next_seq)}")
            check_seal(value, decision, last_hash)
        except (_Unusable, BrokenChain, msgspec.DecodeError, UnicodeDecodeError) as error:
            expected = f"partition {partition} offset {offset}: expected decision {partition}:{next_seq}"
            broken = InvariantBroken(f"{expected}, found {error}", partition)
            break
        decisions.append(decision)
        values.append(value)
        next_offset, next_seq, last_hash = offset + 1, next_seq + 1, decision.hash
    return Run(partition, before, Place(next_offset, next_seq, last_hash), decisions, values), broken


class _Unusable(ValueError):
    """What was found instead of the next decision."""


def _explain(found_seq: int, expected_seq: int) -> str:
    return "the log has a gap" if found_seq > expected_seq else "the log repeats itself"
