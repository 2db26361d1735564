"""O12 against holds that lapse too early, too late, in another order, or with another validity."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from schemas.decisions import Decision
from schemas.effects import HoldReleased
from schemas.event import Merchant
from schemas.events import (
    AuthorizationAdvised,
    AuthorizationExpired,
    AuthorizationIncremented,
    AuthorizationReversed,
    ClockTicked,
)
from tests.verify.logs import Company
from tests.verify.told import (
    CARD,
    SHOP,
    assert_true,
    at,
    budget,
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

CHARGES = ("department@2026-11",)
HOTEL = Merchant(name="Hotel", mcc="7011")


def lapse(name: str, amount: int) -> HoldReleased:
    return HoldReleased(authorization_id=name, amount=amount, charges=CHARGES, cause="expiry")


def tick(days: float) -> ClockTicked:
    return event(ClockTicked, days)


def test_holds_lapse_with_time_and_by_the_network() -> None:
    told, decisions = company(
        budget(9_000),
        policy(hold_days=3, hold_days_by_group={"hotel": 20}),
        request("a1", 100),
        request("a2", 200, merchant=HOTEL),
        request("a3", 300),
        event(AuthorizationIncremented, 2, authorization_id="a3", card_id=CARD, amount=usd(30)),
        event(AuthorizationExpired, 2.5, authorization_id="a2"),
        tick(3),
        tick(4.9),
        event(AuthorizationExpired, 5.1, authorization_id="a3"),
        tick(5.2),
    )
    lapsed = [[getattr(effect, "amount", 0) for effect in decision.effects] for decision in decisions[6:]]
    assert lapsed == [[200], [100], [], [], [330]]
    assert assert_true(told)["O12"].checked == 6


def test_a_hold_that_lapses_too_early_is_found() -> None:
    told, decisions = company(budget(9_000), request("a1", 100), tick(6.9), tick(8))
    assert_true(told)
    early, late = decisions[-2:]
    lie(told, early, effects=(lapse("a1", 100),), balances=late.balances)
    lie(told, late, effects=())
    due = int(at(7).timestamp())
    assert (
        f"decision {early.position} lets 100 of a1 lapse, which is due at {due} s" in found_by(told)["O12"][0]
    )


def test_a_hold_that_does_not_lapse_is_found_once() -> None:
    told, decisions = company(budget(9_000), request("a1", 100), tick(7), tick(8), tick(9))
    late = decisions[2]
    assert late.effects == (lapse("a1", 100),)
    lie(told, late, effects=(), balances=())
    (found,) = found_by(told)["O12"]
    assert found.startswith(f"decision {late.position} leaves 100 of a1 held, which has lapsed")


def test_a_hold_that_lapses_later_than_it_is_due_is_found_once() -> None:
    told, decisions = company(budget(9_000), request("a1", 100), tick(7), tick(8))
    late, later = decisions[2:]
    lie(told, later, effects=late.effects, balances=late.balances)
    lie(told, late, effects=(), balances=())
    assert len(found_by(told)["O12"]) == 1


def test_part_of_a_hold_does_not_lapse() -> None:
    told, decisions = company(budget(9_000), request("a1", 100), tick(7))
    lie(told, decisions[-1], effects=(lapse("a1", 99),), balances=held_more(decisions[-1], 1))
    found = found_by(told)["O12"]
    assert "lets 99 of a1 lapse" in found[0]
    assert "leaves 100 of a1 held" in found[1]


def test_an_expiry_that_the_network_did_not_ask_for_is_found() -> None:
    reversal = event(AuthorizationReversed, 1, authorization_id="a1")
    told, decisions = company(budget(9_000), request("a1", 100), reversal)
    lie(told, decisions[-1], effects=(lapse("a1", 100),))
    assert "lets 100 of a1 lapse, which is due at" in found_by(told)["O12"][0]


def test_holds_that_lapse_in_another_order_are_found() -> None:
    told, decisions = company(
        budget(9_000), request("a2", 100), request("a1", 200), request("a0", 50, 0.1), tick(8)
    )
    last = decisions[-1]
    assert [getattr(effect, "authorization_id", "") for effect in last.effects] == ["a1", "a2", "a0"]
    assert_true(told)
    lie(told, last, effects=(last.effects[1], last.effects[0], last.effects[2]))
    assert "in another order than theirs" in found_by(told)["O12"][0]


def test_what_lapses_comes_before_what_the_event_moves() -> None:
    told, decisions = company(budget(9_000), request("a1", 100), request("a2", 200, 8))
    last = decisions[-1]
    assert_true(told)
    lie(told, last, effects=(last.effects[1], last.effects[0], *last.effects[2:]))
    assert "lets 100 of a1 (effect 1) lapse" in found_by(told)["O12"][0]


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_hold_of_another_validity_is_found(hours: int) -> None:
    told, decisions = company(budget(9_000), request("a1", 100))
    expires_at = at(7) + timedelta(hours=hours)
    lie(told, decisions[-1], effects=effects_with(decisions[-1], 0, expires_at=expires_at))
    assert "holds a1 until" in found_by(told)["O12"][0]
    assert "7 days end at" in found_by(told)["O12"][0]


def test_an_increment_must_not_shorten_a_hold() -> None:
    more = event(AuthorizationIncremented, 2, authorization_id="a1", card_id=CARD, amount=usd(1))
    told, decisions = company(budget(9_000), request("a1", 100), policy(hold_days=1, days=1), more)
    assert_true(told)
    lie(told, decisions[-1], effects=effects_with(decisions[-1], 0, expires_at=at(3)))
    assert "7 days end at" in found_by(told)["O12"][0]


def test_a_late_request_may_hold_what_lapses_with_the_next_event() -> None:
    told, decisions = company(budget(9_000), tick(30), request("a1", 100), tick(30.1))
    assert decisions[2].outcome == "approved"
    assert decisions[3].effects == (lapse("a1", 100),)
    assert_true(told)


def many_due(holds: int) -> tuple[Company, list[Decision]]:
    requests = [request(f"a{n:04d}", 1) for n in range(holds)]
    return company(budget(9_000), *requests, tick(7), tick(7.1))


def test_more_than_a_decision_can_hold_lapses_with_the_next() -> None:
    told, decisions = many_due(501)
    assert [len(decision.effects) for decision in decisions[-2:]] == [500, 1]
    assert_true(told)
    first, second = decisions[-2:]
    balances = held_more(first, 1)
    lie(told, second, effects=(first.effects[-1], *second.effects))
    lie(told, first, effects=first.effects[:-1], balances=balances)
    assert "leaves 1 of a0499 held, which has lapsed" in found_by(told)["O12"][0]


def test_an_advice_after_a_reversal_begins_its_hold_anew() -> None:
    reversal = event(AuthorizationReversed, 1, authorization_id="a1")
    advice = event(
        AuthorizationAdvised, 2, authorization_id="a1", card_id=CARD, amount=usd(70), merchant=SHOP
    )
    told, decisions = company(budget(9_000), request("a1", 100), reversal, advice, tick(8.9), tick(9))
    assert [len(decision.effects) for decision in decisions[-2:]] == [0, 1]
    assert_true(told)
    changed = msgspec.structs.replace(decisions[3].effects[0], expires_at=at(7))
    lie(told, decisions[3], effects=(changed,))
    assert "holds a1 until" in found_by(told)["O12"][0]
