"""A mapping that never stops: in pages, so that what is done at once is bounded, however much there is.

A dictionary of a million rows is copied when it grows (50 ms), and can only be looked through or encoded
whole. Pages are split one at a time (extendible hashing, Fagin and others 1979), and each is looked through
or encoded by itself. Which row is in which page differs from process to process: nothing may follow from it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Generic, Protocol, TypeVar

import msgspec

# A full page is encoded or looked through in about 0.2 ms.
PAGE_ROWS = 512

K = TypeVar("K")
T = TypeVar("T")


class PageWatch(Protocol):
    """Is told of a row, by the first slot of its page, before it changes; None: before all of them may."""

    def keep(self, slot: int, name: Any) -> None: ...


class Pages(msgspec.Struct, Generic[K, T], array_like=True, eq=False):
    """Rows by name. What `get` gives is to be read, what `change` gives may be changed.

    `slots`: pages by the last bits of a name's hash; a page that needs fewer of them is in many. `mask`: all
    of those bits. `count`: of pages. `watch`: is told of a page before it changes; no part of a state.
    """

    slots: list[dict[K, T]] = msgspec.field(default_factory=lambda: [{}])
    mask: int = 0
    count: int = 1
    watch: Any = None  # a PageWatch

    def __post_init__(self) -> None:
        """What another process wrote is put where it belongs in this one."""
        if len(self.slots) > 1:
            written, self.slots, self.mask, self.count = self.slots, [{}], 0, 1
            for page in written:
                self.update(page)

    def __eq__(self, other: object) -> bool:
        """Whatever is in which page."""
        return isinstance(other, Pages) and dict(self.items()) == dict(other.items())

    def __ne__(self, other: object) -> bool:
        """A struct has one of its own, which does not ask `__eq__`."""
        return not self == other

    def get(self, name: K) -> T | None:
        """To be read."""
        return self.slots[hash(name) & self.mask].get(name)

    def change(self, name: K) -> T | None:
        """To be changed."""
        slot = hash(name) & self.mask
        if self.watch is not None:
            self.watch.keep(self.first(slot), name)
        return self.slots[slot].get(name)

    def __setitem__(self, name: K, row: T) -> None:
        slot = hash(name) & self.mask
        if self.watch is not None:
            self.watch.keep(self.first(slot), name)
        page = self.slots[slot]
        page[name] = row
        if len(page) > PAGE_ROWS:
            self._split(slot)

    def add(self, name: K, row: T) -> bool:
        """A new row. False: there is one of that name, and it stays."""
        slot = hash(name) & self.mask
        page = self.slots[slot]
        if name in page:
            return False
        if self.watch is not None:
            self.watch.keep(self.first(slot), name)
        page[name] = row
        if len(page) > PAGE_ROWS:
            self._split(slot)
        return True

    def update(self, rows: dict[K, T]) -> None:
        """All of these."""
        for name, row in rows.items():
            self[name] = row

    @property
    def about(self) -> int:
        """How many rows: on average a page is full to the natural logarithm of 2."""
        return len(self.slots[0]) if self.count == 1 else self.count * PAGE_ROWS * 7 // 10

    def first(self, slot: int) -> int:
        """The first slot of the page in this one."""
        page, bit = self.slots[slot], (self.mask + 1) >> 1
        while bit and self.slots[slot & (bit - 1)] is page:
            slot &= bit - 1
            bit >>= 1
        return slot

    def _split(self, slot: int) -> None:
        """By one bit more; where all names agree in it, the next split will do."""
        slots, slot = self.slots, self.first(slot)
        if self.watch is not None:
            self.watch.keep(slot, None)
        page, bit = slots[slot], 1
        while bit <= self.mask and slots[slot ^ bit] is not page:
            bit <<= 1
        if bit > self.mask:
            slots.extend(list(slots))
            self.mask = 2 * self.mask + 1
        more = {name: row for name, row in page.items() if hash(name) & bit}
        for name in more:
            del page[name]
        for other in range(slot | bit, len(slots), 2 * bit):
            slots[other] = more
        self.count += 1

    def drop(self, slot: int, names: list[K]) -> None:
        """Let go of these rows of a page."""
        if names:
            if self.watch is not None:
                self.watch.keep(self.first(slot), None)
            page = self.slots[slot]
            for name in names:
                del page[name]

    def pages(self) -> Iterator[tuple[int, dict[K, T]]]:
        """Each page with its first slot."""
        for slot, page in enumerate(self.slots):
            if self.first(slot) == slot:
                yield slot, page

    def __getitem__(self, name: K) -> T:
        found = self.change(name)
        if found is None:
            raise KeyError(name)
        return found

    def __delitem__(self, name: K) -> None:
        self.drop(hash(name) & self.mask, [name])

    def __contains__(self, name: object) -> bool:
        return self.slots[hash(name) & self.mask].get(name) is not None  # type: ignore[arg-type]

    def __len__(self) -> int:
        return sum(len(page) for _, page in self.pages())

    def __iter__(self) -> Iterator[K]:
        for _, page in self.pages():
            yield from page

    def items(self) -> Iterator[tuple[K, T]]:
        """All rows; nothing may be changed meanwhile."""
        for _, page in self.pages():
            yield from page.items()

    def values(self) -> Iterator[T]:
        """All rows; nothing may be changed meanwhile."""
        for _, page in self.pages():
            yield from page.values()
