"""The state as of one decision, encoded bit by bit while deciding goes on (docs/decisions/0035).

Whoever is about to change a department that is not encoded yet has it encoded first, but for its pages,
which keep their rows as they were (`streams.parts`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from streams.core.expiries import Expiries
from streams.core.paged_map import Pages
from streams.core.state import Answer, Department, PartitionState, Payment
from streams.parts import ImagePart, Parts, split

#: What is in pages, with the type of a page.
_PAGED: dict[str, Any] = {"payments": dict[str, Payment], "answers": dict[str, Answer]}


class Image:
    """An image of `state` as it is now, of which `add` is given one part after the other."""

    def __init__(self, state: PartitionState, add: Callable[[bytes], None]) -> None:
        self._departments = state.departments
        self._left = dict.fromkeys(state.departments)
        self._parts = Parts(add, msgspec.structs.replace(state, departments={}))

    def before(self, key: str) -> None:
        """The department is about to change."""
        if key in self._left:
            del self._left[key]
            self._take(key)

    def step(self) -> bool:
        """Encode a page more, or a department without its pages. False: all is there."""
        if self._parts.step():
            return True
        if not self._left:
            return False
        self._take(self._left.popitem()[0])
        return True

    def stop(self) -> None:
        """It is not wanted any more."""
        self._parts.stop()

    def _take(self, key: str) -> None:
        department = self._departments[key]
        paged: dict[str, Pages[Any, Any]] = {name: getattr(department, name) for name in _PAGED}
        many = {name: pages for name, pages in paged.items() if pages.count > 1}
        rest = msgspec.structs.replace(
            department, expiries=Expiries(), **{name: Pages[Any, Any]() for name in many}
        )
        self._parts.write(key, "", rest)
        for name, pages in many.items():
            self._parts.open(key, name, pages)


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
    head, parts = split(image)
    state = msgspec.msgpack.decode(head, type=PartitionState)
    for part in parts:
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
