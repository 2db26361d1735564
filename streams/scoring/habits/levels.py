"""Amounts as levels: logarithms in whole numbers, so that what is remembered is the same in every process."""

from __future__ import annotations

import math
from typing import Final

import msgspec

#: Steps of a level for each doubling of the amount: one is 1.1 %.
STEPS: Final = 64
# Of the means: a sixteenth of a step, or a habit that moves by less than one would never move.
FINE: Final = 4
#: (28 %)^2 in squared steps: amounts that differ by less are the same amount to somebody who pays both.
VARIANCE_FLOOR: Final = 500


def level(amount_minor: int) -> int:
    """Whole steps of an amount above zero: 1 is 0, 2 is 64, 100 is 425, 10^15 is 3189."""
    return int(math.log2(amount_minor) * STEPS)


class Usual(msgspec.Struct, array_like=True, gc=False):
    """Mean (in sixteenths of a step) and variance (squared steps) of the last levels, plainly at first.

    `count`: how many were seen.
    """

    count: int = 0
    mean: int = 0
    variance: int = 0

    def observe(self, at_level: int, memory: int) -> None:
        """Fold one level, in place; `memory`: how many count in the end."""
        self.count = count = self.count + 1
        step = (at_level << FINE) - self.mean
        if count == 1:
            self.mean = step
            return
        last = count if count < memory else memory
        self.mean += step // last
        self.variance += ((step * step >> 2 * FINE) * (last - 1) // last - self.variance) // last

    def above(self, at_level: int) -> int:
        """Eighths of a standard deviation above the mean; below zero: less than usual. Unknown: 0."""
        if not self.count:
            return 0
        distance = at_level - (self.mean >> FINE)
        return int(8 * distance / math.sqrt(self.variance + VARIANCE_FLOOR))
