"""What must hold of a cluster, whatever has happened to its owners."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from functools import lru_cache

from schemas.chain import Chain
from schemas.claims import LogRecord, claim_in, stamp_in
from schemas.codec import UndecodableEvent, decode_event
from schemas.decisions import Decision
from schemas.reasons import Outcome
from streams.core.intake import Record
from streams.core.messages import messages
from streams.log import Entry, Frame, NoLog, Written
from streams.owner import Owner
from streams.scoring import Scorer
from tests.simulation.world import PARTITIONS, Cluster


class _Kept(NoLog):
    def __init__(self) -> None:
        super().__init__()
        self.values: list[bytes] = []

    async def append(self, entries: Sequence[Entry]) -> Sequence[Written]:
        self.values += [entry.value or b"" for entry in entries if claim_in(entry.value) is None]
        return await super().append(entries)


@lru_cache(maxsize=64)
def decided_anew(card_events: tuple[Record, ...]) -> list[bytes]:
    """The decisions of the card events as they lie there, by an owner to whom nothing happens.

    Most histories end with the same card events, however often their owner crashed.
    """
    log = _Kept()

    async def run() -> None:
        owner = Owner(
            0, PARTITIONS, log, lambda: Scorer(warm_up=5, ns_max=math.inf), lambda changed: None, 2**62
        )
        await owner.take_over()
        await owner.decide([Frame(0, card_events[-1].offset + 1 if card_events else 0, card_events)])

    asyncio.run(run())
    return log.values


def check(cluster: Cluster) -> list[bytes]:
    """Raises AssertionError, or NotNext. Returns the decisions that count."""
    chain, counted = cluster.counted()
    decisions = list(counted.values())
    values = [cluster.log[offset].value or b"" for offset in counted]
    assert [one.source_offset for one in decisions] == [record.offset for record in cluster.card_events]
    assert values == decided_anew(tuple(cluster.card_events)), "decided otherwise than the card events give"
    claims = {record.offset for record in cluster.records if claim_in(record.value) is not None}
    assert cluster.believed <= counted.keys() | claims, "an owner took for decided what is void"
    _check_sent(cluster, decisions, chain.relayed_seq)
    _check_readers_in_the_middle(cluster, list(counted.items()))
    return values


def _check_sent(cluster: Cluster, decisions: Sequence[Decision], relayed_seq: int) -> None:
    """What decisions send arrived at least once, and nothing else did."""
    wanted = {event.event_id for decision in decisions for event in messages(decision)}
    sent = {id_ for record in cluster.card_events if (id_ := _event_id(record.value)) is not None}
    assert wanted <= sent, "a message is lost"
    assert {id_ for id_ in sent if id_.startswith("lease-0:")} <= wanted, "a message of a void decision"
    rejected = {one.source_offset for one in decisions if one.outcome is Outcome.REJECTED}
    assert {letter.record.offset for letter in cluster.dead_letters} == rejected
    assert all(
        letter.record == next(r for r in cluster.card_events if r.offset == letter.record.offset)
        for letter in cluster.dead_letters
    )
    assert relayed_seq <= len(decisions)


def _check_readers_in_the_middle(cluster: Cluster, counted: Sequence[tuple[int, Decision]]) -> None:
    """Wherever a reader starts, it comes to the same decisions, but for the first few that cannot vouch."""
    records = cluster.records
    for start in range(len(records)):
        chain = Chain.in_the_middle(0)
        found = [record.offset for record in records[start:] if chain.follow(*record) is not None]
        wanted = [offset for offset, _ in counted if offset >= start]
        assert found == wanted[len(wanted) - len(found) :], f"a reader from offset {start} sees others"
        sure = next((n for n in range(start, len(records)) if _vouches(records[n])), len(records))
        assert [at for at in found if at >= sure] == [at for at in wanted if at >= sure]


def _vouches(record: LogRecord) -> bool:
    return stamp_in(record.stamp).expected == record.offset


def _event_id(value: bytes | None) -> str | None:
    try:
        return decode_event(value or b"").event_id
    except UndecodableEvent:
        return None
