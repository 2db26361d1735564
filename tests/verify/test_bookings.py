"""The transfers that each effect asks for, and the ledger that lacks or changes one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from infra.verify.bookings import bookings
from schemas.decisions import Decision
from schemas.effects import (
    DisputeClosed,
    DisputeStarted,
    Effects,
    FxDifference,
    HoldPlaced,
    HoldReleased,
    PaymentVoided,
    Posted,
    PostingUndone,
    Refunded,
    RefundUndone,
)
from schemas.events import DisputeOpened, DisputeResolved, PostingReversed
from schemas.money import PositiveMoney
from schemas.reasons import Outcome
from tests.verify.logs import Company
from tests.verify.told import assert_true, budget, clear, company, event, found_by, request, usd

AT = datetime(2026, 11, 10, tzinfo=UTC)
CHARGES = ("department@2026-11", "team:alpha@2026-Q4")
ONE: dict[str, Any] = {"authorization_id": "a1", "amount": 100, "charges": CHARGES}
CLOSED: dict[str, Any] = {"dispute_id": "d1"} | ONE


def decision(effect: Effects) -> Decision:
    return Decision(
        partition=1,
        seq=9,
        source_offset=9,
        recorded_at=AT,
        outcome=Outcome.ACCEPTED,
        organization_id="acme",
        department_id="sales",
        currency="USD",
        effects=(PaymentVoided(authorization_id="a0"), effect),
    )


def undone(fx: int) -> PostingUndone:
    return PostingUndone(of_seq=4, fx=fx, **ONE)


# What is debited and what is credited, by the account's last name.
WANTED: list[tuple[Effects, list[tuple[str, str, str, str, int]]]] = [
    (HoldPlaced(expires_at=AT, **ONE), [("pending", "hold", "encumbrance", "encumbrance-reserve", 100)]),
    (
        HoldReleased(cause="reversal", **ONE),
        [("pending", "release", "encumbrance-reserve", "encumbrance", 100)],
    ),
    (HoldReleased(cause="expiry", **ONE), [("pending", "expiry", "encumbrance-reserve", "encumbrance", 100)]),
    (Posted(final=True, **ONE), [("posted", "clearing", "card-spend", "card-payable", 100)]),
    (
        FxDifference(direction="loss", **ONE),
        [("posted", "fx_difference", "fx-difference", "card-payable", 100)],
    ),
    (
        FxDifference(direction="gain", **ONE),
        [("posted", "fx_difference", "card-payable", "fx-difference", 100)],
    ),
    (undone(0), [("posted", "correction", "card-payable", "card-spend", 100)]),
    (
        undone(7),
        [
            ("posted", "correction", "card-payable", "card-spend", 100),
            ("posted", "correction", "card-payable", "fx-difference", 7),
        ],
    ),
    (
        undone(-7),
        [
            ("posted", "correction", "card-payable", "card-spend", 100),
            ("posted", "correction", "fx-difference", "card-payable", 7),
        ],
    ),
    (Refunded(refund_id="r1", **ONE), [("posted", "refund", "card-payable", "card-spend", 100)]),
    (RefundUndone(refund_id="r1", **ONE), [("posted", "refund_reversal", "card-spend", "card-payable", 100)]),
    (
        DisputeStarted(dispute_id="d1", authorization_id="a1", amount=100, provisional=True),
        [("posted", "provisional_credit", "card-payable", "provisional-credit", 100)],
    ),
    (DisputeStarted(dispute_id="d1", authorization_id="a1", amount=100, provisional=False), []),
    (
        DisputeClosed(provisional=True, outcome="won", **CLOSED),
        [("posted", "dispute_won", "provisional-credit", "card-spend", 100)],
    ),
    (
        DisputeClosed(provisional=False, outcome="won", **CLOSED),
        [("posted", "dispute_won", "card-payable", "card-spend", 100)],
    ),
    (
        DisputeClosed(provisional=True, outcome="lost", **CLOSED),
        [("posted", "dispute_lost", "provisional-credit", "card-payable", 100)],
    ),
    (
        DisputeClosed(provisional=True, outcome="withdrawn", **CLOSED),
        [("posted", "dispute_lost", "provisional-credit", "card-payable", 100)],
    ),
    (DisputeClosed(provisional=False, outcome="lost", **CLOSED), []),
]


@pytest.mark.parametrize(("effect", "wanted"), WANTED)
def test_what_an_effect_books(effect: Effects, wanted: list[tuple[str, str, str, str, int]]) -> None:
    found = list(bookings(decision(effect)))
    short = [
        (one.layer, one.kind, one.debit.rpartition(":")[2], one.credit.rpartition(":")[2], one.amount)
        for one in found
    ]
    assert short == wanted
    assert [(one.n, one.leg, one.authorization_id, one.currency) for one in found] == [
        (1, leg, "a1", "USD") for leg in range(len(wanted))
    ]
    for one in found:
        assert one.compensates_seq == (4 if one.kind == "correction" else None)
        assert one.period == (None if one.kind == "provisional_credit" else "2026-11")
        for account in (one.debit, one.credit):
            shared = account.endswith((":card-payable", ":provisional-credit"))
            assert account.startswith("organization:acme:" if shared else "department:acme/sales:")


def corrected() -> Company:
    """A clearing at another rate than its request, disputed, and taken back."""
    euros = PositiveMoney(1_000, "EUR")
    told, _ = company(
        budget(9_000),
        request("a1", 1_100, merchant_amount=euros, rate="1.1"),
        clear("a1", 1_200, 1, merchant_amount=euros, rate="1.2"),
        event(
            DisputeOpened,
            2,
            dispute_id="d1",
            authorization_id="a1",
            amount=usd(50),
            provisional_credit=True,
        ),
        event(DisputeResolved, 3, dispute_id="d1", outcome="lost"),
        event(PostingReversed, 4, authorization_id="a1", seq=2),
    )
    return told


def test_the_books_of_a_correction_are_right() -> None:
    told = corrected()
    assert_true(told)
    rows = [row for world in told.worlds.values() for row in world.transfers]
    assert [row.booking.kind for row in rows] == [
        "hold",
        "release",
        "clearing",
        "fx_difference",
        "provisional_credit",
        "dispute_lost",
        "correction",
        "correction",
    ]


@pytest.mark.parametrize("n", range(8))
def test_a_transfer_that_is_missing_is_found(n: int) -> None:
    told = corrected()
    world = next(world for world in told.worlds.values() if world.transfers)
    row = world.transfers.pop(n)
    leg = f".{row.booking.leg}" if row.booking.leg else ""
    name = f"transfer {world.partition}:{row.seq}/{row.booking.n}{leg}"
    assert found_by(told)["O6"] == [f"{name} is missing: {row.booking}"]


@pytest.mark.parametrize(
    "members",
    [
        {"kind": "clearing"},
        {"compensates_seq": 1},
        {"period": "2026-12"},
        {"amount": 1},
        {"leg": 2},
        {"layer": "pending"},
    ],
)
def test_a_compensation_that_is_changed_is_found(members: dict[str, object]) -> None:
    told = corrected()
    world = next(world for world in told.worlds.values() if world.transfers)
    row = world.transfers[-1]
    world.transfers[-1] = row._replace(booking=row.booking._replace(**members))  # type: ignore[arg-type]
    assert list(found_by(told)) == ["O6"]


def test_a_second_leg_that_nothing_asks_for_is_found() -> None:
    told = corrected()
    world = next(world for world in told.worlds.values() if world.transfers)
    row = world.transfers[0]
    world.transfers.insert(1, row._replace(booking=row.booking._replace(leg=1)))
    assert found_by(told)["O6"] == [
        f"transfer {world.partition}:{row.seq}/{row.booking.n}.1 follows from no decision"
    ]


def test_two_departments_share_no_account_but_their_company_s() -> None:
    (one,) = bookings(decision(Posted(final=True, **ONE)))
    other = msgspec.structs.replace(decision(Posted(final=True, **ONE)), department_id="ops")
    (two,) = bookings(other)
    assert one.credit == two.credit
    assert one.debit != two.debit
