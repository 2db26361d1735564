"""Rounds in turn: what one came to, and what may be said of two sides that took turns.

Two classes of durability are never mixed: `memory`, in which neither side waits for the disk, and `disk`, in
which both do. Within a class the sides take turns, so that what else the machine does meets all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from perf.percentiles import median

Durability = Literal["memory", "disk"]
CLASSES: dict[Durability, str] = {
    "memory": "neither side waits for the disk",
    "disk": "both sides wait for the disk",
}
DURABILITIES: tuple[Durability, ...] = ("memory", "disk")
# A rate that ends below this share of what it began with is not steady, so it is no figure.
STEADY_MIN = 0.75
ROUNDS_MIN = 5


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """One side's turn. `cpu_us`: processor microseconds a decision, by process, clients included.

    `slices`: decisions in each of the equal parts of the turn. `others`: the share of the machine's processor
    time that belonged to none of our processes, 0..1.
    """

    decisions: int
    seconds: float
    slices: list[int]
    cpu_us: dict[str, float]
    others: float = 0.0

    @property
    def rate(self) -> float:
        return self.decisions / self.seconds


class Spread(msgspec.Struct, frozen=True):
    """The lowest, the median and the highest of several rounds."""

    low: float
    middle: float
    high: float


class Contest(msgspec.Struct, frozen=True, kw_only=True):
    """All rounds of one contestant in one class. `rival`: its family; None: ours."""

    name: str
    rival: str | None
    rounds: list[Round]
    conditions: str = ""

    @property
    def rates(self) -> list[float]:
        return [one.rate for one in self.rounds]

    @property
    def cpu_us(self) -> float:
        """Processor microseconds a decision of all processes together, the median round."""
        return median([sum(one.cpu_us.values()) for one in self.rounds])


def spread(values: Sequence[float]) -> Spread:
    """
    Raises:
        ValueError: there are no values.
    """
    return Spread(min(values), median(values), max(values))


def ratios(ours: Contest, variants: Sequence[Contest]) -> list[float]:
    """In each turn: our rate by that of the rival's fastest variant in the same turn.

    Not of medians: what slows one turn slows both sides of it, and a rival may choose its variant anew.

    Raises:
        ValueError: there are no variants, or not as many rounds of each; then they took no turns.
    """
    if not variants or any(len(one.rounds) != len(ours.rounds) for one in variants):
        raise ValueError(f"{ours.name} and {[one.name for one in variants]} did not take turns")
    return [own / max(one.rates[turn] for one in variants) for turn, own in enumerate(ours.rates)]


def falls(contest: Contest) -> str | None:
    """Why this contestant's rate is not steady; None when it is.

    From round to round: the median of the last rounds against that of the first, of three of five each, so
    that one round in which a rival wrote a checkpoint is not taken for a fall. Within the rounds: what all
    second halves brought against all first ones; what is only a burst from a cache ends lower. A rival that
    falls has no figure either: a ratio to it would flatter.
    """
    rates = contest.rates
    part = (len(rates) + 1) // 2
    if part and (kept := median(rates[-part:]) / median(rates[:part])) < STEADY_MIN:
        return f"{contest.name}: the last rounds reached {kept:.0%} of the first"
    halves = [
        (sum(one.slices[:n]), sum(one.slices[-n:])) for one in contest.rounds if (n := len(one.slices) // 2)
    ]
    first, second = (sum(half[side] for half in halves) for side in (0, 1))
    if first and (kept := second / first) < STEADY_MIN:
        return f"{contest.name}: the second halves of its rounds reached {kept:.0%} of the first"
    return None
