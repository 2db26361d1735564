"""The seam of the owner to an online model, and what stands there when there is none."""

from __future__ import annotations

from typing import Protocol

from schemas.decisions import Decision, Score
from schemas.events import AuthorizationRequested
from streams.core.history import CardHistory


class Model(Protocol):
    """An online model: scores a request, learns from its decision, and can be written down."""

    def score(self, history: CardHistory | None, event: AuthorizationRequested) -> Score | None: ...
    def learn(self, history: CardHistory | None, decision: Decision) -> None: ...
    def snapshot(self) -> bytes: ...
    def restore(self, snapshot: bytes) -> None: ...


class Unscored:
    """No model: every decision goes without a score."""

    def score(self, history: CardHistory | None, event: AuthorizationRequested) -> Score | None:
        return None

    def learn(self, history: CardHistory | None, decision: Decision) -> None: ...

    def snapshot(self) -> bytes:
        return b""

    def restore(self, snapshot: bytes) -> None: ...


def new_model(scoring: bool) -> Model:
    """An untrained model, or none."""
    if not scoring:
        return Unscored()
    from streams.scoring import Scorer

    return Scorer()
