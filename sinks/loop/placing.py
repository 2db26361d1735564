"""Where a sink goes on: after the last decision that it has stored, wherever that lies in the log now.

A broker that loses power may lose the end of the log. Its owner then decides the same events again, which
gives the same decisions with the same hashes, but at other offsets: the hash says where to go on, the offset
is a hint (docs/decisions/0031).
"""

from __future__ import annotations

from schemas.chain import Chain, chain_after
from schemas.claims import LogRecord, stamp_in
from sinks.errors import PartitionBroken
from sinks.loop.chain import DecisionRecord, Place, chain_of
from sinks.loop.ports import Log


def placed(log: Log, partition: int, stored: Place, remedy: str) -> tuple[Place, Chain]:
    """`stored`, at the offset where the log goes on after it, and the rule's reader there.

    Raises:
        PartitionBroken: the log does not have the last stored decision, or no longer what follows it.
        Unavailable: the log cannot be read.
    """
    low, high = log.bounds(partition)
    following = f"{partition}:{stored.next_seq}"
    if low > stored.next_offset:
        raise PartitionBroken(
            f"partition {partition}: the log begins at offset {low}, but decision {following} at "
            f"{stored.next_offset} is the next to store: it was deleted before it was stored; {remedy}",
            partition,
        )
    if low == stored.next_offset <= high:
        # Retention took all that is stored, and with it the claim; or nothing is stored.
        return stored, chain_of(partition, stored, None if low else b"")
    if stored.next_offset <= high and (there := _last(log, partition, stored)) is not None:
        return stored, chain_of(partition, stored, stamp_in(there.stamp).in_force)
    chain = chain_of(partition, stored, None)
    found = chain_after(chain, low, high, lambda offset: _found(log, partition, offset))
    if found is None:
        last = f"{partition}:{stored.next_seq - 1} with hash {stored.last_hash[:12]}"
        raise PartitionBroken(
            f"partition {partition}: decision {last} is stored, but the log, {low} to {high}, does not have "
            "it: it lost its end, or was made anew. Nothing is stored until it has been decided again as it "
            f"was, or else {remedy}",
            partition,
        )
    return stored._replace(next_offset=found[0]), found[1]


def _last(log: Log, partition: int, stored: Place) -> DecisionRecord | None:
    """The last stored decision, if it lies where it was stored from: its owner's claim is in force there."""
    record = log.first_from(partition, stored.next_offset - 1)
    if record is None or record.offset != stored.next_offset - 1 or record.value is None:
        return None
    return record if record.value.endswith(b'"hash":"%s"}' % stored.last_hash.encode()) else None


def _found(log: Log, partition: int, offset: int) -> LogRecord | None:
    record = log.first_from(partition, offset)
    return None if record is None else LogRecord(*record[1:])
