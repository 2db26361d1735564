"""API keys: which there are and when each was used; made, rotated and revoked. A secret is shown once."""

from __future__ import annotations

import secrets
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Form
from starlette.responses import Response

from api.access.keys import EVERYDAY_SCOPES, KEY_SCOPES, Scope
from api.access.people import reach_of
from api.access.roles import Reach
from api.access.security import needs
from api.http.paging import Page
from api.http.problems import Problem
from api.pages.forms import ShownOnce, once, show_once, valid, words_of
from api.pages.frame import page
from api.pages.route import Asked, Asking, PageRoute, back
from api.pages.words import key_state
from api.resources.access.keys import (
    KeyIn,
    KeyOut,
    NewKeyOut,
    find_key,
    key_rows,
    make_key,
    revoke,
    rotate,
    shown_key,
)

router = APIRouter(route_class=PageRoute, include_in_schema=False)

ROWS: Final = 50
#: What each scope lets a program do.
SCOPE_WORDS: Final = {
    Scope.AUTHORIZATIONS_WRITE: "ask whether a card may pay, and send what card networks send",
    Scope.AUTHORIZATIONS_READ: "see authorizations and transactions",
    Scope.CASES_READ: "see what is to be reviewed",
    Scope.CASES_WRITE: "review: say what was fraud",
    Scope.RECEIPTS_READ: "see receipts and what they were matched to",
    Scope.RECEIPTS_WRITE: "add, match and remove receipts",
    Scope.BUDGETS_READ: "see budgets and requests for more",
    Scope.BUDGETS_WRITE: "set budgets",
    Scope.BUDGETS_REQUEST: "ask for more budget",
    Scope.BUDGETS_APPROVE: "approve requests, in the name of who makes the key",
    Scope.POLICIES_READ: "see policies",
    Scope.POLICIES_WRITE: "draft policies and put them in force",
    Scope.CARDS_READ: "see cards",
    Scope.CARDS_WRITE: "register, freeze, change and cancel cards",
    Scope.LEDGER_READ: "read the books",
    Scope.LEDGER_CORRECT: "undo a booking",
    Scope.RECONCILIATIONS_READ: "see settlement files and what differs from the books",
    Scope.RECONCILIATIONS_WRITE: "add settlement files, resolve what differs, close months",
    Scope.REPORTS_WRITE: "have reports made by themselves, and mailed",
    Scope.CAPS_WRITE: "divide the whole company's money",
    Scope.WEBHOOKS_READ: "see endpoints and what was sent",
    Scope.WEBHOOKS_WRITE: "send what happens to another system",
    Scope.FEED_READ: "listen to decisions as they are made",
    Scope.SIMULATIONS_WRITE: "simulate, in test mode",
    Scope.PEOPLE_READ: "see people",
    Scope.PEOPLE_WRITE: "invite, change and remove people",
    Scope.KEYS_READ: "see keys",
    Scope.KEYS_WRITE: "make and revoke keys",
    Scope.AUDIT_READ: "read the audit log",
}
#: How long the key before goes on beside the one that takes its place.
OVERLAPS: Final = (
    (86_400, "for a day"),
    (3_600, "for an hour"),
    (7 * 86_400, "for a week"),
    (30 * 86_400, "for 30 days"),
    (0, "not at all"),
)
_KEPT: Final = "Keep it where the program keeps its secrets; a lost one is rotated, not found."


def _told(
    name: Annotated[str, Form(max_length=100)] = "",
    scopes: Annotated[list[str], Form()] = [],  # noqa: B006  # FastAPI copies it
    last_day: Annotated[date | None, Form()] = None,
) -> dict[str, Any]:
    """What the form says, for the model of `api.resources.access.keys` to judge."""
    return {"name": name.strip(), "scopes": scopes, "last_day": last_day}


Told = Annotated[dict[str, Any], Depends(_told)]


def body_of(told: dict[str, Any]) -> KeyIn:
    """A key is good until the end of its last day, UTC. Raises Problem 422."""
    last_day: date | None = told["last_day"]
    ends = None
    if last_day is not None:
        day = datetime(last_day.year, last_day.month, last_day.day, tzinfo=UTC)
        ends = (day + timedelta(days=1)).isoformat()
    if not told["scopes"]:
        raise Problem(422, "invalid_request", "Choose at least one thing that the key may do.")
    given = {"name": told["name"], "scopes": told["scopes"], "expires_at": ends}
    return valid(lambda: KeyIn.model_validate(given))


@router.get("/keys", openapi_extra=needs(Scope.KEYS_READ))
async def show_keys(asking: Asked, active: bool | None = None, after: str | None = None) -> Response:
    """Newest first."""
    given = {"active": "" if active is None else str(active).lower()}
    asked = Page(after, ROWS, "/keys", tuple(pair for pair in given.items() if pair[1]))
    seen = asked.key(tuple[datetime, str])
    found = await key_rows(
        asking.services,
        asking.viewer.organization_id,
        active=active,
        seen=seen or (None, None),
        rows_max=asked.rows_max,
    )
    rows, last = asked.split(found)
    return page(
        asking.request,
        "keys",
        keys=[(key, key_state(key)) for key in map(shown_key, rows)],
        more=asked.cursor(last["created_at"], last["id"]) if last else "",
        given=given,
        chips=(("", "All"), ("true", "Good"), ("false", "Ended")),
    )


@router.get("/keys/new", openapi_extra=needs(Scope.KEYS_WRITE, recent=True))
async def show_key_form(asking: Asked) -> Response:
    return _form(asking, {"name": "", "scopes": [], "last_day": None})


def _form(asking: Asking, told: dict[str, Any], wrong: Problem | None = None) -> Response:
    """Nobody is offered what he may not give."""
    mine = [scope for scope in KEY_SCOPES if reach_of(asking.viewer.caller, scope) is Reach.ORGANIZATION]
    return page(
        asking.request,
        "key_form",
        status=200 if wrong is None else wrong.status_code,
        told=told,
        wrong="" if wrong is None else words_of(wrong),
        everyday=[(scope, SCOPE_WORDS.get(scope, "")) for scope in mine if scope in EVERYDAY_SCOPES],
        special=[(scope, SCOPE_WORDS.get(scope, "")) for scope in mine if scope not in EVERYDAY_SCOPES],
        key=secrets.token_hex(16),
    )


@router.post("/keys/new", openapi_extra=needs(Scope.KEYS_WRITE, recent=True))
async def make_by_form(asking: Asked, key: Annotated[str, Form(max_length=64)], told: Told) -> Response:
    try:
        made, _ = await make_key(asking.request, asking.viewer.caller, body_of(told), once(key))
    except Problem as problem:
        if problem.status_code != 422:
            raise
        return _form(asking, told, problem)
    return _secret(asking, made)


def _secret(asking: Asking, made: NewKeyOut) -> Response:
    here = f"/keys/{made.key_id}"
    shown = ShownOnce(
        title=f"The key {made.name}",
        words="A program sends it with each request: Authorization: Bearer, and then this.",
        secret=made.secret,
        above=(("Keys", "/keys"), (made.name, here)),
        after=("To the key", here),
        kept=_KEPT,
        instead="This key was made before, and shown then. If it was lost, rotate it.",
    )
    return show_once(asking.request, shown)


@router.get("/keys/{key_id}", openapi_extra=needs(Scope.KEYS_READ))
async def show_key(asking: Asked, key_id: str) -> Response:
    return await _key(asking, key_id)


async def _key(asking: Asking, key_id: str, wrong: Problem | None = None) -> Response:
    """`wrong`: why what was asked for was not done."""
    found: KeyOut = await find_key(asking.services, asking.viewer.organization_id, key_id)
    state = key_state(found)
    return page(
        asking.request,
        "key",
        status=200 if wrong is None else wrong.status_code,
        wrong="" if wrong is None else words_of(wrong),
        found=found,
        state=state,
        words=SCOPE_WORDS,
        overlaps=OVERLAPS,
        write=asking.viewer.may(Scope.KEYS_WRITE) and state.tone != "",
        key=secrets.token_hex(16),
    )


@router.post("/keys/{key_id}/rotations", openapi_extra=needs(Scope.KEYS_WRITE, recent=True))
async def rotate_by_form(
    asking: Asked,
    key_id: str,
    key: Annotated[str, Form(max_length=64)],
    overlap_s: Annotated[int, Form(ge=0, le=30 * 86_400)] = 86_400,
) -> Response:
    try:
        made, _ = await rotate(asking.request, asking.viewer.caller, key_id, overlap_s, once(key))
    except Problem as problem:
        if problem.status_code != 409:
            raise
        return await _key(asking, key_id, problem)
    return _secret(asking, made)


@router.post("/keys/{key_id}/revocation", openapi_extra=needs(Scope.KEYS_WRITE, recent=True))
async def revoke_by_form(asking: Asked, key_id: str) -> Response:
    await revoke(asking.request, asking.viewer.caller, key_id)
    return back(f"/keys/{key_id}", done="Revoked: within five seconds it opens nothing any more.")
