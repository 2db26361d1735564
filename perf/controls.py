"""Deciding under many controls: one department, 20 of them, 10,000 open holds, 5,000 cards.

The core alone, event by event: `decide` (the answer) and `evolve` (the state after it), at the median. And
what the state weighs: bytes of a snapshot for each open hold and for each card.
"""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

import msgspec

from perf.harness import Scale
from perf.results import Controls
from schemas.codec import fingerprint
from schemas.controls import ActiveHours, Allow, Block, Calendar, Card, Match, Policy, Rules, SpendLimit
from schemas.events import (
    AuthorizationRequested,
    AuthorizationReversed,
    BudgetSet,
    CardEvent,
    CardSet,
    ClearingPresented,
    Merchant,
    PolicyDrafted,
    RefundPresented,
)
from schemas.money import Money, PositiveMoney
from streams.core.apply.evolve import evolve
from streams.core.calendar import epoch_s
from streams.core.case import LogPlace
from streams.core.decide import decide
from streams.core.plans import Plans
from streams.core.state import Department, PartitionState

HOLDS, CARDS, MERCHANTS = 10_000, 5_000, 400
START = datetime(2026, 3, 2, 9, tzinfo=UTC)
ZONE = "America/New_York"
PLANS = Plans()
# Never reached: what is measured is a request that passes all of them, which nearly all do.
PLENTY = 10**12

RULES: tuple[Rules, ...] = (
    Block(
        rule_id="blacklist",
        fraud=True,
        what=Match(
            merchants=("SUSPICIOUS_VENDOR_1", "BLACKLISTED_MERCHANT", "FRAUD_CORP", "SCAM_ENTERPRISES")
        ),
    ),
    Block(rule_id="names", what=Match(merchants_containing=("casino", "crypto"))),
    Block(rule_id="gambling", what=Match(mcc_groups=("gambling", "adult"))),
    Block(rule_id="cash", what=Match(mcc_groups=("cash",))),
    Block(rule_id="jewellers", what=Match(mccs=("5944", "5094"))),
    Block(rule_id="sanctions", what=Match(countries=("KP", "IR"))),
    Allow(rule_id="markets", what=Match(countries=("US", "CA", "DE"))),
    Block(rule_id="stripe", what=Match(entry_modes=("magnetic_stripe",))),
    ActiveHours(rule_id="hours", start="00:00", end="23:59", time_zone=ZONE),
    SpendLimit(rule_id="large-amount", window="transaction", amount=PLENTY, fraud=True),
    SpendLimit(
        rule_id="many-in-a-minute",
        window="rolling",
        seconds=60,
        count=10,
        counts="requested",
        action="review",
        fraud=True,
    ),
    SpendLimit(rule_id="day-rolling", window="rolling", seconds=86_400, amount=PLENTY),
    SpendLimit(rule_id="day-count", window="calendar", calendar=Calendar("day", ZONE), count=1_000),
    SpendLimit(rule_id="day-amount", window="calendar", calendar=Calendar("day", ZONE), amount=PLENTY),
    SpendLimit(
        rule_id="employee-month",
        window="calendar",
        calendar=Calendar("month", ZONE),
        amount=PLENTY,
        per="employee",
    ),
)
CONTROLS = len(RULES) + 5  # and the budgets of `_opening`


def run(scale: Scale) -> Controls:
    """Microseconds at the median, over as many events as `scale` says, after as many to warm up."""
    state, department = _department()
    stream = _stream(random.Random(7))
    for _ in range(HOLDS * 2 + scale.decide_events):
        _apply(state, next(stream))
    took: dict[str, list[tuple[int, int]]] = {}
    gc.collect()
    gc.freeze()
    try:
        for _ in range(scale.decide_events):
            event = next(stream)
            took.setdefault(event.type, []).append(_timed(state, department, event))
    finally:
        gc.unfreeze()
    every = [times for found in took.values() for times in found]
    return Controls(
        controls=CONTROLS,
        open_holds=sum(payment.held > 0 for payment in department.payments.values()),
        cards=len(department.registered),
        decide_us=median(decided for decided, _ in every) / 1_000,
        request_us=median(decided for decided, _ in took["authorization.requested"]) / 1_000,
        clearing_us=median(decided for decided, _ in took["clearing.presented"]) / 1_000,
        evolve_us=median(evolved for _, evolved in every) / 1_000,
        hold_bytes=_bytes_of_a_hold(department),
        card_bytes=_bytes_of_a_card(department),
    )


def _timed(state: PartitionState, department: Department, event: CardEvent) -> tuple[int, int]:
    """Nanoseconds of `decide` and of `evolve`."""
    clock = time.perf_counter_ns
    place, at_s = _place(state, event), epoch_s(event.occurred_at)
    before = clock()
    decision = decide(department, event, None, place, PLANS, at_s)
    between = clock()
    evolve(state, decision)
    after = clock()
    assert decision.outcome in ("approved", "accepted"), decision.reasons
    return between - before, after - between


def _department() -> tuple[PartitionState, Department]:
    state = PartitionState(0)
    for event in _opening():
        _apply(state, event)
    return state, next(iter(state.departments.values()))


def _place(state: PartitionState, event: CardEvent) -> LogPlace:
    return LogPlace(0, state.seq, state.next_offset, event.occurred_at, state.last_hash, fingerprint(event))


def _apply(state: PartitionState, event: CardEvent) -> None:
    department = next(iter(state.departments.values()), None)
    at_s = epoch_s(event.occurred_at)
    evolve(state, decide(department, event, None, _place(state, event), PLANS, at_s))


def _opening() -> Iterator[CardEvent]:
    """Five budgets, the policy, the cards."""
    limit = Money(PLENTY, "USD")
    yield BudgetSet(**_common("month"), name="Engineering", limit=limit, time_zone=ZONE)
    year: dict[str, Any] = {"budget_id": "department-year", "period": "year", "time_zone": ZONE}
    yield BudgetSet(**_common("year"), name="Engineering", limit=limit, **year)
    for team in ("core", "edge"):
        budget = {"level": "team", "subject": team, "period": "quarter", "time_zone": ZONE}
        yield BudgetSet(**_common(team), name=team, limit=limit, **budget)  # type: ignore[arg-type]
    yield BudgetSet(**_common("card"), name="One card", limit=limit, level="card", subject="card-0007")
    policy = Policy(rules=RULES, hold_days=60, hold_days_by_group={})
    yield PolicyDrafted(**_common("policy"), policy=policy, activate=True)
    for n in range(CARDS):
        team, employee = ("core", "edge")[n % 2], f"employee-{n:04d}"
        card = Card(card_id=f"card-{n:04d}", employee=employee, team=team)
        yield CardSet(**_common(f"card-{n}"), card=card)


def _common(event_id: str, at: datetime = START) -> dict[str, Any]:
    return {
        "event_id": event_id,
        "organization_id": "bench",
        "department_id": "engineering",
        "occurred_at": at,
    }


def _stream(rng: random.Random) -> Iterator[CardEvent]:
    """Requests until `HOLDS` are open, a tenth of a second apart; from then on the demo's mix.

    Of 25 events 12 are requests, 11 settle any of the open payments, one is a reversal and one a refund.
    """
    merchants = [Merchant(f"Merchant {n}", "5943", "US") for n in range(MERCHANTS)]
    waiting: list[AuthorizationRequested] = []
    n = 0
    paid: AuthorizationRequested | None = None
    while True:
        n += 1
        at = START + timedelta(milliseconds=100 * n)
        turn = n % 25 if len(waiting) > HOLDS else 0
        if turn == 24 and paid is not None:
            yield RefundPresented(**_about(f"b{n}", at, paid), amount=PositiveMoney(100, "USD"))
        elif turn % 2 and waiting:
            place = rng.randrange(len(waiting))
            waiting[place], waiting[-1] = waiting[-1], waiting[place]
            paid = waiting.pop()
            if turn == 23:
                given_back = paid.authorization_id
                yield AuthorizationReversed(**_common(f"v{n}", at), authorization_id=given_back)
            else:
                yield ClearingPresented(**_about(f"c{n}", at, paid), amount=paid.amount)
        else:
            request = AuthorizationRequested(
                **_common(f"r{n}", at),
                authorization_id=f"a{n}",
                # Some cards are used daily, some once a month, as in the other benches.
                card_id=f"card-{int(rng.random() ** 2 * CARDS):04d}",
                amount=PositiveMoney(rng.randint(100, 20_000), "USD"),
                merchant=rng.choice(merchants),
                entry_mode="chip",
            )
            waiting.append(request)
            yield request


def _about(event_id: str, at: datetime, paid: AuthorizationRequested) -> dict[str, Any]:
    about = {"authorization_id": paid.authorization_id, "card_id": paid.card_id}
    return _common(event_id, at) | about


def _bytes_of_a_hold(department: Department) -> float:
    """Of a snapshot: an open payment and its place among the expiries."""
    held = {name: payment for name, payment in department.payments.items() if payment.held}
    entries = [entry for entry in department.expiries if entry[1] in held]
    return (len(msgspec.msgpack.encode(held)) + len(msgspec.msgpack.encode(entries))) / len(held)


def _bytes_of_a_card(department: Department) -> float:
    """Of a snapshot: its registration, counters and periods of its own."""
    own = {name: period for name, period in department.periods.items() if name.startswith("rule:")}
    parts = (department.registered, department.counters, own)
    return sum(len(msgspec.msgpack.encode(part)) for part in parts) / len(department.registered)
