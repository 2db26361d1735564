"""Events of the API. Written by `python -m infra.client_code`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.client.call import Call, new_key
from api.client.generated.shared import EventDecision
from api.client.operations import Resource, S, operation


class EventsResource(Resource[S]):
    """Operations on events."""

    @operation
    def send(
        self, event: Mapping[str, Any], *, idempotency_key: str | None = None, wait: int | None = None
    ) -> Call[EventDecision]:
        """Send an event."""
        return Call(
            "POST", "/v1/events", EventDecision, body=event, key=idempotency_key or new_key(), wait=wait
        )
