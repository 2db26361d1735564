"""What can come instead of an answer, each an exception of its own. All of them are `ClientError`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from api.client.generated.shared import Money, Reason, WouldPass


class ClientError(Exception):
    """No answer. Its words say what was asked, what came instead, and what to do."""


class NotReached(ClientError):
    """Nobody answered in time. `key`: of a write, which may have taken effect: the same call with this key
    tells what became of it, and does nothing twice."""

    def __init__(self, words: str, *, key: str | None, tries: int) -> None:
        super().__init__(words)
        self.key = key
        self.tries = tries


class Undecided(ClientError):
    """The event is not decided yet: neither approved nor declined. `key`: ask again with it.

    `body`: what the last answer told; `location`: where the outcome will be.
    """

    def __init__(self, words: str, *, key: str | None, body: Any, location: str | None) -> None:
        super().__init__(words)
        self.key = key
        self.body = body
        self.location = location


class UnexpectedAnswer(ClientError):
    """Something answered that is not this API, or another version of it."""


class FieldProblem(msgspec.Struct, frozen=True):
    """One member that is wrong. `field`: where it is, for example `body.amount.minor`."""

    field: str
    code: str
    message: str


class ProblemError(ClientError):
    """A problem of RFC 9457. `code` is stable; `detail` is for people; `members`: all that was told."""

    def __init__(self, status: int, members: Mapping[str, Any], retry_after_s: float | None = None) -> None:
        self.status = status
        self.members = members
        self.code = str(members.get("code", f"http_{status}"))
        self.detail = str(members.get("detail", f"the answer is {status}, and says no more"))
        self.title = members.get("title")
        self.request_id = members.get("request_id")
        self.position = members.get("position")
        self.retry_after_s = retry_after_s
        self.errors = _converted(members.get("errors") or [], list[FieldProblem]) or []
        super().__init__(f"{self.detail} ({status} {self.code})")


class Declined(ProblemError):
    """A purchase was declined. `reasons`: all that apply, with their numbers; the first is the reason."""

    def __init__(self, status: int, members: Mapping[str, Any], retry_after_s: float | None = None) -> None:
        super().__init__(status, members, retry_after_s)
        self.reasons = _converted(members.get("reasons") or [], list[Reason]) or []
        self.would_pass = _converted(members.get("would_pass"), WouldPass | None)
        self.amount = _converted(members.get("amount"), Money | None)
        self.response_code = members.get("response_code")
        self.transaction_id = members.get("transaction_id")


class FraudDetected(Declined):
    """A rule against fraud declined it; `members["score"]` has the model's."""


class NotAuthenticated(ProblemError):
    """401: no key, or one that is revoked, expired or unknown."""


class NotAllowed(ProblemError):
    """403: the key lacks the scope, or does not reach so far."""


class NotFound(ProblemError):
    """404: it does not exist, or not for this key's organization."""


class Conflict(ProblemError):
    """409: the id is already that of another one."""


class ChangedSince(ProblemError):
    """412: it was changed since `if_match`. Nothing was written: read it again, then decide."""


class Invalid(ProblemError):
    """400, 413, 415 or 422: `errors` name the members, or the event was rejected for the reason `code`."""


class KeyReused(Invalid):
    """The Idempotency-Key is that of another request: a new request needs a new key."""


class RateLimited(ProblemError):
    """429, until the deadline: `retry_after_s` says when to try again."""


class ServiceUnavailable(ProblemError):
    """503, until the deadline. Nothing was written."""


class ServerError(ProblemError):
    """A defect of the service; `request_id` finds it in its log."""


_CODES: dict[str, type[ProblemError]] = {
    "declined": Declined,
    "fraud_detected": FraudDetected,
    "idempotency_key_reused": KeyReused,
}
_STATUSES: dict[int, type[ProblemError]] = {
    400: Invalid,
    401: NotAuthenticated,
    403: NotAllowed,
    404: NotFound,
    409: Conflict,
    412: ChangedSince,
    413: Invalid,
    415: Invalid,
    422: Invalid,
    429: RateLimited,
    503: ServiceUnavailable,
}


def problem_of(status: int, content: bytes, retry_after_s: float | None) -> ProblemError:
    """The exception that an answer of 400 or more is."""
    try:
        members = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        members = None  # something between us and the API answered
    if not isinstance(members, dict):
        members = {}
    kind = _CODES.get(str(members.get("code"))) or _STATUSES.get(status)
    if kind is None:
        kind = ServerError if status >= 500 else ProblemError
    return kind(status, members, retry_after_s)


def _converted(value: Any, kind: Any) -> Any:
    """None for what another version of the API may have made of it: `members` has it as it came."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return None
