"""Where a sink goes on: after the last decision that it has stored, wherever that lies in the log now.

A broker that loses power may lose the end of the log. Its owner then decides the same events again, which
gives the same decisions with the same hashes, but at other offsets: the hash says where to go on, the offset
is a hint (docs/decisions/0031).
"""

from __future__ import annotations

from schemas.chain import Chain, offset_after
from sinks.errors import PartitionBroken
from sinks.loop.chain import Place
from sinks.loop.ports import Log


def placed(log: Log, partition: int, stored: Place, remedy: str) -> Place:
    """`stored`, at the offset where the log goes on after it.

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
        return stored  # retention took all that is stored, or nothing is
    if stored.next_offset <= high and _is_last(log, partition, stored):
        return stored
    chain = Chain(partition, stored.next_seq, stored.last_hash)
    found = offset_after(chain, low, high, lambda offset: _found(log, partition, offset))
    if found is None:
        last = f"{partition}:{stored.next_seq - 1} with hash {stored.last_hash[:12]}"
        raise PartitionBroken(
            f"partition {partition}: decision {last} is stored, but the log, {low} to {high}, does not have "
            "it: it lost its end, or was made anew. Nothing is stored until it has been decided again as it "
            f"was, or else {remedy}",
            partition,
        )
    return stored._replace(next_offset=found)


def _is_last(log: Log, partition: int, stored: Place) -> bool:
    """Whether the last stored decision lies where it was stored from."""
    record = log.first_from(partition, stored.next_offset - 1)
    if record is None or record.offset != stored.next_offset - 1 or record.value is None:
        return False
    return record.value.endswith(b'"hash":"%s"}' % stored.last_hash.encode())


def _found(log: Log, partition: int, offset: int) -> tuple[int, bytes | None] | None:
    record = log.first_from(partition, offset)
    return None if record is None else (record.offset, record.value)
