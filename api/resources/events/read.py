"""A body to an event: the members that the API gives itself, and what is wrong with the others."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from typing import Any

from api.access.keys import Principal, Scope
from api.access.reach import require_act
from api.access.security import require
from api.http.members import converted, field_error, invalid, read_object
from api.http.problems import FieldError, Problem
from api.resources.events.scopes import BY_TAG, OWNERS_ONLY, SCOPES, scopes_of, tag_of
from schemas.administration import TREASURY, CapSet
from schemas.event import Act, Event
from schemas.events import CardEvent
from schemas.ids import is_name
from schemas.requests import DelegationEnded, DelegationSet, RequestApproved

#: Members of an event that its sender does not give.
GIVEN = frozenset({"event_id", "organization_id", "version", "actor"})


def read_event(body: bytes, caller: Principal, *, event_id: str, now: datetime) -> CardEvent:
    """The event that `body` (JSON) asks for, of the caller's organization.

    Raises:
        Problem: 400 no JSON, 403 not for this key, 422 with the path of each member at fault.
    """
    return event_of(read_object(body), caller, event_id=event_id, now=now)


def event_of(raw: dict[str, Any], caller: Principal, *, event_id: str, now: datetime) -> CardEvent:
    """The same of a JSON object that was read already."""
    cls = _type_of(raw, caller)
    given = [field_error((name,), "given_by_api", "is given by the API") for name in raw if name in GIVEN]
    given += _department(raw, cls)
    if given:
        raise invalid(given)
    if issubclass(cls, RequestApproved):
        # Who approves is what happens. Two people with one Idempotency-Key are not one who tries twice: the
        # second is refused (IdempotencyMemory) or, where that has forgotten, approves in his own name. By the
        # actor, not the key: one who tries again with his new key is still the same. 64 bits of a hash,
        # because an actor may be longer than an event's id.
        event_id = f"{event_id}-{sha256(caller.actor.encode()).hexdigest()[:16]}"
    data = {**raw, "event_id": event_id, "organization_id": caller.organization_id}
    if raw.get("occurred_at") is None:
        data["occurred_at"] = now
    if issubclass(cls, Act):
        data["actor"] = caller.actor
    if issubclass(cls, DelegationSet | DelegationEnded):
        data.setdefault("absent", caller.actor)
        _require_absent(caller, data["absent"])
    event: CardEvent = converted(data, CardEvent, raw)
    return event


def _require_absent(caller: Principal, absent: object) -> None:
    """Everybody says of himself who answers for him; of others, whoever may change people."""
    if absent != caller.actor and Scope.PEOPLE_WRITE not in caller.scopes:
        raise Problem(
            403,
            "out_of_reach",
            f"{caller.actor} may say who answers for himself; for somebody else an Org Admin does.",
        )


def _type_of(raw: dict[str, Any], caller: Principal) -> type[Event]:
    """The kind of event, if the caller may send it."""
    tag = raw.get("type")
    cls = BY_TAG.get(tag) if isinstance(tag, str) else None
    if cls is None:
        known = ", ".join(map(tag_of, SCOPES))
        code = "missing" if tag is None else "unknown_type"
        raise invalid([field_error(("type",), code, f"must be one of {known}")])
    if cls in OWNERS_ONLY:
        raise Problem(
            403,
            "owners_only",
            f"{tag} is written by the owner of a partition, together with the decision that it follows from.",
        )
    require(caller, *scopes_of(cls))
    require_act(caller, raw.get("department_id"), *scopes_of(cls))
    return cls


def _department(raw: dict[str, Any], cls: type[Event]) -> list[FieldError]:
    """Sets the treasury, which is the only department of a cap; else the name must be one."""
    if cls is CapSet:
        if raw.setdefault("department_id", TREASURY) == TREASURY:
            return []
        return [field_error(("department_id",), "treasury_only", f"a cap belongs to {TREASURY}")]
    name = raw.get("department_id")
    if not isinstance(name, str) or is_name(name):  # what is no text is told with the rest
        return []
    words = "must be 1 to 64 letters, digits, dots, underscores and hyphens"
    return [field_error(("department_id",), "string_pattern_mismatch", words)]
