"""Each rule stands once; what is left, what passes and the fast path say what its findings say."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from schemas.controls import ActiveHours, Block, Calendar, Match, Policy, Rules, SpendLimit
from schemas.decisions import Balance
from schemas.event import EntryMode
from streams.core.matching import Purchase
from streams.core.plans import Plan, Plans
from streams.core.rules import RULES, Ask, Kind, findings, judge, spendable
from streams.core.rules.fast import balances_when_silent
from streams.core.state import Budget, Department
from tests.core.departments import CARDS, HOLDERS, MERCHANTS, MOMENTS, asks, departments

EXAMPLES = settings(max_examples=100, deadline=None)


def held_in(department: Department, ask: Ask) -> list[Balance]:
    """The charged periods with the amount held in them, said plainly."""
    balances = []
    for charge in ask.charges.parts:
        period = department.periods.get(charge.key)
        posted, held = (period.posted, period.held) if period else (0, 0)
        limit = charge.limit(period, ask.purchase.at_s)
        balances.append(Balance(charge.id, charge.label, limit, posted, held + ask.amount))
    return balances


@EXAMPLES
@given(st.data())
def test_the_fast_path_says_what_the_rules_say(data: st.DataObject) -> None:
    department = data.draw(departments())
    ask = data.draw(asks(Plan(department)))
    balances = balances_when_silent(department, ask)
    found = findings(department, ask)
    event("silent" if balances is not None else "speaks" if found else "asks the rules for nothing")
    if balances is not None:
        assert found == []
        assert balances == held_in(department, ask)
    elif not found:
        # Only what is rare is left to the rules without need.
        limits = ask.rules.rule_set.transaction
        conditional = any(only is not None or rule.amount is None for rule, only in limits)
        assert ask.rules.special or conditional or ask.kind is Kind.INCREMENT


@EXAMPLES
@given(st.data())
def test_room_is_the_largest_amount_of_which_a_rule_would_not_say_so(data: st.DataObject) -> None:
    department = data.draw(departments())
    ask = data.draw(asks(Plan(department)))
    for rule in RULES:
        for finding in rule(department, ask):
            if finding.room is None:
                fits = [found.reason.code for found in rule(department, ask._replace(amount=1))]
                assert finding.reason.code in fits, "a smaller amount would pass, so there is room"
                continue
            assert finding.room < ask.amount
            same = finding.reason.rule, finding.reason.code, finding.reason.subject, finding.reason.period
            for more in (0, 1):
                again = rule(department, ask._replace(amount=finding.room + more))
                said = [
                    (one.reason.rule, one.reason.code, one.reason.subject, one.reason.period) for one in again
                ]
                assert (same in said) is bool(more), f"{same} at {finding.room} + {more}"


@EXAMPLES
@given(st.data())
def test_the_room_of_a_verdict_passes_and_a_unit_more_does_not(data: st.DataObject) -> None:
    department = data.draw(departments())
    ask = data.draw(asks(Plan(department)))
    verdict = judge(department, ask)
    event("room" if verdict.room is not None else "declined" if verdict.reasons else "passes")
    if verdict.room is None:
        return
    assert verdict.reasons
    assert not any(reason.fraud for reason in verdict.reasons)
    assert not judge(department, ask._replace(amount=verdict.room)).reasons
    assert judge(department, ask._replace(amount=verdict.room + 1)).reasons


@EXAMPLES
@given(st.data())
def test_spendable_is_the_least_that_is_left_in_any_period(data: st.DataObject) -> None:
    department = data.draw(departments())
    plan = Plan(department)
    card = plan.card(data.draw(st.sampled_from(CARDS)), data.draw(st.sampled_from(HOLDERS)))
    at_s = data.draw(st.sampled_from(MOMENTS))
    charges = card.charges(at_s)
    asked = Ask(card, Purchase(at_s, None, None), 0, charges)
    # What limits some merchants only says nothing where no merchant is named.
    unconditional = [part for part in charges.parts if part.allowance and part.allowance.only is None]
    periods = [(part, department.periods.get(part.key)) for part in unconditional]
    left = [part.limit(period, at_s) - (period.used if period else 0) for part, period in periods]
    assert spendable(department, asked) == max(0, min(left))


@EXAMPLES
@given(st.data())
def test_what_was_asked_before_changes_nothing(data: st.DataObject) -> None:
    """No order of asking, plan at hand or other card shows in an answer; nor the asking in the state."""
    department = data.draw(departments())
    before = msgspec.json.encode(department)
    plans = Plans()
    several = data.draw(st.lists(asks(plans.of(department)), min_size=2, max_size=6))
    answers = [(findings(department, ask), balances_when_silent(department, ask)) for ask in several]
    for ask, answer in reversed(list(zip(several, answers, strict=True))):
        plan = Plan(department)
        card = plan.card(ask.rules.card_id, ask.rules.holder)
        fresh = ask._replace(rules=card, charges=plan.charges(ask.charges.keys))
        assert (findings(department, fresh), balances_when_silent(department, fresh)) == answer
        assert (findings(department, ask), balances_when_silent(department, ask)) == answer
    assert msgspec.json.encode(department) == before


@EXAMPLES
@given(st.data())
def test_charges_are_those_of_their_moment_whatever_was_asked_before(data: st.DataObject) -> None:
    department = data.draw(departments())
    plan = Plan(department)
    card_id, holder = data.draw(st.sampled_from(CARDS)), data.draw(st.sampled_from(HOLDERS))
    for at_s in data.draw(st.lists(st.sampled_from(MOMENTS), min_size=2, max_size=8)):
        charges = plan.card(card_id, holder).charges(at_s)
        assert charges.keys == Plan(department).card(card_id, holder).charges(at_s).keys
        for part in charges.parts:
            assert part.allowance is not None
            assert part.label == part.allowance.clock.label(at_s)
            assert part.key == f"{part.id}@{part.label}"


def test_random_departments_make_every_rule_speak() -> None:
    """Else the properties above would hold of nothing."""
    spoken: Counter[str] = Counter()

    @settings(max_examples=200, deadline=None, derandomize=True, database=None)
    @given(st.data())
    def watch(data: st.DataObject) -> None:
        department = data.draw(departments())
        ask = data.draw(asks(Plan(department)))
        spoken["fast"] += balances_when_silent(department, ask) is not None
        for rule in RULES:
            spoken[rule.__name__] += any(rule(department, ask))

    watch()
    assert min(spoken[name] for name in ("fast", *(rule.__name__ for rule in RULES))) >= 5, spoken


NOON, NIGHT = 1_759_233_600, 1_759_276_800 - 3_600
HOURS = ActiveHours(rule_id="r", start="06:00", end="22:00")
PAYMENT = SpendLimit(rule_id="r", window="transaction", amount=100)
SUSPECT = SpendLimit(rule_id="r", window="transaction", amount=100, fraud=True)
COUNT = SpendLimit(rule_id="r", window="rolling", seconds=3_600, count=2, per="department")
SUM = SpendLimit(rule_id="r", window="rolling", seconds=3_600, amount=100, per="department")
BY_HAND = Block(rule_id="r", what=Match(entry_modes=("manual",)))


@pytest.mark.parametrize(
    ("rule", "at_s", "mode", "so_far", "already", "amount", "room"),
    [
        (HOURS, NOON, "chip", 0, 0, 5, "silent"),
        (HOURS, NIGHT, "chip", 0, 0, 5, None),
        (PAYMENT, NOON, "chip", 0, 0, 100, "silent"),
        (PAYMENT, NOON, "chip", 0, 0, 101, 100),
        (PAYMENT, NOON, "chip", 0, 40, 60, "silent"),
        (PAYMENT, NOON, "chip", 0, 40, 61, 60),
        (SUSPECT, NOON, "chip", 0, 0, 101, None),
        (COUNT, NOON, "chip", 1, 0, 5, "silent"),
        (COUNT, NOON, "chip", 2, 0, 5, None),
        (SUM, NOON, "chip", 60, 0, 40, "silent"),
        (SUM, NOON, "chip", 60, 0, 41, 40),
        (BY_HAND, NOON, "chip", 0, 0, 5, "silent"),
        (BY_HAND, NOON, "manual", 0, 0, 5, None),
    ],
)
def test_a_rule_that_is_alone_speaks_from_its_limit_on(
    rule: Rules, at_s: int, mode: EntryMode, so_far: int, already: int, amount: int, room: int | str | None
) -> None:
    """In the rules and in the fast path; what was asked before with another entry mode does not matter."""
    budget = Budget("department", None, "Engineering", 10**9, 0, Calendar())
    department = Department(
        "org", "eng", "USD", 0, budgets={"department": budget}, policy=Policy(rules=(rule,))
    )
    if so_far:
        department.counters["r:department"] = [so_far, at_s // 60, so_far]
    card = Plan(department).card("card-1", "ann")
    modes: tuple[EntryMode, ...] = ("contactless", mode)
    for entry_mode in modes:
        purchase = Purchase(at_s, MERCHANTS[0], entry_mode)
        ask = Ask(card, purchase, amount, card.charges(at_s), already)
        balances = balances_when_silent(department, ask)
    assert (balances is not None) is (room == "silent") is (findings(department, ask) == [])
    if room != "silent":
        assert judge(department, ask).room == room


def test_the_same_card_in_other_hands_has_other_budgets() -> None:
    department = Department("org", "eng", "USD", 0)
    department.put_budget("department", Budget("department", None, "Engineering", 10**9, 0, Calendar()))
    for name in ("ann", "bob"):
        department.put_budget(name, Budget("employee", name, name, 100, 0, Calendar()))
    plan = Plan(department)
    for name in ("ann", "bob", "ann"):
        assert plan.card("card-1", name).charges(NOON).keys == ("department@2025-09", f"{name}@2025-09")
