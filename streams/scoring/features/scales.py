"""Scales: how a number becomes one of 64 bins. All clamp at both ends; none can fail."""

from __future__ import annotations

from typing import Final

#: Where no more and no less than usual lies, on scales with two sides.
MIDDLE: Final = 32


def clamp(place: int) -> int:
    """Into 0 .. 63."""
    return place if 0 <= place <= 63 else 0 if place < 0 else 63


def two_sided(steps: int) -> int:
    """A difference of levels: eighths of a doubling, 32 is none."""
    return clamp((steps >> 3) + MIDDLE)


def long_scale(count: int) -> int:
    """Counts and seconds from 0 on: 0 .. 3 as they are, then about four bins to each doubling.

    Exact in whole numbers: 3 -> 3, 7 -> 7, 8 -> 8, 60 -> 19, 3,600 -> 43, 86,400 -> 61. Days go up to 63.
    """
    return _LONG[count] if 0 <= count < _LONG_MAX else _long(count)


def _long(count: int) -> int:
    if count < 8:
        return count if count > 0 else 0
    doublings = count.bit_length() - 1
    return min(63, 4 * doublings - 4 + ((count >> doublings - 2) & 3))


# 17 of them for each request, of which nearly all are small: half a microsecond less for each.
_LONG_MAX: Final = 1024
_LONG: Final = bytes(map(_long, range(_LONG_MAX)))


def share(part: int, whole: int) -> int:
    """In 63rds; of nothing: 0."""
    return clamp(63 * part // whole) if whole else 0
