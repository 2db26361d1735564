"""The learner: takes labelled requests in the log's order, and fits a new model when it is worth it."""

from __future__ import annotations

import math
from collections import deque

from schemas.boosted import BoostedModel
from schemas.event import Label
from streams.scoring.boosted import TreeScorer
from streams.scoring.features import NAMES
from streams.scoring.learning.calibrate import platt
from streams.scoring.learning.sample import LabelledSample
from streams.scoring.learning.trees import TREES, fit

FRAUDS_MIN = 20
# A tenth more frauds, or four weeks: so the work for each label stays the same, however many there are.
GROWTH = 1.1
DAYS_MAX = 28
CALIBRATED_ON = 30_000


class BoostedLearner:
    """One thread; no clock: days are event time. Holds the sample, and the model that is in force."""

    def __init__(self, *, growth: float = GROWTH, days_max: int = DAYS_MAX, trees: int = TREES) -> None:
        self.sample = LabelledSample()
        self.scorer: TreeScorer | None = None
        self.fits = 0
        self._growth = growth
        self._days_max = days_max
        self._trees = trees
        self._fitted_frauds = 0
        self._fitted_day = 0
        self._judged: deque[tuple[float, bool]] = deque(maxlen=CALIBRATED_ON)

    def learn(self, bins: bytes, fraud: bool, name: str = "") -> None:
        """One more labelled request. It first judges the model in force: so its successor is calibrated.

        `name`: by which `relabel` may find it.
        """
        if self.scorer is not None:
            self._judged.append((self.scorer.raw(bins), fraud))
        self.sample.add(bins, fraud, name)

    def relabel(self, name: str, label: Label) -> None:
        """A later label takes the place of an earlier one; "unsure" takes it back."""
        bins = self.sample.take_out(name)
        if bins is not None and label != "unsure":
            self.sample.add(bins, label == "fraud", name)

    def adopt(self, model: BoostedModel, day: int) -> None:
        """This model is in force: the next one is due when more is known than it knew."""
        self.scorer = TreeScorer(model, NAMES)
        self.fits = max(self.fits, model.version)
        self._fitted_frauds, self._fitted_day = model.fitted[1], day

    def due(self, day: int) -> bool:
        """Whether to fit a model: a tenth more frauds than the last one knew, or four weeks later."""
        frauds = self.sample.seen_frauds
        if frauds < FRAUDS_MIN or not self.sample.others:
            return False
        if self.scorer is None:
            return True
        return frauds >= self._growth * self._fitted_frauds or day >= self._fitted_day + self._days_max

    def refit(self, day: int) -> BoostedModel | None:
        """A new model, which is in force from here on; None where the sample gives nothing to ask."""
        sample = self.sample
        self._fitted_frauds, self._fitted_day = sample.seen_frauds, day
        trees = fit(list(sample.frauds.values()), sample.others, self._trees)
        if not trees:
            return None
        self.fits += 1
        slope, intercept = platt(self._judged, math.log(sample.odds_factor))
        counts = (sample.seen_frauds + sample.seen_others, sample.seen_frauds)
        model = BoostedModel(self.fits, NAMES, trees, slope, intercept, counts)
        self.scorer = TreeScorer(model, NAMES)
        return model
