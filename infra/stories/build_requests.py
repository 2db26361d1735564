"""What a line says to requests that people approve. `given`: the members that all events carry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from infra.stories.build_administration import budget_members, calendar_members, card_of, moment
from infra.stories.build_messages import needed_amount
from infra.stories.story import Said
from schemas.event import Event
from schemas.reasons import DEPARTMENT
from schemas.requests import (
    BudgetRequested,
    CardRequested,
    DelegationEnded,
    DelegationSet,
    IncreaseApproved,
    IncreaseRefused,
    IncreaseRequested,
    RequestApproved,
    RequestRefused,
)


def _increase(said: Said, given: dict[str, Any]) -> Event:
    now: datetime = given["occurred_at"]
    return IncreaseRequested(
        **given,
        request_id=said.id or "",
        amount=needed_amount(said),
        budget_id=said.of or DEPARTMENT,
        starts_at=moment(said.starts_at, now),
        ends_at=moment(said.ends_at, now) or now,
        reason=said.reason,
        actor=said.person,
    )


def _card(said: Said, given: dict[str, Any]) -> Event:
    return CardRequested(
        **given,
        request_id=said.id or "",
        card=card_of(said, said.card),
        limit=needed_amount(said),
        reason=said.reason,
        actor=said.person,
        **calendar_members(said),
    )


def _budget(said: Said, given: dict[str, Any]) -> Event:
    """Without `of`, the department's own."""
    return BudgetRequested(
        **given,
        request_id=said.id or "",
        reason=said.reason,
        actor=said.person,
        **budget_members(said, said.of or DEPARTMENT),
    )


def _delegate(said: Said, given: dict[str, Any]) -> Event:
    now: datetime = given["occurred_at"]
    return DelegationSet(
        **given,
        absent=said.id or "",
        delegate=said.delegate or "",
        starts_at=moment(said.starts_at, now),
        until=moment(said.ends_at, now) or now,
        actor=said.person,
    )


def _approve(kind: type[RequestApproved]) -> Callable[[Said, dict[str, Any]], Event]:
    return lambda said, given: kind(**given, request_id=said.id or "", actor=said.person)


def _refuse(kind: type[RequestRefused]) -> Callable[[Said, dict[str, Any]], Event]:
    return lambda said, given: kind(**given, request_id=said.id or "", reason=said.reason, actor=said.person)


BUILDERS: Final[Mapping[str, Callable[[Said, dict[str, Any]], Event]]] = {
    "request-increase": _increase,
    "request-card": _card,
    "request-budget": _budget,
    "approve": _approve(RequestApproved),
    "refuse": _refuse(RequestRefused),
    "approve-increase": _approve(IncreaseApproved),
    "refuse-increase": _refuse(IncreaseRefused),
    "delegate": _delegate,
    "end-delegation": lambda said, given: DelegationEnded(**given, absent=said.id or "", actor=said.person),
}
