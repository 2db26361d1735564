"""Decision to the read model of authorizations: which ones a batch touches, and how they stand after it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from schemas.authorizations import Authorization, advance
from schemas.decisions import Decision
from schemas.reasons import Outcome

Key = tuple[str, str, str]  # organization, department, authorization

_ANSWERS = (Outcome.APPROVED, Outcome.DECLINED)


class Touched(NamedTuple):
    """Decisions of one batch by the authorization that they touch, in log order."""

    by_key: dict[Key, list[Decision]]

    @property
    def started_here(self) -> set[Key]:
        """Those whose first decision in the batch answers a request: most likely new."""
        return {key for key, decisions in self.by_key.items() if decisions[0].outcome in _ANSWERS}


def touched(decisions: Iterable[Decision]) -> Touched:
    """Leaves out what `advance` would leave alone: repeats, rejections, events without authorization."""
    found: dict[Key, list[Decision]] = {}
    for decision in decisions:
        authorization = decision.authorization_id
        if authorization is None or decision.duplicate_of is not None:
            continue
        if decision.outcome is Outcome.REJECTED:
            continue
        organization, department = decision.organization_id, decision.department_id
        assert organization is not None
        assert department is not None
        key = (organization, department, authorization)
        earlier = found.get(key)
        if earlier is None:
            found[key] = [decision]
        else:
            earlier.append(decision)
    return Touched(found)


def fold(before: Mapping[Key, Authorization], batch: Touched) -> dict[Key, Authorization]:
    """Every touched authorization as it stands after the batch."""
    after: dict[Key, Authorization] = {}
    for key, decisions in batch.by_key.items():
        state = before.get(key)
        for decision in decisions:
            state = advance(state, decision)
        assert state is not None
        after[key] = state
    return after
