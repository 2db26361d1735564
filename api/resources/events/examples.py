"""One body for each type of event that may be sent, as the reference shows it."""

from __future__ import annotations

from typing import Any, Final

from api.resources.events.scopes import SCOPES, tag_of
from schemas.administration import CapSet
from schemas.event import Event
from schemas.examples import DEPARTMENT_ID


def _whole(event: type[Event]) -> dict[str, Any]:
    place = {} if event is CapSet else {"department_id": DEPARTMENT_ID}
    return {"type": tag_of(event), **place, **event.example}


EXAMPLES: Final = {tag_of(event): _whole(event) for event in SCOPES}
