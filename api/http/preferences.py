"""Request headers that several operations read: Prefer, Spendlog-Position, Idempotency-Key."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Annotated

import msgspec
from fastapi import Depends, Header, Query, Request
from pydantic import AfterValidator

from api.http.problems import FieldError, Problem, invalid_request
from schemas.card_numbers import no_card_number
from schemas.entrance import NoEvent, check_members
from schemas.ids import Position

POSITION_HEADER = "Spendlog-Position"
_WAIT = re.compile(r"(?:^|[,;])\s*wait\s*=\s*\"?(\d{1,6})\"?\s*(?=$|[,;])", re.IGNORECASE)


def wants_page(request: Request) -> bool:
    """Whether a person's browser asks, and not a program."""
    return "text/html" in request.headers.get("accept", "") and not request.scope["path"].startswith("/v1")


@dataclass(frozen=True, slots=True)
class Wait:
    """How long the caller wants to wait: `asked` whole seconds, None without a (readable) preference."""

    asked: int | None

    def seconds(self, default: float, seconds_max: float) -> float:
        return min(default if self.asked is None else self.asked, seconds_max)

    @property
    def applied(self) -> dict[str, str]:
        """The header that says that the preference was honoured, and up to which bound."""
        return {} if self.asked is None else {"Preference-Applied": f"wait={min(self.asked, 2)}"}


# Dependencies are coroutines although they wait for nothing: FastAPI runs plain functions in a thread, and
# three hops to a thread for each request led the profile's list of what could be saved.
async def _wait(
    prefer: Annotated[
        str | None,
        Header(
            description="`wait=N`: wait up to N seconds (0 to 2) for the answer (RFC 7240). "
            "Longer waits are cut to 2, unreadable ones are ignored, as the RFC has it.",
            examples=["wait=2"],
            max_length=200,
        ),
    ] = None,
) -> Wait:
    match = _WAIT.search(prefer) if prefer else None
    return Wait(int(match[1]) if match else None)


async def _position(
    request: Request,
    spendlog_position: Annotated[
        str | None,
        Header(
            description="Answer only from a view that has reached this log position, `partition:seq`, as "
            "an earlier answer gave it.",
            examples=["0:0"],
        ),
    ] = None,
    position: Annotated[
        str | None, Query(description="the same as the header, for links", examples=["0:0"])
    ] = None,
) -> Position | None:
    text, place = (
        (position, "query.position") if position else (spendlog_position, "header.spendlog-position")
    )
    if text is None:
        return None
    try:
        return Position.parse(text)
    except ValueError as error:
        wrong = FieldError(field=place, code="malformed_position", message=str(error)[:200])
        raise Problem(400, "malformed_position", f"{place}: {wrong.message}.", errors=[wrong]) from None


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """The caller's own name for one request; repeats carry the same."""

    text: str

    def digest(self, organization_id: str) -> str:
        """32 hex digits (128 bits): unguessable in practice to collide, and equal in every API process."""
        return hashlib.sha256(f"{organization_id}\0{self.text}".encode()).hexdigest()[:32]

    def event_id(self, organization_id: str) -> str:
        """The id of the event that the request becomes."""
        return f"api-{self.digest(organization_id)}"


KEY_MAX = 255
_NOT_VISIBLE = re.compile("[^!-~]")


async def _idempotency_key(
    idempotency_key: Annotated[
        str,
        Header(
            description="Your name for this request, 1 to 255 visible ASCII characters. A repeat with the "
            "same key and the same content gets the first answer again (`Idempotency-Replayed: true`), or "
            "`409 request_in_flight` where that is not there within the wait; the same key with other "
            "content is refused with `422 idempotency_key_reused`. Keys belong to the organization and are "
            "remembered for 90 days or more.",
            examples=["4b1d6c1e-checkout-4711"],
            json_schema_extra={"minLength": 1, "maxLength": KEY_MAX, "pattern": "^[!-~]+$"},
        ),
        AfterValidator(no_card_number),
    ],
) -> IdempotencyKey:
    if fault := _fault_of_key(idempotency_key):
        code, message = fault
        words = f"{message}; a key has 1 to {KEY_MAX} visible ASCII characters, for example a UUID"
        raise invalid_request([FieldError(field="header.idempotency-key", code=code, message=words)])
    return IdempotencyKey(idempotency_key)


def _fault_of_key(key: str) -> tuple[str, str] | None:
    if not key:
        return "string_too_short", "is empty"
    if len(key) > KEY_MAX:
        return "string_too_long", f"has {len(key)} characters"
    if found := _NOT_VISIBLE.search(key):
        what = "a space" if found[0] == " " else f"the byte 0x{ord(found[0]):02X}, which is no visible ASCII,"
        return "string_pattern_mismatch", f"has {what} at character {found.start() + 1}"
    return None


async def _members_once(request: Request) -> None:
    """The framework takes the last of two members with one name; which one was meant is not ours to say."""
    try:
        check_members(await request.body())
    except NoEvent as twice:
        wrong = FieldError(field=f"body.{twice.path[0]}", code="duplicate_member", message=twice.words)
        raise invalid_request([wrong]) from None
    except msgspec.DecodeError:
        return  # numbers that only Python takes for JSON; the model names them


#: For operations whose body the framework reads.
MEMBERS_ONCE = Depends(_members_once)
Waiting = Annotated[Wait, Depends(_wait)]
AtPosition = Annotated[Position | None, Depends(_position)]
WithIdempotencyKey = Annotated[IdempotencyKey, Depends(_idempotency_key)]
