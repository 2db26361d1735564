"""What becomes of an open item. Where money moves it is an event in the log, under an id that follows from
the item, so that who says it again does not move it twice."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.access.audit import Changeset
from api.access.keys import Principal, Scope
from api.access.reach import WHOLE
from api.access.security import Caller, KeyedRoute, needs
from api.asking.submit import Answered
from api.http.preferences import MEMBERS_ONCE, POSITION_HEADER, Wait, Waiting
from api.http.problems import Problem
from api.resources.organization_paths import invalid
from api.resources.reconciliations.bodies import ReconciliationItemOut, ResolutionIn
from api.resources.reconciliations.reconciliations import (
    RECONCILIATIONS,
    FileId,
    ItemNumber,
    answers,
    find_file,
    find_item,
    item_response,
    told,
)
from api.services import Services, services_of, since_of
from schemas.administration import PostingReversed
from schemas.event import Merchant
from schemas.events import Event
from schemas.ids import Position
from schemas.messages import ClearingPresented, RefundPresented, RefundReversed
from schemas.money import PositiveMoney

router = APIRouter(prefix=RECONCILIATIONS, tags=["reconciliation"], route_class=KeyedRoute)

#: Result -> what may be done about it, and how that is called once it is done.
ACTIONS: Final[dict[str, dict[str, str]]] = {
    "missing_here": {"accept": "accepted", "post": "posted"},
    "duplicate": {"accept": "accepted", "post": "posted"},
    "missing_there": {"accept": "accepted", "reverse": "reversed"},
    "differs": {"accept": "accepted", "repost": "reposted"},
    "unreadable": {"accept": "accepted"},
}


@router.put(
    "/{file_id}/items/{n}/resolution",
    summary="Resolve an item",
    response_model=ReconciliationItemOut,
    dependencies=[MEMBERS_ONCE],
    openapi_extra=needs(Scope.RECONCILIATIONS_WRITE, own=WHOLE),
    responses=answers(
        200, "As it is now; `open` while the log has not answered in time: say it again.",
        400, 401, 403, 404, 409, 413, 415, 422, 500, 503,
    ),
)  # fmt: skip
async def resolve_item(
    body: ResolutionIn, request: Request, caller: Caller, wait: Waiting, file_id: FileId, n: ItemNumber
) -> Response:
    """With a reason, in the caller's name. Money moves by a force post or by what takes a posting back: the
    first is in the ledger like any clearing, the second names the posting that it compensates. Said again it
    changes nothing more."""
    row, position = await resolve(request, caller, wait, file_id, n, body)
    headers = {} if position is None else {POSITION_HEADER: str(position)}
    return item_response(row, 200, **wait.applied, **headers)


@dataclass(frozen=True, slots=True)
class _Item:
    """An open item, in which time zone its days are, and what was said about it."""

    row: dict[str, Any]
    zone: ZoneInfo
    organization_id: str
    actor: str
    said: ResolutionIn

    def event_id(self, step: str) -> str:
        return f"{self.row['file_id']}-{self.row['n']}-{step}"

    @property
    def at(self) -> datetime:
        """Noon of the line's day; never ahead of now."""
        day = datetime.fromisoformat(str(self.row["day"])).date()
        return min(datetime.combine(day, time(12), self.zone).astimezone(UTC), datetime.now(UTC))

    @property
    def amount(self) -> PositiveMoney:
        return PositiveMoney(self.row["minor"], self.row["currency"])


async def resolve(
    request: Request, caller: Principal, wait: Wait, file_id: str, n: int, said: ResolutionIn
) -> tuple[dict[str, Any], Position | None]:
    """The item's row as it is then, and the last decision. Raises Problem."""
    services = services_of(request)
    file = await find_file(services, caller, file_id)
    row = await find_item(services, caller, file_id, n)
    resolution = _resolution(row, said)
    if not row["is_open"] and row["resolution"] == resolution:
        return row, None  # said again
    _require_open(row)
    item = _Item(row, ZoneInfo(file.time_zone), caller.organization_id, caller.actor, said)
    events = [] if said.action == "accept" else await _events(services, item)
    of = {"organization_id": caller.organization_id, "file_id": file_id, "n": n}

    async def claim(changes: Changeset) -> None:
        given = of | {"resolution": resolution, "reason": said.reason, "actor": caller.actor}
        if await changes.row("reconciliation_claim", **given) is None:
            raise Problem(
                409, "already_resolved", "Somebody has begun to resolve it otherwise: look at it again."
            )
        after = {"resolution": resolution, "reason": said.reason, "events": [one.event_id for one in events]}
        changes.tell(f"{RECONCILIATIONS}/{file_id}/items/{n}", before={"result": row["result"]}, after=after)

    await told(request, claim)
    position = await _send(request, events, wait, of)
    return await find_item(services, caller, file_id, n), position


def _resolution(row: dict[str, Any], said: ResolutionIn) -> str:
    possible = ACTIONS.get(row["result"], {})
    if said.action not in possible:
        known = ", ".join(possible) or "nothing"
        words = f"does not fit what is {row['result'] or 'not matched yet'}; there is {known}"
        raise invalid("body.action", "wrong_action", words)
    return possible[said.action]


def _require_open(row: dict[str, Any]) -> None:
    if not row["is_open"]:
        by = (
            f"as {row['resolution']} by {row['resolved_by']}"
            if row["resolution"]
            else "or its file was replaced"
        )
        raise Problem(409, "already_resolved", f"It is not open: it was resolved {by}.")


async def _send(request: Request, events: list[Event], wait: Wait, of: dict[str, Any]) -> Position | None:
    """All events one after the other; the last one's decision settles the item."""
    services, since = services_of(request), since_of(request)
    last: Answered | None = None
    try:
        for event in events:
            result = await services.submissions.submit(event, wait_s=services.deciding(wait), since=since)
            if not isinstance(result, Answered):
                return None  # it is in the log, or on its way: said again, it is completed
            last = result
    except Problem as refused:
        if last is None and refused.status_code < 500:

            async def unclaim(changes: Changeset) -> None:
                await changes.row("reconciliation_unclaim", **of)

            await told(request, unclaim)
        raise
    if last is None:
        return None
    first, department = last.first, events[-1].department_id

    async def done(changes: Changeset) -> None:
        place = {"partition": first.partition, "seq": first.seq, "department_id": department}
        await changes.row("reconciliation_done", **of, **place)

    await told(request, done)
    return first


async def _events(services: Services, item: _Item) -> list[Event]:
    """What is written, in this order. Raises Problem 422: whose money it is does not follow."""
    match item.said.action:
        case "post":
            department, card = await _whose(services, item)
            return [_posting(item, department, card, item.row["authorization_id"])]
        case "reverse":
            return [_taking_back(item, await _settled(services, item))]
        case "repost":
            settled = await _settled(services, item)
            card = item.said.card_id or settled["card_id"] or item.row["card_id"]
            if card is None:
                raise invalid("body.card_id", "missing", "neither file nor booking tells the card: name it")
            again = _posting(
                item, settled["department_id"], card, settled["posted_to"] or settled["authorization_id"]
            )
            return [_taking_back(item, settled), again]
        case _:
            return []


async def _settled(services: Services, item: _Item) -> dict[str, Any]:
    row = item.row
    found = await services.reconciliations.ask(
        "settled_by", organization_id=item.organization_id, partition=row["partition"], seq=row["seq"]
    )
    if not found or (found["posted_to"] is None and found["refund_id"] is None):
        words = "It is neither a clearing nor a refund (a dispute, say), so it is not taken back here."
        raise Problem(409, "not_reversible", words)
    return found


def _taking_back(item: _Item, settled: dict[str, Any]) -> Event:
    """By what the network would send, or an auditor: in full."""
    base: dict[str, Any] = {
        "event_id": item.event_id("reverse"),
        "organization_id": item.organization_id,
        "department_id": settled["department_id"],
        "occurred_at": datetime.now(UTC),
    }
    if settled["posted_to"] is None:
        amount = PositiveMoney(item.row["booked_minor"], item.row["booked_currency"])
        return RefundReversed(refund_id=settled["refund_id"], amount=amount, **base)
    return PostingReversed(
        authorization_id=settled["posted_to"],
        seq=item.row["seq"],
        reason=item.said.reason[:200],
        actor=item.actor,
        **base,
    )


def _posting(item: _Item, department: str, card: str, authorization_id: str | None) -> Event:
    """A force post of what the file says; it settles the payment, where the file names a known one."""
    row = item.row
    merchant = None if row["merchant"] is None else Merchant(name=row["merchant"])
    base: dict[str, Any] = {
        "event_id": item.event_id("post"),
        "organization_id": item.organization_id,
        "department_id": department,
        "occurred_at": item.at,
        "card_id": card,
        "amount": item.amount,
        "merchant": merchant,
    }
    own = f"{row['file_id']}-{row['n']}"
    if row["refund"]:
        return RefundPresented(refund_id=own, authorization_id=authorization_id, **base)
    return ClearingPresented(authorization_id=authorization_id or row["reference"] or own, **base)


async def _whose(services: Services, item: _Item) -> tuple[str, str]:
    """Department and card of what is posted. Raises Problem 422."""
    row = item.row
    card = item.said.card_id or row["card_id"]
    if card is None:
        raise invalid("body.card_id", "missing", "the file does not tell the card: name it")
    if item.said.department_id is not None:
        return item.said.department_id, card
    found = await services.reconciliations.ask(
        "card_departments",
        organization_id=item.organization_id,
        card_id=card,
        authorization_id=row["authorization_id"],
    )
    departments = found["departments"]
    if len(departments) != 1:
        words = (
            "no department knows the card" if not departments else f"it may be of {', '.join(departments)}"
        )
        raise invalid("body.department_id", "missing", f"{words}: name the department")
    return departments[0], card
