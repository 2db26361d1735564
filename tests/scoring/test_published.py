"""Published models and labels in the stream: scores, reasons, snapshots, and what goes wrong."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from hashlib import sha256
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from schemas.boosted import BINS, BoostedModel, Tree, encode_model
from schemas.decisions import PROBABILITIES, Decision, Score
from schemas.effects import Effects, ModelTaken, PaymentLabelled
from schemas.event import Label
from schemas.reasons import Outcome
from streams.scoring import Scorer
from streams.scoring import scorer as door
from streams.scoring.alerts import AlertLevel
from streams.scoring.boosted import TreeScorer
from streams.scoring.features import NAMES
from streams.scoring.habits.memory import GENERATION_S
from streams.scoring.in_force import InForce, place_of
from streams.scoring.letters import bins_of, letters_of
from tests.scoring.desk import START, Desk, decided, request, usual

FRAUDS = NAMES.index("merchant_frauds")
AMOUNT = NAMES.index("amount_for_card")


def of_one_question(version: int = 1, feature: int = AMOUNT, names: tuple[str, ...] = NAMES) -> bytes:
    """A model that asks one thing: whether a bin is above 40."""
    tree = Tree((feature,), (40,), (-1,), (-2,), (-1.0,), (-2.0, 3.0))
    return encode_model(BoostedModel(version, names, (tree,), 1.0, -1.0, (1_000, 50)))


def told(event_type: str, *effects: Effects, at_day: int = 0, number: int = 0) -> Decision:
    """An accepted decision of department d0."""
    event = request(number, department="d0", at=START + timedelta(days=at_day))
    decision = decided(event, None, Outcome.ACCEPTED)
    return replace(decision, event_type=event_type, amount=None, card_id=None, merchant=None, effects=effects)


def published(content: bytes) -> Decision:
    return told("model.published", ModelTaken(digest=sha256(content).hexdigest(), model=content))


def labelled(name: str, label: Label) -> Decision:
    effect = PaymentLabelled(authorization_id=name, label=label, source="chargeback")
    return told("authorization.labelled", effect)


def asked(event: Any, score: Score | None) -> Decision:
    return replace(decided(event, score), authorization_id=event.authorization_id)


def taken(scorer: Scorer, count: int = 400, seed: int = 3) -> Iterator[Decision]:
    """An office's purchases in one department, scored and learned."""
    for event in usual(count, seed):
        event = replace(event, department_id="d0")
        decision = asked(event, scorer.score(event))
        scorer.learn(decision)
        yield decision


# -- models


def test_a_model_scores_from_where_it_is_published_on() -> None:
    scorer = Scorer()
    before = list(taken(scorer))
    scorer.hear(published(of_one_question()))
    after = list(taken(scorer, seed=4))
    assert {one.score.model for one in before if one.score} == {"tail-surprise"}
    assert {one.score.model for one in after if one.score} == {PROBABILITIES}
    trees = scorer.models["techcorp"]._trees
    for one in after:
        assert one.score
        bins = bins_of(one.score.features)
        assert one.score.value == round(trees.probability(trees.raw(bins)), 6)
        assert one.score.flagged == (bins[AMOUNT] > 40)
    assert {one.score.flagged for one in after if one.score} == {True, False}


def test_reasons_are_in_words_and_add_up_with_what_any_request_has() -> None:
    scorer = Scorer()
    scorer.hear(published(of_one_question()))
    flagged = [one.score for one in taken(scorer) if one.score and one.score.flagged]
    assert flagged
    for score in flagged:
        written = msgspec.json.encode(score)
        assert msgspec.json.encode(msgspec.json.decode(written, type=Score)) == written
        (why,) = score.reasons
        assert why.feature == "amount_for_card"
        assert "standard deviations above what is usual for the card" in why.words
        trees = scorer.models["techcorp"]._trees
        base, _ = trees.contributions(bins_of(score.features))
        logit = math.log(score.value / (1 - score.value))
        assert logit == pytest.approx(base + trees.model.intercept + why.weight, abs=1e-3)


def test_the_next_model_takes_the_place_of_the_one_before_and_says_so() -> None:
    scorer = Scorer()
    versions = []
    for number in (1, 2, 7):
        content = of_one_question(number)
        scorer.hear(published(content))
        versions.append(f"{number}.{sha256(content).hexdigest()[:12]}")
        last = list(taken(scorer, 5, seed=number))[-1].score
        assert last and last.version == versions[-1]
    assert len(set(versions)) == 3


def test_another_organization_goes_on_without_labels() -> None:
    scorer = Scorer()
    scorer.hear(published(of_one_question()))
    other = scorer.score(replace(request(), organization_id="other"))
    assert other and other.model == "tail-surprise"


@pytest.mark.parametrize(
    "content",
    [of_one_question(names=NAMES[:-1]), of_one_question(names=NAMES[::-1]), b"{}", b"", b"\xff"],
    ids=["fewer features", "other order", "no model", "empty", "no text"],
)
def test_an_unusable_model_leaves_the_one_before_in_force(content: bytes) -> None:
    scorer = Scorer()
    scorer.hear(published(of_one_question()))
    before = scorer.models["techcorp"]
    scorer.hear(published(content))
    assert scorer.models["techcorp"] is before
    assert scorer.failures == {"hear:UnusableModel": 1}


def test_about_the_asked_share_is_flagged_once_enough_was_scored() -> None:
    """Of probabilities that are all small, too: the level is that of the stream."""
    rng = random.Random(1)
    trees = tuple(
        Tree((place,), (rng.randrange(BINS),), (-1,), (-2,), (0.0,), (-0.3, 0.3)) for place in range(60)
    )
    scorer = Scorer(warm_up=1_000, ns_max=math.inf)
    scorer.hear(published(encode_model(BoostedModel(1, NAMES, trees, 1.0, -6.0, (1_000, 50)))))
    later = list(taken(scorer, 4_000))[2_000:]
    assert 0.002 < sum(one.score.flagged for one in later if one.score) / len(later) < 0.03


@pytest.mark.parametrize("value", [0.0, 1e-6, 0.001, 0.5, 0.9, 0.999999, 1.0])
def test_places_are_between_0_and_1_and_in_order(value: float) -> None:
    assert 0.0 <= place_of(value) <= 1.0
    assert place_of(value) <= place_of(min(1.0, value * 1.5 + 1e-6))


# -- labels


def test_a_fraud_is_known_at_its_merchant_from_its_label_on() -> None:
    scorer = Scorer()
    first = list(taken(scorer))
    event = request(901, card="c1", merchant="m1-0", at=START + timedelta(days=9), department="d0")
    before = scorer.score(event)
    name = next(one.authorization_id for one in first if one.merchant and one.merchant.name == "m1-0")
    scorer.hear(labelled(name or "", "fraud"))
    after = scorer.score(event)
    assert before and after
    assert bins_of(before.features)[FRAUDS] == 0
    assert bins_of(after.features)[FRAUDS] == 1


@pytest.mark.parametrize(
    ("labels", "frauds", "cleared"),
    [
        (["fraud", "fraud"], 1, 0),
        (["legitimate", "fraud"], 1, 1),
        (["fraud", "legitimate"], 1, 0),
        (["unsure"], 0, 0),
        (["legitimate", "legitimate", "unsure"], 0, 1),
    ],
)
def test_each_is_counted_once(labels: list[Label], frauds: int, cleared: int) -> None:
    scorer = Scorer()
    first = next(iter(list(taken(scorer, 50))))
    for label in labels:
        scorer.hear(labelled(first.authorization_id or "", label))
    habits = scorer.habits["techcorp/USD"]
    card = habits.cards.get(first.card_id or "")
    assert card
    assert (len(card.frauds), card.cleared) == (frauds, cleared)
    assert sum(place.all_frauds for place in habits.merchants.values()) == frauds


@pytest.mark.parametrize("name", ["nobody-knows", ""])
def test_a_label_of_what_is_not_remembered_teaches_nothing(name: str) -> None:
    scorer = Scorer()
    list(taken(scorer, 50))
    before = scorer.snapshot()
    scorer.hear(labelled(name, "fraud"))
    scorer.hear(replace(labelled(name, "fraud"), organization_id="stranger", currency="EUR"))
    assert scorer.snapshot() == before
    assert scorer.failed == 0


@pytest.mark.parametrize(("days", "known"), [(1, True), (59, True), (121, False), (400, False)])
def test_requests_are_remembered_for_60_to_120_days(days: int, known: bool) -> None:
    scorer = Scorer()
    start = START + timedelta(days=60 - (START.timestamp() % GENERATION_S) / 86_400)
    for number, day in enumerate((0, *range(10, days, 10), days)):
        event = request(number, at=start + timedelta(days=day), department="d0")
        scorer.learn(asked(event, scorer.score(event)))
    scorer.hear(labelled("a0", "fraud"))
    card = scorer.habits["techcorp/USD"].cards.get("c1")
    assert card and bool(card.frauds) is known


def test_amounts_of_another_currency_are_other_habits() -> None:
    scorer = Scorer()
    for number, currency in enumerate(("USD", "JPY", "USD")):
        event = request(number, department="d0")
        event = replace(event, amount=replace(event.amount, currency=currency))
        scorer.learn(asked(event, scorer.score(event)))
    assert {name: len(one.cards) for name, one in scorer.habits.items()} == {
        "techcorp/USD": 1,
        "techcorp/JPY": 1,
    }


# -- snapshots, and learning again


def test_live_and_learned_again_are_the_same_and_so_is_a_snapshot_at_any_place() -> None:
    live = Scorer(warm_up=50, ns_max=math.inf)
    log = list(taken(live, 300))
    for number, one in enumerate(log[100:120]):
        log.append(labelled(one.authorization_id or "", ("fraud", "legitimate")[number % 2]))
    log.append(published(of_one_question()))
    for one in log[300:]:
        live.hear(one)
    log += list(taken(live, 300, seed=9))
    for cut in (0, 1, 150, 300, 311, 321, 400, len(log)):
        again = Scorer(warm_up=50, ns_max=math.inf)
        for number, one in enumerate(log):
            if number == cut:
                snapshot, again = again.snapshot(), Scorer(warm_up=50, ns_max=math.inf)
                again.restore(snapshot)
            (again.learn(one) if one.score else again.hear(one))
        assert again.habits == live.habits
        assert again.models["techcorp"].level.counts == live.models["techcorp"].level.counts
        event = replace(request(1, at=START + timedelta(days=90)), department_id="d0")
        assert again.score(event) == live.score(event)
        assert again.failed == live.failed == 0


@pytest.mark.parametrize("seed", range(4))
def test_a_snapshot_is_of_when_it_was_begun_whatever_is_learned_meanwhile(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.core.paged_map.PAGE_ROWS", 4)
    rng = random.Random(seed)
    scorer = Scorer()
    list(taken(scorer, 200, seed))
    whole, parts = scorer.snapshot(), list[bytes]()
    image = scorer.image(parts.append)
    steps = 0
    for one in taken(scorer, 150, seed + 50):
        if rng.random() < 0.1:
            scorer.hear(labelled(one.authorization_id or "", "fraud"))
        for _ in range(rng.choice((0, 1, 2))):
            steps += image.step()
    while image.step():
        steps += 1
    assert steps > 20
    before, found = Scorer(), Scorer()
    before.restore(whole)
    found.restore(b"".join(parts))
    assert found.habits == before.habits != scorer.habits
    assert all(one.cards.watch is None for one in scorer.habits.values())


# -- what goes wrong


def broken(*_: Any) -> float:
    raise ZeroDivisionError


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (broken, "ZeroDivisionError"),
        (lambda *_: math.nan, "ValueError"),
        (lambda *_: "no number", "TypeError"),
        (lambda *_: None, "TypeError"),
    ],
    ids=["raises", "is not a number", "is text", "is nothing"],
)
def test_a_model_that_fails_gives_no_score_and_is_counted(
    raw: Callable[..., Any], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    scorer = Scorer()
    scorer.hear(published(of_one_question()))
    monkeypatch.setattr(TreeScorer, "raw", raw)
    assert scorer.score(request()) is None
    assert scorer.failures == {f"score:{kind}": 1}
    monkeypatch.undo()
    assert scorer.score(request()) is not None


def test_a_model_that_takes_too_long_gives_no_score_and_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    scorer = Scorer(ns_max=5_000_000)
    scorer.hear(published(of_one_question()))
    monkeypatch.setattr(door, "REST", 3)

    def slow(self: InForce, bins: bytes, features: str) -> Score:
        until_s = time.thread_time() + 0.006
        while time.thread_time() < until_s:
            pass
        return Score(0.5, PROBABILITIES, "1", features=features)

    with monkeypatch.context() as patched:
        patched.setattr(InForce, "score", slow)
        assert scorer.score(request()) is None
    assert scorer.score(request()) is not None, "once may be a garbage collection"
    with monkeypatch.context() as patched:
        patched.setattr(InForce, "score", slow)
        assert scorer.score(request()) is None
        assert scorer.score(request()) is None
    assert [scorer.score(request()) is None for _ in range(5)] == [True, True, True, False, False]
    assert scorer.failures == {"score:TimeoutError": 3, "score:Rest": 3}


def test_letters_are_bins_and_back_and_no_digits_where_bins_are_usual() -> None:
    bins = bytes(range(BINS))
    assert bins_of(letters_of(bins)) == bins
    assert letters_of(bytes((0, 32, 63))) == "Ag/"
    assert not any(letter.isdigit() for letter in letters_of(bytes([0, 32] * 20)))


def test_a_level_that_never_saw_anything_flags_by_probability() -> None:
    content = of_one_question()
    model = InForce(content, sha256(content).hexdigest(), AlertLevel(0.01), 10)
    low, high = bytearray(len(NAMES)), bytearray(len(NAMES))
    high[AMOUNT] = 63
    assert not model.score(bytes(low), "").flagged
    assert model.score(bytes(high), "").flagged


def test_the_desk_of_the_tests_does_as_the_owner() -> None:
    desk = Desk()
    decision = desk.take(request())
    assert decision.score and len(decision.score.features) == len(NAMES)
