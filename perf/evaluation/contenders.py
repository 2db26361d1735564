"""Who competes: all see the same features, in the same order, and the same labels, equally late."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from river import anomaly, linear_model, optim

from streams.scoring.boosted import TreeScorer
from streams.scoring.cold import ColdStart
from streams.scoring.features import NAMES
from streams.scoring.learning.learner import BoostedLearner
from streams.scoring.learning.trees import can_fit

BOOSTED = "boosted, geometric refits"
_CARD = NAMES.index("amount_for_card")


class SeenRequest(NamedTuple):
    """A request as contenders see it."""

    day: int
    amount: int
    bins: bytes


class Contender(Protocol):
    """`score` when a request comes; `learn` when its label does. `probability`: whether scores are some."""

    probability: bool

    def score(self, seen: SeenRequest) -> float: ...
    def learn(self, seen: SeenRequest, fraud: bool) -> None: ...
    def day(self, day: int) -> None:
        """A day begins."""


class AmountAlone:
    """The larger the odder. Learns nothing."""

    probability = False

    def score(self, seen: SeenRequest) -> float:
        return float(seen.amount)

    def learn(self, seen: SeenRequest, fraud: bool) -> None: ...
    def day(self, day: int) -> None: ...


class AmountForCard(AmountAlone):
    """Standard deviations above the card's usual amount: the z-score that spreadsheets have."""

    def score(self, seen: SeenRequest) -> float:
        return float(seen.bins[_CARD])


class Trees(AmountAlone):
    """River's half-space trees, 25 of them, on bins divided by 64. They need no labels."""

    def __init__(self) -> None:
        limits: dict[Any, tuple[float, float]] = dict.fromkeys(range(len(NAMES)), (0.0, 1.0))
        self._model: Any = anomaly.HalfSpaceTrees(25, 8, limits=limits, seed=42)

    def score(self, seen: SeenRequest) -> float:
        features: dict[Any, float] = {place: one / 64 for place, one in enumerate(seen.bins)}
        score = float(self._model.score_one(features))
        self._model.learn_one(features)
        return score


class NoLabels(AmountAlone):
    """The summed surprise of a few features' tails."""

    def __init__(self) -> None:
        self._model = ColdStart()

    def score(self, seen: SeenRequest) -> float:
        score = self._model.value(seen.bins)
        self._model.learn(seen.bins, score)
        return score


class OnlineLogistic:
    """River's logistic regression on one member for each feature's bin, learned label by label."""

    probability = True

    def __init__(self) -> None:
        self._model: Any = linear_model.LogisticRegression(optim.SGD(0.01), l2=1e-6)

    def score(self, seen: SeenRequest) -> float:
        return float(self._model.predict_proba_one(_one_hot(seen.bins)).get(True, 0.0))

    def learn(self, seen: SeenRequest, fraud: bool) -> None:
        self._model.learn_one(_one_hot(seen.bins), fraud)

    def day(self, day: int) -> None: ...


def _one_hot(bins: bytes) -> dict[Any, float]:
    return {64 * place + one: 1.0 for place, one in enumerate(bins)}


class Boosted:
    """Trees that are fitted again as labels come: `growth` more frauds, or after `days_max`."""

    probability = True

    def __init__(self, growth: float | None = None, days_max: int | None = None) -> None:
        settings: dict[str, Any] = {"growth": growth, "days_max": days_max}
        self.learner = BoostedLearner(**{name: one for name, one in settings.items() if one is not None})

    def score(self, seen: SeenRequest) -> float:
        scorer = self.learner.scorer
        if scorer is None:  # below any probability, but in order: until the first model the amount decides
            return seen.bins[_CARD] * 1e-6
        return scorer.probability(scorer.raw(seen.bins))

    def learn(self, seen: SeenRequest, fraud: bool) -> None:
        self.learner.learn(seen.bins, fraud)

    def day(self, day: int) -> None:
        if self.learner.due(day):
            self.learner.refit(day)


class WeeklyBatch(Boosted):
    """The same trees, fitted once a week on everything labelled so far: what a nightly job would do."""

    def __init__(self) -> None:
        super().__init__(growth=1e9, days_max=7)


def contenders(names: list[str] | None = None) -> dict[str, Contender]:
    """Fresh ones by name, the one that is meant for production last."""
    found: dict[str, Any] = {
        "amount alone": AmountAlone,
        "z-score of the card": AmountForCard,
        "half-space trees": Trees,
        "summed surprise, no labels": NoLabels,
        "online logistic regression": OnlineLogistic,
    }
    if can_fit():
        found |= {"weekly batch boosting": WeeklyBatch, BOOSTED: Boosted}
    return {name: make() for name, make in found.items() if names is None or name in names}


def scorer_of(contender: Contender) -> TreeScorer | None:
    """What a contender would publish."""
    return contender.learner.scorer if isinstance(contender, Boosted) else None
