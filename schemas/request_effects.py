"""What requests that people approve, and delegations, change: effects of decisions."""

from __future__ import annotations

from schemas.controls import BudgetTerms, Card
from schemas.effect import Effect
from schemas.event import Timestamp


class IncreaseAsked(Effect, tag="increase_asked", frozen=True, kw_only=True, omit_defaults=True):
    """A request for an increase waits for approval. `levels`: who may approve at each; none: anybody else.

    `lapses_at`: nobody may answer it from then on. Absent: written by a version before there was an end.
    """

    request_id: str
    budget_id: str
    amount: int
    ends_at: Timestamp
    asked_by: str
    levels: tuple[tuple[str, ...], ...]
    starts_at: Timestamp | None = None
    reason: str | None = None
    lapses_at: Timestamp | None = None


class RequestAsked(Effect, tag="request_asked", frozen=True, kw_only=True, omit_defaults=True):
    """A request for `budget`, or for `card` with that budget of its own, waits for approval."""

    request_id: str
    budget: BudgetTerms
    asked_by: str
    levels: tuple[tuple[str, ...], ...]
    lapses_at: Timestamp
    card: Card | None = None
    reason: str | None = None


class RequestStep(Effect, tag="request_step", frozen=True, kw_only=True, omit_defaults=True):
    """A level has approved a request. `left`: levels that have not; 0: what was asked for is set with this.

    `on_behalf_of`: whom the level is for, where `approved_by` stands in for him.
    """

    request_id: str
    approved_by: str
    left: int
    on_behalf_of: str | None = None


class IncreaseStep(RequestStep, tag="increase_step", frozen=True, kw_only=True, omit_defaults=True):
    """The same of a request for an increase."""


class RequestClosed(Effect, tag="request_closed", frozen=True, kw_only=True, omit_defaults=True):
    """A request was refused, or taken back by who asked. `on_behalf_of`: as in `request_step`."""

    request_id: str
    refused_by: str
    reason: str | None = None
    on_behalf_of: str | None = None


class IncreaseClosed(RequestClosed, tag="increase_closed", frozen=True, kw_only=True, omit_defaults=True):
    """The same of a request for an increase."""


class RequestLapsed(Effect, tag="request_lapsed", frozen=True, kw_only=True):
    """Nobody has answered a request of any kind in its time."""

    request_id: str


class DelegationGiven(Effect, tag="delegation_given", frozen=True, kw_only=True):
    """While `starts_at` <= clock < `until`, `delegate` may answer what is for `absent`."""

    absent: str
    delegate: str
    starts_at: Timestamp
    until: Timestamp
    set_by: str


class DelegationTakenBack(Effect, tag="delegation_taken_back", frozen=True, kw_only=True):
    """Nobody stands in for `absent` any more."""

    absent: str
    ended_by: str
