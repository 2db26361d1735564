"""What speaks against a card itself, or against its merchant."""

from __future__ import annotations

from collections.abc import Iterator

from infra.verify.controls import Purchase, plain
from infra.verify.hours import day
from infra.verify.state import Department
from infra.verify.usage import Usage
from schemas.event import Merchant
from schemas.reasons import DEPARTMENT, Reason, ReasonCode


def against_card(
    department: Department, usage: Usage, purchase: Purchase, *, increments: bool
) -> Iterator[Reason]:
    """In the order of the reasons. An increment may use a card that is used up or locked."""
    card_id = purchase.card_id or ""
    card = department.cards.get(card_id)
    if card is None:
        if department.policy.registered_cards_only:
            yield Reason(code=ReasonCode.CARD_UNKNOWN)
        return
    if card.status == "canceled":
        yield Reason(code=ReasonCode.CARD_CANCELED)
    if card.status == "frozen":
        yield Reason(code=ReasonCode.CARD_FROZEN)
    if card.expires_on is not None:
        zone = department.budgets[DEPARTMENT].calendar.time_zone
        if day(zone, purchase.at_s) > card.expires_on:
            yield Reason(code=ReasonCode.CARD_EXPIRED)
    if increments:
        return
    if card.single_use and card_id in usage.used:
        yield Reason(code=ReasonCode.CARD_USED)
    only = card.locked_to or (usage.first_merchants.get(card_id) if card.lock_to_first else None)
    if only is not None and not _is(purchase.merchant, only):
        yield Reason(code=ReasonCode.MERCHANT_LOCKED)


def _is(merchant: Merchant | None, told: str) -> bool:
    """Whether the merchant is told by this id, or by this name."""
    return merchant is not None and (merchant.id == told or plain(merchant.name) == plain(told))
