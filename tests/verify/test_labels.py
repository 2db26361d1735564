"""Labels: the verifier knows by itself which one an event gives, and to what it may be given."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.effects import PaymentLabelled
from schemas.events import AuthorizationLabelled, AuthorizationReversed
from schemas.reasons import Outcome, Reason, ReasonCode
from tests.verify.told import (
    assert_true,
    budget,
    clear,
    company,
    effects_with,
    event,
    found_by,
    lie,
    request,
)


def label(name: str, days: float = 40, **members: Any) -> AuthorizationLabelled:
    said = {"label": "fraud", "source": "chargeback"} | members
    return event(AuthorizationLabelled, days, authorization_id=name, **said)


def test_what_is_open_settled_declined_or_labelled_before_may_be_labelled() -> None:
    told, decisions = company(
        budget(900),
        request("open", 100),
        request("settled", 200),
        clear("settled", 200, 1),
        request("declined", 5_000, 1),
        *(label(name) for name in ("open", "settled", "declined")),
        label("settled", 41, label="legitimate", source="review", actor="mo"),
    )
    assert [one.outcome for one in decisions[5:]] == [Outcome.ACCEPTED] * 4
    assert decisions[-1].actor == "mo"
    assert_true(told)


def test_what_is_unknown_or_voided_may_not() -> None:
    voided = event(AuthorizationReversed, 0, authorization_id="late", cause="timeout")
    told, decisions = company(budget(900), voided, label("late"), label("never"))
    assert [one.reasons[0].code for one in decisions[2:]] == [ReasonCode.UNKNOWN_AUTHORIZATION] * 2
    assert_true(told)


@pytest.mark.parametrize(
    "members",
    [{"label": "legitimate"}, {"label": "unsure"}, {"source": "review"}, {"authorization_id": "a2"}],
)
def test_another_label_than_the_events_is_found(members: dict[str, str]) -> None:
    told, decisions = company(budget(900), request("a1", 10), request("a2", 10), label("a1", 1))
    decision = decisions[-1]
    assert isinstance(decision.effects[0], PaymentLabelled)
    lie(told, decision, effects=effects_with(decision, 0, **members))
    assert found_by(told)


def test_a_label_that_is_left_out_or_refused_is_found() -> None:
    told, decisions = company(budget(900), request("a1", 10), label("a1", 1))
    lie(told, decisions[-1], effects=())
    assert found_by(told)
    told, decisions = company(budget(900), request("a1", 10), label("a1", 1))
    unknown = Reason(code=ReasonCode.UNKNOWN_AUTHORIZATION)
    lie(told, decisions[-1], outcome=Outcome.REJECTED, reasons=(unknown,), effects=(), balances=())
    assert "O14" in found_by(told)
