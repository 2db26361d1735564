"""The API from Python: `Client` waits, `AsyncClient` is for an event loop; docs/client.md begins with it.

It needs httpx, msgspec and standardwebhooks, and nothing of the server.
"""

from api.client.call import ApiAnswer, new_key
from api.client.connection import AsyncClient, Client
from api.client.errors import (
    ChangedSince,
    ClientError,
    Conflict,
    Declined,
    FieldProblem,
    FraudDetected,
    Invalid,
    KeyReused,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    NotReached,
    ProblemError,
    RateLimited,
    ServerError,
    ServiceUnavailable,
    Undecided,
    UnexpectedAnswer,
)
from api.client.feed import FeedEvent
from api.client.generated.shared import Merchant, Money
from api.client.receive import NotGenuine, WebhookEvent, receive

__all__ = [
    "ApiAnswer",
    "AsyncClient",
    "ChangedSince",
    "Client",
    "ClientError",
    "Conflict",
    "Declined",
    "FeedEvent",
    "FieldProblem",
    "FraudDetected",
    "Invalid",
    "KeyReused",
    "Merchant",
    "Money",
    "NotAllowed",
    "NotAuthenticated",
    "NotFound",
    "NotGenuine",
    "NotReached",
    "ProblemError",
    "RateLimited",
    "ServerError",
    "ServiceUnavailable",
    "Undecided",
    "UnexpectedAnswer",
    "WebhookEvent",
    "new_key",
    "receive",
]
