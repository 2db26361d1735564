"""Whether the card events are still those that were decided.

A broker that loses power may lose records it had not yet written to disk, and a topic may be made anew. New
events then get offsets that were decided before: without this they would pass for redelivered ones.
The last decided record stands for all before it: a log is cut at its end, so whoever lost an earlier record
has lost this one too, and the broker's clock gives its successor another time (docs/decisions/0023).
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import msgspec

from streams.core.intake import Record
from streams.log import Frame, InvariantBroken, Kept


class Decided(NamedTuple):
    """Where decisions stand: `recorded_at` (the broker's) and `event_id` of the record before `next_offset`.

    `recorded_at` None: nothing is decided yet, or a snapshot of an earlier version does not tell.
    """

    partition: int
    next_offset: int
    recorded_at: datetime | None
    event_id: str | None


class _Id(msgspec.Struct):
    event_id: str | None = None


def check_kept(decided: Decided, kept: Kept) -> None:
    """Raises InvariantBroken unless the card events that are `kept` continue what was decided."""
    if kept.end < decided.next_offset:
        _stop(decided, f"they end at offset {kept.end}, but were decided up to {decided.next_offset}")
    if kept.first > decided.next_offset:
        raise InvariantBroken(
            f"card events of partition {decided.partition} begin at offset {kept.first}, but "
            f"{decided.next_offset} is the next to decide: the broker deleted events before they were decided"
        )
    if kept.first < decided.next_offset and not _is_last(decided, kept.record):
        _stop(decided, f"the record at offset {decided.next_offset - 1} is not the one that was decided")


def check_redelivered(decided: Decided, position: int, frame: Frame) -> None:
    """Raises InvariantBroken unless what `frame` holds below `position` was decided.

    Faust delivers again from its group's offsets, which lag; a consumer whose offset is gone goes back, too.
    """
    last, found = decided.next_offset - 1, None
    for record in frame.records:
        if record.offset == last:
            found = record
        elif last < record.offset < position:
            _stop(decided, f"a record has appeared at offset {record.offset}, where there was none")
    if frame.start <= last < frame.end and not _is_last(decided, found):
        _stop(decided, f"the record at offset {last} is not the one that was decided")


def _is_last(decided: Decided, record: Record | None) -> bool:
    if decided.recorded_at is None:
        return True
    if record is None or record.recorded_at != decided.recorded_at:
        return False
    return decided.event_id is None or decided.event_id == _event_id(record.value)


def _event_id(value: bytes | None) -> str | None:
    try:
        return msgspec.json.decode(value or b"", type=_Id).event_id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _stop(decided: Decided, why: str) -> None:
    raise InvariantBroken(
        f"card events of partition {decided.partition} were lost or rewritten: {why}. Nothing is decided "
        f"until `spendlog events continue --partition {decided.partition}` has closed the gap"
    )
