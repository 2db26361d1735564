"""Receipts of TechCorp's month: what fits, what lacks a tip, what nobody bought, and which are wanted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from api.client import Client
from infra.receipts.drawing.draw import draw_purchase
from schemas.event import Event
from schemas.events import AuthorizationRequested
from schemas.money import Money

#: Whose they are: who can sign in and look.
_HOLDERS: Final = ("alice@techcorp.com", "bob@techcorp.com")
#: 75.00, what the tax office of the United States asks a receipt from.
_OVER_MINOR: Final = 7_500
_DAYS: Final = 3


class DemoReceipt(NamedTuple):
    """A file and whose it is."""

    name: str
    employee: str
    jpeg: bytes


def papers(events: Iterable[Event]) -> list[DemoReceipt]:
    """Of each: a purchase in whole, one a seventh too low, and one of a shop that nobody was in."""
    found: list[DemoReceipt] = []
    every = [event for event in events if isinstance(event, AuthorizationRequested)]
    for holder in _HOLDERS:
        latest = [event for event in every if event.cardholder == holder and event.merchant is not None][-2:]
        for number, event in enumerate(latest):
            minor = event.amount.minor if number == 0 else event.amount.minor * 6 // 7
            assert event.merchant is not None
            total, day = Money(minor, event.amount.currency), event.occurred_at.date()
            jpeg, _ = draw_purchase(number, event.merchant.name, total, day)
            found.append(DemoReceipt(f"receipt-{number + 1}.jpg", holder, jpeg))
        if latest:
            jpeg, _ = draw_purchase(
                9, "The Copper Kettle", Money(1_850, "USD"), latest[-1].occurred_at.date()
            )
            found.append(DemoReceipt("kettle.jpg", holder, jpeg))
    return found


def send_receipts(api: Client, events: Iterable[Event]) -> None:
    """Raises ClientError."""
    api.receipt_policies.set("USD", over_minor=_OVER_MINOR, days=_DAYS)
    for one in papers(events):
        api.receipts.upload((one.name, one.jpeg), employee=one.employee)
