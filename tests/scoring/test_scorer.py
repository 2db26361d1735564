"""The door: what is scored, flagged, learned, refused and given back."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from structlog.testing import capture_logs

from schemas.codec import decode_decision, seal_decision
from schemas.decisions import Decision, Score
from schemas.money import MINOR_MAX
from schemas.reasons import Outcome
from streams.scoring import Scorer, UnusableSnapshot
from streams.scoring import scorer as door
from streams.scoring.cold import TailState
from streams.scoring.features import NAMES
from streams.scoring.habits.levels import FINE, STEPS, Usual
from streams.scoring.habits.memory import Habits
from tests.scoring.desk import START, Desk, decided, request, usual


@pytest.fixture(scope="module")
def history() -> list[Decision]:
    """5,000 decisions about an office's purchases, as the log gives them back."""
    desk = Desk()
    return [decode_decision(seal_decision(desk.take(event))) for event in usual(5_000)]


def known(scorer: Scorer) -> Any:
    """All that it has learned, wherever it lies in memory."""
    return msgspec.json.encode(scorer.cold.state()), scorer.habits


def relearned(decisions: list[Decision], desk: Desk | None = None) -> Desk:
    desk = desk or Desk()
    for decision in decisions:
        desk.fold(decision)
    return desk


def test_the_same_requests_give_the_same_scores_and_the_same_model() -> None:
    one, other = Desk(), Desk()
    assert [one.take(e) for e in usual(3_000)] == [other.take(e) for e in usual(3_000)]
    assert known(one.scorer) == known(other.scorer)


def test_learning_again_from_the_log_gives_the_live_model_bit_for_bit(history: list[Decision]) -> None:
    live = Desk()
    for event in usual(5_000):
        live.take(event)
    again = relearned(history)
    assert known(again.scorer) == known(live.scorer)
    for event in usual(500, seed=8):
        assert again.take(event) == live.take(event)


@pytest.mark.parametrize("cut", [0, 1, 255, 256, 257, 1_000, 3_333, 4_999, 5_000])
def test_a_snapshot_in_the_middle_changes_nothing(history: list[Decision], cut: int) -> None:
    whole = relearned(history)
    before = relearned(history[:cut])
    after = Desk()
    after.scorer.restore(before.scorer.snapshot())
    relearned(history[cut:], after)
    assert known(after.scorer) == known(whole.scorer)
    for event in usual(500, seed=8):
        assert after.take(event) == whole.take(event)


def test_scoring_alone_does_not_change_the_model(history: list[Decision]) -> None:
    desk = relearned(history)
    before = desk.scorer.snapshot()
    for event in usual(500, seed=9):
        desk.scorer.score(event)
    assert desk.scorer.snapshot() == before


def test_learning_after_another_request_was_scored_uses_its_own_features(history: list[Decision]) -> None:
    plain, mixed = relearned(history), relearned(history)
    event, other = request(1, card="c3"), request(2, card="c4", amount=900_000, merchant="jeweller")
    for desk in (plain, mixed):
        score = desk.scorer.score(event)
        if desk is mixed:
            desk.scorer.score(other)
        desk.scorer.learn(decided(event, score))
    assert known(plain.scorer) == known(mixed.scorer)


def test_an_odd_amount_at_a_new_merchant_scores_higher_than_the_usual(history: list[Decision]) -> None:
    desk = relearned(history)
    last = history[-1].occurred_at
    assert last
    moment = (last + timedelta(days=1)).replace(hour=12)
    for card in (f"c{n}" for n in range(20)):
        mean = desk.scorer.habits["techcorp/USD"].cards[card].usual.mean
        amount = round(2 ** (mean / STEPS / 2**FINE))
        plain = request(1, card=card, amount=amount, merchant=f"m{card[1:]}-0", at=moment, department="d0")
        odd = request(2, card=card, amount=amount * 50, merchant="jeweller", at=moment, department="d0")
        low, high = (desk.scorer.score(event) for event in (plain, odd))
        assert low
        assert high
        assert high.value > low.value + 0.2
        assert high.flagged
        assert not low.flagged
        assert high.reasons[0].feature.startswith("amount")
        assert list(high.reasons) == sorted(high.reasons, key=lambda reason: -reason.weight)
        assert low.reasons == ()


def test_about_the_asked_share_is_flagged(history: list[Decision]) -> None:
    flagged = [decision.score.flagged for decision in history[2_000:] if decision.score]
    assert 0.002 < sum(flagged) / len(flagged) < 0.03


def test_nothing_is_flagged_in_the_warm_up() -> None:
    desk = Desk(Scorer(warm_up=700, ns_max=math.inf))
    for event in usual(699):
        desk.take(event)
    odd = request(1, card="c1", amount=10**9, merchant="jeweller", at=START + timedelta(days=60))
    decision = desk.take(odd)
    assert decision.score
    assert not decision.score.flagged
    decision = desk.take(replace(odd, occurred_at=odd.occurred_at + timedelta(days=1), card_id="c2"))
    assert decision.score
    assert decision.score.flagged


def test_what_is_always_the_same_is_never_flagged() -> None:
    desk = Desk()
    for day in range(1_500):
        event = request(day, at=START + timedelta(days=7 * day))
        decision = desk.take(event)
        assert decision.score
        assert not decision.score.flagged


def test_a_failure_gives_no_score_is_counted_and_logged_once_without_its_text() -> None:
    scorer = Scorer()
    scorer.habits["techcorp/USD"] = Habits(Usual(3, 0, -1_000_000))  # a variance below zero has no root
    with capture_logs() as logs:
        for _ in range(3):
            assert scorer.score(request()) is None
    assert scorer.failures == {"score:ValueError": 3}
    assert scorer.failed == 3
    assert logs == [
        {"event": "scoring failed", "log_level": "warning", "step": "score", "error": "ValueError"}
    ]


def test_a_failure_to_learn_is_counted_too_and_learns_nothing() -> None:
    scorer = Scorer()
    before = scorer.snapshot()
    good = scorer.score(request())
    assert good
    scorer.learn(decided(request(), replace(good, features="AAA")))
    assert scorer.failures == {"learn:ValueError": 1}
    assert scorer.snapshot() == before


@pytest.mark.parametrize(
    "change",
    [
        {"score": None},
        {"duplicate_of": 3},
        {"outcome": Outcome.REJECTED},
        {"event_type": "clearing.presented"},
    ],
)
def test_nothing_is_learned_from(change: dict[str, Any]) -> None:
    scorer = Scorer()
    before = scorer.snapshot()
    decision = decided(request(), scorer.score(request()))
    scorer.learn(replace(decision, **change))
    assert scorer.snapshot() == before
    scorer.learn(decision)
    assert scorer.cold.seen == 1


def test_a_declined_request_is_learned() -> None:
    scorer = Scorer()
    scorer.learn(decided(request(), scorer.score(request()), Outcome.DECLINED))
    assert scorer.cold.seen == 1


def test_a_score_is_short_in_the_log(history: list[Decision]) -> None:
    for decision in history:
        assert decision.score
        value = decision.score.value
        assert value == round(value, 4)
        assert len(decision.score.features) == len(NAMES)
        assert len(msgspec.json.encode(decision.score)) < (700 if decision.score.flagged else 170)


def test_what_is_read_is_written_as_it_was(history: list[Decision]) -> None:
    """A whole number that the log reads as a fraction would be another decision when it is decided again."""
    flagged = [decision.score for decision in history if decision.score and decision.score.reasons]
    assert flagged
    for score in flagged:
        written = msgspec.json.encode(score)
        assert msgspec.json.encode(msgspec.json.decode(written, type=Score)) == written


def test_the_model_without_labels_does_not_grow_with_cards_and_merchants() -> None:
    scorer = Scorer()
    for number in range(3_000):
        event = request(number, card=f"c{number}", merchant=f"m{number}", amount=number + 1)
        scorer.learn(decided(event, scorer.score(event)))
    assert len(msgspec.json.encode(scorer.cold.state())) < 20_000


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not a snapshot"),
        (b"\xff\xfe", "not a snapshot"),
        (b"[1, 2]", "not a snapshot"),
        (b"\x80\x04]\x94.", "not a snapshot"),
    ],
)
def test_broken_snapshots_are_refused(data: bytes, says: str) -> None:
    with pytest.raises(UnusableSnapshot, match=says):
        Scorer().restore(data)


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        (("version",), "2", "of tail-surprise 2"),
        (("seen",), -1, "count of -1"),
        (("old",), {}, "its features are"),
        (("new", "amount"), [1], "amount has 1 counts"),
        (("old", "amount", 3), -1, "impossible"),
        (("new", "amount", 3), 10**16, "impossible"),
        (("values", 0), [1.0], "1 and 500 bins"),
        (("values", 1, 3), 10**16, "count of"),
    ],
)
def test_counts_that_do_not_fit_are_refused_and_change_nothing(
    history: list[Decision], path: tuple[Any, ...], value: object, says: str
) -> None:
    scorer = relearned(history[:600]).scorer
    before = scorer.snapshot()
    changed = place = msgspec.json.decode(msgspec.json.encode(scorer.cold.state()))
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(UnusableSnapshot, match=says):
        scorer.cold.load(msgspec.convert(changed, TailState))
    assert scorer.snapshot() == before


def test_a_snapshot_of_another_shape_or_one_that_is_cut_is_refused_and_changes_nothing(
    history: list[Decision], monkeypatch: pytest.MonkeyPatch
) -> None:
    scorer = relearned(history[:600]).scorer
    before = scorer.snapshot()
    for cut in range(0, len(before), len(before) // 40):
        with pytest.raises(UnusableSnapshot):
            scorer.restore(before[:cut])
    with monkeypatch.context() as patched:
        patched.setattr(door, "SHAPE", "spendlog-scoring-0")
        other = scorer.snapshot()
    with pytest.raises(UnusableSnapshot, match="spendlog-scoring-0"):
        scorer.restore(other)
    assert scorer.snapshot() == before


@pytest.mark.parametrize("alerts", [0.0, 1.0, -0.1, math.nan])
def test_an_impossible_share_of_alerts_is_refused(alerts: float) -> None:
    with pytest.raises(ValueError, match="alerts"):
        Scorer(alerts=alerts)


amounts = st.one_of(st.integers(1, MINOR_MAX), st.integers(1, 100_000))
moments = st.integers(-(10**10), 10**10).map(lambda seconds: START + timedelta(seconds=seconds))
streams = st.lists(
    st.tuples(st.sampled_from("abc"), amounts, moments, st.text(min_size=1, max_size=5)), max_size=60
)


@settings(max_examples=60, deadline=None)
@given(streams)
def test_any_amounts_in_any_order_of_time_give_a_value_in_0_to_1(rows: list[tuple[Any, ...]]) -> None:
    desk = Desk(Scorer(warm_up=0, ns_max=math.inf))
    for number, (card, amount, moment, merchant) in enumerate(rows):
        event = request(number, card=card, amount=amount, at=moment, merchant=merchant)
        decision = desk.take(event)
        assert decision.score
        assert 0.0 <= decision.score.value <= 1.0
        assert all(math.isfinite(x) for r in decision.score.reasons for x in (r.value, r.weight))
    assert desk.scorer.failed == 0
    desk.scorer.restore(desk.scorer.snapshot())
