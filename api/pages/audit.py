"""The audit log: who changed what, who was refused, and whether its chain holds."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Final, NamedTuple

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.access.keys import Scope
from api.access.security import needs
from api.http.paging import Page
from api.pages.frame import page
from api.pages.route import Asked, PageRoute
from api.resources.access.audit import AuditFilters, AuditRecordOut, Outcome, audit_rows
from api.resources.access.audit_chain import chain_of

router = APIRouter(route_class=PageRoute, include_in_schema=False)

ROWS: Final = 50
CHIPS: Final = (("", "All"), ("done", "Done"), ("refused", "Refused"))


class Changed(NamedTuple):
    """One member of what was changed, as it was and as it is; empty: it was not, or is not, there."""

    name: str
    before: str
    after: str


def changes_of(record: AuditRecordOut) -> list[Changed]:
    """What differs, by name; of a record without a state before, what there is now."""
    before, after = record.before or {}, record.after or {}
    names = sorted(before.keys() | after.keys())
    return [
        Changed(name.replace("_", " "), _told(before, name), _told(after, name))
        for name in names
        if before.get(name) != after.get(name)
    ]


def _told(state: Mapping[str, Any], name: str) -> str:
    value = state.get(name)
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


@router.get("/audit", openapi_extra=needs(Scope.AUDIT_READ))
async def show_audit(
    asking: Asked,
    actor: Annotated[str, Query(max_length=200)] = "",
    resource: Annotated[str, Query(max_length=300)] = "",
    outcome: Outcome | None = None,
    since: date | None = None,
    until: date | None = None,
    after: str | None = None,
    check: bool = False,
) -> Response:
    """Newest first. `check`: computes the hashes of the chain anew."""
    organization_id = asking.viewer.organization_id
    given = {
        "actor": actor.strip(),
        "resource": resource.strip(),
        "outcome": outcome or "",
        "since": since.isoformat() if since else "",
        "until": until.isoformat() if until else "",
    }
    filters = AuditFilters(
        actor=given["actor"] or None,
        action=None,
        outcome=outcome,
        resource=given["resource"] or None,
        since=_start(since),
        until=None if until is None else _start(until + timedelta(days=1)),
    )
    asked = Page(after, ROWS, "/audit", tuple(pair for pair in given.items() if pair[1]))
    seen = asked.key(tuple[int])
    found = await audit_rows(
        asking.services, organization_id, filters, seen[0] if seen else None, asked.rows_max
    )
    rows, last = asked.split(found)
    records = [AuditRecordOut(**row) for row in rows]
    return page(
        asking.request,
        "audit",
        records=[(record, changes_of(record)) for record in records],
        more=asked.cursor(last["seq"]) if last else "",
        given=given,
        chips=CHIPS,
        chain=await chain_of(asking.services, organization_id) if check else None,
    )


def _start(day: date | None) -> datetime | None:
    return None if day is None else datetime(day.year, day.month, day.day, tzinfo=UTC)
