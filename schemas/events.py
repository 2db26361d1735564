"""The events of `spend.card-events.v1`: one tagged union.

`type` names the event, `version` its format. Unknown members are ignored, so a newer producer does not break
an older worker; a new meaning needs a new version.
"""

from __future__ import annotations

from typing import get_args

# Each event stands in one of these three, with its name in the union at the end: from there on it is one.
from schemas.administration import *  # noqa: F403
from schemas.administration import Administration
from schemas.event import EVENT_VERSION as EVENT_VERSION
from schemas.event import Event as Event
from schemas.event import Merchant as Merchant
from schemas.event import ShortText as ShortText
from schemas.event import Timestamp as Timestamp
from schemas.messages import *  # noqa: F403
from schemas.messages import PaymentMessage
from schemas.requests import *  # noqa: F403
from schemas.requests import Requests

CardEvent = PaymentMessage | Administration | Requests
EVENT_TYPES: tuple[type[Event], ...] = get_args(CardEvent)
