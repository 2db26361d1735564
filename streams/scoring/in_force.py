"""A published model in force for one organization: its scores, what it flags, and why."""

from __future__ import annotations

import math
from typing import Final

from schemas.boosted import BoostedModel, decode_model
from schemas.decisions import PROBABILITIES, Contribution, Score
from streams.scoring.alerts import AlertLevel
from streams.scoring.boosted import TreeScorer
from streams.scoring.features import NAMES
from streams.scoring.wording import contributions

# Of a probability in the log: frauds are a few in a thousand requests, and the order of the others matters.
DIGITS: Final = 6
# Of logits, on which the share that is flagged is counted: a probability of 3e-7 and less is none.
LOGIT_MAX: Final = 15.0
# Until enough requests were scored to know which share lies above what.
FLAGGED_FROM: Final = 0.5


class InForce:
    """One model. `level`: which values its requests had; it outlives models, for all are probabilities."""

    def __init__(self, content: bytes, digest: str, level: AlertLevel, warm_up: int) -> None:
        """Raises UnusableModel: these bytes are no model of today's features."""
        model: BoostedModel = decode_model(content)
        self.content = content
        self.digest = digest
        self.version = version_of(model.version, digest)
        self.level = level
        self._trees = TreeScorer(model, NAMES)
        self._warm_up = warm_up

    def score(self, bins: bytes, features: str) -> Score:
        """The probability of fraud, as far as this model knows. `features`: the bins as they are told."""
        raw = self._trees.raw(bins)
        if not math.isfinite(raw):  # a probability of it would be 0, and look like one
            raise ValueError("the sum of the trees is no number")
        value = round(self._trees.probability(raw), DIGITS)
        level = self.level
        known = level.seen >= self._warm_up
        flagged = place_of(value) >= level.threshold if known else value >= FLAGGED_FROM
        why = self._reasons(bins) if flagged else ()
        return Score(value, PROBABILITIES, self.version, flagged, why, features)

    def learn(self, value: float) -> None:
        """A request had this value."""
        self.level.learn(place_of(value))

    def _reasons(self, bins: bytes) -> tuple[Contribution, ...]:
        """In logits: with what lowers the score, and what the trees say of any request, they add up to it."""
        _, moved = self._trees.contributions(bins)
        return contributions(bins, moved, self._trees.model.slope)


def version_of(version: int, digest: str) -> str:
    """As scores name it: the number, which people count by, and the digest, which is the model's own."""
    return f"{version}.{digest[:12]}"


def place_of(value: float) -> float:
    """A probability's place between 0 and 1 on the scale of logits."""
    if value <= 0.0:
        return 0.0
    if value >= 1.0:
        return 1.0
    return min(1.0, max(0.0, (math.log(value / (1.0 - value)) / LOGIT_MAX + 1.0) / 2.0))
