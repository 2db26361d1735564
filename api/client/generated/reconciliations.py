"""Reconciliations of the API. Written by `python -m infra.client_code`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import msgspec

from api.client.call import Call, at, given
from api.client.generated.shared import Money
from api.client.operations import Resource, S, listing, operation


class MatchingProgress(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Steps of the matching that are done, and all of them."""

    done: int
    total: int


class ReceivedLines(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """How many lines were new."""

    added: int


class Reconciliation(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A settlement file, and how it stands."""

    file_id: str
    name: str
    format: str
    status: str
    lines: int
    received: int
    account: dict[str, int]
    since: date
    until: date
    time_zone: str
    days_max: int
    results: dict[str, int]
    open: int
    progress: MatchingProgress | None = None
    replaces: str | None = None
    replaced_by: str | None = None
    uploaded_by: str
    uploaded_at: datetime
    matched_at: datetime | None = None


class ReconciliationItem(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A line against its booking, or a booking that the file should have and has not."""

    file_id: str
    n: int
    number: int | None = None
    result: str | None = None
    differences: list[str]
    open: bool
    amount: Money | None = None
    refund: bool | None = None
    day: date | None = None
    bought: date | None = None
    reference: str | None = None
    authorization_id: str | None = None
    card_id: str | None = None
    merchant: str | None = None
    department_id: str | None = None
    booked: Money | None = None
    booked_day: date | None = None
    position: str | None = None
    matched_by: str | None = None
    duplicate_of: str | None = None
    unreadable: str | None = None
    resolution: str | None = None
    reason: str | None = None
    resolved_by: str | None = None
    resolved_at: datetime | None = None


class ReconciliationItems(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A page of items."""

    items: list[ReconciliationItem]
    next: str | None = None


class Reconciliations(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A page of files."""

    reconciliations: list[Reconciliation]
    next: str | None = None


class SettlementReading(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What a settlement file says."""

    format: str
    digest: str
    lines: int
    used: int
    account: dict[str, int]
    since: date | None = None
    until: date | None = None
    time_zone: str
    mapping: str
    proposed: bool
    sample: list[dict[str, Any]]
    refused: list[UnusableLine]


class UnusableLine(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A line that cannot be used, and why."""

    number: int
    reason: str


class ReconciliationsResource(Resource[S]):
    """Operations on reconciliations."""

    @operation
    def declare(
        self,
        *,
        name: str,
        digest: str,
        lines: int,
        since: date | str,
        until: date | str,
        format: str | None = None,
        account: Mapping[str, Any] | None = None,
        time_zone: str | None = None,
        days_max: int | None = None,
        replaces: str | None = None,
    ) -> Call[Reconciliation]:
        """Declare a settlement file."""
        return Call(
            "PUT",
            "/v1/reconciliations",
            Reconciliation,
            body=given(
                name=name,
                format=format,
                digest=digest,
                lines=lines,
                account=account,
                since=since,
                until=until,
                time_zone=time_zone,
                days_max=days_max,
                replaces=replaces,
            ),
        )

    def _list(self, *, after: str | None = None, limit: int | None = None) -> Call[Reconciliations]:
        """List settlement files."""
        return Call(
            "GET", "/v1/reconciliations", Reconciliations, query={"after": after, "limit": limit}, reads=True
        )

    list = listing(_list, "reconciliations", Reconciliation)

    @operation
    def send_lines(self, file_id: str, *, lines: Sequence[Mapping[str, Any]]) -> Call[ReceivedLines]:
        """Send lines of a settlement file."""
        return Call(
            "PUT", at("/v1/reconciliations/{}/lines", file_id), ReceivedLines, body=given(lines=lines)
        )

    @operation
    def match(self, file_id: str) -> Call[Reconciliation]:
        """Match a settlement file."""
        return Call("PUT", at("/v1/reconciliations/{}/matching", file_id), Reconciliation, accepted=True)

    @operation
    def read(self, file_id: str) -> Call[Reconciliation]:
        """Look at a settlement file."""
        return Call("GET", at("/v1/reconciliations/{}", file_id), Reconciliation, reads=True)

    def _list_items(
        self,
        file_id: str,
        *,
        result: str | None = None,
        open: bool | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> Call[ReconciliationItems]:
        """List the items of a settlement file."""
        return Call(
            "GET",
            at("/v1/reconciliations/{}/items", file_id),
            ReconciliationItems,
            query={"result": result, "open": open, "after": after, "limit": limit},
            reads=True,
        )

    list_items = listing(_list_items, "items", ReconciliationItem)

    @operation
    def propose(
        self, file: tuple[str, bytes], *, mapping: str | None = None, days_max: int | None = None
    ) -> Call[SettlementReading]:
        """Read a settlement file."""
        return Call(
            "POST",
            "/v1/reconciliations/readings",
            SettlementReading,
            file=file,
            fields=given(mapping=mapping, days_max=days_max),
            reads=True,
        )

    @operation
    def upload(
        self, file: tuple[str, bytes], *, mapping: str | None = None, days_max: int | None = None
    ) -> Call[Reconciliation]:
        """Take a settlement file."""
        return Call(
            "POST",
            "/v1/reconciliations/files",
            Reconciliation,
            file=file,
            fields=given(mapping=mapping, days_max=days_max),
            reads=True,
        )

    @operation
    def resolve_item(
        self,
        file_id: str,
        n: str,
        *,
        action: str,
        reason: str,
        department_id: str | None = None,
        card_id: str | None = None,
        wait: int | None = None,
    ) -> Call[ReconciliationItem]:
        """Resolve an item."""
        return Call(
            "PUT",
            at("/v1/reconciliations/{}/items/{}/resolution", file_id, n),
            ReconciliationItem,
            body=given(action=action, reason=reason, department_id=department_id, card_id=card_id),
            wait=wait,
        )
