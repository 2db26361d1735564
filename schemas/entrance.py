"""What raw JSON must fulfil before it is read as an event, over REST and over Kafka alike.

Each check begins with a condition that is cheap and necessary, since almost every record is in order.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec

#: Bytes of one event's value. No decision that follows from one comes near what a topic takes (900 kB).
EVENT_BYTES_MAX = 66 * 1024

#: Members that are moments; a text that only looks like one must stay as it is.
MOMENTS = ("occurred_at", "starts_at", "ends_at")
#: In which moments may be; that of the event itself is bound closer, by when it was recorded.
YEARS = range(2000, 2101)
_DATE_TIME = r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d\.\d{6}"
_LONG_MOMENT = re.compile(rf'("(?:{"|".join(MOMENTS)})"\s*:\s*"{_DATE_TIME})\d+'.encode())
_LONG_TEXT = re.compile(rf"^({_DATE_TIME})\d+", re.ASCII)
_DIGITS = bytes(48 if 48 <= byte <= 57 else byte for byte in range(256))
_SEVEN_DIGITS = b".0000000"


# C0 can only be written as an escape; DEL is 7F, and C1 begins with C2.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_DELETE, _BACKSLASH = 0x7F, ord("\\")  # as numbers: to look for bytes in bytes takes three times as long
_NEVER_CONTROL = bytes(byte for byte in range(256) if byte not in b"\\\x7f\xc2")


class NoEvent(ValueError):
    """What is wrong with a text or object. `path`: of the member, without the number in it if it is one."""

    def __init__(self, path: tuple[str, ...], words: str) -> None:
        super().__init__(f"{'.'.join(path)}: {words}" if path else words)
        self.path = path
        self.words = words


def cut_moment(text: str) -> str:
    """An RFC 3339 text with at most six digits of a second's fraction: what is beyond is cut, not rounded.

    Rounding up would put the last nanosecond of a month into the next one.
    """
    return _LONG_TEXT.sub(r"\1", text)


def cut_moments(value: bytes) -> bytes:
    """The same for the moments of an event in JSON."""
    if _SEVEN_DIGITS not in value.translate(_DIGITS):
        return value
    cut, count = _LONG_MOMENT.subn(rb"\1", value)
    return cut if count else value


def check_members(value: bytes, again: bytes = b"") -> None:
    """Raises NoEvent where an object of the JSON `value` has a member twice.

    Quotes tell: what was read has as many when it is written again, unless a member was dropped or left out.
    `again`: the value as it was written again, if it was.
    """
    quotes = value.count(b'"')
    if b"\\u0022" not in value:  # one that is written as an escape comes back as a quote
        if again.count(b'"') == quotes:
            return
        if msgspec.json.encode(msgspec.json.decode(value)).count(b'"') == quotes:
            return
    json.loads(value, object_pairs_hook=_without_repeats)


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        counts = Counter(name for name, _ in pairs)
        twice = next(name for name, count in counts.items() if count > 1)
        raise NoEvent((twice[:80],), "stands twice in one object; which one is meant?")
    return members


def check_texts(value: bytes) -> None:
    """Raises NoEvent where a text or a name in the JSON `value` has control characters.

    PostgreSQL cannot store NUL, and no log or terminal may be steered by a merchant's name.
    """
    if value.isascii() and _BACKSLASH not in value and _DELETE not in value:
        return  # as nearly all are: three looks of C, a quarter of what follows
    # Written again, what needs no escape has none: Python's and PHP's writers use many.
    written = msgspec.json.encode(msgspec.json.decode(value)) if b"\\" in value else value
    if written.translate(None, _NEVER_CONTROL):
        for place, text in _texts(msgspec.json.decode(value)):
            try:
                plain(text)
            except ValueError as error:
                raise NoEvent(_path(place), str(error)) from None


def plain(text: str) -> str:
    """`text` itself. Raises ValueError for control characters and for halves of surrogate pairs."""
    if _CONTROL.search(text):
        raise ValueError("must not contain control characters")
    return text


#: A member's name or index, and the place of what it is in.
_Place = tuple["_Place", str] | None


def _texts(raw: Any) -> Iterator[tuple[_Place, str]]:
    """All texts and names in decoded JSON, in their order, each with its place.

    Without recursion, and without a path made for each: what lies deep would cost its depth for each text.
    """
    waiting: list[tuple[_Place, Any]] = [(None, raw)]
    while waiting:
        place, inner = waiting.pop()
        match inner:
            case str():
                yield place, inner
            case dict():
                for name, value in reversed(inner.items()):
                    waiting += (((place, name), value), (place, name))
            case list():
                waiting += [((place, str(n)), inner[n]) for n in reversed(range(len(inner)))]


def _path(place: _Place) -> tuple[str, ...]:
    parts: list[str] = []
    while place is not None:
        place, part = place
        parts.append(part)
    return tuple(reversed(parts))
