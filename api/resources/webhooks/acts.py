"""What is done with endpoints and their deliveries, for the routes of the API and for its pages alike."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import msgspec
from fastapi import Request

from api.access.audit import Changeset
from api.access.notes import change
from api.asking.idempotency import Use
from api.http.conditions import ANY, changed_since, tag_at
from api.http.paging import Page
from api.http.paths import storable
from api.http.preferences import IdempotencyKey
from api.http.problems import FieldError, Problem, invalid_request
from api.resources.webhooks.bodies import (
    RotatedSecretOut,
    WebhookDeliveryDetailOut,
    WebhookDeliveryListOut,
    WebhookDeliveryOut,
    WebhookEndpointChangeIn,
    WebhookEndpointIn,
    WebhookEndpointOut,
    WebhookReplayIn,
)
from api.services import Services
from api.stores.pace import views_away
from api.stores.postgres import PostgresAway, Row
from schemas.outbound import url_fault
from schemas.webhooks import ENDPOINTS_MAX, SECRET_PREFIX, SECRETS_MAX, TEST_TYPE, DeliveryStatus

REPLAYED_MAX: Final = 10_000  # of one request
_SECRET_BYTES: Final = 32
T = TypeVar("T")
_ENDED: Final = ["delivered", "failed", "dropped"]


@dataclass(frozen=True, slots=True)
class DeliveryFilters:
    """Which deliveries are wanted; None: all. Times are those of queueing, `until` outside."""

    status: DeliveryStatus | None = None
    event_type: str | None = None
    department_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Webhooks:
    """The webhooks of one organization. Every method raises Problem."""

    services: Services
    organization_id: str
    request: Request  # in whose name it is done, for the audit log

    async def endpoints(self) -> list[WebhookEndpointOut]:
        """All of them, oldest first."""
        row = await self._ask("endpoints", endpoint_id=None)
        return [WebhookEndpointOut(**one) for one in row["endpoints"]] if row else []

    async def endpoint(self, endpoint_id: str) -> WebhookEndpointOut:
        """404: there is none of this id."""
        found = await self._find(endpoint_id)
        if found is None:
            raise unknown_endpoint()
        return found

    async def create(
        self, body: WebhookEndpointIn, key: IdempotencyKey
    ) -> tuple[WebhookEndpointOut, str | None]:
        """The endpoint and its secret; None: it was made before, with this key. 409: there are too many."""
        self._require_url(body.url)
        endpoint_id = f"whe_{key.digest(self.organization_id)[:20]}"
        secret = _new_secret()

        async def make(changes: Changeset) -> bool:
            row = await changes.row(
                "webhook_create",
                organization_id=self.organization_id,
                endpoint_id=endpoint_id,
                **body.model_dump(),
                secret=secret,
                endpoints_max=ENDPOINTS_MAX,
            )
            made = bool(row and row["made"])
            if made:
                changes.tell(_place(endpoint_id), after=body.model_dump())
            return made

        content = f"webhook {body.model_dump_json()}"
        event_id = key.event_id(self.organization_id)
        _, made = await self.services.claimed(event_id, content, lambda: self._told(make))
        found = await self._find(endpoint_id)
        if found is None:
            words = f"There are {ENDPOINTS_MAX} endpoints, as many as may be. Remove one that is not needed."
            raise Problem(409, "too_many_endpoints", words)
        return found, secret if made else None

    async def change(
        self, endpoint_id: str, body: WebhookEndpointChangeIn, if_match: str | None = None
    ) -> WebhookEndpointOut:
        """As it is now. 412: somebody changed it since `if_match`."""
        if body.url is not None:
            self._require_url(body.url)
        found = await self.endpoint(endpoint_id)
        of = {"organization_id": self.organization_id, "endpoint_id": endpoint_id}

        async def make(changes: Changeset) -> None:
            before = await changes.row("webhook_state", **of)
            row = await changes.row("webhook_change", **of, seen=_seen(if_match), **body.model_dump())
            if not row or not row["changed"]:
                raise changed_since(tag_of(found))
            changes.tell(_place(endpoint_id), before=before, after=await changes.row("webhook_state", **of))

        await self._told(make)
        return await self.endpoint(endpoint_id)

    async def remove(self, endpoint_id: str, if_match: str | None = None) -> None:
        """With its secrets and what waits for it. 412: somebody changed it since `if_match`."""
        found = await self.endpoint(endpoint_id)
        of = {"organization_id": self.organization_id, "endpoint_id": endpoint_id}

        async def make(changes: Changeset) -> None:
            before = await changes.row("webhook_state", **of)
            row = await changes.row("webhook_remove", **of, seen=_seen(if_match))
            if not row or not row["removed"]:
                raise changed_since(tag_of(found))
            changes.tell(_place(endpoint_id), before=before)

        await self._told(make)

    async def rotate(self, endpoint_id: str, overlap_s: int, key: IdempotencyKey) -> RotatedSecretOut:
        """A new secret; those before sign `overlap_s` seconds more. 409: made before, with this key."""
        await self.endpoint(endpoint_id)
        memory, event_id = self.services.memory, key.event_id(self.organization_id)
        secret = _new_secret()
        if await memory.claim(event_id, f"rotate {endpoint_id} {overlap_s}") is Use.REPEAT:
            words = (
                "This rotation was made, and its secret shown then. If it was lost, rotate with another key."
            )
            raise Problem(409, "already_rotated", words)

        async def make(changes: Changeset) -> None:
            await changes.row(
                "webhook_rotate",
                organization_id=self.organization_id,
                endpoint_id=endpoint_id,
                secret=secret,
                overlap_s=overlap_s,
                secrets_max=SECRETS_MAX,
            )
            changes.tell(f"{_place(endpoint_id)}/secrets", after={"overlap_s": overlap_s})

        try:
            await self._told(make)
        except Problem:
            await memory.release(event_id)
            raise
        return RotatedSecretOut(secret=secret, secrets=(await self.endpoint(endpoint_id)).secrets)

    async def send_test(self, endpoint_id: str, key: IdempotencyKey) -> str:
        """The id of the event `webhook.test` that was queued."""
        event_id = f"evt_test_{key.digest(self.organization_id)[:20]}"
        body = {
            "id": event_id,
            "type": TEST_TYPE,
            "timestamp": datetime.now(UTC),
            "organization_id": self.organization_id,
            "department_id": None,
            "position": None,
            "data": {"endpoint_id": endpoint_id},
        }
        row = await self._ask(
            "test_event",
            endpoint_id=endpoint_id,
            event_id=event_id,
            event_type=TEST_TYPE,
            body=msgspec.json.encode(body).decode(),
        )
        if not row or not row["known"]:
            raise unknown_endpoint()
        return event_id

    async def deliveries(
        self, endpoint_id: str, page: Page, filters: DeliveryFilters
    ) -> WebhookDeliveryListOut:
        """A page of them, newest first, each with its last attempt."""
        key = page.key(tuple[int])
        _require_storable(endpoint_id, filters.event_type, filters.department_id)
        row = await self._ask(
            "deliveries",
            endpoint_id=endpoint_id,
            status=filters.status,
            event_type=filters.event_type,
            department_id=filters.department_id,
            since=filters.since,
            until=filters.until,
            before=key[0] if key else None,
            rows_max=page.rows_max,
        )
        if not row or not row["known"]:
            raise unknown_endpoint()
        rows, following = page.turn(row["deliveries"], lambda one: (one["ordinal"],))
        return WebhookDeliveryListOut(
            deliveries=[WebhookDeliveryOut(**_shown(one)) for one in rows],
            next=following,
        )

    async def delivery(self, endpoint_id: str, event_id: str) -> WebhookDeliveryDetailOut:
        """With its body and all attempts. 404: there is no such delivery."""
        _require_storable(endpoint_id, event_id)
        row = await self._ask("delivery", endpoint_id=endpoint_id, event_id=event_id)
        if row is None:
            raise _unknown_delivery()
        found = _shown(row)
        log = found["attempt_log"]
        if found["status"] != "pending":
            found["gives_up_at"] = None
        event = msgspec.json.decode(found.pop("body"))
        return WebhookDeliveryDetailOut(**found, event=event, last_attempt=log[-1] if log else None)

    async def replay(self, endpoint_id: str, event_id: str) -> None:
        """Sends one once more, whatever became of it. 404: there is no such delivery."""
        _require_storable(endpoint_id, event_id)
        row = await self._ask(
            "replay",
            endpoint_id=endpoint_id,
            event_id=event_id,
            since=None,
            until=None,
            statuses=[*_ENDED, "pending"],
            rows_max=1,
        )
        if not row or not row["replayed"]:
            raise _unknown_delivery()

    async def replay_span(self, endpoint_id: str, body: WebhookReplayIn) -> int:
        """How many of a span were queued again, oldest first; at most REPLAYED_MAX at a time."""
        _require_storable(endpoint_id)
        if body.since >= body.until:
            wrong = FieldError(field="body.until", code="empty_span", message="must be later than `since`")
            raise invalid_request([wrong])
        row = await self._ask(
            "replay",
            endpoint_id=endpoint_id,
            event_id=None,
            since=body.since,
            until=body.until,
            statuses=body.statuses,
            rows_max=REPLAYED_MAX,
        )
        if not row or not row["known"]:
            raise unknown_endpoint()
        return int(row["replayed"])

    async def _find(self, endpoint_id: str) -> WebhookEndpointOut | None:
        if not storable(endpoint_id):
            return None
        row = await self._ask("endpoints", endpoint_id=endpoint_id)
        return WebhookEndpointOut(**row["endpoints"][0]) if row and row["endpoints"] else None

    async def _ask(self, name: str, **asked: Any) -> Row | None:
        return await self.services.webhooks.ask(name, organization_id=self.organization_id, **asked)

    async def _told(self, work: Callable[[Changeset], Awaitable[T]]) -> T:
        """Does `work`, and tells it in the audit log."""
        try:
            return await change(self.request, work)
        except PostgresAway as away:
            raise views_away({"postgresql": str(away)}) from None

    def _require_url(self, url: str) -> None:
        if fault := url_fault(url, local=self.services.settings.webhooks_allow_local):
            raise invalid_request([FieldError(field="body.url", code="url_not_allowed", message=fault)])


def _place(endpoint_id: str) -> str:
    return f"/v1/webhooks/{endpoint_id}"


def unknown_endpoint() -> Problem:
    return Problem(404, "unknown_endpoint", "There is no such endpoint.")


def tag_of(endpoint: WebhookEndpointOut) -> str:
    """What its ETag is made of: when it was last changed."""
    return tag_at(endpoint.changed_at)


def _seen(if_match: str | None) -> datetime | None:
    """The moment that a tag is made of; None: whatever it is."""
    if if_match is None or if_match == ANY:
        return None
    try:
        return datetime.strptime(if_match, "%Y%m%dT%H%M%S.%f").replace(tzinfo=UTC)
    except ValueError:
        raise changed_since(None) from None


def _new_secret() -> str:
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def _shown(row: Row) -> dict[str, Any]:
    """A row, without what is no member of an answer."""
    found = {name: value for name, value in row.items() if name != "ordinal"}
    if found["status"] != "pending":
        found["due_at"] = None
    return found


def _require_storable(*texts: str | None) -> None:
    if not all(storable(text) for text in texts if text):
        raise unknown_endpoint()


def _unknown_delivery() -> Problem:
    return Problem(
        404, "unknown_delivery", "There is no such delivery; those that ended are kept for 30 days."
    )
