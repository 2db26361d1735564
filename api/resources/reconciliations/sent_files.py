"""A whole settlement file: what it says, and taken as it stands."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

import msgspec
from fastapi import APIRouter, Request
from pydantic import ConfigDict, Field
from starlette.responses import Response

from api.access.keys import Scope
from api.access.reach import WHOLE
from api.access.security import Caller, KeyedRoute, needs
from api.asking.settlements import FileRefused
from api.http.problems import FieldError, Problem
from api.http.types import Output
from api.http.uploads import file_form
from api.resources.reconciliations.bodies import ReconciliationOut
from api.resources.reconciliations.reconciliations import RECONCILIATIONS, answers
from api.resources.reconciliations.uploads import look_at, read_settlement_form, take
from api.resources.replies import reply

router = APIRouter(prefix=RECONCILIATIONS, tags=["reconciliation"], route_class=KeyedRoute)

_WRITES: Final = (400, 401, 403, 409, 413, 415, 422, 500, 503)
_FORM: Final = file_form(
    "CSV, a workbook, camt.053 or camt.054, ISO 8583 or OFX; 25 MB",
    mapping={
        "type": "string",
        "maxLength": 20_000,
        "description": "which column means what, TOML; absent: proposed, where it is a table",
    },
    days_max={
        "type": "integer",
        "minimum": 0,
        "maximum": 31,
        "description": "days between a line and its booking; absent: 3",
    },
)


class UnusableLineOut(Output):
    """A line that cannot be used, and why."""

    model_config = ConfigDict(title="UnusableLine")

    number: int = Field(description="of the line in the file", examples=[17])
    reason: str


class SettlementReadingOut(Output):
    """What a settlement file says. Nothing of it is kept."""

    model_config = ConfigDict(title="SettlementReading")

    format: str = Field(examples=["csv"])
    digest: str = Field(description="of the file and of what it was read by")
    lines: int
    used: int = Field(description="of its lines")
    account: dict[str, int] = Field(description="where all lines of the file went")
    since: date | None = Field(description="its first day; null: no line can be used")
    until: date | None
    time_zone: str
    mapping: str = Field(description="by which it was read, as TOML; empty: its format needs none")
    proposed: bool = Field(description="whether that mapping was proposed, and not sent")
    sample: list[dict[str, Any]] = Field(description="its first lines, as they would be kept")
    refused: list[UnusableLineOut] = Field(description="the first that cannot be used")


@router.post(
    "/readings",
    summary="Read a settlement file",
    response_model=SettlementReadingOut,
    openapi_extra=needs(Scope.RECONCILIATIONS_WRITE, own=WHOLE, requestBody=_FORM),
    responses=answers(200, "What it says; it is kept nowhere.", *_WRITES),
)
async def read_settlement_file(request: Request, caller: Caller) -> Response:
    """Which lines can be used and why others cannot, by the mapping that is sent or one that is proposed from
    its columns. Look at it, mend the mapping, and send both to `/v1/reconciliations/files`."""
    sent = await read_settlement_form(request)
    try:
        found = await look_at(request, sent)
    except FileRefused as refused:
        raise _unreadable(refused) from None
    return reply(SettlementReadingOut.model_validate(msgspec.to_builtins(found)))


@router.post(
    "/files",
    summary="Take a settlement file",
    response_model=ReconciliationOut,
    openapi_extra=needs(Scope.RECONCILIATIONS_WRITE, own=WHOLE, requestBody=_FORM),
    responses=answers(200, "How it stands: its lines are kept, and it is being matched.", *_WRITES),
)
async def take_settlement_file(request: Request, caller: Caller) -> Response:
    """Whole or not at all: a file of which no line can be used is refused. The same file by the same mapping
    twice changes nothing, so a repeat needs no key; one that broke off goes on. Card numbers are not kept."""
    sent = await read_settlement_form(request)
    try:
        return reply(await take(request, caller, sent))
    except FileRefused as refused:
        raise _unreadable(refused) from None


def _unreadable(refused: FileRefused) -> Problem:
    words = str(refused)
    return Problem(
        422,
        "unreadable_settlement_file",
        f"{words[:1].upper()}{words[1:]}. Nothing was kept.",
        errors=[FieldError(field="body.file", code="unreadable", message=words)],
        mapping=refused.mapping or None,
    )
