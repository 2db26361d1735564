"""Whether a new model is better than the one in force: on labels that neither has learned from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

#: Fewer frauds say nothing: then the new model, which knows more, is taken unjudged.
JUDGED_FRAUDS_MIN: Final = 10
NO_LABELS: Final = "the score without labels"
IN_FORCE: Final = "the model in force"


class Unseen(NamedTuple):
    """A labelled request that what scored it has not learned from.

    `raw`: the model in force's sum of trees for it; before the first model, the score without labels.
    """

    bins: bytes
    raw: float
    fraud: bool


class Judgement(NamedTuple):
    """Average precisions on so many of the newest labels, `frauds` of them fraud.

    `before`: what the new model would take the place of. Of too few nothing is known: both are None, and the
    new one is taken unjudged.
    """

    before: str
    requests: int
    frauds: int
    new: float | None = None
    in_force: float | None = None

    @property
    def unjudged(self) -> bool:
        """Whether there was too little to compare."""
        return self.new is None or self.in_force is None

    @property
    def better(self) -> bool:
        """Whether the new one is taken. A first one that is as good is: it says probabilities."""
        if self.new is None or self.in_force is None:
            return True
        return self.new > self.in_force or (self.new == self.in_force and self.before == NO_LABELS)

    def sentence(self) -> str:
        """For a person."""
        if self.new is None or self.in_force is None:
            return f"{self.frauds} frauds that {self.before} has not learned from are too few to compare"
        on = f"on the newest {self.requests:,} labels with {self.frauds:,} frauds"
        how = "more" if self.new > self.in_force else "no more"
        return f"average precision {self.new:.3f} {on}, {how} than {self.in_force:.3f} of {self.before}"


def newest(unseen: Sequence[Unseen]) -> Sequence[Unseen]:
    """Those that have half of the frauds: both are judged on them; from those before the new one learns."""
    wanted = (sum(one.fraud for one in unseen) + 1) // 2
    at = len(unseen)
    while wanted and at:
        at -= 1
        wanted -= unseen[at].fraud
    return unseen[at:]


def judged(before: str, unseen: Sequence[Unseen], new: Iterable[float]) -> Judgement:
    """`new`: sums of trees of the new model for the same requests."""
    frauds = sum(one.fraud for one in unseen)
    raws = list(new)
    return Judgement(
        before,
        len(unseen),
        frauds,
        average_precision([(raw, one.fraud) for raw, one in zip(raws, unseen, strict=True)]),
        average_precision([(one.raw, one.fraud) for one in unseen]),
    )


def average_precision(pairs: Iterable[tuple[float, bool]]) -> float:
    """Of scores, the higher the more suspect, and whether it was fraud. What is level counts as one step.

    0 where there is no fraud.
    """
    rows = sorted(pairs, reverse=True)
    frauds = sum(fraud for _, fraud in rows)
    found = seen = 0
    total, at = 0.0, 0
    while at < len(rows):
        before, score = found, rows[at][0]
        while at < len(rows) and rows[at][0] == score:
            found += rows[at][1]
            at += 1
        seen = at
        total += (found - before) * found / seen
    return total / frauds if frauds else 0.0
