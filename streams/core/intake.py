"""From a raw record to its decision: what is unusable, what is a repeat, and what is decided anew."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol

from schemas.card_numbers import WORDS, in_json, masked_bytes
from schemas.codec import UndecodableEvent, decode_event, fingerprint
from schemas.decisions import Decision, Score
from schemas.entrance import EVENT_BYTES_MAX
from schemas.events import AuthorizationRequested, CardEvent
from schemas.partitions import partition_of
from schemas.reasons import Outcome, Reason, ReasonCode
from streams.core.answers import conflict, reject, repeat
from streams.core.calendar import epoch_s
from streams.core.case import LogPlace
from streams.core.clock import bucket_of
from streams.core.decide import decide
from streams.core.plans import Plans
from streams.core.state import BUCKETS_KEPT, Department, PartitionState

# Clocks of processors drift by minutes; a day leaves room for time zones given wrongly, and still keeps a
# forged date from pushing a department's memory out.
FUTURE_MAX = timedelta(days=1)
# Before any record we could have, and far from where calendars end.
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_new = tuple.__new__  # half the time of calling a named tuple


class Record(NamedTuple):
    """A card event as it lies in the log. `recorded_at`: the broker's clock, UTC."""

    offset: int
    recorded_at: datetime
    key: bytes | None
    value: bytes | None


def without_card_numbers(record: Record) -> Record:
    """The record as it may be kept: what is no event is not rid of card numbers by being refused.

    Of what is larger than an event and may have some, as much as an event has.
    """
    key, value = record.key, record.value
    return record._replace(
        key=None if key is None else masked_bytes(key, EVENT_BYTES_MAX),
        value=None if value is None else masked_bytes(value, EVENT_BYTES_MAX),
    )


def recorded_at(ms: int) -> datetime:
    """A record's time, milliseconds since the epoch, as UTC."""
    return datetime.fromtimestamp(ms // 1000, UTC).replace(microsecond=ms % 1000 * 1000)


class Scoring(Protocol):
    """Gives a score to a request from what it knows so far; None when it cannot."""

    def score(self, event: AuthorizationRequested) -> Score | None: ...


def judge(
    state: PartitionState,
    record: Record,
    partitions: int,
    scorer: Scoring,
    plans: Plans | None = None,
    *,
    card_numbers_refused: bool = True,
) -> Decision:
    """The decision on the next record of a partition. `partitions`: how many the topic has.

    `plans`: what the caller keeps for the next record; without it rules are made ready for this one alone.
    Reads `state` and leaves it as it is; the hash is added when the decision is sealed.
    """
    try:
        event, key = _read(record, card_numbers_refused)
    except UndecodableEvent as unusable:
        return _unreadable(_place(state, record, ""), Reason(code=unusable.code, detail=unusable.detail))
    place = _place(state, record, fingerprint(event))
    department = state.departments.get(key)
    if department is None:
        expected = partition_of(key.encode(), partitions)
        if expected != place.partition:
            detail = f"key {key} belongs to partition {expected}, not {place.partition}"
            return reject(event, Reason(code=ReasonCode.WRONG_PARTITION, detail=detail), place)
    else:
        first = department.answer(event.event_id)
        if first is not None:
            difference = conflict(event, first, place.fingerprint)
            return reject(event, difference, place) if difference else repeat(event, first, place, department)
    at_s = epoch_s(event.occurred_at)
    untimely = _untimely(department, event, place, at_s)
    if untimely is not None:
        return reject(event, untimely, place)
    score = None
    if department is not None and isinstance(event, AuthorizationRequested):
        score = scorer.score(event)
    return decide(department, event, score, place, plans or Plans(), at_s)


def _place(state: PartitionState, record: Record, known_by: str) -> LogPlace:
    offset, recorded_at, _, _ = record
    return _new(LogPlace, (state.partition, state.seq, offset, recorded_at, state.last_hash, known_by))


def _read(record: Record, card_numbers_refused: bool) -> tuple[CardEvent, str]:
    """The event and its key. Raises UndecodableEvent."""
    if record.value is None:
        raise UndecodableEvent(ReasonCode.TOMBSTONE, "the record has no value")
    # What is too large is not read at all, whatever else is in it.
    if card_numbers_refused and len(record.value) <= EVENT_BYTES_MAX:
        place = in_json(record.value)
        if place is not None:
            raise UndecodableEvent(ReasonCode.CARD_NUMBER, f"{'.'.join(place)[:200] or 'the event'}: {WORDS}")
    event = decode_event(record.value)
    key = event.key
    if record.key is None:
        raise UndecodableEvent(ReasonCode.MISSING_KEY, f"expected key {key}")
    if record.key != key.encode():
        raise UndecodableEvent(ReasonCode.KEY_MISMATCH, f"key {record.key[:130]!r}, event of {key}")
    return event, key


def _untimely(department: Department | None, event: CardEvent, place: LogPlace, at_s: int) -> Reason | None:
    occurred_at = event.occurred_at
    if occurred_at > place.recorded_at and occurred_at - place.recorded_at > FUTURE_MAX:
        detail = f"occurred {event.occurred_at.isoformat()}, recorded {place.recorded_at.isoformat()}"
        return Reason(code=ReasonCode.OCCURRED_IN_FUTURE, detail=detail)
    if occurred_at < EARLIEST:
        return Reason(code=ReasonCode.TOO_OLD, detail=f"occurred {event.occurred_at.isoformat()}")
    if department is not None and bucket_of(at_s) <= department.latest_bucket - BUCKETS_KEPT:
        detail = f"occurred {event.occurred_at.isoformat()}, before what is remembered of {event.key}"
        return Reason(code=ReasonCode.TOO_OLD, detail=detail)
    return None


def _unreadable(place: LogPlace, reason: Reason) -> Decision:
    """A decision for a record that is no event: the log has one for each record, whatever it holds."""
    return Decision(
        partition=place.partition,
        seq=place.seq,
        source_offset=place.source_offset,
        recorded_at=place.recorded_at,
        previous_hash=place.previous_hash,
        outcome=Outcome.REJECTED,
        reasons=(reason,),
    )
