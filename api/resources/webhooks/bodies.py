"""Bodies of the routes of webhooks."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, StrictInt, StrictStr

from api.http.types import DepartmentName, Input, Moment, Output, Text
from schemas.webhooks import DeliveryStatus, EndpointStatus, unknown_types

OVERLAP_S_MAX = 7 * 86_400
_TYPES = "types, or groups such as `card.*`; empty: all. docs/webhooks.md has the table"
_DEPARTMENTS = "only what happens in these; empty: all"


def _known(patterns: list[str]) -> list[str]:
    if unknown := unknown_types(patterns):
        raise ValueError(f"there is no type {', '.join(name[:60] for name in unknown[:3])}")
    return list(dict.fromkeys(patterns))


EventTypes = Annotated[
    list[Annotated[StrictStr, Field(max_length=64)]], Field(max_length=100), AfterValidator(_known)
]
Departments = Annotated[list[DepartmentName], Field(max_length=200)]
Url = Annotated[
    StrictStr,
    Field(
        min_length=1,
        max_length=2_000,
        description="https, with a public host; port 443, or one from 1024 on",
        examples=["https://hooks.example.com/spendlog"],
    ),
]


class WebhookEndpointIn(Input):
    """Where events go, and which."""

    model_config = ConfigDict(title="NewWebhookEndpoint")

    url: Url
    description: Text = Field(default="", max_length=200, examples=["ERP"])
    event_types: EventTypes = Field(default=[], description=_TYPES, examples=[["authorization.*"]])
    department_ids: Departments = Field(default=[], description=_DEPARTMENTS, examples=[["engineering"]])


class WebhookEndpointChangeIn(Input):
    """What is not in it stays as it is."""

    model_config = ConfigDict(title="WebhookEndpointChange")

    url: Url | None = None
    description: Text | None = Field(default=None, max_length=200, examples=["ERP"])
    event_types: EventTypes | None = Field(default=None, description=_TYPES, examples=[["card.*"]])
    department_ids: Departments | None = Field(default=None, description=_DEPARTMENTS, examples=[[]])
    status: EndpointStatus | None = Field(
        default=None, description="active: begins anew, and what waits goes out", examples=["active"]
    )


class WebhookRotationIn(Input):
    """How long the secret before goes on signing beside the new one."""

    model_config = ConfigDict(title="WebhookRotation")

    overlap_s: StrictInt = Field(
        default=86_400, ge=0, le=OVERLAP_S_MAX, description="seconds; 0: none", examples=[86_400]
    )


class WebhookReplayIn(Input):
    """Which deliveries go out once more: those queued from `since` until before `until`."""

    model_config = ConfigDict(title="WebhookReplay")

    since: Moment
    until: Moment
    statuses: list[Literal["delivered", "failed", "dropped"]] = Field(
        default=["failed", "dropped"], min_length=1, max_length=3, examples=[["failed", "dropped"]]
    )


class WebhookSecretOut(Output):
    """Since when a secret signs. The secret itself is shown once, when it is made."""

    model_config = ConfigDict(title="WebhookSecret")

    created_at: datetime
    expires_at: datetime | None = Field(description="null: until it is rotated")


class WebhookEndpointOut(Output):
    """An endpoint, and how it stands."""

    model_config = ConfigDict(title="WebhookEndpoint")

    endpoint_id: str = Field(examples=["whe_9f86d081884c7d659a2f"])
    url: str = Field(examples=["https://hooks.example.com/spendlog"])
    description: str = Field(examples=["ERP"])
    event_types: list[str] = Field(description=_TYPES, examples=[["authorization.*"]])
    department_ids: list[str] = Field(description=_DEPARTMENTS, examples=[["engineering"]])
    status: EndpointStatus
    paused_reason: str | None = Field(description="why it is paused", examples=[None])
    created_at: datetime
    changed_at: datetime = Field(description="by somebody; `ETag` is made of it")
    failing_since: datetime | None = Field(description="of the first failure since the last success")
    waiting: int = Field(description="deliveries that are not yet taken, 100,000 at most", examples=[0])
    secrets: list[WebhookSecretOut] = Field(description="those that sign now, newest first")


class NewWebhookEndpointOut(WebhookEndpointOut):
    """An endpoint that was just made."""

    model_config = ConfigDict(title="CreatedWebhookEndpoint")

    secret: str | None = Field(
        description="shown this once; null in the answer to a repeat. Lost? Rotate it",
        examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
    )


class WebhookEndpointListOut(Output):
    """All endpoints of the organization, oldest first."""

    model_config = ConfigDict(title="WebhookEndpoints")

    endpoints: list[WebhookEndpointOut]


class RotatedSecretOut(Output):
    """The secret that signs from now on."""

    model_config = ConfigDict(title="RotatedWebhookSecret")

    secret: str = Field(description="shown this once", examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])
    secrets: list[WebhookSecretOut] = Field(description="those that sign now, newest first")


class WebhookAttemptOut(Output):
    """One POST and what came of it."""

    model_config = ConfigDict(title="WebhookAttempt")

    number: int = Field(examples=[1])
    at: datetime
    took_ms: int = Field(examples=[41])
    status_code: int | None = Field(description="null: there was no answer", examples=[500])
    error: str | None = Field(description="null: it was taken", examples=["answered 500"])


class WebhookAttemptDetailOut(WebhookAttemptOut):
    """The same, with the beginning of the answer."""

    model_config = ConfigDict(title="WebhookAttemptDetail")

    answer: str | None = Field(description="its first 500 characters", examples=["out of order"])


class WebhookDeliveryOut(Output):
    """One event for one endpoint."""

    model_config = ConfigDict(title="WebhookDelivery")

    event_id: str = Field(examples=["evt_3_1042_0"])
    event_type: str = Field(examples=["authorization.declined"])
    department_id: str | None = Field(examples=["engineering"])
    status: DeliveryStatus
    attempts: int = Field(examples=[1])
    created_at: datetime = Field(description="when it was queued")
    due_at: datetime | None = Field(description="of the next attempt; null: there is none")
    ended_at: datetime | None = Field(description="null: it waits")
    last_attempt: WebhookAttemptOut | None = Field(description="null: not tried yet")


class WebhookDeliveryDetailOut(WebhookDeliveryOut):
    """A delivery with all that was tried."""

    model_config = ConfigDict(title="WebhookDeliveryDetail")

    gives_up_at: datetime | None = Field(description="until then it is tried again; null: it has ended")
    event: dict[str, Any] = Field(description="the body, as it is sent")
    attempt_log: list[WebhookAttemptDetailOut] = Field(description="oldest first; the last hundred")


class WebhookDeliveryListOut(Output):
    """A page of deliveries, newest first."""

    model_config = ConfigDict(title="WebhookDeliveries")

    deliveries: list[WebhookDeliveryOut]
    next: str | None = Field(description="send it as `after` for the next page; null: this is the last")


class ReplayedOut(Output):
    """How many deliveries wait again."""

    model_config = ConfigDict(title="WebhookReplayed")

    replayed: int = Field(examples=[12])
    more: bool = Field(description="true: that was the bound of one request; ask again")


class WebhookTestEventOut(Output):
    """The event that was queued."""

    model_config = ConfigDict(title="WebhookTestEvent")

    event_id: str = Field(examples=["evt_test_4f1c2b7d9e0a"])
