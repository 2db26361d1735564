"""When open holds lapse: each open hold once, in order, and nothing else.

A heap would keep the entries of holds that were settled, and most of what is first in it would be such. Here
a hold is put in and taken out at the cost of a few look-ups, however many there are.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator

import msgspec

# Of 60 days, the longest a hold is valid, there are 2,532 blocks; of the usual 7 days 296.
BLOCK_S = 2_048

Entry = tuple[int, str]  # second, authorization id


class ExpiryBlock(msgspec.Struct, array_like=True):
    """Some seconds, in order, and the names of each, in order.

    A name that is alone in its second stands there itself: a list for each open hold would be all that a
    decision leaves for the garbage collector to look at.
    """

    seconds: list[int] = []
    names: dict[int, str | list[str]] = {}


class Expiries(msgspec.Struct, array_like=True):
    """Blocks by their number, and the numbers in order."""

    numbers: list[int] = []
    blocks: dict[int, ExpiryBlock] = {}

    def add(self, at_s: int, name: str) -> None:
        number = at_s // BLOCK_S
        block = self.blocks.get(number)
        if block is None:
            block = self.blocks[number] = ExpiryBlock()
            insort(self.numbers, number)
        names = block.names.get(at_s)
        if names is None:
            block.names[at_s] = name
            seconds = block.seconds
            if not seconds or seconds[-1] < at_s:
                seconds.append(at_s)
            else:
                insort(seconds, at_s)
        elif isinstance(names, str):
            block.names[at_s] = sorted((names, name))
        else:
            insort(names, name)

    def remove(self, at_s: int, name: str) -> None:
        """What was added."""
        number = at_s // BLOCK_S
        block = self.blocks[number]
        names = block.names[at_s]
        if isinstance(names, list):
            del names[bisect_left(names, name)]
            if len(names) == 1:
                block.names[at_s] = names[0]
            return
        assert names == name
        del block.names[at_s]
        del block.seconds[bisect_left(block.seconds, at_s)]
        if not block.seconds:
            del self.blocks[number]
            del self.numbers[bisect_left(self.numbers, number)]

    def earliest_s(self) -> int | None:
        """When the first one lapses; None: there is none."""
        numbers = self.numbers
        return self.blocks[numbers[0]].seconds[0] if numbers else None

    def __iter__(self) -> Iterator[Entry]:
        for number in self.numbers:
            block = self.blocks[number]
            for at_s in block.seconds:
                names = block.names[at_s]
                for name in (names,) if isinstance(names, str) else names:
                    yield at_s, name
