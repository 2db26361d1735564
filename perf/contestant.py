"""What takes part in a comparison: a name, and a way to play one round."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from perf.rounds import DURABILITIES, Durability, Round

#: Plays one round of so many seconds in a class of durability, from the same beginning each time.
Play = Callable[[Durability, float], Round]


@dataclass(frozen=True)
class Contestant:
    """`rival`: its family, such as `row-locks`; None: ours. `classes`: in which it can take part.

    `conditions`: what it is given, and what it lacks, in one sentence.
    """

    name: str
    rival: str | None
    play: Play
    conditions: str = ""
    classes: tuple[Durability, ...] = DURABILITIES
