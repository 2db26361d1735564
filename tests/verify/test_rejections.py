"""Rejections, effects, alerts and leases as the log tells them: any other one is found."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import msgspec
import pytest

from infra.verify.report import Report
from schemas.decisions import Decision
from schemas.effects import REMEMBERED, Effects
from schemas.events import EVENT_TYPES, PostingReversed
from schemas.partitions import partition_of
from schemas.reasons import Outcome, Reason, ReasonCode
from tests.verify.logs import PARTITIONS, World, violated
from tests.verify.played import FORGED, stories, verified
from tests.verify.told import assert_true, at, budget, clear, company, event

Where = tuple[str, int, int]  # story, partition, seq


def decisions() -> Iterator[tuple[Where, World, Decision]]:
    for name, worlds in stories().items():
        for p, world in worlds.items():
            for decision in world.decisions:
                if name != FORGED:
                    yield (name, p, decision.seq), world, decision


def retold(where: Where, **members: Any) -> Report:
    """What is found when this decision says something else."""
    name, p, seq = where
    worlds = copy.copy(stories()[name])
    worlds[p] = world = copy.deepcopy(worlds[p])
    world.change(seq, **members)
    return verified(worlds)


@lru_cache
def rejected() -> dict[ReasonCode, Where]:
    """Where each reason rejects something."""
    return {
        decision.reasons[0].code: where
        for where, _, decision in decisions()
        if decision.outcome is Outcome.REJECTED
    }


@lru_cache
def taken() -> dict[str, Where]:
    """Where an event of each type takes effect."""
    return {
        decision.event_type or "": where
        for where, _, decision in decisions()
        if decision.outcome is not Outcome.REJECTED and decision.duplicate_of is None
    }


def test_the_stories_reject_for_nearly_every_reason() -> None:
    assert len(rejected()) >= 40
    assert taken().keys() == {str(kind.__struct_config__.tag) for kind in EVENT_TYPES}


@pytest.mark.parametrize("other", [ReasonCode.TOO_OLD, ReasonCode.INVALID_EVENT])
def test_a_rejection_for_another_reason_is_found(other: ReasonCode) -> None:
    for code, where in rejected().items():
        if code not in (other, ReasonCode.CARD_NUMBER):  # a setting may take those
            found = violated(retold(where, reasons=(Reason(code=other),)))
            assert f"is rejected as {other.value}, but must be rejected as {code.value}" in found["O14"][0]


def test_a_rejection_of_what_can_be_used_is_found() -> None:
    why = (Reason(code=ReasonCode.WRONG_CURRENCY),)
    for kind, where in taken().items():
        found = violated(
            retold(where, outcome=Outcome.REJECTED, reasons=why, effects=(), balances=(), alerts=())
        )
        assert f"of {kind} " in found["O14"][0]
        assert "is rejected as wrong_currency, but can be used" in found["O14"][0]


def test_an_answer_to_what_cannot_be_used_is_found() -> None:
    for code, where in rejected().items():
        if code is ReasonCode.CARD_NUMBER:
            continue
        found = violated(retold(where, outcome=Outcome.ACCEPTED, reasons=()))
        assert f"is taken, but must be rejected as {code.value}" in found["O14"][0], code


# -- effects and alerts


CHANGES: dict[type, Callable[[Any], Any]] = {
    int: lambda value: value + 1,
    str: lambda value: f"{value}x",
    bool: lambda value: not value,
    datetime: lambda value: value + timedelta(seconds=1),
    type(None): lambda value: "x",
    tuple: lambda value: (*value, value[-1]) if value else (("x",),),
}
#: One of a few words, and others.
WORDS = {
    "cause": ("reversal", "expiry"),
    "direction": ("loss", "gain"),
    "outcome": ("won", "lost", "withdrawn"),
    "level": ("team", "card"),
}


@lru_cache
def effects() -> dict[str, tuple[Where, Decision, int]]:
    """One effect of each kind that moves something: its decision, and its place there."""
    return {
        type(effect).__name__: (where, decision, n)
        for where, _, decision in decisions()
        for n, effect in enumerate(decision.effects)
        if type(effect) not in REMEMBERED
    }


def changed(effect: Effects) -> Iterator[tuple[str, Effects]]:
    """The effect with each of its members changed."""
    for name in effect.__struct_fields__:
        value = getattr(effect, name)
        if name in WORDS:
            other: Any = next(word for word in WORDS[name] if word != value)
        elif type(value) in CHANGES:
            other = CHANGES[type(value)](value)
        else:
            continue  # calendars, cards and policies have members of their own
        yield name, msgspec.structs.replace(effect, **{name: other})


@pytest.mark.parametrize(
    "kind", sorted({"HoldPlaced", "Posted", "CapChanged", "LeaseGiven", "IncreaseAsked"})
)
def test_another_effect_is_found(kind: str) -> None:
    _assert_found(kind)


@pytest.mark.faults
def test_whatever_is_changed_in_an_effect_is_found() -> None:
    assert len(effects()) >= 26
    for kind in effects():
        _assert_found(kind)


def _assert_found(kind: str) -> None:
    where, decision, n = effects()[kind]
    for name, effect in changed(decision.effects[n]):
        told = (*decision.effects[:n], effect, *decision.effects[n + 1 :])
        assert not retold(where, effects=told).ok, (kind, name)


def test_an_effect_that_is_left_out_is_found() -> None:
    for kind, (where, decision, n) in effects().items():
        told = (*decision.effects[:n], *decision.effects[n + 1 :])
        assert not retold(where, effects=told).ok, kind


def test_an_alert_that_is_left_out_or_invented_is_found() -> None:
    alerts = {alert: (where, decision) for where, _, decision in decisions() for alert in decision.alerts}
    assert len(alerts) >= 12
    for alert, (where, decision) in alerts.items():
        others = tuple(told for told in decision.alerts if told != alert)
        assert not retold(where, alerts=others).ok, alert
        assert not retold(where, alerts=(*others, "above_limits")).ok or alert == "above_limits", alert


def test_another_available_amount_is_found() -> None:
    where, decision = next(
        (where, decision) for where, _, decision in decisions() if decision.available is not None
    )
    found = violated(retold(where, available=(decision.available or 0) + 1))
    assert f"tells that {(decision.available or 0) + 1} is available, but it is" in found["O6"][0]


# -- leases


@pytest.mark.parametrize("more", [1, -1])
@pytest.mark.parametrize("kind", ["LeaseAsked", "LeaseGiven", "LeaseGivenBack"])
def test_a_lease_of_another_size_is_found(kind: str, more: int) -> None:
    where, decision, n = effects()[kind]
    effect = decision.effects[n]
    name = "needed" if kind == "LeaseAsked" else "amount"
    effect = msgspec.structs.replace(effect, **{name: getattr(effect, name) + more})
    told = (*decision.effects[:n], effect, *decision.effects[n + 1 :])
    (said, *_) = violated(retold(where, effects=told))["O15"]
    assert said.startswith(f"decision {decision.position} ")


def test_a_lease_that_nobody_need_ask_for_is_found() -> None:
    where, decision, n = effects()["LeaseAsked"]
    twice = (*decision.effects, decision.effects[n])
    assert ", but must ask for " in violated(retold(where, effects=twice))["O15"][0]


def test_what_another_department_posted_under_the_same_id_is_no_posting_of_this_one() -> None:
    # Two departments on one partition, so that a decision's number is one of both.
    here = [name for name in "abcdefgh" if partition_of(f"acme/{name}".encode(), PARTITIONS) == 1][:2]
    told, decisions = company(
        *(budget(900, department=name) for name in here),
        *(clear("a1", 100, department=name) for name in here),
    )
    refused = event(PostingReversed, 1, here[0], authorization_id="a1", seq=decisions[3].seq)
    (decision,) = told.tell(refused, recorded_at=at(300))
    assert [reason.code for reason in decision.reasons] == [ReasonCode.UNKNOWN_POSTING]
    assert_true(told)
