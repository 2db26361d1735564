"""What comes after a purchase, looked at: refunds, disputes, and single decisions with all that they say."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Path, Query
from pydantic import ConfigDict, Field
from starlette.responses import Response

from api.access.keys import Scope
from api.access.security import KeyedRoute, needs
from api.http.paging import NEXT, Page, Paged
from api.http.paths import IN_PATH, storable
from api.http.problems import Problem
from api.http.types import MoneyOut, Output
from api.resources.organization_paths import (
    OfOrganization,
    OnlyDepartment,
    ReadingAll,
    invalid,
    list_responses,
    read_responses,
    shown,
)
from api.resources.transactions.answer import TransactionMessageOut, message_out
from schemas.ids import Position, is_name

Row = Mapping[str, Any]
DisputeStatus = Literal["open", "won", "lost", "withdrawn"]


class RefundOut(Output):
    """Money that came back. What stands of it is amount - undone."""

    model_config = ConfigDict(title="Refund")

    refund_id: str = Field(examples=["ref_20"])
    department_id: str
    authorization_id: str | None = Field(description="the payment that it names; null: none")
    card_id: str | None
    amount: MoneyOut
    undone: MoneyOut = Field(description="taken back by the merchant")
    occurred_at: datetime | None
    position: str = Field(description="`partition:seq` of the last decision about it", examples=["3:1042"])


class RefundListOut(Output):
    """A page of refunds, by id."""

    model_config = ConfigDict(title="Refunds")

    refunds: list[RefundOut]
    next: str | None = Field(description=NEXT)


class DisputeOut(Output):
    """What a cardholder does not accept."""

    model_config = ConfigDict(title="Dispute")

    dispute_id: str = Field(examples=["dis_3"])
    department_id: str
    authorization_id: str
    status: DisputeStatus
    amount: MoneyOut
    provisional_credit: bool
    opened_at: datetime | None
    resolved_at: datetime | None
    position: str = Field(description="`partition:seq` of the last decision about it", examples=["3:1042"])


class DisputeListOut(Output):
    """A page of disputes, by id."""

    model_config = ConfigDict(title="Disputes")

    disputes: list[DisputeOut]
    next: str | None = Field(description=NEXT)


router = APIRouter(prefix="/v1", route_class=KeyedRoute)

OneId = Annotated[str, Path(max_length=128, description=IN_PATH, examples=["ref_20"])]


@router.get(
    "/refunds",
    summary="List refunds",
    tags=["refunds"],
    response_model=RefundListOut,
    openapi_extra=needs(Scope.AUTHORIZATIONS_READ),
    responses=list_responses("A page of them."),
)
async def list_refunds(reading: ReadingAll, page: Paged, department_id: OnlyDepartment = None) -> Response:
    """Refunds by id, those that were taken back, too."""
    rows, following = await _page(reading, page, "refund", department_id)
    body = RefundListOut(refunds=[_refund_out(row) for row in rows], next=following)
    return shown(body, reading.wait, **page.link(following))


@router.get(
    "/refunds/{refund_id}",
    summary="Look at a refund",
    tags=["refunds"],
    response_model=RefundOut,
    openapi_extra=needs(Scope.AUTHORIZATIONS_READ),
    responses=read_responses("As it stands."),
)
async def read_refund(
    reading: ReadingAll, refund_id: OneId, department_id: OnlyDepartment = None
) -> Response:
    """What came back, and how much of it was taken back."""
    body = _refund_out(await _one(reading, "refund", refund_id, department_id))
    return shown(body, reading.wait, body.position)


@router.get(
    "/disputes",
    summary="List disputes",
    tags=["disputes"],
    response_model=DisputeListOut,
    openapi_extra=needs(Scope.AUTHORIZATIONS_READ),
    responses=list_responses("A page of them."),
)
async def list_disputes(
    reading: ReadingAll,
    page: Paged,
    status: Annotated[DisputeStatus | None, Query(description="only these; all, if absent")] = None,
    department_id: OnlyDepartment = None,
) -> Response:
    """Disputes by id, those that have ended, too."""
    rows, following = await _page(reading, page, "dispute", department_id, status=status)
    body = DisputeListOut(disputes=[_dispute_out(row) for row in rows], next=following)
    return shown(body, reading.wait, **page.link(following))


@router.get(
    "/disputes/{dispute_id}",
    summary="Look at a dispute",
    tags=["disputes"],
    response_model=DisputeOut,
    openapi_extra=needs(Scope.AUTHORIZATIONS_READ),
    responses=read_responses("As it stands."),
)
async def read_dispute(
    reading: ReadingAll, dispute_id: OneId, department_id: OnlyDepartment = None
) -> Response:
    """How much is disputed, whether it was credited at once, and how it ended."""
    body = _dispute_out(await _one(reading, "dispute", dispute_id, department_id))
    return shown(body, reading.wait, body.position)


@router.get(
    "/decisions/{decision_position}",
    summary="Look at a decision",
    tags=["ledger"],
    response_model=TransactionMessageOut,
    openapi_extra=needs(Scope.LEDGER_READ),
    responses=read_responses("As it stands in the log."),
)
async def read_decision(
    reading: ReadingAll,
    decision_position: Annotated[str, Path(max_length=30, description="`partition:seq`", examples=["0:0"])],
) -> Response:
    """What was decided at a place in the log, with its reasons, their numbers, and the balances after it."""
    try:
        at = Position.parse(decision_position)
    except ValueError as error:
        raise invalid("path.decision_position", "malformed_position", str(error)) from None
    row = await reading.find("decision_at", reached=at, seq=at.seq)
    if row["record"] is None:
        raise Problem(404, "unknown_decision", f"There is no decision of this organization at {at}.")
    return shown(message_out(row["record"]), reading.wait, at)


async def _page(
    reading: OfOrganization, page: Page, noun: str, department_id: str | None, **filters: str | None
) -> tuple[list[Row], str | None]:
    after, after_department = page.key(tuple[str, str]) or (None, None)
    if department_id is not None and not is_name(department_id):
        return [], None
    row = await reading.find(
        f"{noun}s",
        id=None,
        department_id=department_id,
        after=after,
        after_department=after_department,
        rows_max=page.rows_max,
        **filters,  # type: ignore[arg-type]  # of the statement
    )
    rows, following = page.turn(row["rows"], lambda one: (one[f"{noun}_id"], one["department_id"]))
    return list(rows), following


_UNKNOWN: Final = {"refund": "unknown_refund", "dispute": "unknown_dispute"}


async def _one(reading: OfOrganization, noun: str, name: str, department_id: str | None) -> Row:
    unknown = Problem(404, _UNKNOWN[noun], f"There is no {noun} {name[:80]!r}.")
    if not storable(name) or (department_id is not None and not is_name(department_id)):
        raise unknown
    asked: dict[str, Any] = {"id": name, "department_id": department_id, "rows_max": 2}
    row = await reading.find(f"{noun}s", **asked, after=None, after_department=None, status=None)
    if not row["rows"]:
        raise unknown
    if len(row["rows"]) > 1:
        raise invalid("query.department_id", "ambiguous", f"several departments have a {noun} of this id")
    found: Row = row["rows"][0]
    return found


def _refund_out(row: Row) -> RefundOut:
    return RefundOut(
        refund_id=row["refund_id"],
        department_id=row["department_id"],
        authorization_id=row["authorization_id"],
        card_id=row["card_id"],
        amount=MoneyOut(minor=row["amount"], currency=row["currency"]),
        undone=MoneyOut(minor=row["undone"], currency=row["currency"]),
        occurred_at=row["occurred_at"],
        position=str(Position(row["partition"], row["seq"])),
    )


def _dispute_out(row: Row) -> DisputeOut:
    return DisputeOut(
        dispute_id=row["dispute_id"],
        department_id=row["department_id"],
        authorization_id=row["authorization_id"],
        status=row["status"],
        amount=MoneyOut(minor=row["amount"], currency=row["currency"]),
        provisional_credit=row["provisional"],
        opened_at=row["opened_at"],
        resolved_at=row["resolved_at"],
        position=str(Position(row["partition"], row["seq"])),
    )
