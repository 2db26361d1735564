"""O6 within the log: effects that cannot be, and balances that do not follow from them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from infra.verify.balances import Balances
from schemas.decisions import Decision
from schemas.effects import HoldReleased, PaymentVoided, Posted
from schemas.events import (
    AuthorizationAdvised,
    AuthorizationIncremented,
    AuthorizationReversed,
    BalanceInquired,
    DisputeOpened,
    DisputeResolved,
    Event,
    PostingReversed,
    RefundPresented,
    RefundReversed,
)
from tests.verify.told import (
    CARD,
    SHOP,
    assert_true,
    balances_with,
    budget,
    card,
    clear,
    company,
    effects_with,
    event,
    found_by,
    held_more,
    lie,
    policy,
    request,
    usd,
)

TEAM = (budget(100_000), budget(5_000, level="team", subject="alpha"), card(team="alpha"))
HELD = request("a1", 900)
CHARGES = ("department@2026-11", "team:alpha@2026-11")


def reverse(
    amount: int | None = None, days: float = 1, cause: Any = "merchant", of: str | None = None
) -> Event:
    money = None if amount is None else usd(amount)
    return event(AuthorizationReversed, days, authorization_id="a1", cause=cause, amount=money, request_id=of)


def refund(amount: int, days: float = 3, name: str = "r1", **members: Any) -> Event:
    members = {"authorization_id": "a1"} | members
    return event(RefundPresented, days, refund_id=name, card_id=CARD, amount=usd(amount), **members)


def take_back(amount: int, days: float = 4) -> Event:
    return event(RefundReversed, days, refund_id="r1", amount=usd(amount))


def dispute(amount: int, days: float = 3, name: str = "d1") -> Event:
    return event(DisputeOpened, days, dispute_id=name, authorization_id="a1", amount=usd(amount))


def resolve(outcome: Any = "won", days: float = 4) -> Event:
    return event(DisputeResolved, days, dispute_id="d1", outcome=outcome)


def undo(seq: int, days: float = 5) -> Event:
    return event(PostingReversed, days, authorization_id="a1", seq=seq)


def advise(amount: int, *, approved: bool = True) -> Event:
    return event(
        AuthorizationAdvised,
        1,
        authorization_id="a1",
        card_id=CARD,
        amount=usd(amount),
        merchant=SHOP,
        approved=approved,
    )


Change = Callable[[Decision], dict[str, Any]]


def amount_of(n: int, more: int) -> Change:
    """Another amount in effect `n`."""
    return lambda found: {
        "effects": effects_with(found, n, amount=found.effects[n].amount + more)  # type: ignore[union-attr]
    }


def members_of(n: int, **members: Any) -> Change:
    return lambda found: {"effects": effects_with(found, n, **members)}


def without(n: int) -> Change:
    """Effect `n` is gone."""
    return lambda found: {"effects": (*found.effects[:n], *found.effects[n + 1 :])}


LIES: dict[str, tuple[tuple[Event, ...], Change, str]] = {
    "balance of the second budget": (
        (HELD,),
        lambda found: {"balances": balances_with(found, "team:alpha", held=899)},
        "says posted 0, held 899 in team:alpha@2026-11; effects add up to 0, 900",
    ),
    "posted of the second budget": (
        (HELD, clear("a1", 900, 1)),
        lambda found: {"balances": balances_with(found, "team:alpha", posted=0)},
        "says posted 0, held 0 in team:alpha@2026-11; effects add up to 900, 0",
    ),
    "limit of the second budget": (
        (HELD,),
        lambda found: {"balances": balances_with(found, "team:alpha", limit=5_001)},
        "says limit 5001 in team:alpha@2026-11; it is 5000 by what was set",
    ),
    "a balance that is missing": (
        (HELD,),
        lambda found: {"balances": found.balances[:1]},
        "moves team:alpha@2026-11 and does not say how it stands",
    ),
    "the department's balance is not the first": (
        (HELD,),
        lambda found: {"balances": found.balances[::-1]},
        "says team:alpha@2026-11 first, not the department's own budget",
    ),
    "more released than held": (
        (HELD, reverse(300)),
        amount_of(0, 601),
        "releases 901 of a1, which holds 900",
    ),
    "a reversal of another amount": ((HELD, reverse(300)), amount_of(0, -1), "releases 299 of 300"),
    "a timeout that leaves something held": (
        (HELD, reverse(cause="timeout")),
        amount_of(0, -100),
        "leaves 100 held, but must leave 0",
    ),
    "a timeout that releases nothing": (
        (HELD, reverse(cause="timeout")),
        without(0),
        "leaves 900 held, but must leave 0",
    ),
    "a timeout of its own request that releases nothing": (
        (HELD, reverse(cause="timeout", of=HELD.event_id)),
        without(0),
        "leaves 900 held, but must leave 0",
    ),
    "a timeout of another request that releases the hold": (
        (HELD, reverse(cause="timeout", of="another")),
        lambda found: {
            "effects": (HoldReleased(authorization_id="a1", amount=900, charges=CHARGES, cause="timeout"),),
            "balances": held_more(found, -900),
        },
        "releases by timeout after a timeout that is not this hold's",
    ),
    "a timeout of another request that voids": (
        (HELD, reverse(cause="timeout", of="another")),
        lambda found: {"effects": (PaymentVoided(authorization_id="a1", request_id="another"),)},
        "voids a1, which was answered before",
    ),
    "a timeout that voids another request": (
        (reverse(cause="timeout", of="late"),),
        members_of(0, request_id="later"),
        "voids requests ('later',), but must void ('late',)",
    ),
    "a timeout that voids every request instead of one": (
        (clear("a1", 900), reverse(cause="timeout", of="late")),
        members_of(0, request_id=None),
        "voids requests (None,), but must void ('late',)",
    ),
    "a timeout of what is known by a clearing that voids nothing": (
        (clear("a1", 900), reverse(cause="timeout")),
        without(0),
        "voids requests (), but must void (None,)",
    ),
    "a reversal that voids": (
        (HELD, reverse(900)),
        lambda found: {"effects": (*found.effects, PaymentVoided(authorization_id="a1"))},
        "undoes a request that has not timed out",
    ),
    "a clearing that posts less": (
        (HELD, clear("a1", 900, 1)),
        amount_of(1, -1),
        "posts 899 of a clearing of 900",
    ),
    "a clearing that posts nothing": (
        (HELD, clear("a1", 900, 1)),
        without(1),
        "posts 0 of a clearing of 900",
    ),
    "a final clearing that leaves something held": (
        (HELD, clear("a1", 800, 1)),
        amount_of(0, -100),
        "leaves 100 held, but must leave 0",
    ),
    "a first clearing that keeps what it has posted": (
        (HELD, clear("a1", 800, 1, final=False)),
        amount_of(0, -1),
        "releases 799 for 800, still holding 101",
    ),
    "a payment that counts in other periods than before": (
        (HELD, clear("a1", 900, 1)),
        members_of(1, charges=("department@2026-12", "team:alpha@2026-12")),
        "counts a1 in ('department@2026-12', 'team:alpha@2026-12'), not in",
    ),
    "a refund of another amount": ((clear("a1", 900), refund(100)), amount_of(0, 1), "refunds 101 of 100"),
    "a refund that counts elsewhere": (
        (clear("a1", 900), refund(100)),
        members_of(0, charges=("department@2026-11",)),
        "refunds a1 in ('department@2026-11',), not in",
    ),
    "a refund taken back twice": (
        (clear("a1", 900), refund(100), take_back(60), take_back(40, 5)),
        amount_of(0, 1),
        "takes back 41 of refund r1",
    ),
    "a dispute of more than was settled": (
        (clear("a1", 900), refund(100), dispute(800)),
        amount_of(0, 1),
        "disputes 801 of a1, of which 800 stand",
    ),
    "a dispute closed with another amount": (
        (clear("a1", 900), dispute(800), resolve()),
        amount_of(0, -1),
        "closes dispute d1",
    ),
    "a lost dispute that is booked as won": (
        (clear("a1", 900), dispute(800), resolve("lost")),
        members_of(0, outcome="won"),
        "says posted 900, held 0 in department@2026-11; effects add up to 100, 0",
    ),
    "a correction of another amount": (
        (clear("a1", 900), undo(3)),
        amount_of(0, -1),
        "takes back what decision 3 did not post to a1",
    ),
    "a correction of another decision": (
        (clear("a1", 900), undo(3)),
        members_of(0, of_seq=2),
        "takes back what decision 2 did not post to a1",
    ),
    "an advice that holds another amount": (
        (HELD, advise(950)),
        amount_of(0, 1),
        "leaves 951 held, but must leave 950",
    ),
    "an advised decline that leaves something held": (
        (HELD, advise(900, approved=False)),
        amount_of(0, -1),
        "leaves 1 held, but must leave 0",
    ),
    "a dispute of nothing": ((clear("a1", 900), dispute(300)), amount_of(0, -300), "moves 0 minor units"),
    "an inquiry that moves money": (
        (HELD, event(BalanceInquired, 1, card_id=CARD)),
        lambda found: {
            "effects": (HoldReleased(authorization_id="a1", amount=1, charges=CHARGES, cause="reversal"),),
            "balances": held_more(found, -1),
        },
        "answers balance.inquired with HoldReleased",
    ),
    "a reversal that says it was a clearing": (
        (HELD, reverse(300)),
        members_of(0, cause="clearing"),
        "releases by clearing after authorization.reversed",
    ),
    "a payment that moves another's money": (
        (HELD, request("a2", 500), reverse(300)),
        members_of(0, authorization_id="a2"),
        "is about a1 and moves a2",
    ),
}


@pytest.mark.parametrize("name", LIES)
def test_a_lie_is_found(name: str) -> None:
    events, change, said = LIES[name]
    told, decisions = company(*TEAM, *events)
    assert decisions[-1].outcome in ("accepted", "approved")
    assert_true(told)
    lie(told, decisions[-1], **change(decisions[-1]))
    found = found_by(told)["O6"]
    assert any(line.startswith(f"decision {decisions[-1].position} ") and said in line for line in found), (
        found
    )


def test_a_timeout_of_a_request_that_is_forgotten_leaves_its_hold() -> None:
    more = [
        event(AuthorizationIncremented, days, authorization_id="a1", card_id=CARD, amount=usd(1))
        for days in (50, 100, 150)
    ]
    asked = request("a1", 900)
    told, decisions = company(
        budget(100_000),
        policy(hold_days=60),
        asked,
        *more,
        reverse(days=151, cause="timeout", of=asked.event_id),
    )
    assert [decision.outcome.value for decision in decisions[2:]] == ["approved"] * 4 + ["accepted"]
    assert decisions[-1].effects == ()
    assert_true(told)


def test_a_posting_that_is_taken_back_twice_is_found() -> None:
    told, decisions = company(*TEAM, clear("a1", 900), clear("a1", 900, 1), undo(3), undo(4, 6))
    assert_true(told)
    first, second = decisions[-2:]
    lie(told, second, effects=effects_with(second, 0, of_seq=3))
    assert (
        f"decision {second.position} takes back the posting of decision 3 a second time"
        in found_by(told)["O6"]
    )
    assert first.effects[0].of_seq == 3  # type: ignore[union-attr]


def test_the_whole_life_of_a_payment_is_right() -> None:
    rate: dict[str, Any] = {
        "merchant_amount": msgspec.structs.replace(usd(1_000), currency="EUR"),
        "rate": "1.1",
    }
    later = rate | {"rate": "1.2"}
    told, decisions = company(
        *TEAM,
        request("a1", 1_100, **rate),
        event(AuthorizationIncremented, 0.5, authorization_id="a1", card_id=CARD, amount=usd(100)),
        clear("a1", 1_200, 1, final=False, **later),
        refund(200, 2),
        take_back(200, 3),
        dispute(300, 4),
        resolve("lost", 5),
        undo(5, 6),
        clear("a1", 700, 7),
        refund(10, 8, name="r2", authorization_id=None),
    )
    assert {decision.outcome.value for decision in decisions} == {"accepted", "approved"}
    kinds = [type(effect).__name__ for decision in decisions for effect in decision.effects]
    assert "FxDifference" in kinds
    undone = decisions[10].effects[0]
    assert (undone.amount, undone.fx) == (1_100, 100)  # type: ignore[union-attr]
    assert_true(told)


def test_held_totals_are_those_of_the_open_holds() -> None:
    told, decisions = company(*TEAM, HELD)
    report, checks = told.check()
    department = checks[decisions[0].partition].departments["acme", "sales"]
    assert report.ok
    assert department.periods["team:alpha@2026-11"].held == 900
    department.periods["team:alpha@2026-11"].held = 901
    Balances(report).finish({("acme", "sales"): department})
    assert report["O6"].examples == ["acme/sales holds 901 in team:alpha@2026-11, its payments 900"]


def test_a_decision_that_cannot_be_followed_is_told_and_the_rest_is_checked() -> None:
    told, decisions = company(*TEAM, HELD, clear("a1", 900, 1))
    zone = msgspec.structs.replace(decisions[1].effects[0].calendar, time_zone="Mars/Base")  # type: ignore[union-attr, type-var]
    lie(told, decisions[1], effects=effects_with(decisions[1], 0, calendar=zone))
    report, _ = told.check()
    assert any("cannot be followed" in line for line in report["O6"].examples)
    assert report["O9"].checked == 5


def test_an_effect_without_a_payment_is_found() -> None:
    told, decisions = company(*TEAM, HELD, event(BalanceInquired, 1, card_id=CARD))
    posted = Posted(authorization_id="a9", amount=5, charges=CHARGES, final=True)
    lie(told, decisions[-1], effects=(posted,))
    assert any("answers balance.inquired with Posted" in line for line in found_by(told)["O6"])
