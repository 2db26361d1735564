"""A body to an event: the members that the API gives itself, and what is wrong with the others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec

from api.inbound.scopes import BY_TAG, OWNERS_ONLY, SCOPES, tag_of
from api.keys import ApiKey
from api.models.base import PAYMENT_ID_PATTERN, in_years
from api.problems import FieldError, Problem
from api.security import require
from api.texts import no_card_number, plain
from schemas.administration import TREASURY, CapSet, IncreaseApproved
from schemas.event import Act, Event
from schemas.events import CardEvent
from schemas.ids import is_name

#: Members of an event that its sender does not give.
GIVEN = frozenset({"event_id", "organization_id", "version", "actor"})

_PAYMENT_IDS = frozenset({"authorization_id", "refund_id", "dispute_id"})
_PAYMENT_ID = re.compile(PAYMENT_ID_PATTERN.removesuffix("$"))
# Acceptor ids are often 15 digits, and every tenth of those passes the check of card numbers by chance.
_NUMBERS = frozenset({"rate", "id", "locked_to", "merchants"})
_MISSING = re.compile(r"^Object missing required field `(\w+)`")
# What msgspec's sentences say, in a word that stays; the last fits all.
_CODES = (
    ("Invalid enum value", "unknown_value"),
    ("Invalid value", "unknown_value"),
    ("Invalid", "malformed"),
    (", got", "wrong_type"),
    ("", "bounds"),
)
_INDEX = re.compile(r"\[(\d+)\]")

Path = tuple[str, ...]


def read_event(body: bytes, caller: ApiKey, *, event_id: str, now: datetime) -> CardEvent:
    """The event that `body` (JSON) asks for, of the caller's organization.

    Raises:
        Problem: 400 no JSON, 403 not for this key, 422 with the path of each member at fault.
    """
    raw = _object(body)
    cls = _type_of(raw, caller)
    given = [_error((name,), "given_by_api", "is given by the API") for name in raw if name in GIVEN]
    given += _department(raw, cls)
    if given:
        raise _invalid(given)
    if cls is IncreaseApproved:
        # Who approves is what happens. Two people with one Idempotency-Key are not one who tries twice: the
        # second is refused (IdempotencyMemory) or, where that has forgotten, approves in his own name.
        event_id = f"{event_id}-{caller.id}"
    data = {**raw, "event_id": event_id, "organization_id": caller.organization_id}
    if raw.get("occurred_at") is None:
        data["occurred_at"] = now
    if issubclass(cls, Act):
        data["actor"] = caller.id
    try:
        event: CardEvent = msgspec.convert(data, CardEvent)
    except msgspec.ValidationError as error:
        raise _invalid([_from_msgspec(str(error))]) from None
    if wrong := list(_faults(raw, event, ())):
        raise _invalid(wrong[:50])
    return event


def _object(body: bytes) -> dict[str, Any]:
    try:
        raw = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        wrong = FieldError(field="body", code="json_invalid", message=str(error)[:300])
        raise Problem(400, "malformed_json", "The body is not JSON.", errors=[wrong]) from None
    if not isinstance(raw, dict):
        raise _invalid([_error((), "object_type", "must be an object")])
    return raw


def _type_of(raw: dict[str, Any], caller: ApiKey) -> type[Event]:
    """The kind of event, if the caller may send it."""
    tag = raw.get("type")
    cls = BY_TAG.get(tag) if isinstance(tag, str) else None
    if cls is None:
        known = ", ".join(map(tag_of, SCOPES))
        code = "missing" if tag is None else "unknown_type"
        raise _invalid([_error(("type",), code, f"must be one of {known}")])
    if cls in OWNERS_ONLY:
        raise Problem(
            403,
            "owners_only",
            f"{tag} is written by the owner of a partition, together with the decision that it follows from.",
        )
    require(caller, SCOPES[cls])
    return cls


def _department(raw: dict[str, Any], cls: type[Event]) -> list[FieldError]:
    """Sets the treasury, which is the only department of a cap; else the name must be one."""
    if cls is CapSet:
        if raw.setdefault("department_id", TREASURY) == TREASURY:
            return []
        return [_error(("department_id",), "treasury_only", f"a cap belongs to {TREASURY}")]
    name = raw.get("department_id")
    if not isinstance(name, str) or is_name(name):  # what is no text is told with the rest
        return []
    words = "must be 1 to 64 letters, digits, dots, underscores and hyphens"
    return [_error(("department_id",), "string_pattern_mismatch", words)]


def _faults(raw: Any, value: Any, path: Path) -> Iterator[FieldError]:
    """What the types do not say: unknown members, texts, times. `raw` is what `value` was made of."""
    match value:
        case msgspec.Struct():
            config = value.__struct_config__
            for name, inner in raw.items():
                if name in value.__struct_encode_fields__:
                    yield from _faults(inner, getattr(value, name), (*path, name))
                elif name != config.tag_field:
                    yield _error((*path, name), "extra_forbidden", "is no member of this event")
            if "mcc" in value.__struct_fields__ and not value.well_formed:  # type: ignore[attr-defined]
                yield _error(path, "string_pattern_mismatch", "mcc is 4 digits, country 2 capitals")
        case dict():
            for name, inner in raw.items():
                yield from _text(name, path)
                yield from _faults(inner, value[name], (*path, name))
        case list() | tuple():
            for number, (inner, item) in enumerate(zip(raw, value, strict=True)):
                yield from _faults(inner, item, (*path, str(number)))
        case str():
            yield from _text(value, path)
        case datetime():
            yield from _checked(in_years, value, path)


def _text(text: str, path: Path) -> Iterator[FieldError]:
    name = next((part for part in reversed(path) if not part.isdigit()), "")
    if name in _PAYMENT_IDS and not _PAYMENT_ID.fullmatch(text):
        words = "must begin with a letter or digit and have only letters, digits and . _ : -"
        yield _error(path, "string_pattern_mismatch", words)
        return
    yield from _checked(plain, text, path)
    if name not in _NUMBERS and name not in _PAYMENT_IDS:
        yield from _checked(no_card_number, text, path)


def _checked(check: Any, value: object, path: Path) -> Iterator[FieldError]:
    try:
        check(value)
    except ValueError as error:
        yield _error(path, "value_error", str(error))


def _from_msgspec(message: str) -> FieldError:
    """`Expected `int`, got `str` - at `$.amount.minor`` names its path at the end, if it is not the root."""
    words, _, place = message.partition(" - at `")
    place = _INDEX.sub(r".\1", place.removesuffix("`").replace("[...]", ""))
    path = tuple(place.split(".")[1:])
    missing = _MISSING.match(words)
    if missing:
        return _error((*path, missing[1]), "missing", "is required")
    return _error(path, next(code for begin, code in _CODES if begin in words), words)


def _error(path: Path, code: str, message: str) -> FieldError:
    printable = ".".join(("body", *(part[:80] for part in path))).encode(errors="replace").decode()
    return FieldError(field=printable, code=code, message=message[:600])


def _invalid(errors: list[FieldError]) -> Problem:
    names = ", ".join(error.field for error in errors[:5])
    return Problem(422, "invalid_request", f"Not as it must be: {names}.", errors=errors)
