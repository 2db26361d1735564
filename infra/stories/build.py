"""A line of a story to its card event, and the event to its record."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import msgspec

from infra.stories import build_administration, build_messages, build_requests
from infra.stories.build_messages import amount_of
from infra.stories.plain_events import BY_TYPE, event_by_type
from infra.stories.story import Line, Said
from schemas.administration import BudgetAct, CapSet, PostingReversed
from schemas.codec import encode_event
from schemas.decisions import Decision
from schemas.event import Event
from schemas.ids import department_key
from schemas.messages import RefundPresented, RefundReversed
from schemas.partitions import partition_of
from schemas.requests import CardRequested

_BUILDERS: Final = {
    **build_messages.BUILDERS,
    **build_administration.BUILDERS,
    **build_requests.BUILDERS,
}


class Sent(NamedTuple):
    """A record to be written to the card events topic."""

    partition: int
    key: bytes | None
    value: bytes | None


@dataclass(slots=True)
class Named:
    """Lines that have a name, played so far."""

    events: dict[str, Event] = field(default_factory=dict)
    decisions: dict[str, Decision] = field(default_factory=dict)


def sent(line: Line, event: Event | None, organization: str, partitions: int) -> Sent:
    """The line's record. `event`: what `event_of` made of it."""
    said = line.said
    key = department_key(organization, line.department) if event is None else event.key
    value = None if event is None else encode_event(event)
    if said.raw is not None:
        value = None if said.raw == "nothing" else said.raw.encode()
    partition = (partition_of(key.encode(), partitions) + said.wrong_partition) % partitions
    if said.key is not None:
        key = said.key
    return Sent(partition, None if said.without_key else key.encode(), value)


def event_of(line: Line, organization: str, named: Named) -> Event | None:
    """The line's card event; None for a raw record. Ids are derived from the line's place in its file."""
    said = line.said
    if line.verb == "raw":
        return None
    if line.verb in ("again", "reuse"):
        return _once_more(line, named.events[said.id or ""])
    event_id = line.event_id
    if said.reusing is not None:
        event_id = named.events[said.reusing].event_id
    given: dict[str, Any] = {
        "event_id": event_id,
        "organization_id": organization,
        "department_id": line.department,
        "occurred_at": line.occurred_at,
    }
    if line.verb in BY_TYPE:
        return event_by_type(line, given)
    if line.verb == "correct":
        return _correction(said, given, named)
    if line.verb == "refund-reverse":
        return RefundReversed(**given, refund_id=_refund_id(said.id or "", named), amount=amount_of(said))
    return _BUILDERS[line.verb](said, given)


def _once_more(line: Line, event: Event) -> Event:
    """Sent again later: the time of a repeat is its own."""
    changes: dict[str, Any] = {"occurred_at": line.occurred_at}
    if line.verb == "reuse":
        amount = "limit" if isinstance(event, BudgetAct | CapSet | CardRequested) else "amount"
        changes[amount] = line.said.money if amount == "limit" else amount_of(line.said)
    return msgspec.structs.replace(event, **changes)


def _correction(said: Said, given: dict[str, Any], named: Named) -> Event:
    decision = named.decisions[said.of or ""]
    return PostingReversed(
        **given, authorization_id=said.id or "", seq=decision.seq, reason=said.reason, actor=said.person
    )


def _refund_id(name: str, named: Named) -> str:
    """A refund is known by its own id, or else by its event's."""
    event = named.events.get(name)
    if isinstance(event, RefundPresented) and event.refund_id is None:
        return event.event_id
    return name
