"""What one organization's requests and labels teach, and which model it should have."""

from __future__ import annotations

from hashlib import sha256
from typing import NamedTuple

from schemas.boosted import decode_model, encode_model
from schemas.decisions import Decision, Score
from schemas.effects import ModelTaken, PaymentLabelled
from schemas.event import Label
from schemas.reasons import Outcome
from streams.core.calendar import epoch_s
from streams.scoring.boosted import not_of
from streams.scoring.features import NAMES
from streams.scoring.learning.learner import BoostedLearner
from streams.scoring.letters import bins_of

DAY_S = 86_400
# What waits for its label; more are taken for good before their time. 200 bytes each.
WAITING_MAX = 300_000
_JUDGED = (Outcome.APPROVED, Outcome.PARTIALLY_APPROVED, Outcome.DECLINED)


class Published(NamedTuple):
    """A model as it is published. A later one has a higher version; of equal ones the digest decides."""

    version: int
    digest: str
    content: bytes


class _Waiting(NamedTuple):
    """A request without a label: when it was asked, its features, and its score."""

    at_s: int
    bins: bytes
    scored: float


class _Line:
    """One partition's part. `department_id`: that models are sent to; `last`: of its decisions.

    `taken`: the digest of the model in force there. Whatever waits for a label waits in the order of asking.
    """

    def __init__(self, department_id: str, last: Decision) -> None:
        self.department_id = department_id
        self.last = last
        self.taken = ""
        self.now_s = 0
        self.waiting: dict[str, _Waiting] = {}


class OrganizationLearner:
    """Takes an organization's decisions in the order of each partition. No clock: time is that of events.

    A request that nobody has labelled after `labels_late_days` is taken for good: labels of good requests
    are as rare as those of fraud are late.

    `unusable`: of models that others put in force and no program of this version can use, each once, why;
    the stream goes on with what was in force before. `other_features`: requests whose features another
    version made, from which this one learns nothing.
    """

    def __init__(self, labels_late_days: int) -> None:
        self.learner = BoostedLearner(careful=True)
        self.newest: Published | None = None
        self.unusable: dict[str, str] = {}
        self.other_features = 0
        self._late_s = labels_late_days * DAY_S
        self._lines: dict[int, _Line] = {}

    def take(self, decision: Decision) -> None:
        """One more of its decisions."""
        if decision.duplicate_of is not None or decision.outcome is Outcome.REJECTED:
            return
        assert decision.occurred_at and decision.department_id
        line = self._lines.get(decision.partition)
        if line is None:
            line = self._lines[decision.partition] = _Line(decision.department_id, decision)
        if line.department_id == decision.department_id:
            line.last = decision
        at_s = epoch_s(decision.occurred_at)
        line.now_s = max(line.now_s, at_s)
        score = decision.score
        if score is not None and score.features and decision.outcome in _JUDGED:
            self._wait(line, _name(decision, decision.authorization_id), at_s, score)
        for effect in decision.effects:
            if isinstance(effect, PaymentLabelled):
                self._label(line, _name(decision, effect.authorization_id), effect.label)
            elif isinstance(effect, ModelTaken):
                self._adopt(line, effect)

    def refit_if_due(self) -> Published | None:
        """A new model, where enough has been learned since the last one, and it is better than that."""
        day = self._day
        if not self.learner.due(day):
            return None
        model = self.learner.refit(day)
        if model is None:
            return None
        content = encode_model(model)
        self.newest = Published(model.version, sha256(content).hexdigest(), content)
        return self.newest

    def lacking(self) -> dict[int, tuple[str, Decision]]:
        """Partitions that have another model than the newest: a department there, and its last decision."""
        newest = self.newest
        return {
            partition: (line.department_id, line.last)
            for partition, line in sorted(self._lines.items())
            if newest is not None and line.taken != newest.digest
        }

    @property
    def _day(self) -> int:
        return max((line.now_s for line in self._lines.values()), default=0) // DAY_S

    def _wait(self, line: _Line, name: str, at_s: int, score: Score) -> None:
        """For its label."""
        if len(score.features) != len(NAMES):
            self.other_features += 1
            return
        line.waiting[name] = _Waiting(at_s, bins_of(score.features), score.value)
        self._mature(line)

    def _mature(self, line: _Line) -> None:
        """What waits longest is first: what is late by then is taken for good."""
        waiting, until_s = line.waiting, line.now_s - self._late_s
        while waiting:
            name = next(iter(waiting))
            if waiting[name].at_s > until_s and len(waiting) <= WAITING_MAX:
                return
            found = waiting.pop(name)
            self.learner.learn(found.bins, False, name, found.scored)

    def _label(self, line: _Line, name: str, label: Label) -> None:
        found = line.waiting.get(name)
        if found is None:
            self.learner.relabel(name, label)
        elif label != "unsure":
            del line.waiting[name]
            self.learner.learn(found.bins, label == "fraud", name, found.scored)

    def _adopt(self, line: _Line, effect: ModelTaken) -> None:
        """A model is in force: by this learner, by one before it, or by another one beside it."""
        model = decode_model(effect.model)
        found = Published(model.version, effect.digest, effect.model)
        if not_of(model, NAMES):  # the stream does not take it over either
            self.unusable[effect.digest] = self.learner.adopt(model, self._day)
            return
        line.taken = effect.digest
        if self.newest is None or found > self.newest:
            self.newest = found
            self.learner.adopt(model, self._day)


def _name(decision: Decision, authorization_id: str | None) -> str:
    return f"{decision.department_id}/{authorization_id}"
