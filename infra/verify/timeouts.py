"""What a timeout must do, from the event's own words and what was known before it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from infra.verify.state import Department, Payment
from schemas.decisions import Decision
from schemas.effects import HoldReleased, PaymentVoided
from schemas.events import AuthorizationReversed, CardEvent


class Timeout(NamedTuple):
    """`voids`: the request ids of its `payment_voided`, None for any. `releases`: all that is held."""

    voids: tuple[str | None, ...] = ()
    releases: bool = False


def timeout_of(
    event: CardEvent | None,
    department: Department,
    known: Payment | None,
    seq_of: Callable[[str], int | None],
) -> Timeout | None:
    """What `event` must do to its payment, which is `known` before it; None: it is no timeout.

    `seq_of`: the decision that an event id was first decided in.
    """
    if not isinstance(event, AuthorizationReversed) or event.cause != "timeout":
        return None
    request_id = event.request_id
    if known is None or not known.judged:
        before = known is not None and known.voids(request_id or "")
        return Timeout(voids=() if before else (request_id,))
    if request_id is None:
        return Timeout(releases=True)
    # An event id that is no longer remembered names nobody.
    named = seq_of(request_id) == known.opened and not department.past(known.opened_span)
    return Timeout(releases=named)


def timeout_told(decision: Decision) -> Timeout | None:
    """What a reversal's own effects make of its event, where that is gone: whether it was a timeout."""
    if decision.event_type != "authorization.reversed":
        return None
    voids = tuple(effect.request_id for effect in decision.effects if isinstance(effect, PaymentVoided))
    causes = {effect.cause for effect in decision.effects if isinstance(effect, HoldReleased)}
    return None if "reversal" in causes else Timeout(voids, "timeout" in causes)
