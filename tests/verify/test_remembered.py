"""O17: what decisions say is remembered of them. Each lie is in the books and in the hash chain, too."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, get_args

import pytest
from msgspec.structs import replace

from infra.verify.fold import _MOVES
from infra.verify.terms import TERMS
from schemas.controls import Calendar, Card, Policy, ScoreLimit, SpendLimit
from schemas.decisions import Decision
from schemas.effects import (
    REMEMBERED,
    CalendarCount,
    DepartmentOpened,
    Effect,
    Effects,
    PolicyTaken,
    RollingCount,
)
from schemas.events import (
    AuthorizationAdvised,
    AuthorizationIncremented,
    AuthorizationReversed,
    CardSet,
    Event,
    PolicyActivated,
)
from schemas.money import Money
from schemas.partitions import partition_of
from tests.verify.logs import PARTITIONS, Company
from tests.verify.told import (
    CARD,
    SHOP,
    assert_true,
    budget,
    cap,
    clear,
    company,
    event,
    found_by,
    lie,
    policy,
    request,
    usd,
)

HOUR, DAY = 3_600, 86_400
RULES = (
    SpendLimit(rule_id="often", window="rolling", seconds=HOUR, count=50, counts="requested"),
    SpendLimit(rule_id="hourly", window="rolling", seconds=HOUR, amount=90_000),
    SpendLimit(rule_id="a-month", window="calendar", calendar=Calendar(), count=50),
    SpendLimit(rule_id="a-day", window="calendar", calendar=Calendar("day"), amount=90_000, per="card"),
    SpendLimit(rule_id="ever", window="calendar", calendar=Calendar("lifetime"), amount=9, action="review"),
)
#: Scores are made of the events' ids in these tests (tests/verify/logs.py).
SCORES = ScoreLimit(rule_id="likely", least=1, a_day=5, action="review")


def advice(name: str, amount: int, days: float, *, approved: bool) -> AuthorizationAdvised:
    said: dict[str, Any] = {"authorization_id": name, "amount": usd(amount), "approved": approved}
    return event(AuthorizationAdvised, days, card_id=CARD, merchant=SHOP, **said)


def told() -> tuple[Company, list[Decision]]:
    """Every remembered effect, some of them several times."""
    euros: dict[str, Any] = {"merchant_amount": Money(100, "EUR"), "rate": "1.10"}
    once = Card(card_id="card-1", single_use=True)
    lunch = Card(card_id="card-2", lock_to_first=True)
    more: dict[str, Any] = {"amount": usd(7), "card_id": CARD}
    missed = request("a9", 10, 0.8)
    events = (
        *(budget(1_000_000), budget(900_000, department="ops"), cap(5_000_000, "ops")),
        *(policy(*RULES), event(CardSet, card=once), event(CardSet, card=lunch)),
        *(request("a1", 110, 0.1, **euros), request("a2", 1_500_000, 0.2), request("a3", 12, 0.3)),
        *(request("a4", 20, 0.4, card_id="card-1"), request("a5", 30, 0.4, card_id="card-2")),
        event(AuthorizationIncremented, 0.5, authorization_id="a3", **more),
        *(advice("a6", 40, 0.6, approved=True), advice("a7", 50, 0.7, approved=False)),
        *(clear("a8", 60, 0.75), request("a8", 80, 0.76)),
        event(
            AuthorizationReversed, 0.77, authorization_id="a9", cause="timeout", request_id=missed.event_id
        ),
        *(missed, request("a10", 15, 40)),
        event(PolicyActivated, 41, policy_version=0),
        *(request("a11", 16, 42), policy(*RULES, SCORES), request("a12", 17, 43), request("a13", 18, 44)),
    )
    # By their ids they are scored: always the same.
    names = {one.event_id: f"event-{n}" for n, one in enumerate(events)}
    return company(*(_renamed(one, names) for one in events))


def _renamed(one: Event, names: dict[str, str]) -> Event:
    if isinstance(one, AuthorizationReversed):
        one = replace(one, request_id=names[one.request_id or ""])
    return replace(one, event_id=names[one.event_id])


def saying(decisions: Sequence[Decision], kind: type[Effect]) -> list[tuple[Decision, int]]:
    return [
        (decision, n)
        for decision in decisions
        for n, effect in enumerate(decision.effects)
        if isinstance(effect, kind)
    ]


KINDS = sorted(REMEMBERED, key=lambda kind: kind.__name__)


def test_a_log_with_all_that_is_remembered_is_true() -> None:
    found, decisions = told()
    report = assert_true(found)
    assert {kind for kind in KINDS if saying(decisions, kind)} == REMEMBERED
    assert report["O17"].checked > 20
    assert report["O17"].notes == []


def test_each_effect_is_folded_or_judged() -> None:
    kinds = set(get_args(Effects))
    assert TERMS.keys() | _MOVES.keys() | REMEMBERED == kinds
    assert not (TERMS.keys() & _MOVES.keys())
    assert TERMS.keys() & REMEMBERED == {DepartmentOpened}  # by its content
    assert not (_MOVES.keys() & REMEMBERED)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_said_is_missed(kind: type[Effect]) -> None:
    _, decisions = told()
    for place in range(len(saying(decisions, kind))):
        found, decisions = told()
        decision, n = saying(decisions, kind)[place]
        lie(found, decision, effects=(*decision.effects[:n], *decision.effects[n + 1 :]))
        assert found_by(found)["O17"][0].startswith(f"decision {decision.position} ")


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_said_twice_or_of_nothing_is_found(kind: type[Effect]) -> None:
    found, decisions = told()
    decision, n = saying(decisions, kind)[0]
    effect = decision.effects[n]
    lie(found, decision, effects=(*decision.effects, effect))
    assert "does not follow" in found_by(found)["O17"][0] or "but must say" in found_by(found)["O17"][0]
    found, decisions = told()
    reversal = next(one for one in decisions if one.event_type == "authorization.reversed")
    lie(found, reversal, effects=(*reversal.effects, effect))
    assert f"decision {reversal.position} says" in found_by(found)["O17"][0]


def other(value: Any) -> list[Any]:
    """Near by, of the same kind."""
    match value:
        case bool():
            return [not value]
        case int():
            return [value + 1]
        case str():
            return [f"{value}x"]
        case None:
            return []
        case RollingCount() | CalendarCount():
            fields = value.__struct_fields__
            return [replace(value, **{name: one}) for name in fields for one in other(getattr(value, name))]
        case tuple():
            swaps = [
                (*value[:n], one, *value[n + 1 :]) for n, each in enumerate(value) for one in other(each)
            ]
            return swaps if not value or isinstance(value[0], str) else [*swaps, value[:-1]]
        case _:
            return [value + timedelta(seconds=1)]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind is not DepartmentOpened])
def test_each_member_that_is_not_what_follows_is_found(kind: type[Effect]) -> None:
    _, decisions = told()
    tried = 0
    for place, (decision, n) in enumerate(saying(decisions, kind)[:4]):
        effect = decision.effects[n]
        for name in effect.__struct_fields__:
            for wrong in other(getattr(effect, name)):
                found, decisions = told()
                decision, n = saying(decisions, kind)[place]
                changed = replace(decision.effects[n], **{name: wrong})
                lie(found, decision, effects=(*decision.effects[:n], changed, *decision.effects[n + 1 :]))
                assert found_by(found)["O17"][0].startswith(f"decision {decision.position} says"), changed
                tried += 1
    assert tried


@pytest.mark.parametrize(
    "wrong",
    [
        Policy(rules=(SpendLimit(rule_id="x", window="transaction", amount=1),)),
        Policy(registered_cards_only=True),
        Policy(hold_days=2),
        Policy(),
    ],
    ids=["an amount", "cards", "holds", "no rule"],
)
def test_another_default_policy_than_it_was_decided_by_is_found(wrong: Policy) -> None:
    """By what follows: today's default is nobody's measure."""
    found, decisions = company(budget(900_000), request("a1", 300), request("a2", 700_000, 0.1))
    lie(found, decisions[0], effects=(*decisions[0].effects[:-1], DepartmentOpened(policy=wrong)))
    assert found_by(found).keys() & {"O12", "O13", "O17"}


def test_a_default_policy_that_cannot_be_is_found() -> None:
    twice = SpendLimit(rule_id="x", window="transaction", amount=1)
    for wrong in (None, Policy(rules=(twice, twice))):
        found, decisions = company(budget(9_000), policy(), event(PolicyActivated, 1, policy_version=0))
        lie(found, decisions[-1], effects=(PolicyTaken(policy_version=0, policy=wrong),))
        assert "puts a default policy in force that cannot be" in found_by(found)["O17"][0]


def test_another_default_than_before_is_noted_where_it_begins() -> None:
    """It may be right: a program of another version opened the department."""
    home = partition_of(b"acme/sales", PARTITIONS)
    names = (f"d{n}" for n in range(100))
    beside = [name for name in names if partition_of(f"acme/{name}".encode(), PARTITIONS) == home][:3]
    found, decisions = company(budget(9_000), *(budget(9_000, department=name) for name in beside))
    other_default = (*decisions[2].effects[:-1], DepartmentOpened(policy=Policy(hold_days=2)))
    lie(found, decisions[2], effects=other_default)
    report = assert_true(found)
    assert report["O17"].notes == [
        f"from decision {one.position} on the default policy of USD is another one" for one in decisions[2:]
    ]
