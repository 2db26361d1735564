"""The learner: takes labelled requests in the log's order, and fits a new model when it is worth it."""

from __future__ import annotations

import math
from collections import deque

from schemas.boosted import BoostedModel
from schemas.event import Label
from streams.scoring.boosted import TreeScorer, not_of
from streams.scoring.features import NAMES
from streams.scoring.learning.calibrate import platt
from streams.scoring.learning.judge import (
    IN_FORCE,
    JUDGED_FRAUDS_MIN,
    NO_LABELS,
    Judgement,
    Unseen,
    judged,
    newest,
)
from streams.scoring.learning.sample import LabelledSample
from streams.scoring.learning.trees import TREES, fit

FRAUDS_MIN = 20
# A tenth more frauds, or four weeks: so the work for each label stays the same, however many there are.
GROWTH = 1.1
DAYS_MAX = 28
CALIBRATED_ON = 30_000


class BoostedLearner:
    """One thread; no clock: days are event time. Holds the sample, and the model that is in force.

    `careful`: a new model is taken only where it is better on the newest labels, from which neither it nor
    what it would take the place of has learned: the model in force, or the score without labels before the
    first. Else always.
    """

    def __init__(
        self,
        *,
        growth: float = GROWTH,
        days_max: int = DAYS_MAX,
        trees: int = TREES,
        careful: bool = False,
    ) -> None:
        self.sample = LabelledSample()
        self.scorer: TreeScorer | None = None
        self.fits = 0
        self.judgement: Judgement | None = None
        self._careful = careful
        self._unseen: dict[str, Unseen] = {}
        self._growth = growth
        self._days_max = days_max
        self._trees = trees
        self._fitted_frauds = 0
        self._fitted_day = 0
        self._judged: deque[tuple[float, bool]] = deque(maxlen=CALIBRATED_ON)

    def learn(self, bins: bytes, fraud: bool, name: str = "", scored: float | None = None) -> None:
        """One more labelled request. It first judges the model in force: so its successor is calibrated.

        `name`: by which `relabel` may find it. `scored`: what the stream said of it; the first model is
        judged by that.
        """
        raw = scored
        if self.scorer is not None:
            raw = self.scorer.raw(bins)
            self._judged.append((raw, fraud))
        if self._careful and raw is not None:
            self._unseen[name or f"#{self.sample.seen}"] = Unseen(bins, raw, fraud)
            if len(self._unseen) > CALIBRATED_ON:
                del self._unseen[next(iter(self._unseen))]
        self.sample.add(bins, fraud, name)

    def relabel(self, name: str, label: Label) -> None:
        """A later label takes the place of an earlier one; "unsure" takes it back."""
        unseen = self._unseen.pop(name, None)
        if unseen is not None and label != "unsure":
            self._unseen[name] = unseen._replace(fraud=label == "fraud")
        bins = self.sample.take_out(name)
        if bins is not None and label != "unsure":
            self.sample.add(bins, label == "fraud", name)

    def adopt(self, model: BoostedModel, day: int) -> str:
        """This model is in force: the next one is due when more is known than it knew.

        Returns why it is not, for a person, where it is of other features: what was in force stays so, in
        the stream as here. Empty: it is.
        """
        why = not_of(model, NAMES)
        if why:
            self.fits = max(self.fits, model.version)  # no number twice
            return why
        self.scorer = TreeScorer(model, NAMES)
        self._unseen.clear()
        self.fits = max(self.fits, model.version)
        self._fitted_frauds, self._fitted_day = model.fitted[1], day
        return ""

    def due(self, day: int) -> bool:
        """Whether to fit a model: a tenth more frauds than the last one knew, or four weeks later."""
        frauds = self.sample.seen_frauds
        if frauds < FRAUDS_MIN or not self.sample.others:
            return False
        if not self._fitted_frauds:
            return True
        return frauds >= self._growth * self._fitted_frauds or day >= self._fitted_day + self._days_max

    def refit(self, day: int) -> BoostedModel | None:
        """A new model, which is in force from here on; None where the sample gives nothing to ask, or where
        it is no better than what it would take the place of: `judgement` says why."""
        sample = self.sample
        self._fitted_frauds, self._fitted_day = sample.seen_frauds, day
        trees = fit(list(sample.frauds.values()), sample.others, self._trees)
        if not trees:
            return None
        self.judgement = self._judge()
        if self.judgement is not None and not self.judgement.better:
            return None
        self.fits += 1
        slope, intercept = platt(self._judged, math.log(sample.odds_factor))
        counts = (sample.seen_frauds + sample.seen_others, sample.seen_frauds)
        model = BoostedModel(self.fits, NAMES, trees, slope, intercept, counts)
        self.scorer = TreeScorer(model, NAMES)
        self._unseen.clear()
        return model

    def _judge(self) -> Judgement | None:
        """Of a model that knows the newest labels as little as the one in force does, on these."""
        if not self._careful:
            return None
        against = IN_FORCE if self.scorer is not None else NO_LABELS
        held_back = newest(list(self._unseen.values()))
        frauds = sum(one.fraud for one in held_back)
        ids = {id(one.bins) for one in held_back}
        known = [bins for bins in self.sample.frauds.values() if id(bins) not in ids]
        others = [bins for bins in self.sample.others if id(bins) not in ids]
        if frauds < JUDGED_FRAUDS_MIN or frauds == len(held_back) or not known or not others:
            return Judgement(against, len(held_back), frauds)
        counts = (len(known) + len(others), len(known))
        before = BoostedModel(0, NAMES, fit(known, others, self._trees), 1.0, 0.0, counts)
        new = TreeScorer(before, NAMES)
        return judged(against, held_back, (new.raw(one.bins) for one in held_back))
