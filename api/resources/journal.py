"""The journal: every booking of an organization, listed by filters."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, NamedTuple

from fastapi import APIRouter, Depends, Query
from pydantic import ConfigDict, Field
from starlette.responses import Response

from api.access.keys import Scope
from api.access.security import KeyedRoute, needs
from api.http.paging import NEXT, Paged
from api.http.paths import storable
from api.http.types import Moment, MoneyOut, Output
from api.resources.ledger import AsOf, OccurredBy, RecordedBy, position_of, same_partition
from api.resources.organization_paths import (
    OfOrganization,
    ReadingAll,
    invalid,
    list_responses,
    shown,
    unknown_department,
)
from api.stores.authorizations import Which
from api.stores.journal import EntryFilters, EntryKey, EntryOrder, entries_page
from schemas.bookings import BookingKind, Layer
from schemas.ids import Position, is_name

Row = Mapping[str, Any]


class JournalLineOut(Output):
    """One side of an entry."""

    model_config = ConfigDict(title="JournalLine")

    account: str = Field(examples=["department:techcorp/engineering:card-spend"])
    direction: Literal["debit", "credit"]
    amount: MoneyOut


class JournalEntryOut(Output):
    """One booking: as much on the debit side as on the credit side. It never changes."""

    model_config = ConfigDict(title="JournalEntry")

    entry_id: str = Field(description="`partition:seq:effect:leg`", examples=["3:1042:0:0"])
    department_id: str = Field(examples=["engineering"])
    authorization_id: str | None = Field(
        description="of the payment that it is about", examples=["auth_7f3a"]
    )
    kind: BookingKind
    layer: Layer = Field(description="pending: held; posted: settled")
    lines: list[JournalLineOut] = Field(description="the debit, then the credit")
    period: str | None = Field(description="of the department's budget", examples=["2026-03"])
    reverses: str | None = Field(
        description="`partition:seq` of the decision whose posting it takes back", examples=[None]
    )
    occurred_at: datetime | None
    recorded_at: datetime = Field(description="when the log had it: lists are in this order")
    position: str = Field(description="`partition:seq` of the decision that it books", examples=["3:1042"])


class JournalEntryListOut(Output):
    """A page of the journal."""

    model_config = ConfigDict(title="JournalEntries")

    journal_entries: list[JournalEntryOut]
    next: str | None = Field(description=NEXT)


def entry_out(row: Row) -> JournalEntryOut:
    """A member of `entries` of journal_entries.sql."""
    partition, seq = row["partition"], row["seq"]
    amount = MoneyOut(minor=row["amount"], currency=row["currency"])
    reversed_seq = row["compensates_seq"]
    return JournalEntryOut(
        entry_id=f"{partition}:{seq}:{row['n']}:{row['leg']}",
        department_id=row["department_id"],
        authorization_id=row["authorization_id"],
        kind=row["kind"],
        layer=row["layer"],
        lines=[
            JournalLineOut(account=row["debit_account"], direction="debit", amount=amount),
            JournalLineOut(account=row["credit_account"], direction="credit", amount=amount),
        ],
        period=row["period"],
        reverses=None if reversed_seq is None else str(Position(partition, reversed_seq)),
        occurred_at=row["occurred_at"],
        recorded_at=row["recorded_at"],
        position=str(Position(partition, seq)),
    )


class _What(NamedTuple):
    """Filters of what was booked."""

    account: str | None
    kind: BookingKind | None
    layer: Layer | None
    currency: str | None
    period: str | None
    authorization_id: str | None
    department_id: str | None


async def _what(
    account: Annotated[
        str | None,
        Query(
            max_length=300,
            description="that it debits or credits, by its whole name",
            examples=["department:techcorp/engineering:card-spend"],
        ),
    ] = None,
    kind: Annotated[BookingKind | None, Query(description="only this kind")] = None,
    layer: Annotated[Layer | None, Query(description="holds, or what is settled")] = None,
    currency: Annotated[str | None, Query(pattern="^[A-Z]{3}$", description="ISO 4217 code")] = None,
    period: Annotated[
        str | None, Query(max_length=64, description="of the department's budget", examples=["2026-03"])
    ] = None,
    authorization_id: Annotated[str | None, Query(max_length=128, description="only of this payment")] = None,
    department_id: Annotated[str | None, Query(max_length=64, description="only of this department")] = None,
) -> _What:
    return _What(account, kind, layer, currency, period, authorization_id, department_id)


class _When(NamedTuple):
    """Filters of when: by the log's clock, by the events', or up to a decision."""

    since: datetime | None
    until: datetime | None
    recorded_by: datetime | None
    occurred_by: datetime | None
    up_to: Position | None


async def _when(
    since: Annotated[Moment | None, Query(description="recorded at this time or later")] = None,
    until: Annotated[Moment | None, Query(description="recorded before this time")] = None,
    recorded_by: RecordedBy = None,
    occurred_by: OccurredBy = None,
    as_of: AsOf = None,
) -> _When:
    return _When(since, until, recorded_by, occurred_by, position_of(as_of))


router = APIRouter(tags=["ledger"], route_class=KeyedRoute)


@router.get(
    "/v1/journal-entries",
    summary="List journal entries",
    response_model=JournalEntryListOut,
    openapi_extra=needs(Scope.LEDGER_READ),
    responses=list_responses("A page of them."),
)
async def list_journal_entries(
    reading: ReadingAll,
    page: Paged,
    what: Annotated[_What, Depends(_what)],
    when: Annotated[_When, Depends(_when)],
    order: Annotated[EntryOrder, Query(description="by `recorded_at`")] = "newest",
) -> Response:
    """Every booking, each with its two lines; filters may be combined. docs/ledger.md has the accounts.

    With `recorded_by`, `occurred_by` or `as_of` the lines of an account add up to its balance as of then, as
    `.../accounts` shows it. Entries never change, and a page goes on after a row: an export that goes from
    page to page has each once.
    """
    for name, text in (("account", what.account), ("period", what.period)):
        if not storable(text or ""):
            raise invalid(f"query.{name}", "value_error", "must not contain control characters")
    if when.since is not None and when.until is not None and when.since > when.until:
        raise invalid("query.since", "empty_range", "is above until: nothing could fit")
    after = page.key(tuple[datetime, int, int, int, int])
    filters = await _filters(reading, what, when)
    rows: list[Row] = []
    if filters is not None:
        wait_s = reading.services.reading(reading.wait, reading.position, since=reading.since)
        row = await entries_page(
            reading.services.ledger,
            reading.caller.organization_id,
            filters,
            order,
            None if after is None else EntryKey(*after),
            reading.position,
            rows_max=page.rows_max,
            wait_s=wait_s,
        )
        _known(row, what.department_id, when.up_to)
        rows = row["entries"]
    found, following = page.turn(rows, lambda one: tuple(one[name] for name in EntryKey._fields))
    body = JournalEntryListOut(journal_entries=[entry_out(one) for one in found], next=following)
    return shown(body, reading.wait, **page.link(following))


def _known(row: Row, department_id: str | None, up_to: Position | None) -> None:
    if department_id is None:
        return
    if row["of_partition"] is None:
        raise unknown_department()
    same_partition(row["of_partition"], up_to)


async def _filters(reading: OfOrganization, what: _What, when: _When) -> EntryFilters | None:
    """None: nothing can fit. Raises Problem."""
    if what.department_id is not None and not is_name(what.department_id):
        raise unknown_department()
    if when.up_to is not None and what.department_id is None:
        words = "is a decision of one department's partition; name the department with department_id"
        raise invalid("query.as_of", "missing_department", words)
    payment = None
    if what.authorization_id is not None:
        if not storable(what.authorization_id):
            return None
        which = Which(reading.caller.organization_id, what.authorization_id, what.department_id)
        wait_s = reading.services.reading(reading.wait, reading.position, since=reading.since)
        found = await reading.services.authorizations.find(which, reading.position, wait_s=wait_s)
        if found is None:
            return None
        payment = (found.partition, found.seqs)
    return EntryFilters(**what._asdict(), **when._asdict(), payment=payment)
