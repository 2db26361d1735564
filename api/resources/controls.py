"""Policies and cards of departments. They are set with events; here they are looked at."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Query
from pydantic import ConfigDict, Field
from starlette.responses import Response

from api.access.keys import Scope
from api.access.security import KeyedRoute, needs
from api.http.paths import IN_PATH, storable
from api.http.problems import Problem
from api.http.types import Output
from api.resources.places import (
    DEPARTMENT,
    OfDepartment,
    Reading,
    read_responses,
    shown,
)
from schemas.controls import Card, CardStatus
from schemas.defaults import default_policy
from schemas.ids import Position

Row = Mapping[str, Any]
_card_decoder = msgspec.json.Decoder(Card)


class PolicyOut(Output):
    """One version of a department's policy. 0 is the default, which nobody drafted."""

    model_config = ConfigDict(title="Policy")

    organization_id: str
    department_id: str
    version: int = Field(examples=[3])
    in_force: bool
    policy: dict[str, Any] = Field(
        description="rules and validities, as in the event policy.drafted",
        examples=[
            {"rules": [{"rule": "block", "rule_id": "no-gambling", "what": {"mcc_groups": ["gambling"]}}]}
        ],
    )
    drafted_at: datetime | None
    activated_at: datetime | None = Field(description="the last time; null: never")
    position: str | None = Field(
        description="`partition:seq` of the decision that drafted it, or put it in force", examples=["3:1042"]
    )


class PolicyListOut(Output):
    """Versions, newest first."""

    model_config = ConfigDict(title="Policies")

    policies: list[PolicyOut]


class CardOut(Output):
    """A registered card."""

    model_config = ConfigDict(title="Card")

    organization_id: str
    department_id: str
    card_id: str = Field(examples=["card_ada"])
    status: CardStatus
    employee: str | None = Field(examples=["Ada Lovelace"])
    team: str | None = Field(examples=["platform"])
    expires_on: date | None
    single_use: bool
    locked_to: str | None = Field(description="the only merchant, by name or id")
    lock_to_first: bool = Field(description="the first merchant that is approved becomes the only one")
    position: str = Field(description="`partition:seq` of the last decision about it", examples=["3:1042"])


class CardListOut(Output):
    """A page of cards, by id."""

    model_config = ConfigDict(title="Cards")

    cards: list[CardOut]
    next: str | None = Field(description="send it as `after` for the next page; null: this is the last")


def policies_out(organization_id: str, department_id: str, row: Row) -> PolicyListOut:
    """The row of policies.sql. A department to which nothing was said has the default policy."""
    found = [_policy_out(organization_id, department_id, policy) for policy in row["policies"]]
    if not found:
        found = [
            PolicyOut(
                organization_id=organization_id,
                department_id=department_id,
                version=0,
                in_force=True,
                policy=msgspec.to_builtins(default_policy(row["currency"])),
                drafted_at=None,
                activated_at=None,
                position=None,
            )
        ]
    return PolicyListOut(policies=found)


def _policy_out(organization_id: str, department_id: str, row: Row) -> PolicyOut:
    seq = max((seq for seq in (row["drafted_seq"], row["activated_seq"]) if seq is not None), default=None)
    return PolicyOut(
        organization_id=organization_id,
        department_id=department_id,
        version=row["version"],
        in_force=row["active"],
        policy=msgspec.json.decode(row["policy"]),
        drafted_at=row["drafted_at"],
        activated_at=row["activated_at"],
        position=None if seq is None else str(Position(row["partition"], seq)),
    )


def cards_out(organization_id: str, department_id: str, row: Row, *, page: int) -> CardListOut:
    """The row of cards.sql, which was asked for one card more than `page`."""
    found = [card_out(organization_id, department_id, card) for card in row["cards"]]
    more = len(found) > page
    return CardListOut(cards=found[:page], next=found[page - 1].card_id if more else None)


def card_out(organization_id: str, department_id: str, row: Row) -> CardOut:
    """A member of `cards` of cards.sql."""
    card = _card_decoder.decode(row["body"])
    return CardOut(
        organization_id=organization_id,
        department_id=department_id,
        card_id=card.card_id,
        status=card.status,
        employee=card.employee,
        team=card.team,
        expires_on=card.expires_on,
        single_use=card.single_use,
        locked_to=card.locked_to,
        lock_to_first=card.lock_to_first,
        position=str(Position(row["partition"], row["seq"])),
    )


router = APIRouter(route_class=KeyedRoute)

VERSIONS_MAX = 100
PAGE = 100
PAGE_MAX = 500


@router.get(
    f"{DEPARTMENT}/policy",
    summary="Look at the policy in force",
    tags=["policies"],
    response_model=PolicyOut,
    openapi_extra=needs(Scope.POLICIES_READ),
    responses=read_responses("The version in force."),
)
async def read_policy(
    reading: Reading,
) -> Response:
    """What a request is measured by now. Draft another with the event `policy.drafted`."""
    where = reading.own()
    row = await reading.known("policies", only_active=True, rows_max=VERSIONS_MAX)
    body = policies_out(*where, row).policies[0]
    return shown(body, reading.wait, body.position)


@router.get(
    f"{DEPARTMENT}/policies",
    summary="List a policy's versions",
    tags=["policies"],
    response_model=PolicyListOut,
    openapi_extra=needs(Scope.POLICIES_READ),
    responses=read_responses(f"The newest {VERSIONS_MAX} versions."),
)
async def list_policies(
    reading: Reading,
) -> Response:
    """Drafts and what was in force, newest first. The last 10 drafts may be put in force."""
    where = reading.own()
    row = await reading.known("policies", only_active=False, rows_max=VERSIONS_MAX)
    return shown(policies_out(*where, row), reading.wait)


@router.get(
    f"{DEPARTMENT}/cards",
    summary="List a department's cards",
    tags=["cards"],
    response_model=CardListOut,
    openapi_extra=needs(Scope.CARDS_READ),
    responses=read_responses("A page of them."),
)
async def list_cards(
    reading: Reading,
    after: Annotated[
        str | None, Query(max_length=128, description="only cards whose id comes after this one")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX, description="cards on a page")] = PAGE,
) -> Response:
    """Registered cards, by id. Register or change one with the event `card.set`."""
    where = reading.own()
    row = await _cards(reading, after=after, rows_max=limit + 1)
    return shown(cards_out(*where, row, page=limit), reading.wait)


@router.get(
    f"{DEPARTMENT}/cards/{{card_id:path}}",
    summary="Look at a card",
    tags=["cards"],
    response_model=CardOut,
    openapi_extra=needs(Scope.CARDS_READ),
    responses=read_responses("As it is registered."),
)
async def read_card(
    reading: Reading,
    card_id: Annotated[str, Path(max_length=128, description=IN_PATH, examples=["card_ada"])],
) -> Response:
    """One that was never registered may pay, too, unless the policy has `registered_cards_only`."""
    where = reading.own()
    row = await _cards(reading, card_id=card_id)
    if not row["cards"]:
        raise Problem(404, "unknown_card", f"There is no registered card {card_id[:80]!r}.")
    body = card_out(*where, row["cards"][0])
    return shown(body, reading.wait, body.position)


async def _cards(
    reading: OfDepartment,
    *,
    card_id: str | None = None,
    after: str | None = None,
    rows_max: int = 1,
) -> Any:
    if not storable(card_id or "") or not storable(after or ""):
        raise Problem(404, "unknown_card", "There is no such card.")
    return await reading.known("cards", card_id=card_id, after=after, rows_max=rows_max)
