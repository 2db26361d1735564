"""The demo's receipts are of purchases of its month, by those who can sign in."""

from __future__ import annotations

from datetime import UTC, datetime

from api.receipts.admission import admit
from infra.demo import month
from infra.demo.receipts import papers

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_each_of_them_has_three_and_all_are_let_in() -> None:
    found = papers(month.purchases("techcorp", NOW))
    assert [(one.name, one.employee) for one in found] == [
        (name, f"{who}@techcorp.com")
        for who in ("alice", "bob")
        for name in ("receipt-1.jpg", "receipt-2.jpg", "kettle.jpg")
    ]
    assert {admit(one.jpeg).media_type for one in found} == {"image/jpeg"}
    assert len({(one.employee, one.jpeg) for one in found}) == 6, "nobody sends one twice"
    assert papers(month.purchases("techcorp", NOW)) == found
