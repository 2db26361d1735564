"""Requests for an increase of a budget."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import ConfigDict, Field

from api.models.base import MoneyOut, Output

RequestStatus = Literal["waiting", "approved", "refused"]


class IncreaseRequestOut(Output):
    """Somebody asked for more; each level approves once, and with the last one the increase is set.

    People are named as the events name them: by the actor of an API key, or as another producer wrote.
    """

    model_config = ConfigDict(title="IncreaseRequest")

    organization_id: str
    department_id: str
    request_id: str = Field(examples=["inc_7"])
    budget_id: str = Field(examples=["department", "team:platform"])
    status: RequestStatus
    amount: MoneyOut
    starts_at: datetime | None = Field(description="as it was asked; null: with the last approval")
    ends_at: datetime
    asked_by: str = Field(examples=["ada@example.com"])
    asked_at: datetime | None
    reason: str | None = Field(description="as who asked gave it", examples=["the conference in March"])
    levels: list[list[str]] = Field(
        description="who may approve, level by level; an empty list: anybody who has not asked or approved",
        examples=[[[], ["cfo@example.com"]]],
    )
    approved_by: list[str] = Field(description="one for each level that has approved", examples=[[]])
    waits_for: list[str] | None = Field(
        description="who may approve it now, as in `levels`; null: it does not wait", examples=[[]]
    )
    refused_by: str | None = Field(description="who asked, where it was taken back", examples=[None])
    refusal_reason: str | None = Field(description="as who refused gave it", examples=[None])
    closed_at: datetime | None = Field(description="of the last approval, or the refusal")
    position: str = Field(description="`partition:seq` of the last decision about it", examples=["3:1042"])


class IncreaseRequestListOut(Output):
    """A page of requests, by id."""

    model_config = ConfigDict(title="IncreaseRequests")

    requests: list[IncreaseRequestOut]
    next: str | None = Field(description="send it as `after` for the next page; null: this is the last")
