"""What an organization's learner takes from the log: in any order of partitions, again after a restart."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from datetime import timedelta
from hashlib import sha256

import pytest
from msgspec.structs import replace

from infra.learning.organization import OrganizationLearner
from schemas.boosted import MODEL_BYTES_MAX, decode_model, encode_model
from schemas.decisions import Decision, Score
from schemas.effects import ModelTaken, PaymentLabelled
from schemas.event import Label
from schemas.reasons import Outcome
from streams.scoring.features import NAMES
from streams.scoring.learning.sample import LabelledSample
from streams.scoring.learning.trees import can_fit
from streams.scoring.letters import letters_of
from tests.scoring.desk import START, decided, request

LATE_DAYS = 7
needs_lightgbm = pytest.mark.skipif(not can_fit(), reason="LightGBM or libgomp is not there")


def asked(number: int, days: float, *, odd: bool = False, partition: int = 0) -> Decision:
    """A scored request; `odd`: its first feature is high."""
    rng = random.Random(number)
    bins = bytes(
        (50 + rng.randrange(10) if odd else rng.randrange(50), *(rng.randrange(64) for _ in NAMES[1:]))
    )
    event = request(number, at=START + timedelta(days=days))
    score = Score(0.1, "tail-surprise", "1", features=letters_of(bins))
    decision = decided(event, score, seq=number)
    return replace(decision, partition=partition, authorization_id=f"a{number}")


def told(number: int, days: float, label: Label, partition: int = 0) -> Decision:
    effect = PaymentLabelled(authorization_id=f"a{number}", label=label, source="chargeback")
    decision = decided(request(at=START + timedelta(days=days)), None, Outcome.ACCEPTED)
    return replace(decision, partition=partition, event_type="authorization.labelled", effects=(effect,))


def taken(content: bytes, days: float, partition: int = 0) -> Decision:
    effect = ModelTaken(digest=sha256(content).hexdigest(), model=content)
    decision = decided(request(at=START + timedelta(days=days)), None, Outcome.ACCEPTED)
    return replace(decision, partition=partition, event_type="model.published", effects=(effect,))


def learned(decisions: Iterable[Decision]) -> OrganizationLearner:
    learner = OrganizationLearner(LATE_DAYS)
    for decision in decisions:
        learner.take(decision)
    return learner


def month(count: int = 900, partition: int = 0, first: int = 0) -> Iterator[Decision]:
    """Of thirty days: one in 20 is odd, and told to be fraud three days later."""
    rows = []
    for number in range(first, first + count):
        days = 30 * (number - first) / count
        rows.append((days, asked(number, days, odd=number % 20 == 0, partition=partition)))
        if number % 20 == 0:
            rows.append((days + 3, told(number, days + 3, "fraud", partition)))
    return (decision for _, decision in sorted(rows, key=lambda row: row[0]))


def sizes(learner: OrganizationLearner) -> tuple[int, int]:
    sample = learner.learner.sample
    return sample.seen_frauds, sample.seen_others


@pytest.mark.parametrize(
    ("labels", "frauds", "others"),
    [
        ([], 0, 1),
        ([(3, "fraud")], 1, 0),
        ([(3, "legitimate")], 0, 1),
        ([(3, "unsure")], 0, 1),
        ([(20, "fraud")], 1, 0),
        ([(3, "fraud"), (4, "fraud")], 1, 0),
        ([(3, "fraud"), (4, "legitimate")], 0, 1),
        ([(3, "fraud"), (20, "unsure")], 0, 0),
        ([(3, "legitimate"), (20, "fraud")], 1, 0),
    ],
)
def test_a_label_counts_whenever_it_comes_and_the_latest_does(
    labels: list[tuple[float, Label]], frauds: int, others: int
) -> None:
    """Request 0; that of day 10 makes it late; that of day 25 only moves time."""
    rows: list[tuple[float, Decision]] = [(0, asked(0, 0)), (10, asked(1, 10))]
    rows += [(days, told(0, days, label)) for days, label in labels]
    assert sizes(learned(decision for _, decision in sorted(rows, key=lambda row: row[0]))) == (
        frauds,
        others,
    )


def test_repeats_rejections_and_requests_without_a_score_teach_nothing() -> None:
    one = asked(0, 0)
    nothing = [
        replace(one, duplicate_of=3),
        replace(one, outcome=Outcome.REJECTED),
        replace(one, score=None),
        replace(one, score=Score(0.1, "tail-surprise", "1")),
    ]
    assert sizes(learned([*nothing, asked(1, 20), asked(2, 40)])) == (0, 1)


def test_one_partition_read_to_its_end_makes_nothing_late_in_another() -> None:
    """As after a restart: labels of the second are read long after the time to which the first has come."""
    learner = learned([*month(), *month(partition=1, first=1_000)])
    alternating = [one for pair in zip(month(), month(partition=1, first=1_000), strict=True) for one in pair]
    assert sizes(learner) == sizes(learned(alternating))
    assert learner.learner.sample.frauds.keys() == learned(alternating).learner.sample.frauds.keys()


@needs_lightgbm
def test_a_model_is_published_where_another_is_in_force_and_no_fit_is_done_twice() -> None:
    log = [*month(), *month(partition=1, first=1_000)]
    learner = learned(log)
    first = learner.refit_if_due()
    assert first and len(first.content) <= MODEL_BYTES_MAX
    assert decode_model(first.content).names == NAMES
    assert learner.refit_if_due() is None
    assert list(learner.lacking()) == [0, 1]
    learner.take(taken(first.content, 34))
    assert list(learner.lacking()) == [1]

    # Killed between the two: whoever reads the log goes on with what is in force in one of them.
    log.append(taken(first.content, 34))
    again = learned(log)
    assert again.refit_if_due() is None
    assert again.newest == first
    assert list(again.lacking()) == [1]
    again.take(taken(first.content, 34, partition=1))
    assert not again.lacking()

    more = [*month(200, first=2_000)]
    for decision in more:
        again.take(decision)
    second = again.refit_if_due()
    assert second and second.version == first.version + 1
    assert list(again.lacking()) == [0, 1]


@needs_lightgbm
def test_of_two_learners_the_later_model_in_the_log_does_not_start_a_quarrel() -> None:
    log = list(month())
    mine, other = learned(log), learned([*log, asked(9_001, 34), asked(9_002, 34), asked(9_003, 50)])
    published = [learner.refit_if_due() for learner in (mine, other)]
    assert published[0] and published[1]
    for model in published:
        assert model
        for learner in (mine, other):
            learner.take(taken(model.content, 34))
    assert mine.newest == other.newest
    # The one in force is last in the log; at most one more event brings all to the newest.
    for learner in (mine, other):
        for _ in learner.lacking():
            assert learner.newest
            learner.take(taken(learner.newest.content, 35))
        assert not learner.lacking()


@needs_lightgbm
def test_a_model_of_other_features_is_not_taken_and_nothing_stops() -> None:
    """Of a newer program beside this one, or of one before it: the stream keeps what it had, and so do we."""
    learner = learned(month())
    mine = learner.refit_if_due()
    assert mine
    learner.take(taken(mine.content, 34))
    model = decode_model(mine.content)
    other = encode_model(replace(model, names=(*model.names[:-1], "shoe_size"), version=9))
    learner.take(taken(other, 35))
    learner.take(taken(other, 36))
    assert list(learner.unusable) == [sha256(other).hexdigest()]
    assert "shoe_size" in learner.unusable[sha256(other).hexdigest()]
    assert learner.newest == mine
    assert not learner.lacking(), "it is still in force there"
    for decision in month(200, first=2_000):
        learner.take(decision)
    second = learner.refit_if_due()
    assert second and second.version == 10


def test_features_of_another_version_teach_nothing() -> None:
    old = asked(0, 0)
    assert old.score
    short = replace(old, score=replace(old.score, features=old.score.features[:-1]))
    learner = learned([short, asked(1, 20), asked(2, 40)])
    assert learner.other_features == 1
    assert sizes(learner) == (0, 1)


@pytest.mark.parametrize("seed", range(5))
def test_a_sample_finds_what_is_labelled_again(seed: int) -> None:
    rng = random.Random(seed)
    sample = LabelledSample(others_max=20, frauds_max=10)
    for number in range(300):
        sample.add(number.to_bytes(2), rng.random() < 0.3, f"n{number}")
        if rng.random() < 0.4:
            name = f"n{rng.randrange(number + 1)}"
            before = {**sample.frauds}, list(sample.others)
            bins = sample.take_out(name)
            known = name in before[0] or int(name[1:]).to_bytes(2) in before[1]
            assert (bins is not None) == known
            assert bins is None or bins == int(name[1:]).to_bytes(2)
            assert name not in sample.frauds
            assert int(name[1:]).to_bytes(2) not in sample.others
        assert len(sample.others) <= 20 and len(sample.frauds) <= 10
        assert sample.seen_others >= len(sample.others)
