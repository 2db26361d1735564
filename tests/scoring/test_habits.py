"""What cards and merchants usually do: bounded, forgetful, and the same after a snapshot."""

from __future__ import annotations

import random
import re
from pathlib import Path

import msgspec
import pytest

from streams.scoring.features import BINS, NAMES, bins
from streams.scoring.features.amounts import limit_share
from streams.scoring.features.scales import long_scale
from streams.scoring.habits.cards import DAY_S
from streams.scoring.habits.levels import Usual, level
from streams.scoring.habits.memory import Habits, Observation, observation

START_S = 1_772_582_400  # 2026-03-04 00:00 UTC, a Wednesday
CARD_BYTES_MAX = 1_200


def seen(
    at_s: int = START_S + 9 * 3_600,
    card: str = "c1",
    merchant: str = "stationer",
    mcc: str | None = "5943",
    country: str | None = "GB",
    amount: int = 4_300,
) -> Observation:
    return observation(at_s, card, merchant, mcc, country, amount)


def habits_of(*observed: Observation) -> Habits:
    habits = Habits(Usual())
    for one in observed:
        habits.observe(one, declined=False)
    return habits


def named(habits: Habits, one: Observation) -> dict[str, int]:
    return dict(zip(NAMES, bins(habits, one), strict=True))


def traffic(count: int, seed: int, spread_s: int = 5_000) -> list[Observation]:
    rng = random.Random(seed)
    at_s, found = START_S, []
    for _ in range(count):
        at_s += rng.randrange(spread_s)
        card = rng.randrange(9)
        mcc = rng.choice(["5812", "5943", None, "0000", "9999"])
        amount = rng.choice([1, rng.randrange(1, 10**5), rng.randrange(1, 10**15), 10**15])
        late_s = rng.choice([0, 0, 0, rng.randrange(90 * DAY_S)])
        country = rng.choice(["GB", "FR", None, rng.choice("ABCDEFGH") * 2])
        found.append(seen(at_s - late_s, f"c{card}", f"m{rng.randrange(60)}", mcc, country, amount))
    return found


@pytest.mark.parametrize("seed", range(6))
def test_every_feature_is_a_bin_whatever_comes(seed: int) -> None:
    rng = random.Random(seed)
    habits = Habits(Usual())
    for one in traffic(1_500, seed, spread_s=rng.choice([60, 5_000, 500_000])):
        found = bins(habits, one)
        assert len(found) == len(NAMES)
        assert max(found) < BINS
        habits.observe(one, declined=rng.random() < 0.2)
        if rng.random() < 0.1:
            habits.label(one, rng.random() < 0.5, rng.random() < 0.5, rng.random() < 0.5)


def test_a_snapshot_goes_on_with_the_same_features() -> None:
    first, rest = traffic(800, 1), traffic(1_200, 2)
    habits = habits_of(*first)
    habits.label(first[700], True, True, False)
    again = msgspec.msgpack.decode(msgspec.msgpack.encode(habits), type=Habits)
    assert again == habits
    for one in rest:
        assert bins(again, one) == bins(habits, one)
        again.observe(one, declined=False)
        habits.observe(one, declined=False)


def test_a_card_takes_no_more_than_is_promised() -> None:
    habits = Habits(Usual())
    for number in range(3_000):
        one = seen(START_S + number * 977, "c1", f"m{number}", f"{number % 9_000 + 1_000}", None, 10**15)
        habits.observe(one, declined=False)
        habits.label(one, True, True, True)
    assert len(msgspec.msgpack.encode(habits.cards["c1"])) <= CARD_BYTES_MAX


def test_what_was_not_used_for_a_year_is_forgotten() -> None:
    habits = habits_of(seen(card="old", merchant="gone", mcc="1111"), seen())
    for week in range(1, 60):
        habits.observe(seen(START_S + week * 7 * DAY_S), declined=False)
    assert "old" not in habits.cards
    assert len(habits.merchants) == len(habits.categories) == 1


@pytest.mark.parametrize(
    ("count", "place"),
    [(-5, 0), (0, 0), (3, 3), (7, 7), (8, 8), (60, 19), (3_600, 43), (86_400, 61), (10**9, 63)],
)
def test_long_scales_are_fine_at_first_and_coarse_later(count: int, place: int) -> None:
    assert long_scale(count) == place


def test_long_scales_never_go_back() -> None:
    places = [long_scale(count) for count in range(200_000)]
    assert places == sorted(places)


@pytest.mark.parametrize(("minor", "place"), [(499, 0), (4_900, 59), (4_999, 62), (5_000, 0), (99_999, 62)])
def test_just_below_a_limit(minor: int, place: int) -> None:
    assert limit_share(minor) == place


def test_the_same_purchase_again_is_seen_and_when() -> None:
    habits = habits_of(seen(), seen(START_S + DAY_S, amount=999))
    again = named(habits, seen(START_S + 2 * DAY_S))
    assert (again["same_purchases"], again["same_purchase_days"]) == (1, 1)
    assert named(habits, seen(START_S + 2 * DAY_S, merchant="other"))["same_purchases"] == 0
    assert named(habits, seen(START_S + 2 * DAY_S, amount=4_299))["same_purchases"] == 0
    assert named(habits, seen(START_S + 2 * DAY_S, card="c2"))["same_purchases"] == 0


def test_a_split_purchase_adds_up() -> None:
    parts = [seen(START_S + number * 600, amount=48_000) for number in range(3)]
    found = named(habits_of(*parts), seen(START_S + 2_400, amount=48_000))
    assert found["split_count_2d"] == found["near_purchases_3d"] == 3
    assert found["split_below_limit"] == limit_share(48_000) > 0
    # Four times what the card usually pays: two doublings of eight bins above the middle.
    assert found["split_sum"] == 32 + 16


def test_a_burst_at_new_merchants_is_counted() -> None:
    usual = [seen(START_S + day * DAY_S) for day in range(20)]
    burst = [seen(START_S + 30 * DAY_S + n * 300, merchant=f"new{n}", mcc="5812") for n in range(4)]
    found = named(habits_of(*usual, *burst), seen(START_S + 30 * DAY_S + 1_500, merchant="new9", mcc="5812"))
    assert (found["new_merchants_1d"], found["new_merchants_3d"], found["merchants_1d"]) == (5, 5, 4)
    assert found["requests_1h"] == 4
    assert named(habits_of(*usual, *burst), seen(START_S + 30 * DAY_S + 1_500))["new_merchants_1d"] == 4


def test_labels_reach_the_merchant_the_card_and_the_category() -> None:
    observed = [seen(START_S + day * DAY_S, card=f"c{day % 3}") for day in range(12)]
    habits = habits_of(*observed)
    before = named(habits, seen(START_S + 12 * DAY_S, card="c0"))
    for one in observed[3:6]:
        habits.label(one, True, False, False)
    after = named(habits, seen(START_S + 12 * DAY_S, card="c0"))
    changed = {name for name in NAMES if before[name] != after[name]}
    assert {"merchant_frauds", "merchant_fraud_rate", "merchant_plain_frauds", "card_frauds_28d"} <= changed
    assert all("fraud" in name for name in changed)
    habits.label(observed[0], False, False, False)
    assert named(habits, seen(START_S + 12 * DAY_S, card="c0"))["card_cleared"] == 1


def test_labels_of_what_is_forgotten_change_nothing() -> None:
    habits = habits_of(seen())
    before = msgspec.msgpack.encode(habits)
    habits.label(seen(card="never", merchant="nowhere", mcc="0001"), False, True, True)
    assert msgspec.msgpack.encode(habits) == before


def test_habits_are_the_plain_mean_at_first_and_follow_later() -> None:
    usual = Usual()
    for amount in (1_000, 2_000, 4_000):
        usual.observe(level(amount), 50)
    assert abs((usual.mean >> 4) - level(2_000)) <= 1
    for _ in range(600):
        usual.observe(level(64_000), 50)
    # A step below a fiftieth of a sixteenth moves nothing: 50 / 16, and one for rounding.
    assert abs((usual.mean >> 4) - level(64_000)) <= 4


def test_the_document_defines_every_feature_and_no_other() -> None:
    text = (Path(__file__).parents[2] / "docs" / "scoring.md").read_text()
    table = text[text.index("| feature |") : text.index("## What is remembered")]
    assert sorted(re.findall(r"`([a-z_0-9]+)`", table)) == sorted(NAMES)


@pytest.mark.parametrize("seed", range(5))
def test_in_which_order_late_requests_come_matters_to_no_window(seed: int) -> None:
    """Windows are of event time: what arrives late is put where it belongs."""
    rng = random.Random(seed)
    rows = [(START_S + 7_200 * n, f"m{rng.randrange(4)}", rng.choice((900, 1_000, 4_990))) for n in range(20)]
    habits, late = Habits(Usual()), Habits(Usual())
    shuffled = sorted(rows, key=lambda row: row[0] + rng.randrange(20_000))
    assert shuffled != rows
    for known, order in ((habits, rows), (late, shuffled)):
        for at_s, merchant, amount in order:
            known.observe(observation(at_s, "c", merchant, "5812", None, amount), declined=False)
    one = observation(START_S + 7_200 * 20, "c", "m1", "5812", None, 1_000)
    windows = ("requests_24h", "spent_24h", "spent_7d", "merchants_1d", "large_14d", "split_count_2d")
    found = [bins(known, one) for known in (habits, late)]
    for name in (*windows, "same_purchase_days", "same_purchases", "near_purchases_3d", "same_day_here"):
        assert len({row[NAMES.index(name)] for row in found}) == 1, name
    assert habits.cards["c"].times == late.cards["c"].times == sorted(habits.cards["c"].times)
