"""Cases in the read model: opened by a flag or a review, decided and opened again by labels."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from schemas.authorizations import advance
from schemas.cases import CaseStatus, case_after
from schemas.decisions import Decision, Score
from schemas.event import Label, LabelSource
from schemas.reasons import Reason, ReasonCode
from tests.sinks.builder import DecisionLog

FLAGGED = Score(value=0.9, model="boosted-trees", version="1", flagged=True)
TOLERANCE = Reason(code=ReasonCode.TOLERANCE_USED, subject="eng", currency="USD", limit=1, requested=2)
LABELS: tuple[Label, ...] = get_args(Label)
SOURCES: tuple[LabelSource, ...] = get_args(LabelSource)


def statuses(decisions: list[Decision]) -> list[CaseStatus | None]:
    """After each decision about `a`."""
    found, state = [], None
    for decision in decisions:
        state = advance(state, decision, "a")
        assert state is not None
        found.append(state.case)
    return found


@pytest.mark.parametrize(
    ("opened", "status"),
    [
        ({"score": FLAGGED}, "open"),
        ({"reviews": (TOLERANCE,)}, "open"),
        ({"score": FLAGGED, "reviews": (TOLERANCE,)}, "open"),
        ({}, None),
    ],
)
def test_a_flag_or_a_review_opens_a_case(opened: dict[str, Any], status: CaseStatus | None) -> None:
    log = DecisionLog()
    log.approve("a", **opened)
    log.clear("a", 1_000)
    log.refund("a", 10)
    assert statuses(log.decisions) == [status] * 3


def test_what_the_model_flagged_stays_a_case_when_the_network_overrules_the_decline() -> None:
    log = DecisionLog()
    log.decline("a", score=FLAGGED)
    log.advise("a", 1_000, 1_000)
    log.label("a", "fraud")
    assert statuses(log.decisions) == ["open", "open", "decided"]


@pytest.mark.parametrize(
    ("labels", "after"),
    [
        ([("fraud", "review")], ["decided"]),
        ([("legitimate", "review"), ("fraud", "review")], ["decided", "decided"]),
        ([("unsure", "review"), ("fraud", "chargeback")], ["decided", "decided"]),
        ([("unsure", "customer"), ("legitimate", "customer")], ["open", "decided"]),
        ([("fraud", "chargeback"), ("fraud", "customer")], ["decided", "decided"]),
        ([("legitimate", "review"), ("fraud", "chargeback")], ["decided", "open"]),
        ([("fraud", "review"), ("unsure", "customer")], ["decided", "open"]),
        (
            [("legitimate", "review"), ("fraud", "chargeback"), ("fraud", "review")],
            ["decided", "open", "decided"],
        ),
    ],
)
def test_labels_decide_a_case_and_what_contradicts_opens_it_again(
    labels: list[tuple[Label, LabelSource]], after: list[CaseStatus]
) -> None:
    log = DecisionLog()
    log.approve("a", score=FLAGGED)
    for label, source in labels:
        log.label("a", label, source)
    assert statuses(log.decisions) == ["open", *after]


def test_a_new_review_opens_a_decided_case_again_and_the_label_stays() -> None:
    log = DecisionLog()
    log.approve("a", score=FLAGGED)
    log.label("a", "legitimate")
    last = log.increment("a", 5, reviews=(TOLERANCE,))
    assert statuses(log.decisions) == ["open", "decided", "open"]
    state = None
    for decision in log.decisions:
        state = advance(state, decision, "a")
    assert state is not None and state.label is not None
    assert (state.label.label, state.label.source, state.label.actor) == ("legitimate", "review", "mo")
    assert state.seq == last.seq


def test_a_label_alone_makes_no_case() -> None:
    """Whatever it is, and by whomever."""
    for label in LABELS:
        for source in SOURCES:
            assert case_after(None, None, label, source) is None
            for before in LABELS:
                assert case_after(None, before, label, source) is None


def test_whoever_looks_into_it_always_decides_and_nobody_else_does_against_what_was_found() -> None:
    statuses: tuple[CaseStatus, ...] = ("open", "decided")
    outside: tuple[LabelSource, ...] = ("chargeback", "customer")
    for status in statuses:
        for before in (None, *LABELS):
            for label in LABELS:
                assert case_after(status, before, label, "review") == "decided"
                if before in ("fraud", "legitimate") and before != label:
                    assert {case_after(status, before, label, source) for source in outside} == {"open"}
