"""The seam of the owner to an online model, and what stands there when there is none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from schemas.decisions import Decision, Score
from schemas.events import AuthorizationRequested

#: Events whose decisions tell a model something beside requests.
TELLING: Final = frozenset({"authorization.labelled", "dispute.resolved", "model.published"})


class SnapshotParts(Protocol):
    """A snapshot that is made bit by bit."""

    def step(self) -> bool:
        """Make a part more. False: all is there."""

    def stop(self) -> None:
        """It is not wanted any more."""


class Model(Protocol):
    """An online model: scores a request, learns from its decision, hears of others, and can be written down.

    `rows`: about what a snapshot costs, in rows of the state. `image`: a snapshot as of now, in parts.
    """

    @property
    def rows(self) -> int: ...

    def score(self, event: AuthorizationRequested) -> Score | None: ...
    def learn(self, decision: Decision) -> None: ...
    def hear(self, decision: Decision) -> None: ...
    def image(self, add: Callable[[bytes], None]) -> SnapshotParts: ...
    def restore(self, snapshot: bytes) -> None: ...


class Unscored:
    """No model: every decision goes without a score."""

    rows = 0

    def score(self, event: AuthorizationRequested) -> Score | None:
        return None

    def learn(self, decision: Decision) -> None: ...

    def hear(self, decision: Decision) -> None: ...

    def image(self, add: Callable[[bytes], None]) -> SnapshotParts:
        return self

    def restore(self, snapshot: bytes) -> None: ...

    def step(self) -> bool:
        return False

    def stop(self) -> None: ...


def new_model(scoring: bool) -> Model:
    """An untrained model, or none."""
    if not scoring:
        return Unscored()
    from streams.scoring import Scorer

    return Scorer()
