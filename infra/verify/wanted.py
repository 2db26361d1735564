"""What each event may move, and what it must."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import schemas.events as ev
from infra.verify.lapses import lapses_by
from infra.verify.moves import TERMS, Known, Moves, Rule
from infra.verify.moves_of_payments import PAYMENTS
from infra.verify.moves_of_requests import REQUESTS
from infra.verify.postings import Postings
from infra.verify.state import Department, Payment
from infra.verify.timeouts import Timeout
from schemas import effects as ef
from schemas.decisions import Decision
from schemas.event import Event

_RULES: Final[Mapping[type[Event], Rule]] = {**PAYMENTS, **TERMS, **REQUESTS}
#: By the event's name, which a decision repeats: its record may be gone.
MAY_MOVE: Final[Mapping[str, frozenset[type[ef.Effect]]]] = {
    str(event.__struct_config__.tag): rule.may_move for event, rule in _RULES.items()
}


def wanted_moves(
    event: ev.CardEvent | None,
    decision: Decision,
    department: Department,
    payment: Payment | None,
    timeout: Timeout | None,
    postings: Postings,
    now_s: int,
) -> Moves | None:
    """None: nothing is known of what it must move, or others judge it. `payment`: if its owner knew it."""
    rule = _RULES[type(event)].wanted if event is not None else None
    if rule is None:
        return None
    held, closed = (payment.held, payment.closed) if payment else (0, "")
    if held and lapses_by(department, decision.authorization_id or "", now_s):
        held, closed = 0, "expiry"
    return rule(Known(event, decision, department, payment, held, closed, timeout, postings, now_s))


def other_moves(moves: Moves, own: list[ef.Effects], decision: Decision) -> str | None:
    """How a decision's own effects and alerts differ from what they must be; None: not at all."""
    found = [(type(effect), effect) for effect in own]
    if [kind for kind, _ in found] != [kind for kind, _ in moves.moves]:
        told = ", ".join(kind.__name__ for kind, _ in found) or "nothing"
        must = ", ".join(kind.__name__ for kind, _ in moves.moves) or "nothing"
        return f"moves {told}, but must move {must}"
    for (kind, effect), (_, facts) in zip(found, moves.moves, strict=True):
        for name, value in facts.items():
            if getattr(effect, name) != value:
                return f"says {name} {getattr(effect, name)} in {kind.__name__}, but it must be {value}"
    if moves.alerts is not None and decision.alerts != moves.alerts:
        told, must = (", ".join(alerts) or "nothing" for alerts in (decision.alerts, moves.alerts))
        return f"alerts {told}, but must alert {must}"
    return None
