"""Decision to the read model of authorizations: which ones a batch touches, and how they stand after it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from schemas.authorizations import Authorization, advance, touched_by
from schemas.decisions import Decision
from schemas.reasons import ReasonCode

Key = tuple[str, str, str]  # organization, department, authorization


class Touched(NamedTuple):
    """Decisions of one batch by the authorization that they touch, in log order."""

    by_key: dict[Key, list[Decision]]

    @property
    def started_here(self) -> set[Key]:
        """Those whose first decision in the batch answers their request: most likely new."""
        return {key for key, decisions in self.by_key.items() if starts(key[2], decisions[0])}


def starts(authorization_id: str, decision: Decision) -> bool:
    """Whether `decision` answers a request of which nothing was heard before."""
    return (
        decision.event_type == "authorization.requested"
        and decision.authorization_id == authorization_id
        and "cleared_before_request" not in decision.alerts
        and not (decision.reasons and decision.reasons[0].code is ReasonCode.DEADLINE_MISSED)
    )


def touched(decisions: Iterable[Decision]) -> Touched:
    """Leaves out what `advance` would leave alone: repeats, rejections, events without authorization."""
    found: dict[Key, list[Decision]] = {}
    for decision in decisions:
        for authorization_id in touched_by(decision):
            organization, department = decision.organization_id, decision.department_id
            assert organization is not None
            assert department is not None
            key = (organization, department, authorization_id)
            earlier = found.get(key)
            if earlier is None:
                found[key] = [decision]
            else:
                earlier.append(decision)
    return Touched(found)


def fold(
    before: Mapping[Key, Authorization],
    batch: Touched,
    begins: Callable[[str, Decision], bool] = lambda authorization_id, decision: True,
) -> dict[Key, Authorization]:
    """Every touched authorization as it stands after the batch.

    Without those that do not exist: an increment on an unknown payment is declined and leaves nothing.
    `begins`: which decisions may bring an authorization into being; the others leave nothing where none is.
    It is asked of each decision in turn, so that the result is the same however a log is cut into batches.
    """
    after: dict[Key, Authorization] = {}
    for key, decisions in batch.by_key.items():
        state = before.get(key)
        for decision in decisions:
            if state is not None or begins(key[2], decision):
                state = advance(state, decision, key[2])
        if state is not None:
            after[key] = state
    return after
