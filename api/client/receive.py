"""Webhooks as their receiver sees them: whether one is genuine, and what it tells."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from api.client.errors import ClientError


class NotGenuine(ClientError):
    """The signature is not of this secret, or the message is older than five minutes: answer 401."""


class WebhookEvent(msgspec.Struct, frozen=True, kw_only=True):
    """What happened. `id`: the same on every attempt; ignore what you have handled. `data`: by its `type`."""

    id: str
    type: str
    timestamp: datetime
    organization_id: str
    department_id: str | None = None
    position: str | None = None
    data: dict[str, Any] = {}


def receive(secret: str, headers: Mapping[str, str], body: bytes) -> WebhookEvent:
    """The event of a request, if it is signed with `secret` (Standard Webhooks 1.0).

    `headers` by any spelling; `body`: its bytes, as they came. While a secret is being rotated the sender
    signs with both, so the old one and the new one verify.

    Raises:
        NotGenuine: somebody else sent it, it was changed on its way, or it is an old one again.
    """
    named = {name.lower(): value for name, value in headers.items()}
    try:
        Webhook(secret).verify(body, named)
        return _decoder.decode(body)
    except WebhookVerificationError as error:
        raise NotGenuine(f"not genuine: {error}") from None
    except (UnicodeDecodeError, ValueError) as error:
        raise NotGenuine(f"not as a sender of webhooks writes it: {error}") from None


_decoder = msgspec.json.Decoder(WebhookEvent)
