"""What a line says to what people set. `given`: the members that all events carry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from infra.stories import values
from infra.stories.build_messages import CARD, needed_amount
from infra.stories.story import LEVEL_WORDS, Said
from schemas.administration import (
    TREASURY,
    BudgetIncreased,
    BudgetRemoved,
    BudgetSet,
    CapSet,
    CardCanceled,
    CardFrozen,
    CardSet,
    CardUnfrozen,
    DepartmentSplit,
    LeaseGranted,
    LeaseRecalled,
    LeaseRequested,
    LeaseReturned,
    ModelPublished,
    PolicyActivated,
    PolicyDrafted,
)
from schemas.boosted import BoostedModel, Tree, encode_model
from schemas.controls import Calendar, Card
from schemas.event import Event
from schemas.money import Money
from schemas.reasons import DEPARTMENT
from streams.scoring.features import NAMES


def calendar_members(said: Said) -> dict[str, Any]:
    """Only what was said: the rest is as the schemas have it."""
    told: dict[str, Any] = {}
    if said.period is not None:
        told["period"] = said.period
    if said.zone is not None:
        told["time_zone"] = said.zone
    if said.start is not None:
        told["start_day"], told["start_month"] = said.start
    return told


def budget_members(said: Said, named: str) -> dict[str, Any]:
    """`named`: a department, for its own budget; else a level and its subject, such as team:platform."""
    assert said.money is not None
    level, colon, subject = named.partition(":")
    if not colon:
        level, subject = DEPARTMENT, ""
    assert level in LEVEL_WORDS, f"the parser knows the levels, not {level}"
    tolerance = 0 if said.tolerance is None else values.minor(said.tolerance, said.money.currency)
    return {
        "name": said.named or (subject or named.rstrip(":")).capitalize(),
        "limit": said.money,
        "level": level,
        "subject": subject or None,
        "budget_id": said.own_id,
        "tolerance": tolerance,
        **calendar_members(said),
    }


def _budget(said: Said, given: dict[str, Any]) -> Event:
    """`budget eng ...` is a department's own; `budget team:platform ...` belongs to the team."""
    assert said.id is not None
    return BudgetSet(**given, shard_of=said.of, actor=said.person, **budget_members(said, said.id))


def _increase(said: Said, given: dict[str, Any]) -> Event:
    now: datetime = given["occurred_at"]
    return BudgetIncreased(
        **given,
        amount=needed_amount(said),
        budget_id=said.id or DEPARTMENT,
        starts_at=moment(said.starts_at, now),
        ends_at=moment(said.ends_at, now) or now,
        actor=said.person,
    )


def moment(when: datetime | timedelta | None, now: datetime) -> datetime | None:
    return now + when if isinstance(when, timedelta) else when


def _policy(said: Said, given: dict[str, Any]) -> Event:
    assert said.policy is not None
    return PolicyDrafted(**given, policy=said.policy, activate=not said.draft, actor=said.person)


def card_of(said: Said, card_id: str | None) -> Card:
    """The card that the line tells of."""
    return Card(
        card_id=card_id or CARD,
        employee=said.employee,
        team=said.team,
        expires_on=said.expires_on,
        single_use=said.single_use,
        locked_to=said.locked_to,
        lock_to_first=said.lock_to_first,
        status=said.status or "active",  # type: ignore[arg-type]
    )


def _card(said: Said, given: dict[str, Any]) -> Event:
    return CardSet(**given, card=card_of(said, said.id), actor=said.person)


def _of_card(kind: type[CardFrozen | CardUnfrozen | CardCanceled]) -> Callable[[Said, dict[str, Any]], Event]:
    return lambda said, given: kind(**given, card_id=said.id or CARD, actor=said.person)


def _cap(said: Said, given: dict[str, Any]) -> Event:
    limit = Money(needed_amount(said).minor, needed_amount(said).currency)
    calendar = Calendar(**calendar_members(said))
    return CapSet(**given, limit=limit, departments=said.departments, calendar=calendar, actor=said.person)


def _lease_grant(said: Said, given: dict[str, Any]) -> Event:
    amount = needed_amount(said)
    calendar = Calendar(**calendar_members(said))
    return LeaseGranted(
        **given,
        calendar=calendar,
        period=said.label or "",
        amount=amount.minor,
        currency=amount.currency,
        lender=said.of or TREASURY,
    )


def _published(said: Said, given: dict[str, Any]) -> Event:
    """A model of one question, enough to be in force: whether the amount is large."""
    tree = Tree((0,), (31,), (-1,), (-2,), (0.0,), (-3.0, 3.0))
    model = encode_model(BoostedModel(int(said.id or ""), NAMES, (tree,), 1.0, -4.0, (1_000, 50)))
    digest = sha256(b"another" if said.damaged else model).hexdigest()
    return ModelPublished(**given, model=model, digest=digest, actor=said.person)


BUILDERS: Final[Mapping[str, Callable[[Said, dict[str, Any]], Event]]] = {
    "budget": _budget,
    "remove": lambda said, given: BudgetRemoved(**given, budget_id=said.id or "", actor=said.person),
    "increase": _increase,
    "policy": _policy,
    "activate": lambda said, given: PolicyActivated(
        **given, policy_version=int(said.id or ""), actor=said.person
    ),
    "publish": _published,
    "card": _card,
    "freeze": _of_card(CardFrozen),
    "unfreeze": _of_card(CardUnfrozen),
    "cancel": _of_card(CardCanceled),
    "cap": _cap,
    "split": lambda said, given: DepartmentSplit(**given, shards=said.departments, actor=said.person),
    "lease-request": lambda said, given: LeaseRequested(
        **given, department=said.id or "", period=said.label or "", needed=needed_amount(said).minor
    ),
    "lease-return": lambda said, given: LeaseReturned(
        **given, department=said.id or "", period=said.label or "", amount=needed_amount(said).minor
    ),
    "lease-grant": _lease_grant,
    "lease-recall": lambda said, given: LeaseRecalled(**given, period=said.label or ""),
}
