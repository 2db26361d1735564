"""What is written together: decisions as records of the log, and what they send once they count."""

from __future__ import annotations

from schemas.codec import encode_event
from schemas.decisions import Decision
from schemas.headers import EVENT_ID
from schemas.reasons import Outcome
from streams.core.intake import Record
from streams.core.messages import has_messages, messages
from streams.log import DeadLetter, Entry

# Two names of 64 letters and a slash, with room to spare.
KEY_BYTES_MAX = 300
_REJECTED = Outcome.REJECTED  # to look it up in its enumeration takes 0.1 us
_new = tuple.__new__  # half the time of calling a named tuple


class Batch:
    """Decisions that are written together, and what they send once they count."""

    __slots__ = ("bytes", "dead_letters", "decisions", "entries", "outbox")

    def __init__(self) -> None:
        self.decisions: list[Decision] = []
        self.entries: list[Entry] = []
        self.dead_letters: list[DeadLetter] = []
        self.outbox: list[Entry] = []
        self.bytes = 0

    def add(self, record: Record, decision: Decision, value: bytes) -> None:
        self.decisions.append(decision)
        self.entries.append(_entry(record, value, decision.event_id))
        self.bytes += len(value)
        if decision.effects:
            if has_messages(decision):
                for message in outbox_of(decision):
                    self.outbox.append(message)
                    self.bytes += len(message.value or b"")
        elif decision.outcome is _REJECTED:
            self.dead_letters.append(dead_letter(record, decision))
            self.bytes += len(record.value or b"")


def sends(decision: Decision) -> bool:
    """Whether something is sent because of it: a dead letter, or card events for other departments."""
    return decision.outcome is _REJECTED or has_messages(decision)


def dead_letter(record: Record, decision: Decision) -> DeadLetter:
    """Of a rejected record."""
    reason = decision.reasons[0]
    return DeadLetter(record, reason.code.value, reason.detail or "")


def outbox_of(decision: Decision) -> list[Entry]:
    """Card events to other departments, each under that department's key."""
    return [Entry(event.key.encode(), encode_event(event), []) for event in messages(decision)]


def _entry(record: Record, value: bytes, event_id: str | None) -> Entry:
    """The decision's record: under its event's key, with the event's id where a look-out need not decode."""
    key = record[2]
    if event_id is None:
        # Whatever lies there in place of a key may be as large as a batch.
        return Entry(key if key is not None and len(key) <= KEY_BYTES_MAX else None, value, [])
    return _new(Entry, (key, value, [(EVENT_ID, event_id.encode())]))
