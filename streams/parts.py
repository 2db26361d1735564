"""What a snapshot is made of: parts, encoded bit by bit while what it is of goes on changing.

Rows in pages are encoded a page at a time. Whoever is about to change a row has it kept as it was first, so
nothing waits for a snapshot of whatever size (docs/decisions/0035).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from streams.core.paged_map import Pages

_LENGTH_BYTES = 4


class ImagePart(msgspec.Struct, array_like=True, frozen=True):
    """Rows of what `key` names, or with `rows` "" all else of it; content is of the type it belongs to."""

    key: str
    rows: str
    content: msgspec.Raw


class Parts:
    """Gives `add` one part after the other: first `head`, then what is written, then pages."""

    def __init__(self, add: Callable[[bytes], None], head: object) -> None:
        self._open: list[_Kept] = []
        self._add = add
        add(_framed(msgspec.msgpack.encode(head)))

    def write(self, key: str, rows: str, content: object) -> None:
        """One part more."""
        raw = msgspec.Raw(msgspec.msgpack.encode(content))
        self._add(_framed(msgspec.msgpack.encode(ImagePart(key, rows, raw))))

    def open(self, key: str, rows: str, pages: Pages[Any, Any]) -> None:
        """These rows as they are now, a part with each step."""
        self._open.append(_Kept(self, key, rows, pages))

    def step(self) -> bool:
        """Encode a page more. False: none is left."""
        while self._open:
            if self._open[-1].step():
                return True
            self._open.pop()
        return False

    def stop(self) -> None:
        """It is not wanted any more."""
        for kept in self._open:
            kept.pages.watch = None


class _Kept:
    """Pages, each of which is encoded when its turn comes, with the rows that have changed as they were.

    A decision may change five hundred rows, each in another page: to encode all of these would take too long.
    """

    def __init__(self, parts: Parts, key: str, name: str, pages: Pages[Any, Any]) -> None:
        self.pages = pages
        self._parts = parts
        self._key, self._name = key, name
        self._left = {slot: None for slot, _ in pages.pages()}
        self._before: dict[int, dict[Any, msgspec.Raw | None]] = {}
        pages.watch = self

    def keep(self, slot: int, name: Any) -> None:
        if slot not in self._left:
            return
        if name is None:
            del self._left[slot]
            self._write(slot)
            return
        before = self._before.setdefault(slot, {})
        if name not in before:
            row = self.pages.slots[slot].get(name)
            before[name] = None if row is None else msgspec.Raw(msgspec.msgpack.encode(row))

    def step(self) -> bool:
        if self._left:
            self._write(self._left.popitem()[0])
            return True
        self.pages.watch = None
        return False

    def _write(self, slot: int) -> None:
        page: dict[Any, Any] = self.pages.slots[slot]
        before = self._before.pop(slot, None)
        if before:
            page = {name: row for name, row in {**page, **before}.items() if row is not None}
        self._parts.write(self._key, self._name, page)


def _framed(part: bytes) -> bytes:
    return len(part).to_bytes(_LENGTH_BYTES) + part


def split(image: bytes) -> tuple[bytes, Iterator[ImagePart]]:
    """The head, encoded, and the parts after it.

    Raises:
        ValueError: the bytes are cut, or no parts; at once or when a part is asked for.
    """
    values = _values(image)
    return next(values, b""), (msgspec.msgpack.decode(value, type=ImagePart) for value in values)


def _values(image: bytes) -> Iterator[bytes]:
    at = 0
    view = memoryview(image)
    while at < len(image):
        ends = at + _LENGTH_BYTES + int.from_bytes(view[at : at + _LENGTH_BYTES])
        if ends > len(image):
            raise ValueError("the last part is cut")
        yield bytes(view[at + _LENGTH_BYTES : ends])
        at = ends
