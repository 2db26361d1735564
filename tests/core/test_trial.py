"""A policy tried on the past says what the core would have said, had it been in force."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.controls import (
    ActiveHours,
    Allow,
    Block,
    Calendar,
    Card,
    Match,
    Policy,
    Rules,
    ScoreLimit,
    SpendLimit,
)
from schemas.decisions import PROBABILITIES, Decision, Score
from schemas.event import Merchant
from schemas.events import AuthorizationRequested
from schemas.money import PositiveMoney
from schemas.reasons import Outcome, Reason, ReasonCode
from streams.core.apply.evolve import evolve
from streams.core.calendar import epoch_s
from streams.core.case import LogPlace
from streams.core.decide import decide
from streams.core.plans import Plans
from streams.core.state import Budget, CardState, Department, PartitionState
from streams.core.trial import Change, Tried, try_policy
from tests.core.departments import CARDS, HOLDERS, MERCHANTS, MODES, MOMENTS, TEAMS, rules

CARD_SETS = st.lists(
    st.builds(
        Card,
        card_id=st.sampled_from(CARDS),
        employee=st.sampled_from(HOLDERS),
        team=st.none() | st.sampled_from(TEAMS),
    ),
    unique_by=lambda card: card.card_id,
)


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    return Policy(rules=tuple(draw(rules(f"r{n}")) for n in range(draw(st.integers(0, 4)))))


@st.composite
def requests(draw: st.DrawFn) -> list[AuthorizationRequested]:
    return [
        AuthorizationRequested(
            event_id=f"e-{n}",
            organization_id="org",
            department_id="eng",
            occurred_at=datetime.fromtimestamp(draw(st.sampled_from(MOMENTS)), UTC),
            authorization_id=f"a-{n}",
            card_id=draw(st.sampled_from(CARDS)),
            cardholder=draw(st.sampled_from(HOLDERS)),
            amount=PositiveMoney(draw(st.integers(1, 30)), "USD"),
            merchant=draw(st.sampled_from(MERCHANTS)),
            entry_mode=draw(MODES),
        )
        for n in range(draw(st.integers(1, 12)))
    ]


def decided(policy: Policy, cards: list[Card], asked: list[AuthorizationRequested]) -> list[Decision]:
    """By the core, with that policy in force and plenty of money."""
    department = Department("org", "eng", "USD", 0, clock_s=MOMENTS[0], policy=policy)
    department.put_budget("department", Budget("department", None, "Eng", 10**9, 0, Calendar("lifetime")))
    department.registered.update({card.card_id: CardState(card) for card in cards})
    state, plans, found = PartitionState(0, departments={"org/eng": department}), Plans(), []
    for seq, event in enumerate(asked):
        place = LogPlace(0, seq, seq, event.occurred_at, "", f"f-{seq}")
        found.append(decide(department, event, None, place, plans, epoch_s(event.occurred_at)))
        evolve(state, found[-1])
    return found


@given(policies(), policies(), CARD_SETS, requests())
@settings(max_examples=200, deadline=None)
def test_a_trial_says_what_the_core_would_have_said(
    old: Policy, new: Policy, cards: list[Card], asked: list[AuthorizationRequested]
) -> None:
    then, would = decided(old, cards, asked), decided(new, cards, asked)
    expected = {
        (Outcome.APPROVED, Outcome.DECLINED): Change.DECLINED,
        (Outcome.DECLINED, Outcome.APPROVED): Change.PASSED,
    }
    tried = list(try_policy(new, "USD", cards, then))
    for before, after, one in zip(then, would, tried, strict=True):
        change = expected.get((before.outcome, after.outcome), Change.NONE)
        assert (Change.NONE if one.change is Change.REVIEWED else one.change) is change
        if change is Change.DECLINED:
            assert [reason.code for reason in one.reasons] == [reason.code for reason in after.reasons]
        if one.change is Change.REVIEWED:
            assert {review.rule for review in after.reviews} - {review.rule for review in before.reviews}
    assert {one.change for one in try_policy(old, "USD", cards, then)} == {Change.NONE}


NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)  # a Monday
CASINO, SHOP = Merchant("Casino Royal", "7995", "DE"), Merchant("Stationer", "5943", "US")


def request(n: int = 0, minor: int = 100, **members: object) -> Decision:
    """A decision of the past: approved, unless told otherwise."""
    return msgspec.structs.replace(
        Decision(
            partition=0,
            seq=n,
            source_offset=n,
            recorded_at=NOON,
            outcome=Outcome.APPROVED,
            event_type="authorization.requested",
            authorization_id=f"a-{n}",
            card_id="card",
            occurred_at=NOON + timedelta(minutes=n),
            amount=minor,
            currency="USD",
            merchant=SHOP,
        ),
        **members,
    )


def told(*past: Decision, by: Rules) -> list[tuple[Change, int]]:
    found: list[Tried] = list(try_policy(Policy(rules=(by,)), "USD", (), past))
    return [(one.change, one.amount) for one in found]


DAY = SpendLimit(rule_id="r", window="calendar", calendar=Calendar("day"), amount=250)
REFUSED = {"outcome": Outcome.DECLINED}
LARGE, POOR = (Reason(code=code) for code in (ReasonCode.AMOUNT_TOO_LARGE, ReasonCode.BUDGET_EXCEEDED))
NONE, DECLINED, PASSED, REVIEWED = Change.NONE, Change.DECLINED, Change.PASSED, Change.REVIEWED


@pytest.mark.parametrize(
    ("rule", "past", "changes"),
    [
        (Block(rule_id="r", what=Match(mcc_groups=("gambling",))), [request(merchant=CASINO)], [DECLINED]),
        (Block(rule_id="r", what=Match(mcc_groups=("gambling",))), [request()], [NONE]),
        (Allow(rule_id="r", what=Match(countries=("US",))), [request(merchant=CASINO)], [DECLINED]),
        (ActiveHours(rule_id="r", start="13:00", end="18:00"), [request()], [DECLINED]),
        # What the limit refuses takes none of it: the third passes.
        (DAY, [request(0, 200), request(1, 100), request(2, 50)], [NONE, DECLINED, NONE]),
        # What a budget refused takes none of it either, and stays refused.
        (DAY, [request(0, 200, reasons=(POOR,), **REFUSED), request(1, 200)], [NONE, NONE]),
        # What the policy alone refused passes now, and counts.
        (DAY, [request(0, 200, reasons=(LARGE,), **REFUSED), request(1, 100)], [PASSED, DECLINED]),
        (DAY, [request(0, 200, reasons=(LARGE, POOR), **REFUSED)], [NONE]),
        # Of an approval in part the part counts.
        (
            DAY,
            [request(0, 900, outcome=Outcome.PARTIALLY_APPROVED, approved=50), request(1, 200)],
            [NONE, NONE],
        ),
        (
            SpendLimit(rule_id="r", window="transaction", amount=90, action="review"),
            [request(), request(1, reviews=(Reason(code=ReasonCode.AMOUNT_TOO_LARGE, rule="r"),))],
            [REVIEWED, NONE],
        ),
        (SpendLimit(rule_id="r", window="transaction", amount=90, action="shadow"), [request()], [NONE]),
        (
            SpendLimit(rule_id="r", window="rolling", seconds=120, count=1),
            [request(0), request(1), request(9)],
            [NONE, DECLINED, NONE],
        ),
    ],
)
def test_what_a_rule_would_change(rule: Rules, past: list[Decision], changes: list[Change]) -> None:
    assert [change for change, _ in told(*past, by=rule)] == changes


def test_what_is_at_stake_is_what_was_approved_or_would_be() -> None:
    none = SpendLimit(rule_id="r", window="transaction", amount=0)
    assert told(request(0, 700), by=none) == [(DECLINED, 700)]
    assert told(request(0, 900, outcome=Outcome.PARTIALLY_APPROVED, approved=50), by=none) == [(DECLINED, 50)]
    assert told(request(0, 700, reasons=(LARGE,), **REFUSED), by=DAY) == [(NONE, 700)]


def test_a_score_limit_is_tried_with_the_scores_that_requests_had_and_so_many_a_day() -> None:
    department = Department("org", "eng", "USD", 0)
    department.put_budget("department", Budget("department", None, "Eng", 10_000, 0, Calendar(), []))
    plans, asked = Plans(), []
    for n in range(6):
        at = datetime(2026, 3, 2 + n // 3, 9, n, tzinfo=UTC)
        event = AuthorizationRequested(
            event_id=f"e-{n}",
            organization_id="org",
            department_id="eng",
            occurred_at=at,
            authorization_id=f"a-{n}",
            card_id="card-1",
            amount=PositiveMoney(5, "USD"),
            merchant=Merchant("Shop"),
        )
        place = LogPlace(0, n, n, at, "0" * 64, "0" * 16)
        score = Score(0.9, PROBABILITIES, "1")
        asked.append(decide(department, event, score, place, plans, epoch_s(at)))
    stop = ScoreLimit(rule_id="stop", least=200_000, a_day=2, action="decline")
    tried = list(try_policy(Policy(rules=(stop,)), "USD", (), asked))
    assert [one.change for one in tried] == [Change.DECLINED, Change.DECLINED, Change.NONE] * 2
    high = msgspec.structs.replace(stop, least=950_000)
    assert {one.change for one in try_policy(Policy(rules=(high,)), "USD", (), asked)} == {Change.NONE}
