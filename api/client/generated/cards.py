"""Cards of the API. Written by `python -m infra.client_code`."""

from __future__ import annotations

from datetime import date, datetime

import msgspec

from api.client.call import Call, at, given, new_key
from api.client.generated.shared import Budget, EventDecision, Merchant, Money
from api.client.operations import Resource, S, listing, operation


class Card(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A registered card."""

    organization_id: str
    department_id: str
    card_id: str
    status: str
    last_four: str | None = None
    employee: str | None = None
    team: str | None = None
    expires_on: date | None = None
    single_use: bool
    locked_to: str | None = None
    lock_to_first: bool
    position: str


class CardDetail(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A registered card with the budgets that it spends from."""

    organization_id: str
    department_id: str
    card_id: str
    status: str
    last_four: str | None = None
    employee: str | None = None
    team: str | None = None
    expires_on: date | None = None
    single_use: bool
    locked_to: str | None = None
    lock_to_first: bool
    position: str
    available: Money | None = None
    limits: list[Budget]


class Cards(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A page of cards, by id."""

    cards: list[Card]
    next: str | None = None


class CardsResource(Resource[S]):
    """Operations on cards."""

    @operation
    def verify(
        self,
        card_id: str,
        *,
        department_id: str,
        merchant: Merchant,
        occurred_at: datetime | str | None = None,
        cardholder: str | None = None,
        entry_mode: str | None = None,
        wait: int | None = None,
        position: str | None = None,
        idempotency_key: str | None = None,
    ) -> Call[EventDecision]:
        """Ask whether a card would be good."""
        return Call(
            "POST",
            at("/v1/cards/{}/verifications", card_id),
            EventDecision,
            body=given(
                department_id=department_id,
                occurred_at=occurred_at,
                merchant=merchant,
                cardholder=cardholder,
                entry_mode=entry_mode,
            ),
            wait=wait,
            position=position,
            key=idempotency_key or new_key(),
        )

    @operation
    def inquire_balance(
        self,
        card_id: str,
        *,
        department_id: str,
        occurred_at: datetime | str | None = None,
        cardholder: str | None = None,
        wait: int | None = None,
        position: str | None = None,
        idempotency_key: str | None = None,
    ) -> Call[EventDecision]:
        """Ask what a card may spend."""
        return Call(
            "POST",
            at("/v1/cards/{}/balance-inquiries", card_id),
            EventDecision,
            body=given(department_id=department_id, occurred_at=occurred_at, cardholder=cardholder),
            wait=wait,
            position=position,
            key=idempotency_key or new_key(),
        )

    def _list(
        self,
        *,
        status: str | None = None,
        department_id: str | None = None,
        employee: str | None = None,
        team: str | None = None,
        after: str | None = None,
        limit: int | None = None,
        wait: int | None = None,
        position: str | None = None,
    ) -> Call[Cards]:
        """List cards."""
        return Call(
            "GET",
            "/v1/cards",
            Cards,
            query={
                "status": status,
                "department_id": department_id,
                "employee": employee,
                "team": team,
                "after": after,
                "limit": limit,
            },
            wait=wait,
            position=position,
            reads=True,
        )

    list = listing(_list, "cards", Card)

    @operation
    def create(
        self,
        *,
        department_id: str,
        last_four: str | None = None,
        employee: str | None = None,
        team: str | None = None,
        expires_on: date | str | None = None,
        single_use: bool | None = None,
        locked_to: str | None = None,
        lock_to_first: bool | None = None,
        card_id: str | None = None,
        wait: int | None = None,
        position: str | None = None,
        idempotency_key: str | None = None,
    ) -> Call[Card]:
        """Register a card."""
        return Call(
            "POST",
            "/v1/cards",
            Card,
            body=given(
                department_id=department_id,
                last_four=last_four,
                employee=employee,
                team=team,
                expires_on=expires_on,
                single_use=single_use,
                locked_to=locked_to,
                lock_to_first=lock_to_first,
                card_id=card_id,
            ),
            wait=wait,
            position=position,
            key=idempotency_key or new_key(),
        )

    @operation
    def read(
        self,
        card_id: str,
        *,
        department_id: str | None = None,
        wait: int | None = None,
        position: str | None = None,
    ) -> Call[CardDetail]:
        """Look at a card and what it may spend."""
        return Call(
            "GET",
            at("/v1/cards/{}", card_id),
            CardDetail,
            query={"department_id": department_id},
            wait=wait,
            position=position,
            reads=True,
        )

    @operation
    def change(
        self,
        card_id: str,
        *,
        department_id: str,
        last_four: str | None = None,
        employee: str | None = None,
        team: str | None = None,
        expires_on: date | str | None = None,
        single_use: bool | None = None,
        locked_to: str | None = None,
        lock_to_first: bool | None = None,
        wait: int | None = None,
        position: str | None = None,
        idempotency_key: str | None = None,
        if_match: str | None = None,
    ) -> Call[Card]:
        """Change a card."""
        return Call(
            "PUT",
            at("/v1/cards/{}", card_id),
            Card,
            body=given(
                department_id=department_id,
                last_four=last_four,
                employee=employee,
                team=team,
                expires_on=expires_on,
                single_use=single_use,
                locked_to=locked_to,
                lock_to_first=lock_to_first,
            ),
            wait=wait,
            position=position,
            key=idempotency_key or new_key(),
            if_match=if_match,
        )

    def _list_of_department(
        self,
        organization_id: str,
        department_id: str,
        *,
        status: str | None = None,
        employee: str | None = None,
        team: str | None = None,
        after: str | None = None,
        limit: int | None = None,
        wait: int | None = None,
        position: str | None = None,
    ) -> Call[Cards]:
        """List a department's cards."""
        return Call(
            "GET",
            at("/v1/organizations/{}/departments/{}/cards", organization_id, department_id),
            Cards,
            query={"status": status, "employee": employee, "team": team, "after": after, "limit": limit},
            wait=wait,
            position=position,
            reads=True,
        )

    list_of_department = listing(_list_of_department, "cards", Card)

    @operation
    def read_of_department(
        self,
        card_id: str,
        organization_id: str,
        department_id: str,
        *,
        wait: int | None = None,
        position: str | None = None,
    ) -> Call[Card]:
        """Look at a department's card."""
        return Call(
            "GET",
            at("/v1/organizations/{}/departments/{}/cards/{}", organization_id, department_id, card_id),
            Card,
            wait=wait,
            position=position,
            reads=True,
        )

    @operation
    def freeze(
        self,
        card_id: str,
        *,
        department_id: str | None = None,
        wait: int | None = None,
        position: str | None = None,
        idempotency_key: str | None = None,
        if_match: str | None = None,
    ) -> Call[Card]:
        """Freeze a card."""
        return Call(
            "POST",
            at("/v1/cards/{}/freeze", card_id),
            Card,
            query={"department_id": department_id},
            wait=wait,
            position=position,
            key=idempotency_key or new_key(),
            if_match=if_match,
        )

    @operation
    def unfreeze(
        self,
        card_id: str,
        *,
        department_id: str | None = None,
        wait: int | None = None,
        position: str | None = None,
        idempotency_key: str | None = None,
        if_match: str | None = None,
    ) -> Call[Card]:
        """Unfreeze a card."""
        return Call(
            "POST",
            at("/v1/cards/{}/unfreeze", card_id),
            Card,
            query={"department_id": department_id},
            wait=wait,
            position=position,
            key=idempotency_key or new_key(),
            if_match=if_match,
        )

    @operation
    def cancel(
        self,
        card_id: str,
        *,
        department_id: str | None = None,
        wait: int | None = None,
        position: str | None = None,
        idempotency_key: str | None = None,
        if_match: str | None = None,
    ) -> Call[Card]:
        """Cancel a card."""
        return Call(
            "POST",
            at("/v1/cards/{}/cancel", card_id),
            Card,
            query={"department_id": department_id},
            wait=wait,
            position=position,
            key=idempotency_key or new_key(),
            if_match=if_match,
        )
