"""The door: a score for a request, what is learned from decisions, and all of it as plain data."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import msgspec
import structlog

from schemas.decisions import Decision, Score
from schemas.effects import ModelTaken, PaymentLabelled
from schemas.events import AuthorizationRequested, Merchant
from schemas.reasons import Outcome
from streams.core.calendar import epoch_s
from streams.core.paged_map import Pages
from streams.parts import Parts, split
from streams.scoring.alerts import AlertLevel, Counts, UnusableSnapshot
from streams.scoring.cold import MODEL as COLD
from streams.scoring.cold import ColdStart, TailState
from streams.scoring.duplicates import is_odd_repeat, reason
from streams.scoring.features import NAMES, bins
from streams.scoring.habits.cards import CardHabits
from streams.scoring.habits.levels import Usual
from streams.scoring.habits.memory import Habits, Observation, observation
from streams.scoring.habits.places import PlaceHabits
from streams.scoring.in_force import InForce
from streams.scoring.late import Lateness
from streams.scoring.letters import bins_of, letters_of

log = structlog.get_logger(__name__)

# 1,000: at a share of 1 % the threshold rests on ten requests above it.
WARM_UP: Final = 1_000
ALERTS: Final = 0.01
REQUESTED: Final = "authorization.requested"
LEARNED_FROM: Final = (Outcome.APPROVED, Outcome.PARTIALLY_APPROVED, Outcome.DECLINED)
# A score takes 0.05 ms. CPU time of this thread, less what the garbage collector took of it: neither others
# who have the machine nor a large state are the model's fault.
SCORE_NS_MAX: Final = 100_000_000
# After two in a row that took too long so many requests go without: a slow model must not hold up the others.
REST: Final = 1_000
# Of what a snapshot holds beside the models' own versions: raise it with every change of habits.
SHAPE: Final = "spendlog-scoring-3"
_PAGED: Final[dict[str, Any]] = {
    "cards": dict[str, CardHabits],
    "merchants": dict[int, PlaceHabits],
    "categories": dict[int, PlaceHabits],
    "asked": dict[str, bytes],
    "asked_before": dict[str, bytes],
}
_NOTHING: Final = Habits(Usual())
_NOBODY: Final = Merchant("")


class Head(msgspec.Struct, array_like=True):
    """What a snapshot begins with. `models`: of organizations, with the values that theirs had so far."""

    shape: str
    cold: TailState
    models: dict[str, tuple[bytes, str, Counts, int]]


class Scorer:
    """Scores and learns one partition's requests. One thread; deterministic; no randomness.

    For each request, in the log's order: `score`, decide, `learn`; for what else decisions tell `hear`. On
    recovery: `restore`, then the same without `score`. None of them raises: `failures` counts what went
    wrong, by kind.
    """

    def __init__(
        self, *, alerts: float = ALERTS, warm_up: int = WARM_UP, ns_max: float = SCORE_NS_MAX
    ) -> None:
        """`alerts`: the share of requests to flag, 0..1, once `warm_up` requests have been learned.

        `ns_max`: CPU nanoseconds that a score may take; see `streams.scoring.late`.
        """
        self.failures: dict[str, int] = {}
        self.habits: dict[str, Habits] = {}
        self.models: dict[str, InForce] = {}
        self.cold = ColdStart(alerts, warm_up)
        self._alerts, self._warm_up = alerts, warm_up
        self._lateness = Lateness(ns_max)
        self._late = self._rest = 0
        # The last request that was scored, known by its id and moment, as objects: `learn` follows `score`.
        self._asked: tuple[str, datetime, Observation] | None = None

    @property
    def failed(self) -> int:
        """How many requests went without a score or were not learned, because something went wrong."""
        return sum(self.failures.values())

    @property
    def rows(self) -> int:
        """About what a snapshot costs, in rows of the state."""
        return sum(habits.rows for habits in self.habits.values())

    def score(self, event: AuthorizationRequested) -> Score | None:
        """How likely or unusual the request is, as the organization's model says; None: that went wrong."""
        if self._rest:
            self._rest -= 1
            self._count("score:Rest")
            return None
        began_ns = self._lateness.begin()
        try:
            score = self._score(event)
            if not math.isfinite(score.value):
                raise ValueError("the score is no number")
        except Exception as error:  # noqa: BLE001  a score is never worth a decision
            self._failed("score", error)
            return None
        if self._lateness.late(began_ns):
            self._late += 1
            self._rest = REST if self._late > 1 else 0
            self._failed("score", TimeoutError())
            return None
        self._late = 0
        return score

    def learn(self, decision: Decision) -> None:
        """Learn from a decided request.

        Nothing is learned from other decisions, from repeats, and from a request that has no score: what
        could not be scored could perhaps not be learned either, and replay must come to the same model.
        """
        if decision.score is None or decision.event_type != REQUESTED:
            return
        if decision.duplicate_of is not None or decision.outcome not in LEARNED_FROM:
            return
        try:
            self._learn(decision, decision.score)
        except Exception as error:  # noqa: BLE001  a score is never worth a decision
            self._failed("learn", error)

    def hear(self, decision: Decision) -> None:
        """What a decision tells beside requests: labels, and models that are in force from here on."""
        for effect in decision.effects:
            try:
                if isinstance(effect, PaymentLabelled):
                    self._label(decision, effect)
                elif isinstance(effect, ModelTaken):
                    self._take(decision, effect)
            except Exception as error:  # noqa: BLE001  the model that was in force stays so
                self._failed("hear", error)

    def image(self, add: Callable[[bytes], None]) -> Parts:
        """A snapshot of all this as it is now, bit by bit."""
        models = {
            name: (one.content, one.digest, one.level.counts, one.level.seen)
            for name, one in self.models.items()
        }
        parts = Parts(add, Head(SHAPE, self.cold.state(), models))
        for key, habits in self.habits.items():
            paged: dict[str, Pages[Any, Any]] = {name: getattr(habits, name) for name in _PAGED}
            many = {name: pages for name, pages in paged.items() if pages.count > 1}
            none = {name: Pages[Any, Any]() for name in many}
            parts.write(key, "", msgspec.structs.replace(habits, going=[], **none))
            for name, pages in many.items():
                parts.open(key, name, pages)
        return parts

    def snapshot(self) -> bytes:
        """All of that at once."""
        found: list[bytes] = []
        parts = self.image(found.append)
        while parts.step():
            pass
        return b"".join(found)

    def restore(self, data: bytes) -> None:
        """Become what a snapshot is of, whatever was learned before.

        Raises:
            UnusableSnapshot: it is broken, or of another model or version; this stays as it was.
        """
        try:
            head, habits = _decoded(data)
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
            raise UnusableSnapshot(f"not a snapshot of a model: {error}") from None
        if head.shape != SHAPE:
            raise UnusableSnapshot(f"a snapshot of {head.shape[:50]}, not of {SHAPE}")
        models = {}
        for name, (content, digest, counts, seen) in head.models.items():
            level = AlertLevel(self._alerts)
            level.load(counts, seen)
            models[name] = InForce(content, digest, level, self._warm_up)
        self.cold.load(head.cold)
        self.habits, self.models, self._asked = habits, models, None

    def _score(self, event: AuthorizationRequested) -> Score:
        amount = event.amount
        request = _observed(event.occurred_at, event.card_id, event.merchant, amount.minor)
        habits = self.habits.get(f"{event.organization_id}/{amount.currency}") or _NOTHING
        found = bins(habits, request)
        self._asked = (event.event_id, event.occurred_at, request)
        model = self.models.get(event.organization_id) or self.cold
        score = model.score(found, letters_of(found))
        if not score.flagged and is_odd_repeat(found):
            return msgspec.structs.replace(score, flagged=True, reasons=(reason(found),))
        return score

    def _learn(self, decision: Decision, score: Score) -> None:
        assert decision.organization_id and decision.occurred_at and decision.card_id and decision.amount
        if score.model == COLD:
            self.cold.learn(_told(score), score.value)
        else:
            self.models[decision.organization_id].learn(score.value)
        asked, self._asked = self._asked, None
        if asked is not None and asked[0] is decision.event_id and asked[1] is decision.occurred_at:
            request = asked[2]
        else:
            request = _observed(
                decision.occurred_at, decision.card_id, decision.merchant or _NOBODY, decision.amount
            )
        key = f"{decision.organization_id}/{decision.currency}"
        habits = self.habits.get(key)
        if habits is None:
            habits = self.habits[key] = Habits(Usual())
        name = f"{decision.department_id}/{decision.authorization_id}" if decision.authorization_id else None
        habits.observe(request, decision.outcome is Outcome.DECLINED, name)

    def _label(self, decision: Decision, effect: PaymentLabelled) -> None:
        habits = self.habits.get(f"{decision.organization_id}/{decision.currency}")
        if habits is not None and effect.label != "unsure":
            habits.found_out(f"{decision.department_id}/{effect.authorization_id}", effect.label == "fraud")

    def _take(self, decision: Decision, effect: ModelTaken) -> None:
        assert decision.organization_id
        before = self.models.get(decision.organization_id)
        level = before.level if before is not None else AlertLevel(self._alerts)
        self.models[decision.organization_id] = InForce(effect.model, effect.digest, level, self._warm_up)

    def _failed(self, step: str, error: Exception) -> None:
        if self._count(f"{step}:{type(error).__name__}") == 1:
            # No text of the event: an error's message may quote it.
            log.warning("scoring failed", step=step, error=type(error).__name__)

    def _count(self, kind: str) -> int:
        self.failures[kind] = self.failures.get(kind, 0) + 1
        return self.failures[kind]


def _observed(at: datetime, card: str, merchant: Merchant, amount: int) -> Observation:
    return observation(
        epoch_s(at), card, merchant.id or merchant.name, merchant.mcc, merchant.country, amount
    )


def _told(score: Score) -> bytes:
    """Raises ValueError: it tells of other features than today's."""
    if len(score.features) != len(NAMES):
        raise ValueError(f"{len(score.features)} features, not {len(NAMES)}")
    return bins_of(score.features)


def _decoded(data: bytes) -> tuple[Head, dict[str, Habits]]:
    """Raises ValueError: these are no parts of a snapshot of this shape."""
    encoded, parts = split(data)
    head = msgspec.msgpack.decode(encoded, type=Head)
    found: dict[str, Habits] = {}
    for part in parts:
        if not part.rows:
            found[part.key] = msgspec.msgpack.decode(part.content, type=Habits)
        elif part.key not in found or part.rows not in _PAGED:
            raise ValueError(f"rows {part.rows[:50]!r} of {part.key[:130]!r}, which are not in it")
        else:
            rows = msgspec.msgpack.decode(part.content, type=_PAGED[part.rows])
            getattr(found[part.key], part.rows).update(rows)
    return head, found
