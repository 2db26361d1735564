"""What the verifier reads: records of topics, rows of the ledger, and as much of an event as it needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple, TypeVar

import msgspec

from infra.verify.bookings import Booking
from schemas.codec import UndecodableEvent, decode_event, fingerprint
from schemas.decisions import Decision
from schemas.events import AuthorizationReversed, CardEvent
from schemas.money import Money
from schemas.reasons import Outcome, ReasonCode

T = TypeVar("T")


KEPT_BY_BOOKS: Final = -1


class Record(NamedTuple):
    """A record of a topic. `offset` KEPT_BY_BOOKS: it is gone from there, and the ledger has it.

    `stamp`: of a decision, whose it is (`schemas.claims`).
    """

    offset: int
    value: bytes | None
    key: bytes | None = None
    stamp: bytes | None = None


class LedgerRow(NamedTuple):
    """A row of `decision`. `record_sha256`: of its column `record`."""

    seq: int
    source_offset: int
    event_id: str | None
    outcome: str
    hash: str
    record_sha256: bytes


class TransferRow(NamedTuple):
    """A row of `transfer`, its `n` inside `booking`."""

    seq: int
    booking: Booking


class Sent(NamedTuple):
    """A card event as its record has it; `unusable`: why it is none."""

    key: bytes | None
    value: bytes | None
    event: CardEvent | None
    unusable: ReasonCode | None = None


class EventHead(msgspec.Struct, gc=False):
    """As much of a card event as tells which it is."""

    event_id: str | None = None


_decode_head = msgspec.json.Decoder(EventHead).decode
_LIMITS = ("budget.set", "cap.set")


class Peek(Iterator[T]):
    """An iterator whose next item can be looked at."""

    def __init__(self, items: Iterable[T]) -> None:
        self._items = iter(items)
        self.head: T | None = next(self._items, None)

    def __next__(self) -> T:
        if self.head is None:
            raise StopIteration
        found, self.head = self.head, next(self._items, None)
        return found


def head_of(value: bytes | None) -> EventHead | None:
    """None: the record is no event."""
    try:
        return _decode_head(value or b"")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def read(record: Record) -> Sent:
    """What the record of a card event says."""
    if record.value is None:
        return Sent(record.key, None, None, ReasonCode.TOMBSTONE)
    try:
        return Sent(record.key, record.value, decode_event(record.value))
    except UndecodableEvent as unusable:
        return Sent(record.key, record.value, None, unusable.code)


def _minor(money: Money | None) -> tuple[int, str] | None:
    return None if money is None else (money.minor, money.currency)


_REPEATED = ("event_id", "organization_id", "department_id", "authorization_id", "occurred_at", "card_id")


def difference(event: CardEvent | None, decision: Decision) -> str | None:
    """What in the decision does not repeat its card event; None when all does."""
    if decision.event_id is None:
        return None if decision.outcome is Outcome.REJECTED else "an event without id took effect"
    if event is None:
        return "the event cannot be read"
    if event.type != decision.event_type:
        return f"{event.type} became {decision.event_type}"
    for what in (*_REPEATED, "cardholder", "merchant"):
        wanted, found = getattr(event, what, None), getattr(decision, what)
        if wanted != found:
            return f"{what} {wanted} became {found}"
    if decision.outcome is Outcome.REJECTED or decision.duplicate_of is not None:
        return None
    for what in ("entry_mode", "actor", "rate"):
        wanted, found = getattr(event, what, None), getattr(decision, what)
        if wanted != found:
            return f"{what} {wanted} became {found}"
    foreign, told = _minor(getattr(event, "merchant_amount", None)), _minor(decision.merchant_amount)
    if foreign != told:
        return f"merchant_amount {foreign} became {told}"
    money = getattr(event, "limit" if event.type in _LIMITS else "amount", None)
    # A timeout gives back all that is held, whatever amount it names.
    timeout = isinstance(event, AuthorizationReversed) and event.cause == "timeout"
    if isinstance(money, Money) and not timeout and money.minor != decision.amount:
        return f"amount {money.minor} became {decision.amount}"
    if fingerprint(event) != decision.fingerprint:
        return f"fingerprint {fingerprint(event)} became {decision.fingerprint}"
    return None
