"""Bodies of JSON to the schemas' types, and what is wrong with their members."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec

from api.http.problems import FieldError, Problem, invalid_request
from api.http.types import in_years
from schemas import card_numbers
from schemas.entrance import NoEvent, check_members, cut_moments, plain
from schemas.event import MERCHANT_FORM

_MISSING = re.compile(r"^Object missing required field `(\w+)`")
_MISPLACED = re.compile(r"^`(\w+)` is only ")
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


def read_object(body: bytes) -> dict[str, Any]:
    """The JSON object in `body`. Raises Problem: 400 no JSON, 422 something else than an object."""
    try:
        raw = msgspec.json.decode(cut_moments(body))
        check_members(body)
    except NoEvent as twice:
        raise invalid([field_error(twice.path, "duplicate_member", twice.words)]) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        wrong = FieldError(field="body", code="json_invalid", message=str(error)[:300])
        raise Problem(400, "malformed_json", "The body is not JSON.", errors=[wrong]) from None
    if not isinstance(raw, dict):
        raise invalid([field_error((), "object_type", "must be an object")])
    return raw


def converted(data: dict[str, Any], to: Any, raw: dict[str, Any]) -> Any:
    """`data` as the type `to`. `raw`: what of it came from outside, and so is looked at closely.

    Raises:
        Problem: 422 with the path of each member at fault.
    """
    try:
        value = msgspec.convert(data, to)
    except msgspec.ValidationError as error:
        raise invalid([_from_msgspec(str(error))]) from None
    if wrong := list(_faults(raw, value, ())):
        raise invalid(wrong[:50])
    return value


def _faults(raw: Any, value: Any, path: Path) -> Iterator[FieldError]:
    """What the types do not say: unknown members, texts, times. `raw` is what `value` was made of."""
    match value:
        case msgspec.Struct():
            config = value.__struct_config__
            for name, inner in raw.items():
                if name in value.__struct_encode_fields__:
                    yield from _faults(inner, getattr(value, name), (*path, name))
                elif name != config.tag_field:
                    yield field_error((*path, name), "extra_forbidden", "is no member here")
            if "mcc" in value.__struct_fields__ and not value.well_formed:  # type: ignore[attr-defined]
                yield field_error(path, "string_pattern_mismatch", MERCHANT_FORM)
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
    yield from _checked(plain, text, path)
    if card_numbers.refused(text, name):
        yield field_error(path, "value_error", card_numbers.WORDS)


def _checked(check: Any, value: object, path: Path) -> Iterator[FieldError]:
    try:
        check(value)
    except ValueError as error:
        yield field_error(path, "value_error", str(error))


def _from_msgspec(message: str) -> FieldError:
    """`Expected `int`, got `str` - at `$.amount.minor`` names its path at the end, if it is not the root."""
    words, _, place = message.partition(" - at `")
    place = _INDEX.sub(r".\1", place.removesuffix("`").replace("[...]", ""))
    path = tuple(place.split(".")[1:])
    missing = _MISSING.match(words)
    if missing:
        return field_error((*path, missing[1]), "missing", "is required")
    if misplaced := _MISPLACED.match(words):
        return field_error((*path, misplaced[1]), "misplaced", words)
    return field_error(path, next(code for begin, code in _CODES if begin in words), words)


def field_error(path: Path, code: str, message: str) -> FieldError:
    """What is wrong with the body's member at `path`, cut to a printable length."""
    printable = ".".join(("body", *(part[:80] for part in path))).encode(errors="replace").decode()
    return FieldError(field=printable, code=code, message=message[:600])


def invalid(errors: list[FieldError]) -> Problem:
    """422 for the members at fault."""
    return invalid_request(errors)
