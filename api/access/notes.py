"""What every route notes for the audit log by itself: who was refused, and what was written and not told.

A route that changes PostgreSQL tells that in its own transaction (`change`). Any other write that was
answered well gets its record here, so that a new route is in the log whether or not its author thought of it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from api.access.audit import Audit, Changeset
from api.access.keys import ApiKey, Principal
from api.access.people import Person
from api.access.trail import AuditEntry, Trail, action_of, address_of
from api.http.preferences import POSITION_HEADER, IdempotencyKey
from api.http.problems import Problem

T = TypeVar("T")

#: A purchase that is declined is an answer, not somebody who tries what he may not do.
_ANSWERS = frozenset({"fraud_detected"})


async def change(request: Request, work: Callable[[Changeset], Awaitable[T]]) -> T:
    """Does `work` in a transaction that tells in whose name it is done. Raises as `Audit.change`."""
    request.state.told = True
    return await _audit(request).change(trail_of(request, request.state.caller), work)


def trail_of(request: Request, caller: Principal) -> Trail:
    return Trail(
        organization_id=caller.organization_id,
        action=action_of(request),
        actor=caller.actor,
        actor_id=caller.id,
        role=caller.role.value if isinstance(caller, Person) else None,
        request_id=request.state.request_id,
        address=address_of(request),
    )


async def note_refused(request: Request, problem: HTTPException) -> None:
    """For a known caller who may not do what he asked for: it is told before he is answered."""
    caller = _caller(request)
    if caller is None or not isinstance(problem, Problem) or not _is_refusal(problem):
        return
    entry = AuditEntry(trail=trail_of(request, caller), resource=request.scope["path"], reason=problem.code)
    await _audit(request).later.tell_refused(entry)


def note_ended_key(request: Request, key_sha256: bytes) -> None:
    """For a key that is not valid: that of whom it was, if it ever was one."""
    trail = Trail(
        organization_id="",
        action=action_of(request),
        actor="",
        request_id=request.state.request_id,
        address=address_of(request),
    )
    entry = AuditEntry(trail=trail, resource=request.scope["path"], reason="invalid_api_key")
    _audit(request).later.refused_key(entry, key_sha256)


def note_done(request: Request, answer: Response, *, keys: bool = True) -> None:
    """For a write of which no transaction told. `keys`: theirs, too.

    Where no decision has a position yet, or many departments have one, the id of its event leads to them.
    """
    caller = _caller(request)
    if caller is None or (not keys and isinstance(caller, ApiKey)):
        return
    if answer.status_code >= 400 or getattr(request.state, "told", False):
        return
    position = answer.headers.get(POSITION_HEADER) or getattr(request.state, "position", None)
    after: dict[str, Any] = {"status": answer.status_code}
    if position is None and (key := request.headers.get("idempotency-key")):
        after["event_id"] = IdempotencyKey(key).event_id(caller.organization_id)
    entry = AuditEntry(
        trail=trail_of(request, caller), resource=request.scope["path"], position=position, after=after
    )
    _audit(request).later.add(entry)


def _is_refusal(problem: Problem) -> bool:
    foreign = problem.status_code == 404 and problem.code == "no_such_resource"
    return foreign or (problem.status_code == 403 and problem.code not in _ANSWERS)


def _caller(request: Request) -> Principal | None:
    return getattr(request.state, "caller", None)


def _audit(request: Request) -> Audit:
    audit: Audit = request.app.state.services.audit
    return audit
