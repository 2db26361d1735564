"""Transactions of the API. Written by `python -m infra.client_code`."""

from __future__ import annotations

from datetime import datetime

import msgspec

from api.client.call import Call, at, given, new_key
from api.client.generated.shared import Merchant, Money, Reason, TransactionDetail, TransactionMerchant
from api.client.operations import Resource, S, listing, operation


class Transaction(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A purchase as it stands at `position`."""

    transaction_id: str
    organization_id: str
    department_id: str
    status: str
    outcome: str | None = None
    amount: Money
    requested: Money
    approved: Money
    held: Money
    settled: Money
    refunded: Money
    disputed: Money
    recovered: Money
    card_id: str | None = None
    cardholder: str | None = None
    merchant: TransactionMerchant | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    flagged: bool
    review: bool
    reasons: list[Reason]
    position: str


class Transactions(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A page of transactions."""

    transactions: list[Transaction]
    next: str | None = None


class TransactionsResource(Resource[S]):
    """Operations on transactions."""

    def _list(
        self,
        *,
        order: str | None = None,
        after: str | None = None,
        limit: int | None = None,
        status: str | None = None,
        flagged: bool | None = None,
        review: bool | None = None,
        amount_min: int | None = None,
        amount_max: int | None = None,
        currency: str | None = None,
        merchant: str | None = None,
        search: str | None = None,
        mcc: str | None = None,
        category: str | None = None,
        department_id: str | None = None,
        card_id: str | None = None,
        employee: str | None = None,
        since: str | None = None,
        until: str | None = None,
        wait: int | None = None,
        position: str | None = None,
    ) -> Call[Transactions]:
        """List transactions."""
        return Call(
            "GET",
            "/v1/transactions",
            Transactions,
            query={
                "order": order,
                "after": after,
                "limit": limit,
                "status": status,
                "flagged": flagged,
                "review": review,
                "amount_min": amount_min,
                "amount_max": amount_max,
                "currency": currency,
                "merchant": merchant,
                "search": search,
                "mcc": mcc,
                "category": category,
                "department_id": department_id,
                "card_id": card_id,
                "employee": employee,
                "since": since,
                "until": until,
            },
            wait=wait,
            position=position,
            reads=True,
        )

    list = listing(_list, "transactions", Transaction)

    @operation
    def create(
        self,
        *,
        department_id: str,
        card_id: str,
        amount: Money,
        merchant: Merchant,
        cardholder: str | None = None,
        entry_mode: str | None = None,
        partial_allowed: bool | None = None,
        merchant_amount: Money | None = None,
        rate: str | None = None,
        occurred_at: str | None = None,
        authorization_id: str | None = None,
        on_timeout: str | None = None,
        idempotency_key: str | None = None,
        wait: int | None = None,
    ) -> Call[Transaction]:
        """Make a purchase."""
        return Call(
            "POST",
            "/v1/transactions",
            Transaction,
            body=given(
                department_id=department_id,
                card_id=card_id,
                amount=amount,
                merchant=merchant,
                cardholder=cardholder,
                entry_mode=entry_mode,
                partial_allowed=partial_allowed,
                merchant_amount=merchant_amount,
                rate=rate,
                occurred_at=occurred_at,
                authorization_id=authorization_id,
                on_timeout=on_timeout,
            ),
            key=idempotency_key or new_key(),
            wait=wait,
        )

    @operation
    def read(
        self,
        transaction_id: str,
        *,
        department_id: str | None = None,
        wait: int | None = None,
        position: str | None = None,
    ) -> Call[TransactionDetail]:
        """Look at a transaction."""
        return Call(
            "GET",
            at("/v1/transactions/{}", transaction_id),
            TransactionDetail,
            query={"department_id": department_id},
            wait=wait,
            position=position,
            reads=True,
        )
