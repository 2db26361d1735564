"""The straight ways of the commonest request, deciding and applying, come to what the long ways come to."""

from __future__ import annotations

import gc
import math
from collections import Counter

import msgspec
import pytest
from hypothesis import event as seen
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.stories import read_stories
from infra.stories.core import CoreRun
from schemas.codec import decode_decision, decode_event, seal_decision
from schemas.decisions import PROBABILITIES, Decision, Score
from schemas.events import AuthorizationRequested, CardEvent, ClearingPresented
from schemas.ids import department_key
from schemas.money import TOTAL_MAX, PositiveMoney
from schemas.reasons import Outcome
from streams.core.apply.evolve import apply_effects, apply_straight, evolve
from streams.core.calendar import epoch_s, moment_of
from streams.core.case import Case, LogPlace, Rejected
from streams.core.clock import bucket_of
from streams.core.decide import by_rules
from streams.core.intake import judge
from streams.core.plans import Plan, Plans
from streams.core.sealing import seal
from streams.core.settlements import POSTINGS_MAX
from streams.core.state import (
    NEVER_ASKED,
    ONLY_ADVISED,
    Department,
    PartitionState,
    Payment,
    Period,
    Posting,
    Treasury,
)
from streams.core.straight import approval
from streams.core.straight_clearing import clearing
from streams.scoring import Scorer
from tests.core.departments import CARDS, HOLDERS, MERCHANTS, MODES, MOMENTS, departments
from tests.golden.write import SCENARIOS
from tests.simulation.histories import history

SCORES = st.none() | st.sampled_from(
    (Score(0.25, "model", "1"), *(Score(value, PROBABILITIES, "1") for value in (0.0, 0.1, 0.2, 1.0)))
)


@st.composite
def requests(draw: st.DrawFn) -> AuthorizationRequested:
    """Of few cards, merchants and payments; now and then with what only the rules answer."""
    foreign = draw(st.sampled_from((False, False, False, True)))
    return AuthorizationRequested(
        event_id="event",
        organization_id="org",
        department_id="eng",
        occurred_at=moment_of(draw(st.sampled_from(MOMENTS))),
        authorization_id=draw(st.sampled_from(("new", "new", "new", "new", "known"))),
        card_id=draw(st.sampled_from(CARDS)),
        cardholder=draw(st.sampled_from(HOLDERS)),
        amount=PositiveMoney(draw(st.integers(1, 12)), draw(st.sampled_from(("USD", "USD", "USD", "EUR")))),
        merchant=draw(st.sampled_from(MERCHANTS)),
        entry_mode=draw(MODES),
        partial_allowed=draw(st.booleans()),
        merchant_amount=PositiveMoney(5, "EUR") if foreign else None,
        rate="1" if foreign else None,
    )


def hold(department: Department, at_s: int) -> None:
    """Something is held until then."""
    charge, period = next(iter(department.periods.items()), ("", None))
    if period is not None:
        period.held += 1
        payment = Payment((charge,), 0, True, 0, held=1, expires_s=at_s)
        department.payments["known"] = payment
        department.expiries.add(at_s, "known")


@given(departments(), requests(), SCORES, st.none() | st.sampled_from(MOMENTS))
@settings(max_examples=150, deadline=None)
def test_the_straight_answer_is_that_of_the_rules(
    department: Department, event: AuthorizationRequested, score: Score | None, held_until_s: int | None
) -> None:
    if held_until_s is not None:
        hold(department, held_until_s)
    plan, at_s = Plan(department), epoch_s(event.occurred_at)
    place = LogPlace(3, 7, 9, event.occurred_at, "0" * 64, "0123456789abcdef")
    straight = approval(plan, event, place, at_s, max(at_s, department.clock_s), score)
    seen("straight" if straight is not None else "by the rules")
    if straight is None:
        return
    case = Case(plan, event, place, at_s, max(at_s, department.clock_s), score)
    assert seal_decision(straight) == seal_decision(by_rules(case, event))


#: What is not as usual; a dot: nothing.
ODD = (
    *".....",
    "declined",
    "never asked",
    "advised",
    "voided",
    "forgotten",
    "held in part",
    "posted before",
    "posted too much",
    "a period too full",
    "no charge",
    "a period that is gone",
    "lapsed",
    "many postings",
    "too many postings",
    "foreign",
    "another payment",
    "another currency",
    "a rate",
    "a rate alone",
    "a lender",
)


def cleared(department: Department, held: int, odd: str) -> None:
    """A payment of the department, also in states that no history comes to."""
    charges = tuple(department.periods)[:2] or ("department@2025-10",)
    payment = Payment(
        () if odd == "no charge" else charges,
        department.latest_bucket - (9 if odd == "forgotten" else 0),
        odd != "declined",
        {"never asked": NEVER_ASKED, "advised": ONLY_ADVISED}.get(odd, 3),
        ("other",) if odd == "voided" else (),
        held=held,
        posted={"posted before": 3, "posted too much": TOTAL_MAX - 2}.get(odd, 0),
        expires_s=MOMENTS[0] if odd == "lapsed" else MOMENTS[-1] + 10**6,
        foreign=("EUR", "1.1") if odd == "foreign" else None,
        postings=(Posting(1, 1),)
        * {"many postings": POSTINGS_MAX - 1, "too many postings": POSTINGS_MAX}.get(odd, 0),
    )
    department.payments["payment"] = payment
    for charge in charges:
        period = department.periods.setdefault(charge, Period(10, 0))
        period.held += held
        if odd == "a period too full":
            period.posted = TOTAL_MAX - 2
    if odd == "a period that is gone":
        del department.periods[charges[0]]
    if odd == "a lender":
        department.treasury = Treasury(0, department.budgets["department"].calendar, [])
    department.expiries.add(payment.expires_s, "payment")


@given(
    departments(),
    st.integers(1, 7),
    st.integers(1, 7),
    st.sampled_from(ODD),
    st.sampled_from(MOMENTS),
    st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_the_straight_clearing_is_that_of_the_rules(
    department: Department, held: int, amount: int, odd: str, at_s: int, final: bool
) -> None:
    cleared(department, held, odd)
    event = ClearingPresented(
        event_id="event",
        organization_id="org",
        department_id="eng",
        occurred_at=moment_of(at_s),
        authorization_id="new" if odd == "another payment" else "payment",
        card_id="card-1",
        amount=PositiveMoney(amount, "EUR" if odd == "another currency" else "USD"),
        merchant=MERCHANTS[amount % 4] if final else None,
        final=final,
        merchant_amount=PositiveMoney(5, "EUR") if odd in ("foreign", "a rate") else None,
        rate="2" if odd.startswith("a rate") else None,
    )
    plan, clock_s = Plan(department), max(at_s, department.clock_s)
    place = LogPlace(3, 7, 9, event.occurred_at, "0" * 64, "0123456789abcdef")
    straight = clearing(plan, event, place, at_s, clock_s)
    seen("straight" if straight is not None else "by the rules")
    if straight is None:
        assert odd != "." or amount > held, "the straight way is the usual one"
        return
    assert seal_decision(straight) == seal_decision(by_rules(Case(plan, event, place, at_s, clock_s), event))
    encoded = msgspec.msgpack.encode(department)
    long, short = (msgspec.msgpack.decode(encoded, type=Department) for _ in range(2))
    assert apply_straight(short, straight, bucket_of(at_s))
    apply_effects(long, straight, bucket_of(at_s))
    assert short == long


def both(state: PartitionState, decision: Decision) -> bool:
    """Applies it both ways to copies. Whether there was a straight one."""
    if decision.outcome is Outcome.REJECTED or decision.duplicate_of is not None:
        return False
    if not 0 < len(decision.effects) <= 4 or decision.authorization_id is None:
        return False
    assert decision.organization_id and decision.department_id and decision.occurred_at
    department = state.departments.get(department_key(decision.organization_id, decision.department_id))
    if department is None:
        return False
    encoded = msgspec.msgpack.encode(department)
    long, straight = (msgspec.msgpack.decode(encoded, type=Department) for _ in range(2))
    bucket = bucket_of(epoch_s(decision.occurred_at))
    if not apply_straight(straight, decision, bucket):
        assert msgspec.msgpack.encode(straight) == encoded, "all or nothing"
        return False
    apply_effects(long, decision, bucket)
    assert straight == long
    return True


def by_the_rules(state: PartitionState, decision: Decision, event: CardEvent) -> Decision:
    department = state.departments[department_key(event.organization_id, event.department_id)]
    place = LogPlace(
        decision.partition,
        decision.seq,
        decision.source_offset,
        decision.recorded_at,
        decision.previous_hash,
        decision.fingerprint or "",
    )
    at_s = epoch_s(event.occurred_at)
    clock_s = max(min(at_s, epoch_s(decision.recorded_at)), department.clock_s)
    try:
        return by_rules(Case(Plan(department), event, place, at_s, clock_s, decision.score), event)
    except Rejected:
        return decision


@pytest.mark.parametrize(
    "scenario", ["requests.txt", "velocity.txt", "company_cap.txt", "advices.txt", "timeouts.txt"]
)
def test_what_stories_decide_is_applied_alike(scenario: str) -> None:
    states: dict[int, PartitionState] = {}

    def apply(value: bytes) -> None:
        decision = decode_decision(value)
        state = states.setdefault(decision.partition, PartitionState(decision.partition))
        both(state, decision)
        evolve(state, decision)

    for story in read_stories([SCENARIOS / scenario]):
        states.clear()
        run = CoreRun(on_step=lambda step: apply(step.value))
        for line in story.lines:
            run.play(line)


@pytest.mark.parametrize("seed", [4, 5])
def test_deciding_leaves_nothing_for_the_garbage_collector(seed: int) -> None:
    """Whose pause was 30 ms for the plans of five hundred budgets that were set one after the other."""
    state, plans, scorer = PartitionState(0), Plans(), Scorer(warm_up=5, ns_max=math.inf)
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        for record in history(seed, 400):
            decision, _ = seal(judge(state, record, 1, scorer, plans))
            evolve(state, decision)
        gc.collect()
        assert [type(one) for one in gc.garbage if type(one).__module__.startswith("streams.core")] == []
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


def test_histories_are_decided_and_applied_alike() -> None:
    ways = Counter[str]()
    for seed in range(6):
        play(seed, ways)
    applied, requested = ways["authorization.requested, applied"], ways["authorization.requested"]
    assert applied >= requested / 2 > 10, "the straight way is the usual one"
    assert ways["clearing.presented, applied"] > 10


def play(seed: int, ways: Counter[str]) -> None:
    """A history, with how often a request was approved and how often such a decision was applied straight."""
    state, plans, scorer = PartitionState(0), Plans(), Scorer(warm_up=5, ns_max=math.inf)
    for record in history(seed, 250):
        decision, value = seal(judge(state, record, 1, scorer, plans))
        if decision.outcome is not Outcome.REJECTED and decision.duplicate_of is None:
            event = decode_event(record.value or b"")
            if isinstance(event, AuthorizationRequested | ClearingPresented):
                ways[event.type] += decision.outcome in (Outcome.APPROVED, Outcome.ACCEPTED)
                assert seal_decision(by_the_rules(state, decision, event)) == value
        ways[f"{decision.event_type}, applied"] += both(state, decision)
        evolve(state, decision)
