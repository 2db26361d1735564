"""What the verifier reads: records of topics, rows of the ledger, and as much of an event as it needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from infra.verify.bookings import Booking
from schemas.decisions import Decision
from schemas.effects import IncreaseAsked, IncreaseClosed
from schemas.entrance import cut_moments
from schemas.event import Merchant
from schemas.reasons import Outcome

T = TypeVar("T")


KEPT_BY_BOOKS: Final = -1


class Record(NamedTuple):
    """A record of a topic. `offset` KEPT_BY_BOOKS: it is gone from there, and the ledger has it."""

    offset: int
    value: bytes | None


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


class EventHead(msgspec.Struct, gc=False):
    """As much of a card event as a decision repeats. `Any`: the event may be unusable."""

    type: str = ""
    event_id: str | None = None
    organization_id: str | None = None
    department_id: str | None = None
    authorization_id: str | None = None
    occurred_at: datetime | None = None
    card_id: Any = None
    cardholder: Any = None
    merchant: Any = None
    amount: Any = None
    limit: Any = None
    entry_mode: Any = None
    cause: Any = None
    request_id: Any = None
    actor: Any = None
    reason: Any = None
    partial_allowed: Any = False


_decode_head = msgspec.json.Decoder(EventHead).decode
_LIMITS = ("budget.set", "cap.set")
_WITH_MERCHANT = frozenset(
    {
        "authorization.requested",
        "authorization.incremented",
        "authorization.advised",
        "clearing.presented",
        "refund.presented",
        "verification.requested",
    }
)


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
        return _decode_head(cut_moments(value or b""))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def difference(event: EventHead | None, decision: Decision) -> str | None:
    """What in the decision does not repeat its card event; None when all does."""
    if decision.event_id is None:
        return None if decision.outcome is Outcome.REJECTED else "an event without id took effect"
    if event is None:
        return "the event cannot be read"
    told = (decision.event_type, decision.event_id, decision.organization_id, decision.department_id)
    sent = (event.type, event.event_id, event.organization_id, event.department_id)
    if told != sent:
        return f"{sent} became {told}"
    for what in ("authorization_id", "occurred_at", "card_id", "cardholder"):
        wanted, found = getattr(event, what), getattr(decision, what)
        if wanted != found:
            return f"{what} {wanted} became {found}"
    if event.type in _WITH_MERCHANT and not _is_same(event.merchant, decision.merchant):
        return f"merchant {event.merchant} became {decision.merchant}"
    if decision.outcome is Outcome.REJECTED or decision.duplicate_of is not None:
        return None
    if event.entry_mode != decision.entry_mode:
        return f"entry mode {event.entry_mode} became {decision.entry_mode}"
    money = event.limit if event.type in _LIMITS else event.amount
    # A timeout gives back all that is held, whatever amount it names.
    if isinstance(money, dict) and event.cause != "timeout" and money.get("minor") != decision.amount:
        return f"amount {money.get('minor')} became {decision.amount}"
    return _difference_of_increase(event, decision)


def _difference_of_increase(event: EventHead, decision: Decision) -> str | None:
    """Who asks, approves or refuses, and why: an approval in another's name would raise a limit."""
    if not event.type.startswith("increase."):
        return None
    if event.actor != decision.actor:
        return f"actor {event.actor} became {decision.actor}"
    for effect in decision.effects:
        if isinstance(effect, IncreaseAsked | IncreaseClosed) and effect.reason != event.reason:
            return f"reason {event.reason} became {effect.reason}"
    return None


def _is_same(sent: Any, told: Merchant | None) -> bool:
    """`sent`: as JSON has it."""
    if told is None or not isinstance(sent, dict):
        return told is None and sent is None
    return (sent.get("name"), sent.get("mcc"), sent.get("country"), sent.get("id")) == (
        told.name,
        told.mcc,
        told.country,
        told.id,
    )
