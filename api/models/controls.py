"""What people set besides budgets: policies and cards."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from pydantic import ConfigDict, Field

from api.models.base import Output
from schemas.controls import CardStatus


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
