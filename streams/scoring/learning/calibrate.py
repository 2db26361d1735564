"""From a sum of trees to a probability: Platt's two numbers, from what was scored before it was learned."""

from __future__ import annotations

import math
from collections.abc import Iterable

FRAUDS_MIN = 30
STEPS_MAX = 50
# A prior of the slope, as strong as about ten requests: few frauds must not turn the scale over.
SLOPE_PRIOR = 10.0


def platt(pairs: Iterable[tuple[float, bool]], offset: float) -> tuple[float, float]:
    """Slope and intercept by Newton's method (Lin, Lin and Weng, 2007); `pairs`: sum of trees, whether fraud.

    With fewer frauds than FRAUDS_MIN: slope 1 and `offset`, which corrects for the sampling alone.
    """
    rows = list(pairs)
    frauds = sum(fraud for _, fraud in rows)
    if frauds < FRAUDS_MIN or frauds == len(rows):
        return 1.0, offset
    slope, intercept = 1.0, offset
    for _ in range(STEPS_MAX):
        g_slope, g_intercept = SLOPE_PRIOR * (slope - 1.0), 0.0
        h_slope, h_both, h_intercept = SLOPE_PRIOR, 0.0, 1e-9
        for raw, fraud in rows:
            p = 1.0 / (1.0 + math.exp(-min(30.0, max(-30.0, slope * raw + intercept))))
            error, weight = p - fraud, p * (1.0 - p)
            g_slope += error * raw
            g_intercept += error
            h_slope += weight * raw * raw
            h_both += weight * raw
            h_intercept += weight
        determinant = h_slope * h_intercept - h_both * h_both
        d_slope = (h_intercept * g_slope - h_both * g_intercept) / determinant
        d_intercept = (h_slope * g_intercept - h_both * g_slope) / determinant
        slope, intercept = slope - _bounded(d_slope), intercept - _bounded(d_intercept)
        if abs(d_slope) + abs(d_intercept) < 1e-6:
            break
    return max(0.1, slope), intercept


def _bounded(step: float) -> float:
    """Newton's first steps may be wild where frauds are rare."""
    return max(-2.0, min(2.0, step))
