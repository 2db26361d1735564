"""Page routes: who is signed in, what the page needs, and problems as pages."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final, TypeVar
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import msgspec
from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.responses import RedirectResponse, Response

from api.access.keys import Scope
from api.access.notes import note_done, note_refused
from api.access.origin import require_own_origin
from api.access.reach import require_act
from api.access.security import OWN_MEMBER, RECENT_MEMBER, SCOPE_MEMBER, require
from api.access.sessions import require_recent
from api.asking.submit import Answered
from api.http.preferences import Wait
from api.http.problems import Problem
from api.pages.frame import problem_page
from api.pages.viewer import Viewer, viewer_of
from api.resources.events.read import read_event
from api.resources.events.scopes import scopes_of
from api.resources.organization_paths import OfDepartment, OfOrganization
from api.services import Services, services_of, since_of
from api.stores.pace import within
from schemas.ids import Position

#: A page may ask several views one after the other.
_READ_S_MAX: Final = 5.0
_WAIT: Final = Wait(2)
#: The problem that a password which is said again mends.
TOO_OLD: Final = "authentication_too_old"
#: And the one that a second factor mends.
FACTOR_DUE: Final = "second_factor_due"
#: As many as a page may name: one of each partition.
_POSITIONS_MAX: Final = 64
T = TypeVar("T")


class PageRoute(APIRoute):
    """A page for people who have signed in and may do what `openapi_extra=needs(...)` names."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer = super().get_route_handler()
        named = (self.openapi_extra or {}).get(SCOPE_MEMBER)
        if named is None:
            raise TypeError(f"{self.path} names no scope; give it openapi_extra=needs(...)")
        required = [Scope(named)] if isinstance(named, str) else [Scope(scope) for scope in named]
        keeps_to_own = OWN_MEMBER in (self.openapi_extra or {})
        recent = RECENT_MEMBER in (self.openapi_extra or {})

        async def handle(request: Request) -> Response:
            try:
                without_empty_fields(request)
                viewer = await viewer_of(request)
                if viewer is None:
                    return to_sign_in(request)
                request.state.viewer, request.state.caller = viewer, viewer.caller
                require(viewer.caller, *required)
                if not keeps_to_own:
                    _require_reach(request, viewer, required)
                if request.method not in ("GET", "HEAD"):
                    require_own_origin(request)
                if recent:  # of a form already when it is shown: what is typed is not to be typed again
                    require_recent(viewer.caller)
                if request.method in ("GET", "HEAD"):
                    read_s_max = _READ_S_MAX * request.app.state.services.settings.api_patience
                    return await within(request.state.since + read_s_max, answer(request))
                answered = await answer(request)
                note_done(request, answered)
                return answered
            except Problem as problem:
                await note_refused(request, problem)
                if problem.code == TOO_OLD:
                    return to_confirm(request)
                if problem.code == FACTOR_DUE:
                    return RedirectResponse("/account", 303)
                return problem_page(request, problem)
            except RequestValidationError as error:
                return problem_page(request, _unreadable(error))

        return handle


def _require_reach(request: Request, viewer: Viewer, required: Sequence[Scope]) -> None:
    """A page says itself how it keeps to what is one's own; a department in its path must be within reach.
    What a page shows of several departments it asks `Viewer.departments`."""
    if viewer.only_own(*required):
        raise Problem(
            403, "out_of_reach", "Your role may see and do what is your own, and this is about more."
        )
    if "department_id" in request.path_params:
        viewer.require_department(request.path_params["department_id"], *required)


def to_sign_in(request: Request) -> Response:
    """To the sign-in page, and from there back to what was asked for."""
    return RedirectResponse(f"/sign-in?next={quote(_asked_for(request), safe='/')}", 303)


def _asked_for(request: Request) -> str:
    query = request.scope["query_string"].decode("latin-1")
    return str(request.scope["path"]) + (f"?{query}" if query else "")


def to_confirm(request: Request) -> Response:
    """To where the password is said again, and from there back to the page with the form."""
    if request.method in ("GET", "HEAD"):
        where = _asked_for(request)
    else:
        came_from = urlsplit(request.headers.get("referer", ""))
        where = own_path(came_from.path + (f"?{came_from.query}" if came_from.query else ""))
    return RedirectResponse(f"/confirm?next={quote(where, safe='/')}", 303)


def own_path(wanted: str) -> str:
    """`wanted` if it is a path of ours; else the start. An address of another host is nobody's next page."""
    parts = urlsplit(wanted)
    ours = wanted.startswith("/") and not wanted.startswith(("//", "/\\", "/sign-")) and wanted.isprintable()
    return wanted if ours and not parts.scheme and not parts.netloc else "/"


def without_empty_fields(request: Request) -> None:
    """A form sends its empty fields, too: what is empty asks for nothing."""
    query = request.scope["query_string"]
    if query and request.method in ("GET", "HEAD"):
        request.scope["query_string"] = urlencode(parse_qsl(query.decode("latin-1"))).encode()


def _unreadable(error: RequestValidationError) -> Problem:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"][1:]) or "the address"
    return Problem(422, "invalid_request", f"{where}: {first['msg']}.")


@dataclass(frozen=True, slots=True)
class Asking:
    """A viewer's request: reads and writes by the functions of the API."""

    request: Request
    services: Services
    since: float
    viewer: Viewer
    position: Position | None

    def organization(self) -> OfOrganization:
        return OfOrganization(self.services, self.since, self.viewer.caller, _WAIT, self.position)

    def department(self, department_id: str) -> OfDepartment:
        return OfDepartment(
            self.services,
            self.since,
            self.viewer.caller,
            _WAIT,
            self.position,
            self.viewer.organization_id,
            department_id,
        )

    async def send(self, kind: str, department_id: str, **members: Any) -> Answered:
        """Writes one event as `POST /v1/events` does, and waits for its decision.

        Raises:
            Problem: it may not be sent, was rejected, or was not decided in time.
        """
        body = msgspec.json.encode({"type": kind, "department_id": department_id, **members})
        event = read_event(
            body, self.viewer.caller, event_id=f"page-{secrets.token_hex(16)}", now=datetime.now(UTC)
        )
        require_act(self.viewer.caller, department_id, *scopes_of(type(event)))
        result = await self.services.submit(event, _WAIT, since=self.since)
        if isinstance(result, Answered):
            self.request.state.position = str(result.decision.position)
            return result
        words = "It is in the log and not decided yet. Look again in a moment; do not send it twice."
        raise Problem(503, "undecided", words, headers={"Retry-After": "2"})


async def _asking(request: Request) -> Asking:
    """`at`: the position that an act of the viewer has just reached, or the newest of several partitions.
    What is shown is at least as new."""
    text = request.query_params.get("at")
    try:
        positions = [] if text is None else [Position.parse(each) for each in text.split(",")]
    except ValueError as error:
        raise Problem(400, "malformed_position", str(error)[:200]) from None
    if len(positions) > _POSITIONS_MAX:
        raise Problem(400, "malformed_position", f"at: at most {_POSITIONS_MAX} positions.")
    return await asking_at(request, request.state.viewer, since_of(request), positions)


async def asking_at(request: Request, viewer: Viewer, since: float, positions: Sequence[Position]) -> Asking:
    """What `viewer` asks in a request that began at `since`, once the ledger has reached all `positions`."""
    services = services_of(request)
    wait_s = services.reading(_WAIT, positions[0] if positions else None, since=since)
    await asyncio.gather(*(services.ledger.find("reached", each, wait_s=wait_s) for each in positions[:-1]))
    return Asking(request, services, since, viewer, positions[-1] if positions else None)


Asked = Annotated[Asking, Depends(_asking)]


def back(where: str, answer: Answered | None = None, *, done: str | None = None) -> Response:
    """After a form was sent: to the page that shows what it did, at or after its position."""
    query = "&".join(
        part
        for part in (
            f"at={answer.decision.position}" if answer else "",
            f"done={quote(done, safe='')}" if done else "",
        )
        if part
    )
    joint = "&" if "?" in where else "?"
    return RedirectResponse(f"{where}{joint if query else ''}{query}", 303)


async def or_none(reading: Awaitable[T]) -> T | None:
    """What `reading` gives; None where there is no such thing, or the viewer may not see it."""
    try:
        return await reading
    except Problem as problem:
        if problem.status_code in (403, 404):
            return None
        raise
