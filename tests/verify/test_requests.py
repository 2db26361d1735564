"""Requests for an increase: a verifier that believed every approval would let anybody raise a limit."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, product
from typing import Any, get_args

import msgspec
import pytest

from infra.verify.requests import different_people
from schemas import request_effects
from schemas.approvers import Shortage, shortage
from schemas.controls import ApprovalLevel, BudgetTerms, Calendar, Card
from schemas.decisions import Decision
from schemas.effects import Effects, IncreaseStep, RequestLapsed
from schemas.events import (
    BudgetRequested,
    CardRequested,
    ClockTicked,
    DelegationEnded,
    DelegationSet,
    IncreaseApproved,
    IncreaseRefused,
    IncreaseRequested,
    RequestApproved,
    RequestRefused,
)
from tests.verify.logs import Company
from tests.verify.told import assert_true, at, budget, company, event, found_by, lie, policy, request, usd

LEVELS = (ApprovalLevel("manager", approvers=("mo",)), ApprovalLevel("director", approvers=("di", "do")))


def story() -> tuple[Company, list[Decision]]:
    return company(
        budget(1_000),
        policy(approvals=LEVELS),
        event(IncreaseRequested, 1, request_id="fair", amount=usd(500), ends_at=at(9), actor="jo"),
        event(IncreaseApproved, 2, request_id="fair", actor="mo"),
        event(IncreaseApproved, 3, request_id="fair", actor="di"),
        request("above", 1_400, 4),
        event(
            IncreaseRequested,
            5,
            request_id="party",
            amount=usd(100),
            ends_at=at(9),
            reason="a party",
            actor="jo",
        ),
        event(IncreaseRefused, 6, request_id="party", reason="too dear", actor="mo"),
    )


def step(decision: Decision, **members: Any) -> dict[str, Any]:
    """The decision with another approval; who gives it is its actor, as in a log that lies consistently."""
    first, *others = decision.effects
    assert isinstance(first, IncreaseStep)
    changed = msgspec.structs.replace(first, **members)
    return {"effects": (changed, *others), "actor": changed.approved_by}


def other(decision: Decision, **members: Any) -> dict[str, Any]:
    """The decision with other members in its only effect."""
    (effect,) = decision.effects
    return {"effects": (msgspec.structs.replace(effect, **members),)}


def test_an_increase_that_went_through_its_levels_is_true() -> None:
    told, decisions = story()
    assert decisions[5].outcome == "approved"
    assert_true(told)


@pytest.mark.parametrize(
    ("number", "members", "words"),
    [
        (3, {"approved_by": "jo"}, "lets jo approve fair"),
        (3, {"approved_by": "di"}, "lets di approve fair"),
        (4, {"approved_by": "mo"}, "lets mo approve fair"),
        (3, {"left": 0}, "sets 0 increases with 0 levels left"),
        (4, {"left": 1}, "sets 1 increases with 1 levels left"),
        (4, {"request_id": "none"}, "approves no request that is known"),
    ],
)
def test_an_approval_by_who_may_not_or_out_of_turn_is_found(
    number: int, members: dict[str, Any], words: str
) -> None:
    told, decisions = story()
    lie(told, decisions[number], **step(decisions[number], **members))
    assert any(words in found for found in found_by(told)["O6"])


def test_an_increase_of_another_amount_than_was_asked_for_is_found() -> None:
    told, decisions = story()
    first, increase = decisions[4].effects
    lie(told, decisions[4], effects=(first, msgspec.structs.replace(increase, amount=900)))
    assert any("another increase than fair asked for" in found for found in found_by(told)["O6"])


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"levels": (("mo",),)}, "lets fair go through the levels (('mo',),)"),
        ({"levels": ((),)}, "lets fair go through the levels ((),)"),
        ({"amount": 50_000}, "lets jo ask for 50000, but jo asked for 500"),
        ({"asked_by": "someone"}, "lets someone ask for 500, but jo asked for 500"),
    ],
)
def test_a_request_that_avoids_its_levels_is_found(members: dict[str, Any], words: str) -> None:
    told, decisions = story()
    lie(told, decisions[2], **other(decisions[2], **members))
    assert any(words in found for found in found_by(told)["O6"])


def test_a_request_that_nobody_could_approve_is_found() -> None:
    told, decisions = story()
    lie(told, decisions[6], **other(decisions[6], asked_by="mo"), actor="mo")
    assert any("lets mo ask, who is needed to approve party" in found for found in found_by(told)["O6"])


def test_an_approval_after_which_nobody_could_give_the_last_one_is_found() -> None:
    told, decisions = company(
        budget(1_000),
        policy(approvals=(ApprovalLevel("first"), ApprovalLevel("last", approvers=("mo", "di")))),
        event(IncreaseRequested, 1, request_id="fair", amount=usd(500), ends_at=at(9), actor="mo"),
        event(IncreaseApproved, 2, request_id="fair", actor="bo"),
    )
    assert_true(told)
    lie(told, decisions[3], **step(decisions[3], approved_by="di"))
    words = "lets di approve fair, who is needed for a later level"
    assert any(words in found for found in found_by(told)["O6"])


@pytest.mark.parametrize("who", ["di", "mallory"])
def test_a_refusal_by_who_may_not_is_found(who: str) -> None:
    told, decisions = story()
    lie(told, decisions[7], **other(decisions[7], refused_by=who), actor=who)
    assert any(f"lets {who} refuse party" in found for found in found_by(told)["O6"])


@pytest.mark.parametrize(
    ("name", "words"), [("fair", "refuses fair, which was ended before"), ("none", "refuses no request")]
)
def test_a_refusal_of_what_was_approved_or_never_asked_is_found(name: str, words: str) -> None:
    told, decisions = story()
    lie(told, decisions[7], **other(decisions[7], request_id=name))
    assert any(words in found for found in found_by(told)["O6"])


def test_who_did_it_and_why_must_be_as_the_event_says() -> None:
    told, decisions = story()
    lie(told, decisions[4], **step(decisions[4], approved_by="do"))  # who might have, but did not
    lie(told, decisions[6], **other(decisions[6], reason="a fair"))
    lie(told, decisions[7], **other(decisions[7], reason=None))
    found = found_by(told)
    assert [line.partition("card event: ")[2] for line in found.pop("O2")] == ["actor di became do"]
    assert [line.partition(" says ")[2] for line in found.pop("O6")] == [
        "approved_by do in IncreaseStep, but it must be di",
        "reason a fair in IncreaseAsked, but it must be a party",
        "reason None in IncreaseClosed, but it must be too dear",
    ]
    assert found == {}


def test_a_log_from_before_requests_lapsed_is_true() -> None:
    """It says of no increase when it lapses. Once a department's log has said so, it always does."""
    told, decisions = story()
    for number in (2, 6):
        lie(told, decisions[number], **other(decisions[number], lapses_at=None))
    assert_true(told)
    told, decisions = story()
    lie(told, decisions[6], **other(decisions[6], lapses_at=None))
    assert any("says lapses_at None in IncreaseAsked" in one for one in found_by(told)["O6"])


# -- three who work out, each in another way, whether different people are left

PEOPLE = ("ann", "bob", "cat")
SETS = tuple(names for size in range(3) for names in combinations(PEOPLE, size))


def tried(levels: Sequence[tuple[str, ...]], others: frozenset[str]) -> bool:
    """Whether each level that names somebody can have a person of its own, none of `others`: tries all."""
    if not levels:
        return True
    first, *rest = levels
    if not first:
        return tried(rest, others)
    return any(tried(rest, others | {person}) for person in first if person not in others)


def test_a_matching_and_halls_theorem_and_trying_all_find_the_same() -> None:
    """Core, verifier and all tries, in every case of up to four levels of up to two of three people."""
    possible = cases = 0
    for size, others in product(range(5), ((), ("ann",), ("bob", "cat"))):
        for levels in product(SETS, repeat=size):
            found = shortage(levels, others)
            assert (found is None) == different_people(levels, others) == tried(levels, frozenset(others))
            if found is not None:
                assert_least(found, levels, others)
            possible += found is None
            cases += 1
    assert 1_000 < possible < cases - 1_000  # both answers, often


def assert_least(found: Shortage, levels: Sequence[tuple[str, ...]], others: tuple[str, ...]) -> None:
    """Its people are all who may approve its levels: one too few, and enough for any fewer of the levels."""
    assert {person for level in found.levels for person in levels[level]} - {*others} == {*found.people}
    assert all(levels[level] for level in found.levels)
    assert len(found.levels) == len(found.people) + 1
    for left_out in found.levels:
        fewer = [levels[level] for level in found.levels if level != left_out]
        assert tried(fewer, frozenset(others))


# -- cards, budgets, delegations, and what nobody answers


def cards() -> tuple[Company, list[Decision]]:
    """2: asked, 4 and 5: approved, by a delegate first; 7: refused by him; 9: lapses."""
    common: dict[str, Any] = {"actor": "jo"}
    return company(
        budget(1_000),
        policy(approvals=LEVELS, request_days=5),
        event(CardRequested, 1, request_id="card", card=Card(card_id="new"), limit=usd(50), **common),
        event(DelegationSet, 1, absent="mo", delegate="bo", until=at(9), actor="mo"),
        event(RequestApproved, 2, request_id="card", actor="bo"),
        event(RequestApproved, 2, request_id="card", actor="di"),
        event(
            BudgetRequested,
            2,
            request_id="team",
            name="T",
            level="team",
            subject="t",
            limit=usd(70),
            **common,
        ),
        event(RequestRefused, 3, request_id="team", actor="bo", reason="no"),
        event(IncreaseRequested, 3, request_id="late", amount=usd(9), ends_at=at(20), **common),
        event(ClockTicked, 9),
    )


def test_cards_budgets_delegations_and_lapses_are_true() -> None:
    told, decisions = cards()
    kinds = [type(effect).__name__ for decision in decisions[2:] for effect in decision.moves]
    assert kinds == [
        *("RequestAsked", "DelegationGiven", "RequestStep", "RequestStep", "CardChanged", "BudgetChanged"),
        *("RequestAsked", "RequestClosed", "IncreaseAsked", "RequestLapsed"),
    ]
    assert_true(told)


def changed(decision: Decision, number: int, **members: Any) -> dict[str, Any]:
    effects = list(decision.effects)
    effects[number] = msgspec.structs.replace(effects[number], **members)
    return {"effects": tuple(effects)}


ANOTHER = BudgetTerms(
    budget_id="card:new", level="card", subject="new", name="new", limit=99, calendar=Calendar("month", "UTC")
)


@pytest.mark.parametrize(
    ("number", "effect", "members", "words"),
    [
        (2, 0, {"levels": (("mo",),)}, "lets card go through the levels"),
        (2, 0, {"budget": ANOTHER}, "lets jo ask for 99, but jo asked for 50"),
        (2, 0, {"card": None}, "says card None in RequestAsked"),
        (2, 0, {"lapses_at": at(20)}, "says lapses_at"),
        (4, 0, {"on_behalf_of": None}, "lets bo approve card for bo, not for mo"),
        (4, 0, {"on_behalf_of": "di"}, "lets bo approve card for di, not for mo"),
        (5, 0, {"on_behalf_of": "do"}, "lets di approve card for do, not for di"),
        (5, 1, {"card": Card(card_id="other")}, "sets another card than card asked for"),
        (5, 2, {"limit": 5_000}, "sets another budget than card asked for"),
        (3, 0, {"delegate": "eve"}, "says delegate eve in DelegationGiven, but it must be bo"),
        (7, 0, {"on_behalf_of": None}, "lets bo refuse team for bo, not for mo"),
        (8, 0, {"lapses_at": None}, "says lapses_at None in IncreaseAsked"),
    ],
)
def test_a_lie_about_a_request_of_any_kind_is_found(
    number: int, effect: int, members: dict[str, Any], words: str
) -> None:
    told, decisions = cards()
    lie(told, decisions[number], **changed(decisions[number], effect, **members))
    found = found_by(told)
    assert any(words in one for one in found.get("O6", []) + found.get("O13", [])), found


def test_a_card_that_is_registered_by_an_approval_that_leaves_levels_is_found() -> None:
    told, decisions = cards()
    lie(told, decisions[4], effects=(*decisions[4].effects, decisions[5].effects[1]))
    assert "O6" in found_by(told)


def test_a_request_that_does_not_lapse_or_another_that_does_is_found() -> None:
    for effects, words in (
        ((), "lets lapse what nobody asked, but it must be late"),
        ((RequestLapsed(request_id="team"),), "lets lapse what team asked, but it must be late"),
    ):
        told, decisions = cards()
        lie(told, decisions[9], effects=effects)
        assert any(words in one for one in found_by(told)["O12"])


def test_a_delegate_whose_time_is_over_is_found() -> None:
    told, decisions = cards()
    lie(told, decisions[3], **changed(decisions[3], 0, until=at(1.5)))
    assert any("lets bo approve card" in one for one in found_by(told)["O6"])


# -- who is back


def absence() -> tuple[Company, list[Decision]]:
    """4: refused on behalf; 6: he is back; 7: so his delegate may not; 8: he himself."""
    more: dict[str, Any] = {"amount": usd(9), "ends_at": at(20), "actor": "jo"}
    return company(
        budget(1_000),
        policy(approvals=(ApprovalLevel("manager", approvers=("mo",)),)),
        event(DelegationSet, 1, absent="mo", delegate="bo", until=at(9), actor="mo"),
        event(IncreaseRequested, 1, request_id="fair", **more),
        event(IncreaseRefused, 2, request_id="fair", actor="bo"),
        event(IncreaseRequested, 2, request_id="party", **more),
        event(DelegationEnded, 3, absent="mo", actor="admin"),
        event(IncreaseApproved, 4, request_id="party", actor="bo"),
        event(IncreaseApproved, 4, request_id="party", actor="mo"),
    )


def test_who_is_back_answers_and_his_delegate_no_more() -> None:
    told, decisions = absence()
    assert [decision.outcome for decision in decisions[6:]] == ["accepted", "rejected", "accepted"]
    assert_true(told)


@pytest.mark.parametrize(
    ("number", "members", "words"),
    [
        (4, {"on_behalf_of": None}, "lets bo refuse fair for bo, not for mo"),
        (4, {"request_id": "party"}, "refuses no request"),
        (6, {"ended_by": "mo"}, "says ended_by mo in DelegationTakenBack, but it must be admin"),
        (6, {"absent": "jo"}, "says absent jo in DelegationTakenBack, but it must be mo"),
    ],
)
def test_a_lie_about_who_is_back_or_whom_one_refuses_for_is_found(
    number: int, members: dict[str, Any], words: str
) -> None:
    told, decisions = absence()
    lie(told, decisions[number], **changed(decisions[number], 0, **members))
    assert any(words in one for one in found_by(told)["O6"])


def test_a_delegation_that_is_not_ended_though_it_is_said_to_be_is_found() -> None:
    told, decisions = absence()
    lie(told, decisions[6], effects=())
    found = found_by(told)
    assert any("DelegationTakenBack" in one for one in found["O6"]), found


def test_an_answer_for_somebody_who_is_back_is_found() -> None:
    """The rejection becomes an approval, with all that would have followed from it."""
    told, decisions = absence()
    refused, approved = decisions[7:]
    given = changed(approved, 0, approved_by="bo", on_behalf_of="mo")["effects"]
    lie(told, refused, outcome=approved.outcome, reasons=(), effects=given)
    assert any("lets bo approve party" in one for one in found_by(told)["O6"])


def test_a_lie_is_planted_for_each_effect_of_a_request() -> None:
    """Whoever adds one to `schemas.request_effects` adds a lie about it to one of these stories."""
    of_requests = {kind for kind in get_args(Effects) if kind.__module__ == request_effects.__name__}
    told = [decision for make in (story, cards, absence) for decision in make()[1]]
    assert of_requests <= {type(effect) for decision in told for effect in decision.effects}
    for make in (story, cards, absence):
        for number, decision in enumerate(make()[1]):
            for place, effect in enumerate(decision.effects):
                if type(effect) in of_requests:
                    lying, decisions = make()
                    effects = decisions[number].effects
                    lie(lying, decisions[number], effects=effects[:place] + effects[place + 1 :])
                    assert found_by(lying), f"nobody misses {effect} of decision {number}"
