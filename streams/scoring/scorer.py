"""The door: a score for a request, learning from decisions, and the model as plain data."""

from __future__ import annotations

import operator
from typing import Any, Final

import msgspec
import structlog
from river import compose

from schemas.decisions import Contribution, Decision, Score
from schemas.events import AuthorizationRequested
from schemas.ids import department_key
from schemas.reasons import Outcome
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

log = structlog.get_logger(__name__)

MODEL: Final = "tail-surprise"
# Raise it with every change of features, bins or constants: snapshots of another version are refused.
VERSION: Final = "1"

# 1,000: at a share of 1 % the threshold rests on ten requests above it.
WARM_UP: Final = 1_000
ALERTS: Final = 0.01
REASONS_MAX: Final = 3
REQUESTED: Final = "authorization.requested"
LEARNED_FROM: Final = (Outcome.APPROVED, Outcome.DECLINED)
# Of numbers in the log. A value of 0.9 moves by 0.0001 for each 0.04 of total surprise.
DIGITS: Final = 4
# Of what a snapshot may hold: more than any log has, and more than any amount's logarithm (10^15: 34.5).
COUNT_MAX: Final = 10**15
LOG_MAX: Final = 100.0


class UnusableSnapshot(ValueError):
    """Bytes that are no snapshot of this model and version: learn again from the decisions instead."""


class Snapshot(msgspec.Struct, forbid_unknown_fields=True):
    """The whole model: counts and baselines, from which all else is derived."""

    model: str
    version: str
    seen: int
    features: dict[str, Counts]
    values: Counts
    baselines: dict[str, Baseline]


class Scorer:
    """Scores and learns one partition's requests. One thread; deterministic; no clock, no randomness.

    For each request, in the log's order: `score`, decide, `learn`, and only then `observe` in the card's
    history. On recovery: `restore`, then `learn` and `observe` for each decision after the snapshot.
    Neither `score` nor `learn` raises: `failures` counts what went wrong, by kind.

    The model is one for all departments of the partition, for a small one would take years to learn;
    what is the department's own, its usual amounts, is in its baseline.
    """

    model = MODEL
    version = VERSION

    def __init__(self, *, alerts: float = ALERTS, warm_up: int = WARM_UP) -> None:
        """`alerts`: the share of requests to flag, 0..1, once `warm_up` requests have been learned."""
        if not 0.0 < alerts < 1.0:
            raise ValueError(f"alerts is {alerts}, but must lie between 0 and 1")
        self.warm_up = warm_up
        self.failures: dict[str, int] = {}
        self._surprise = TailSurprise()
        self._total = TotalSurprise(alerts)
        self.pipeline = compose.Pipeline(self._surprise, self._total)
        self._baselines: dict[str, Baseline] = {}
        # The last request's features and what they were made of: `learn` follows `score` on the hot path.
        self._made: tuple[Any, ...] = ()
        self._features: Seen = {}

    @property
    def failed(self) -> int:
        """How many requests went without a score or were not learned, because something went wrong."""
        return sum(self.failures.values())

    @property
    def threshold(self) -> float:
        """The value from which on a request is flagged; infinite until enough has been learned."""
        return self._total.threshold

    @property
    def seen(self) -> int:
        """How many requests were learned."""
        return self._total.seen

    def score(self, history: CardHistory | None, event: AuthorizationRequested) -> Score | None:
        """How unusual the request is, given the card's history before it; None when something went wrong."""
        try:
            return self._score(history or NO_CARD, event)
        except Exception as error:  # noqa: BLE001  a score is never worth a decision
            self._failed("score", error)
            return None

    def learn(self, history: CardHistory | None, decision: Decision) -> None:
        """Learn from a decided request, with the card's history before it.

        Nothing is learned from other decisions, from repeats, and from a request that has no score: what
        could not be scored could perhaps not be learned either, and replay must come to the same model.
        """
        if decision.score is None or decision.event_type != REQUESTED:
            return
        if decision.duplicate_of is not None or decision.outcome not in LEARNED_FROM:
            return
        try:
            self._learn(history or NO_CARD, decision)
        except Exception as error:  # noqa: BLE001  a score is never worth a decision
            self._failed("learn", error)

    def snapshot(self) -> bytes:
        """The model as JSON: about 14 kB, and 60 bytes for each department."""
        return msgspec.json.encode(
            Snapshot(
                self.model,
                self.version,
                self.seen,
                self._surprise.counts,
                self._total.counts,
                self._baselines,
            )
        )

    def restore(self, data: bytes) -> None:
        """Become the model of a snapshot, whatever was learned before.

        Raises:
            UnusableSnapshot: it is broken, or of another model or version; this model stays as it was.
        """
        try:
            found = msgspec.json.decode(data, type=Snapshot)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise UnusableSnapshot(f"not a snapshot of a model: {error}") from None
        if (found.model, found.version) != (self.model, self.version):
            raise UnusableSnapshot(
                f"a snapshot of {found.model} {found.version}, not of {self.model} {self.version}"
            )
        _check(found)
        self._surprise.load({name: found.features[name] for name in BINS}, found.seen)
        self._total.load(found.values, found.seen)
        self._baselines = found.baselines
        self._made = ()

    def _score(self, history: CardHistory, event: AuthorizationRequested) -> Score:
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
            self.model,
            self.version,
            flagged,
            self._reasons(seen) if flagged else (),
        )

    def _learn(self, history: CardHistory, decision: Decision) -> None:
        assert decision.organization_id
        assert decision.department_id
        assert decision.occurred_at
        assert decision.amount
        key = department_key(decision.organization_id, decision.department_id)
        baseline = self._baselines.get(key, NO_BASELINE)
        moment, amount = decision.occurred_at, decision.amount
        merchant = decision.merchant.name if decision.merchant else ""
        if not self._made or not self._are_of(history, history.count, baseline, moment, amount, merchant):
            self._features = extract(history, baseline, moment, amount, merchant)
        self._made = ()
        # Not `pipeline.learn_one`, which transforms once more: the recorded value is at hand, and it is
        # what replay has. 2 us of each event.
        assert decision.score
        self._surprise.learn_one(self._features)
        self._total.learn_value(decision.score.value)
        if baseline is NO_BASELINE:
            baseline = self._baselines[key] = Baseline()
        baseline.observe(amount)

    def _are_of(self, *made: Any) -> bool:
        """Whether the features at hand were made of this, so that making them again gives the same."""
        return len(self._made) == len(made) and all(map(operator.is_, self._made, made))

    def _reasons(self, seen: Seen) -> tuple[Contribution, ...]:
        """The features that surprised most, the largest first; those that did not are left out.

        Only of flagged requests: 4 us for one in a hundred, and 150 bytes of the log for those that people
        look at.
        """
        surprises = self._surprise.transform_one(seen)
        ranked = sorted(BINS, key=surprises.__getitem__, reverse=True)[:REASONS_MAX]
        return tuple(
            Contribution(name, round(seen[name], DIGITS), round(surprises[name], DIGITS))
            for name in ranked
            if surprises[name] > 0
        )

    def _failed(self, step: str, error: Exception) -> None:
        kind = f"{step}:{type(error).__name__}"
        self.failures[kind] = self.failures.get(kind, 0) + 1
        if self.failures[kind] == 1:
            # No text of the event: an error's message may quote it.
            log.warning("scoring failed", step=step, error=type(error).__name__)


def _check(found: Snapshot) -> None:
    """Raises UnusableSnapshot unless the counts fit the model: JSON may hold any number."""
    if found.features.keys() != BINS.keys():
        raise UnusableSnapshot(f"its features are {sorted(found.features)}")
    columns = [(name, found.features[name], bins.count) for name, bins in BINS.items()]
    for name, column, bins in [*columns, ("values", found.values, VALUE_BINS)]:
        if len(column.old) != bins or len(column.new) != bins:
            raise UnusableSnapshot(f"{name} has {len(column.old)} and {len(column.new)} bins, not {bins}")
        for count in (*column.old, *column.new, found.seen):
            if not 0 <= count <= COUNT_MAX:
                raise UnusableSnapshot(f"{name} has a count of {count}")
    for department, baseline in found.baselines.items():
        if not (
            baseline.count >= 0 and abs(baseline.mean) <= LOG_MAX and 0 <= baseline.variance <= LOG_MAX**2
        ):
            raise UnusableSnapshot(f"the baseline of {department} is {baseline}")
