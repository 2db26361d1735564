"""Exact percentiles. No interpolation: each is a value that was measured."""

from __future__ import annotations

import math
from collections.abc import Sequence


def percentile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` (0..1) of the `ordered` values do not exceed: nearest rank.

    Raises:
        ValueError: there are no values, or `share` is outside 0..1.
    """
    if not ordered or not 0.0 <= share <= 1.0:
        raise ValueError(f"no percentile {share} of {len(ordered)} values")
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def median(values: Sequence[float]) -> float:
    """The lower of the two in the middle."""
    return percentile(sorted(values), 0.5)
