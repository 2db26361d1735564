"""The state as of one decision, encoded bit by bit while deciding goes on.

Whoever is about to change something that is not encoded yet has it encoded first: a row of a page, or a
department without its pages. So nothing waits for a snapshot of whatever size (docs/decisions/0035).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from streams.core.expiries import Expiries
from streams.core.pages import Pages
from streams.core.state import Answer, Department, PartitionState, Payment

#: What is in pages, with the type of a page.
_PAGED: dict[str, Any] = {"payments": dict[str, Payment], "answers": dict[str, Answer]}
_LENGTH_BYTES = 4


class ImagePart(msgspec.Struct, array_like=True, frozen=True):
    """Rows of a department, or with `rows` "" all else of it; content is of the type that belongs to it."""

    key: str
    rows: str
    content: msgspec.Raw


class Image:
    """An image of `state` as it is now, of which `add` is given one part after the other."""

    def __init__(self, state: PartitionState, add: Callable[[bytes], None]) -> None:
        self._departments = state.departments
        self._left = dict.fromkeys(state.departments)
        self._open: list[_Kept] = []
        self._add = add
        add(_framed(msgspec.msgpack.encode(msgspec.structs.replace(state, departments={}))))

    def before(self, key: str) -> None:
        """The department is about to change."""
        if key in self._left:
            del self._left[key]
            self._take(key)

    def step(self) -> bool:
        """Encode a page more, or a department without its pages. False: all is there."""
        while self._open:
            if self._open[-1].step():
                return True
            self._open.pop()
        if not self._left:
            return False
        self._take(self._left.popitem()[0])
        return True

    def stop(self) -> None:
        """It is not wanted any more."""
        for kept in self._open:
            kept.pages.watch = None

    def _take(self, key: str) -> None:
        department = self._departments[key]
        paged: dict[str, Pages[Any]] = {name: getattr(department, name) for name in _PAGED}
        many = {name: pages for name, pages in paged.items() if pages.count > 1}
        rest = msgspec.structs.replace(
            department, expiries=Expiries(), **{name: Pages[Any]() for name in many}
        )
        self.write(key, "", rest)
        self._open += [_Kept(self, key, name, pages) for name, pages in many.items()]

    def write(self, key: str, rows: str, content: object) -> None:
        """One part more."""
        raw = msgspec.Raw(msgspec.msgpack.encode(content))
        self._add(_framed(msgspec.msgpack.encode(ImagePart(key, rows, raw))))


class _Kept:
    """Pages, each of which is encoded when its turn comes, with the rows that have changed as they were.

    A decision may change five hundred rows, each in another page: to encode all of these would take too long.
    """

    def __init__(self, image: Image, key: str, name: str, pages: Pages[Any]) -> None:
        self.pages = pages
        self._image = image
        self._key, self._name = key, name
        self._left = {slot: None for slot, _ in pages.pages()}
        self._before: dict[int, dict[str, msgspec.Raw | None]] = {}
        pages.watch = self

    def keep(self, slot: int, name: str | None) -> None:
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
        page: dict[str, Any] = self.pages.slots[slot]
        before = self._before.pop(slot, None)
        if before:
            page = {name: row for name, row in {**page, **before}.items() if row is not None}
        self._image.write(self._key, self._name, page)


def _framed(part: bytes) -> bytes:
    return len(part).to_bytes(_LENGTH_BYTES) + part


def encoded(state: PartitionState) -> bytes:
    """All parts of an image at once."""
    parts: list[bytes] = []
    image = Image(state, parts.append)
    while image.step():
        pass
    return b"".join(parts)


def decoded(image: bytes) -> PartitionState:
    """The state that an image is of.

    Raises:
        ValueError: the bytes are no image of a state of this program's shape.
    """
    parts = _parts(image)
    state = msgspec.msgpack.decode(next(parts, b""), type=PartitionState)
    for value in parts:
        part = msgspec.msgpack.decode(value, type=ImagePart)
        if not part.rows:
            state.departments[part.key] = msgspec.msgpack.decode(part.content, type=Department)
        elif part.key not in state.departments:
            raise ValueError(f"rows of the department {part.key[:130]!r}, which is not in it")
        else:
            _put(state.departments[part.key], part)
    for department in state.departments.values():
        _put_expiries(department)
    return state


def _put(department: Department, part: ImagePart) -> None:
    kind = _PAGED.get(part.rows)
    if kind is None:
        raise ValueError(f"no rows are called {part.rows[:130]!r}")
    getattr(department, part.rows).update(msgspec.msgpack.decode(part.content, type=kind))


def _put_expiries(department: Department) -> None:
    for name, payment in department.payments.items():
        if payment.held:
            department.expiries.add(payment.expires_s, name)


def _parts(image: bytes) -> Iterator[bytes]:
    at = 0
    view = memoryview(image)
    while at < len(image):
        ends = at + _LENGTH_BYTES + int.from_bytes(view[at : at + _LENGTH_BYTES])
        if ends > len(image):
            raise ValueError("the last part is cut")
        yield bytes(view[at + _LENGTH_BYTES : ends])
        at = ends
