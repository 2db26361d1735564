"""Which purchase a receipt is of. By itself it is matched only beyond doubt."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from infra.receipts.fields import ReceiptReading
from infra.receipts.match import Candidate, MatchKind, ReceiptMatch, alike, match
from schemas.money import Money

DAY = date(2026, 3, 10)
RECEIVED = date(2026, 3, 15)
READ = ReceiptReading(total=Money(2100, "EUR"), day=DAY, merchant="Blue Bottle Coffee")


def bought(
    name: str = "A", merchant: str = "SQ *BLUE BOTTLE COF", minor: int = 2100, days: int = 0, *,
    currency: str = "EUR", taken: bool = False
) -> Candidate:  # fmt: skip
    return Candidate(name, "sales", merchant, (Money(minor, currency),), DAY + timedelta(days=days), taken)


def matched(*purchases: Candidate, reading: ReceiptReading = READ) -> ReceiptMatch:
    return match(reading, purchases, received=RECEIVED)


def test_one_that_fits_in_all_is_matched() -> None:
    found = matched(bought(), bought("B", "Corner Bistro", 900), bought("C", days=-14))
    assert (found.kind, found.suggestions[0].authorization_id) == (MatchKind.MATCHED, "A")
    assert found.suggestions[0].differs is None


@pytest.mark.parametrize(
    ("purchases", "first"),
    [
        ([bought(), bought("B", days=1)], "A"),  # the same again a day later
        ([bought(), bought("B", days=-2)], "A"),
        ([bought(merchant="PAYMENT 8841")], "A"),  # another name
        ([bought(days=3)], "A"),  # some days after
        ([bought(days=8)], "A"),  # long after
        ([bought(minor=2500)], "A"),  # a tip
        ([bought(minor=2080)], "A"),  # rounded
        ([bought(minor=4000)], "A"),  # another amount, at the merchant, on the day
        ([bought(taken=True)], "A"),  # it has a receipt
    ],
)
def test_what_leaves_a_doubt_is_suggested(purchases: list[Candidate], first: str) -> None:
    found = matched(*purchases)
    assert (found.kind, found.suggestions[0].authorization_id) == (MatchKind.SUGGESTED, first)
    amount = purchases[0].amounts[0]
    assert found.suggestions[0].differs == (None if amount.minor == 2100 else amount)


@pytest.mark.parametrize(
    "purchase",
    [
        bought(days=30),
        bought(currency="USD"),
        bought(merchant="Corner Bistro", minor=4000),
        bought(merchant="Corner Bistro", minor=2100, days=9),
    ],
)
def test_what_is_another_is_not_suggested(purchase: Candidate) -> None:
    assert matched(purchase) == ReceiptMatch(MatchKind.NONE)


def test_what_was_read_with_doubt_matches_nothing_by_itself() -> None:
    for reading in (
        ReceiptReading(total=READ.total, day=DAY, merchant=READ.merchant, total_guessed=True),
        ReceiptReading(total=READ.total, merchant=READ.merchant),
        ReceiptReading(total=READ.total, day=DAY),
    ):
        assert matched(bought(), reading=reading).kind is MatchKind.SUGGESTED
    assert (
        matched(bought(), reading=ReceiptReading(day=DAY, merchant="Blue Bottle Coffee")).kind
        is MatchKind.NONE
    )


def test_a_sign_of_several_currencies_is_any_of_them() -> None:
    reading = ReceiptReading(
        total=Money(2100, "USD"), day=DAY, merchant="Blue Bottle Coffee", currencies=("CAD", "AUD")
    )
    assert matched(bought(currency="CAD"), reading=reading).kind is MatchKind.MATCHED
    assert matched(bought(currency="EUR"), reading=reading).kind is MatchKind.NONE


def test_what_the_merchant_charged_in_its_currency_is_the_amount() -> None:
    abroad = Candidate("A", "sales", "Blue Bottle Coffee", (Money(2310, "USD"), Money(2100, "EUR")), DAY)
    assert matched(abroad).kind is MatchKind.MATCHED


def test_the_day_may_be_meant_the_other_way_round() -> None:
    reading = ReceiptReading(total=READ.total, day=date(2026, 10, 3), day_other=DAY, merchant=READ.merchant)
    assert matched(bought(), reading=reading).suggestions[0].authorization_id == "A"


@pytest.mark.parametrize(
    ("read", "booked", "same"),
    [
        ("Blue Bottle Coffee", "SQ *BLUE BOTTLE COFFEE 0042", True),
        ("BLUEBOTTLE COFFEE", "Blue Bottle Coffee Oakland CA", True),
        ("Papeterie Lumire", "PAPETERIE LUMIÈRE", True),
        ("Hotel Adler", "HOTEL ADLER BERLIN", True),
        ("Corner Bistro", "Corner Books", False),
        ("City Cabs", "City Parking", False),
        ("A", "Amazon", False),
        ("Total", "Hotel Adler", False),
    ],
)
def test_names_are_alike(read: str, booked: str, same: bool) -> None:
    assert (alike(read, booked) >= 75) == same
