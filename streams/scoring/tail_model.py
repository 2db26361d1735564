"""The model that needs no labels: how far out in their tails a request's few numbers are, summed."""

from __future__ import annotations

import operator
from typing import Any, Final

import msgspec
from river import compose

from schemas.decisions import Contribution, Decision, Score
from schemas.events import AuthorizationRequested
from schemas.ids import department_key
from streams.core.history import CardHistory
from streams.scoring.surprise import (
    BINS,
    VALUE_BINS,
    Counts,
    Seen,
    TailSurprise,
    TotalSurprise,
)
from streams.scoring.tails import NO_BASELINE, NO_CARD, Baseline, extract
from streams.scoring.words import tail_words

MODEL: Final = "tail-surprise"
# Raise it with every change of features, bins or constants: snapshots of another version are refused.
VERSION: Final = "1"

REASONS_MAX: Final = 3
# Of numbers in the log. A value of 0.9 moves by 0.0001 for each 0.04 of total surprise.
DIGITS: Final = 4
# Of what a snapshot may hold: more than any log has, and more than any amount's logarithm (10^15: 34.5).
COUNT_MAX: Final = 10**15
LOG_MAX: Final = 100.0


class UnusableSnapshot(ValueError):
    """Bytes that are no snapshot of this model and version: learn again from the decisions instead."""


class TailState(msgspec.Struct, forbid_unknown_fields=True):
    """The whole model: counts and baselines, from which all else is derived."""

    model: str
    version: str
    seen: int
    features: dict[str, Counts]
    values: Counts
    baselines: dict[str, Baseline]


class TailModel:
    """Scores and learns one partition's requests: one for all its departments, for a small one would take
    years to learn; what is the department's own, its usual amounts, is in its baseline.
    """

    def __init__(self, alerts: float, warm_up: int) -> None:
        """`alerts`: the share of requests to flag, 0..1, once `warm_up` requests have been learned."""
        if not 0.0 < alerts < 1.0:
            raise ValueError(f"alerts is {alerts}, but must lie between 0 and 1")
        self.warm_up = warm_up
        self._surprise = TailSurprise()
        self._total = TotalSurprise(alerts)
        self.pipeline = compose.Pipeline(self._surprise, self._total)
        self._baselines: dict[str, Baseline] = {}
        # The last request's features and what they were made of: `learn` follows `score` on the hot path.
        self._made: tuple[Any, ...] = ()
        self._features: Seen = {}

    @property
    def threshold(self) -> float:
        """The value from which on a request is flagged; infinite until enough has been learned."""
        return self._total.threshold

    @property
    def seen(self) -> int:
        """How many requests were learned."""
        return self._total.seen

    def score(self, history: CardHistory | None, event: AuthorizationRequested, features: str = "") -> Score:
        """How unusual the request is, given the card's history before it. `features`: to be told with it."""
        history = history or NO_CARD
        key = department_key(event.organization_id, event.department_id)
        baseline = self._baselines.get(key, NO_BASELINE)
        moment, amount, merchant = (
            event.occurred_at,
            event.amount.minor,
            event.merchant.name,
        )
        seen = extract(history, baseline, moment, amount, merchant)
        self._made = (history, history.count, baseline, moment, amount, merchant)
        self._features = seen
        value = self.pipeline.score_one(seen)
        flagged = value >= self._total.threshold and self._total.seen >= self.warm_up
        return Score(
            round(value, DIGITS),
            MODEL,
            VERSION,
            flagged,
            self._reasons(seen) if flagged else (),
            features,
        )

    def learn(self, history: CardHistory | None, decision: Decision) -> None:
        """Learn from a decided request that has a score, with the card's history before it."""
        history = history or NO_CARD
        assert decision.organization_id and decision.department_id and decision.occurred_at
        assert decision.amount and decision.score
        key = department_key(decision.organization_id, decision.department_id)
        baseline = self._baselines.get(key, NO_BASELINE)
        moment, amount = decision.occurred_at, decision.amount
        merchant = decision.merchant.name if decision.merchant else ""
        if not self._made or not self._are_of(history, history.count, baseline, moment, amount, merchant):
            self._features = extract(history, baseline, moment, amount, merchant)
        self._made = ()
        # Not `pipeline.learn_one`, which transforms once more: the recorded value is at hand, and it is
        # what replay has. 2 us of each event.
        self._surprise.learn_one(self._features)
        self._total.learn_value(decision.score.value)
        if baseline is NO_BASELINE:
            baseline = self._baselines[key] = Baseline()
        baseline.observe(amount)

    def state(self) -> TailState:
        """The model as plain data: about 14 kB of JSON, and 60 bytes for each department."""
        return TailState(
            MODEL, VERSION, self.seen, self._surprise.counts, self._total.counts, self._baselines
        )

    def load(self, state: TailState) -> None:
        """Become the model of a snapshot, whatever was learned before.

        Raises:
            UnusableSnapshot: it is of another model or version, or impossible; this model stays as it was.
        """
        check(state)
        self._surprise.load({name: state.features[name] for name in BINS}, state.seen)
        self._total.load(state.values, state.seen)
        self._baselines = state.baselines
        self._made = ()

    def _are_of(self, *made: Any) -> bool:
        """Whether the features at hand were made of this, so that making them again gives the same."""
        return len(self._made) == len(made) and all(map(operator.is_, self._made, made))

    def _reasons(self, seen: Seen) -> tuple[Contribution, ...]:
        """The features that surprised most, the largest first; those that did not are left out.

        Only of flagged requests: 4 us for one in a hundred, and 300 bytes of the log for those that people
        look at.
        """
        surprises = self._surprise.transform_one(seen)
        ranked = sorted(BINS, key=surprises.__getitem__, reverse=True)[:REASONS_MAX]
        return tuple(
            Contribution(
                name,
                round(seen[name], DIGITS),
                round(surprises[name], DIGITS),
                tail_words(name, seen[name]),
            )
            for name in ranked
            if surprises[name] > 0
        )


def check(found: TailState) -> None:
    """Raises UnusableSnapshot unless the counts fit the model: a snapshot may hold any number."""
    if (found.model, found.version) != (MODEL, VERSION):
        raise UnusableSnapshot(f"a snapshot of {found.model} {found.version}, not of {MODEL} {VERSION}")
    if found.features.keys() != BINS.keys():
        raise UnusableSnapshot(f"its features are {sorted(found.features)}")
    columns = [(name, found.features[name], bins.count) for name, bins in BINS.items()]
    for name, column, bins in [*columns, ("values", found.values, VALUE_BINS)]:
        check_counts(name, column, bins, found.seen)
    for department, baseline in found.baselines.items():
        if not (
            baseline.count >= 0 and abs(baseline.mean) <= LOG_MAX and 0 <= baseline.variance <= LOG_MAX**2
        ):
            raise UnusableSnapshot(f"the baseline of {department} is {baseline}")


def check_counts(name: str, column: Counts, bins: int, seen: int) -> None:
    """Raises UnusableSnapshot unless these are counts of so many bins."""
    if len(column.old) != bins or len(column.new) != bins:
        raise UnusableSnapshot(f"{name} has {len(column.old)} and {len(column.new)} bins, not {bins}")
    for count in (*column.old, *column.new, seen):
        if not 0 <= count <= COUNT_MAX:
            raise UnusableSnapshot(f"{name} has a count of {count}")
