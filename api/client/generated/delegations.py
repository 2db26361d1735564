"""Delegations of the API. Written by `python -m infra.client_code`."""

from __future__ import annotations

from datetime import datetime

import msgspec

from api.client.call import Call, at, given, new_key
from api.client.generated.shared import EventDecision
from api.client.operations import Resource, S, listing, operation


class Delegation(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """While somebody is away, another answers what is for him, and nothing that he has asked for himself."""

    department_id: str
    absent: str
    delegate: str
    starts_at: datetime
    until: datetime
    set_by: str
    position: str


class Delegations(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A page of delegations, by who is away."""

    delegations: list[Delegation]
    next: str | None = None


class DelegationsResource(Resource[S]):
    """Operations on delegations."""

    @operation
    def set(
        self,
        *,
        department_id: str,
        absent: str,
        delegate: str,
        until: datetime | str,
        occurred_at: datetime | str | None = None,
        starts_at: datetime | str | None = None,
        wait: int | None = None,
        position: str | None = None,
        idempotency_key: str | None = None,
    ) -> Call[EventDecision]:
        """Say who answers while somebody is away."""
        return Call(
            "POST",
            "/v1/delegations",
            EventDecision,
            body=given(
                department_id=department_id,
                occurred_at=occurred_at,
                absent=absent,
                delegate=delegate,
                until=until,
                starts_at=starts_at,
            ),
            wait=wait,
            position=position,
            key=idempotency_key or new_key(),
        )

    def _list(
        self,
        *,
        department_id: str | None = None,
        absent: str | None = None,
        after: str | None = None,
        limit: int | None = None,
        wait: int | None = None,
        position: str | None = None,
    ) -> Call[Delegations]:
        """List delegations."""
        return Call(
            "GET",
            "/v1/delegations",
            Delegations,
            query={"department_id": department_id, "absent": absent, "after": after, "limit": limit},
            wait=wait,
            position=position,
            reads=True,
        )

    list = listing(_list, "delegations", Delegation)

    @operation
    def end(
        self,
        absent: str,
        *,
        department_id: str,
        occurred_at: datetime | str | None = None,
        wait: int | None = None,
        position: str | None = None,
        idempotency_key: str | None = None,
    ) -> Call[EventDecision]:
        """Say that somebody is back."""
        return Call(
            "POST",
            at("/v1/delegations/{}/endings", absent),
            EventDecision,
            body=given(department_id=department_id, occurred_at=occurred_at),
            wait=wait,
            position=position,
            key=idempotency_key or new_key(),
        )
