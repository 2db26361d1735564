"""Ledger of the API. Written by `python -m infra.client_code`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from api.client.call import Call, at, given, new_key
from api.client.generated.shared import EventDecision, Money, TransactionMessage
from api.client.operations import Resource, S, listing, operation


class Account(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One account."""

    account: str
    layer: str
    balance: Money
    entries: int


class Accounts(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The accounts that a department's transfers name."""

    organization_id: str
    department_id: str
    accounts: list[Account]
    position: str | None = None


class Balances(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A department's balances, one for each period in which something happened."""

    organization_id: str
    department_id: str
    periods: list[PeriodBalance]
    position: str | None = None


class JournalEntries(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A page of the journal."""

    journal_entries: list[JournalEntry]
    next: str | None = None


class JournalEntry(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One booking."""

    entry_id: str
    department_id: str
    authorization_id: str | None = None
    kind: str
    layer: str
    lines: list[JournalLine]
    period: str | None = None
    reverses: str | None = None
    occurred_at: datetime | None = None
    recorded_at: datetime
    position: str


class JournalLine(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One side of an entry."""

    account: str
    direction: str
    amount: Money


class PeriodBalance(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The department's own budget in one period."""

    period: str
    limit: Money
    pending: Money
    posted: Money
    available: Money


class TrialBalance(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """An organization's trial balance."""

    organization_id: str
    balanced: bool
    lines: list[TrialBalanceLine]


class TrialBalanceLine(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """All entries of one currency and layer, added up."""

    currency: str
    layer: str
    total: Money
    entries: int


class LedgerResource(Resource[S]):
    """Operations on ledger."""

    @operation
    def correct(
        self,
        authorization_id: str,
        *,
        seq: int,
        department_id: str | None = None,
        occurred_at: datetime | str | None = None,
        reason: str | None = None,
        wait: int | None = None,
        position: str | None = None,
        idempotency_key: str | None = None,
    ) -> Call[EventDecision]:
        """Take a posting back."""
        return Call(
            "POST",
            at("/v1/authorizations/{}/corrections", authorization_id),
            EventDecision,
            body=given(department_id=department_id, occurred_at=occurred_at, seq=seq, reason=reason),
            wait=wait,
            position=position,
            key=idempotency_key or new_key(),
        )

    @operation
    def decision(
        self, decision_position: str, *, wait: int | None = None, position: str | None = None
    ) -> Call[TransactionMessage]:
        """Look at a decision."""
        return Call(
            "GET",
            at("/v1/decisions/{}", decision_position),
            TransactionMessage,
            wait=wait,
            position=position,
            reads=True,
        )

    @operation
    def balances(
        self,
        organization_id: str,
        department_id: str,
        *,
        recorded_by: str | None = None,
        occurred_by: str | None = None,
        as_of: str | None = None,
        wait: int | None = None,
        position: str | None = None,
    ) -> Call[Balances]:
        """Look at a department's balances."""
        return Call(
            "GET",
            at("/v1/organizations/{}/departments/{}/balances", organization_id, department_id),
            Balances,
            query={"recorded_by": recorded_by, "occurred_by": occurred_by, "as_of": as_of},
            wait=wait,
            position=position,
            reads=True,
        )

    @operation
    def accounts(
        self,
        organization_id: str,
        department_id: str,
        *,
        recorded_by: str | None = None,
        occurred_by: str | None = None,
        as_of: str | None = None,
        wait: int | None = None,
        position: str | None = None,
    ) -> Call[Accounts]:
        """Look at a department's accounts."""
        return Call(
            "GET",
            at("/v1/organizations/{}/departments/{}/accounts", organization_id, department_id),
            Accounts,
            query={"recorded_by": recorded_by, "occurred_by": occurred_by, "as_of": as_of},
            wait=wait,
            position=position,
            reads=True,
        )

    @operation
    def trial_balance(
        self, organization_id: str, *, wait: int | None = None, position: str | None = None
    ) -> Call[TrialBalance]:
        """Look at the trial balance."""
        return Call(
            "GET",
            at("/v1/organizations/{}/trial-balance", organization_id),
            TrialBalance,
            wait=wait,
            position=position,
            reads=True,
        )

    def _journal_entries(
        self,
        *,
        order: str | None = None,
        after: str | None = None,
        limit: int | None = None,
        account: str | None = None,
        kind: str | None = None,
        layer: str | None = None,
        currency: str | None = None,
        period: str | None = None,
        authorization_id: str | None = None,
        department_id: str | None = None,
        since: str | None = None,
        until: str | None = None,
        recorded_by: str | None = None,
        occurred_by: str | None = None,
        as_of: str | None = None,
        wait: int | None = None,
        position: str | None = None,
    ) -> Call[JournalEntries]:
        """List journal entries."""
        return Call(
            "GET",
            "/v1/journal-entries",
            JournalEntries,
            query={
                "order": order,
                "after": after,
                "limit": limit,
                "account": account,
                "kind": kind,
                "layer": layer,
                "currency": currency,
                "period": period,
                "authorization_id": authorization_id,
                "department_id": department_id,
                "since": since,
                "until": until,
                "recorded_by": recorded_by,
                "occurred_by": occurred_by,
                "as_of": as_of,
            },
            wait=wait,
            position=position,
            reads=True,
        )

    journal_entries = listing(_journal_entries, "journal_entries", JournalEntry)

    @operation
    def export_journal(
        self,
        *,
        format: str,
        since: str | None = None,
        until: str | None = None,
        department_id: str | None = None,
        chart: Sequence[Mapping[str, Any]] | None = None,
        wait: int | None = None,
        position: str | None = None,
    ) -> Call[str]:
        """Export the journal."""
        return Call(
            "POST",
            "/v1/journal-exports",
            str,
            body=given(format=format, since=since, until=until, department_id=department_id, chart=chart),
            wait=wait,
            position=position,
            reads=True,
        )
