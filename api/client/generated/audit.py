"""Audit of the API. Written by `python -m infra.client_code`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from api.client.call import Call
from api.client.operations import Resource, S, listing, operation


class AuditList(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A page of records, newest first."""

    records: list[AuditRecord]
    next: str | None = None


class AuditRecord(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What somebody did, or was refused."""

    seq: int
    at: datetime
    actor: str
    actor_id: str | None = None
    role: str | None = None
    request_id: str | None = None
    address: str | None = None
    action: str
    outcome: str
    reason: str | None = None
    resource: str
    times: int
    position: str | None = None
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    hash: str


class AuditResource(Resource[S]):
    """Operations on audit."""

    def _list(
        self,
        *,
        after: str | None = None,
        limit: int | None = None,
        actor: str | None = None,
        action: str | None = None,
        outcome: str | None = None,
        resource: str | None = None,
        since: str | None = None,
        until: str | None = None,
    ) -> Call[AuditList]:
        """List the audit log."""
        return Call(
            "GET",
            "/v1/audit",
            AuditList,
            query={
                "after": after,
                "limit": limit,
                "actor": actor,
                "action": action,
                "outcome": outcome,
                "resource": resource,
                "since": since,
                "until": until,
            },
            reads=True,
        )

    list = listing(_list, "records", AuditRecord)

    @operation
    def export(
        self,
        *,
        format: str | None = None,
        actor: str | None = None,
        action: str | None = None,
        outcome: str | None = None,
        resource: str | None = None,
        since: str | None = None,
        until: str | None = None,
    ) -> Call[str]:
        """Take the audit log away."""
        return Call(
            "GET",
            "/v1/audit/export",
            str,
            query={
                "format": format,
                "actor": actor,
                "action": action,
                "outcome": outcome,
                "resource": resource,
                "since": since,
                "until": until,
            },
            reads=True,
        )
