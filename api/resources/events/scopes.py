"""Which events may come through the API, and which scopes of a key each needs: as its type says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from api.access.keys import Scope
from schemas.event import Event
from schemas.events import EVENT_TYPES

#: Any one of these lets a key send it.
SCOPES: Final[Mapping[type[Event], tuple[Scope, ...]]] = {
    event: tuple(map(Scope, event.scopes)) for event in EVENT_TYPES if event.scopes
}

# A lease is money: whoever could write these could take another department's. Owners of partitions write
# them, in the transaction of the decision that they follow from. A model judges everybody: the learner's own.
OWNERS_ONLY: Final[frozenset[type[Event]]] = frozenset(EVENT_TYPES) - SCOPES.keys()


def scopes_of(event: type[Event]) -> tuple[Scope, ...]:
    """Any one of these lets a key send it. Raises KeyError: only owners may."""
    return SCOPES[event]


def tag_of(event: type[Event]) -> str:
    """The `type` member of its events."""
    return str(event.__struct_config__.tag)


BY_TAG: Final[Mapping[str, type[Event]]] = {tag_of(event): event for event in EVENT_TYPES}
