"""One form in which the model's answer and the core's decision can be compared."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from schemas.decisions import Decision
from schemas.effects import BudgetChanged, Effects, PolicyTaken
from schemas.reasons import Outcome, Reason, ReasonCode, response_code


@dataclass(frozen=True)
class Said:
    """One reason with the numbers that the rules define. `current`: posted + held, or what a window holds."""

    code: ReasonCode
    rule: str | None = None
    limit: int | None = None
    current: int = 0
    requested: int | None = None
    count: int | None = None
    count_limit: int | None = None
    fraud: bool = False

    @classmethod
    def of(cls, reason: Reason) -> Said:
        return cls(
            code=reason.code,
            rule=reason.rule,
            limit=reason.limit,
            current=reason.current,
            requested=reason.requested,
            count=reason.count,
            count_limit=reason.count_limit,
            fraud=reason.fraud,
        )


@dataclass(frozen=True)
class Passes:
    """What would pass: minor units now, and the moment from which the whole amount does, because of what."""

    now: int
    later: datetime | None = None
    because: str | None = None
    subject: str | None = None


@dataclass(frozen=True)
class Answer:
    """All that the rules say about one event."""

    outcome: Outcome
    code: str
    reasons: tuple[Said, ...] = ()
    reviews: tuple[Said, ...] = ()
    shadows: tuple[Said, ...] = ()
    alerts: tuple[str, ...] = ()
    approved: int | None = None
    available: int | None = None
    would_pass: Passes | None = None
    effects: tuple[Effects, ...] = ()
    duplicate_of: int | None = None
    #: Compared only where an event took effect.
    policy_version: int | None = field(default=None, compare=False)

    @property
    def took_effect(self) -> bool:
        return self.outcome is not Outcome.REJECTED and self.duplicate_of is None


def rejected(code: ReasonCode) -> Answer:
    """Only the reason's code: the rules say no more about an unusable event."""
    reasons = (Reason(code=code),)
    return Answer(
        Outcome.REJECTED, response_code(Outcome.REJECTED, reasons), reasons=(Said(code),), effects=()
    )


def answer_of(decision: Decision) -> Answer:
    """What a decision says, in the model's form."""
    if decision.outcome is Outcome.REJECTED:
        reasons: tuple[Said, ...] = tuple(Said(reason.code) for reason in decision.reasons)
    else:
        reasons = tuple(Said.of(reason) for reason in decision.reasons)
    return Answer(
        outcome=decision.outcome,
        code=decision.response_code,
        reasons=reasons,
        reviews=tuple(Said.of(reason) for reason in decision.reviews),
        shadows=tuple(Said.of(reason) for reason in decision.shadows),
        alerts=tuple(sorted(decision.alerts)),
        approved=decision.approved if decision.outcome is Outcome.PARTIALLY_APPROVED else None,
        available=decision.available,
        would_pass=_passes(decision),
        effects=_moved(decision),
        duplicate_of=decision.duplicate_of,
        policy_version=decision.policy_version,
    )


def _moved(decision: Decision) -> tuple[Effects, ...]:
    """Without what only the state is made of: the model has a state of its own."""
    return tuple(
        msgspec.structs.replace(effect, period="")
        if isinstance(effect, BudgetChanged)
        else msgspec.structs.replace(effect, policy=None)
        if isinstance(effect, PolicyTaken)
        else effect
        for effect in decision.moves
    )


def _passes(decision: Decision) -> Passes | None:
    told = decision.would_pass
    if told is None or told.later is None:
        return None if told is None else Passes(told.now)
    return Passes(told.now, told.later.at, told.later.because, told.later.subject)
