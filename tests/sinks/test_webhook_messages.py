"""What decisions tell, and under which names."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, get_args

from msgspec.structs import replace

from schemas.controls import BudgetTerms, Calendar, Card, Policy
from schemas.decisions import Alert, Decision, Score
from schemas.effects import (
    BudgetTakenAway,
    CardChanged,
    DelegationTakenBack,
    PolicyTaken,
    RequestAsked,
    RequestClosed,
    RequestLapsed,
    RequestStep,
)
from schemas.reasons import Outcome, Reason, ReasonCode
from schemas.webhooks import REPORT_MADE, REQUEST_REMINDED, TYPES, VERIFICATION_FAILED
from sinks.webhooks.messages import messages
from tests.sinks.builder import DecisionLog

NOON = datetime(2026, 12, 10, 12, tzinfo=UTC)


def types(decision: Decision) -> list[str]:
    return [message.type for message in messages(decision)]


REPLACED = (
    CardChanged(card=Card(card_id="c1", status="canceled")),
    CardChanged(card=Card(card_id="c2")),
)


def asked_for(log: DecisionLog, card: Card) -> list[tuple[Decision, list[str]]]:
    """A request for a card: asked, approved by the first and the last level, refused, lapsed."""
    budget = BudgetTerms(
        budget_id="card:card-1", level="card", subject="card-1", name="ada", limit=50, calendar=Calendar()
    )
    who: dict[str, Any] = {"asked_by": "key_a", "levels": (("key_b",), ())}
    asked = RequestAsked(request_id="q1", budget=budget, card=card, lapses_at=NOON, **who)
    first, last = (RequestStep(request_id="q1", approved_by="key_b", left=left) for left in (1, 0))
    refused = RequestClosed(request_id="q1", refused_by="key_a")
    return [
        (log.set("card.requested", asked), ["request.asked"]),
        (log.set("request.approved", first), []),
        (log.set("request.approved", last, CardChanged(card=card)), ["request.approved", "card.changed"]),
        (log.set("request.refused", refused), ["request.refused"]),
        (log.set("clock.ticked", RequestLapsed(request_id="q1")), ["request.lapsed"]),
        (log.set("delegation.ended", DelegationTakenBack(absent="a", ended_by="a")), []),
    ]


def everything() -> list[tuple[Decision, list[str]]]:
    """A decision of each kind, and what it tells."""
    log = DecisionLog(partition=2)
    card = Card(card_id="card-1", employee="ada")
    paid, asked = log.approve("a"), log.ask_increase("r1")
    cleared = log.clear("a", 900)
    log.approve("late"), log.approve("gone")
    flagged = Score(value=0.99, model="usual", version="1", flagged=True)
    review = Reason(code=ReasonCode.TOLERANCE_USED, subject="eng", currency="USD", limit=1, requested=2)
    disputes = [log.dispute("a", 50, f"d{number}", True) for number in range(3)]
    return [
        (paid, ["authorization.approved"]),
        (log.approve_in_part("b", 900, 100), ["authorization.partially_approved"]),
        (log.decline("c"), ["authorization.declined"]),
        (log.increment("b", 10), ["authorization.incremented"]),
        (log.decline_increment("b", 10), ["authorization.increment_declined"]),
        (log.advise("b", 130, 20), ["authorization.advised"]),
        (log.reverse("b"), ["authorization.reversed"]),
        (log.tick("late", "gone"), ["authorization.expired", "authorization.expired"]),
        (cleared, ["clearing.posted"]),
        (log.refund("a", 10), ["refund.posted"]),
        (log.undo_refund("refund-x", "a", 5), ["refund.reversed"]),
        (log.undo(cleared), ["clearing.reversed"]),
        (disputes[0], ["dispute.opened"]),
        (log.resolve(disputes[0], "won"), ["dispute.won"]),
        (log.resolve(disputes[1], "lost"), ["dispute.lost"]),
        (log.resolve(disputes[2], "withdrawn"), ["dispute.withdrawn"]),
        (log.budget(), ["budget.changed"]),
        (log.set("budget.removed", BudgetTakenAway(budget_id="team:a")), ["budget.removed"]),
        (asked, ["increase.requested"]),
        (log.approve_increase(asked, "key_b", 1), []),
        (log.approve_increase(asked, "key_c", 0), ["increase.approved", "budget.increased"]),
        (log.refuse_increase("r2", "key_d"), ["increase.refused"]),
        *asked_for(log, card),
        (log.draft(1, Policy()), []),
        (log.set("policy.activated", PolicyTaken(policy_version=1)), ["policy.activated"]),
        (log.card(card), ["card.changed"]),
        *(
            (log.set(f"card.{what}", CardChanged(card=card)), [f"card.{what}"])
            for what in ("frozen", "unfrozen", "canceled")
        ),
        (log.set("card.replaced", *REPLACED), ["card.canceled", "card.changed"]),
        (
            log.approve("f", score=flagged),
            ["authorization.approved", "alert.suspicious", "case.opened"],
        ),
        (log.label("f", "fraud"), ["authorization.labelled"]),
        (log.approve("g", reviews=(review,)), ["authorization.approved", "alert.review", "case.opened"]),
        *(
            (log.clear("h", 10, alerts=(alert,)), ["clearing.posted", f"alert.{alert}"])
            for alert in get_args(Alert)
        ),
        (log.unreadable(), []),  # whose it is was not to be read
        (log.repeat(paid), []),
    ]


def test_each_kind_of_decision_tells_what_the_table_names() -> None:
    found = everything()
    assert [(decision.event_type, types(decision)) for decision, _ in found] == [
        (decision.event_type, expected) for decision, expected in found
    ]
    told = {name for _, expected in found for name in expected}
    assert told == TYPES.keys() - {"event.rejected", REPORT_MADE, REQUEST_REMINDED, VERIFICATION_FAILED}


def test_an_unusable_event_whose_organization_is_known_is_told() -> None:
    why = Reason(code=ReasonCode.TOO_OLD, detail="of 1999")
    decision = replace(DecisionLog().decline("x", reasons=(why,)), outcome=Outcome.REJECTED)
    assert types(decision) == ["event.rejected"]


def test_ids_follow_from_the_place_in_the_log_and_from_nothing_else() -> None:
    log = DecisionLog(partition=7)
    log.approve("a")
    log.approve("b")
    expired = log.tick("a", "b")
    first, second = list(messages(expired)), list(messages(expired))
    assert [message.event_id for message in first] == ["evt_7_2_0", "evt_7_2_1"]
    assert first == second
    assert [message.lane for message in first] == ["eng/payment:a", "eng/payment:b"]


def test_a_decline_says_why_with_its_numbers() -> None:
    log = DecisionLog()
    decision = log.decline("a", 700, "eng")
    (message,) = messages(decision)
    told = json.loads(message.body)
    assert {name: told[name] for name in ("id", "type", "organization_id", "department_id", "position")} == {
        "id": "evt_0_0_0",
        "type": "authorization.declined",
        "organization_id": "techcorp",
        "department_id": "eng",
        "position": "0:0",
    }
    assert told["timestamp"] == decision.recorded_at.isoformat().replace("+00:00", "Z")
    data = told["data"]
    assert data["amount"] == {"minor": 700, "currency": "USD"}
    assert data["response_code"] == "61"
    assert data["merchant"]["name"] == "Café № 7"
    (reason,) = data["reasons"]
    assert reason["code"] == "budget_exceeded" and reason["requested"] == 700
    assert "budget exceeded" in reason["sentence"]


def test_a_hold_that_lapses_with_another_payments_event_tells_nothing_of_that_payment() -> None:
    log = DecisionLog()
    log.approve("old", expires_at=None)
    cleared = log.clear("new", 5, lapsing=("old",))
    expired = next(m for m in messages(cleared) if m.type == "authorization.expired")
    data = json.loads(expired.body)["data"]
    assert data["authorization_id"] == "old" and data["merchant"] is None and data["card_id"] is None
    assert expired.lane == "eng/payment:old"


def test_a_payments_life_has_one_lane() -> None:
    log = DecisionLog()
    life = [
        *(log.approve("a"), log.increment("a", 5), log.clear("a", 900)),
        *(log.refund("a", 3), log.dispute("a", 9, "d", True)),
    ]
    assert {message.lane for decision in life for message in messages(decision)} == {"eng/payment:a"}
