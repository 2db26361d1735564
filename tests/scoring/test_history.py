"""A card's habits: hand-computed cases and bounds."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest

from streams.core.calendar import epoch_s
from streams.core.history import MERCHANTS_MAX, CardHistory, merchant_hash, observe
from tests.scoring.desk import START

# What the docstring of CardHistory promises.
BYTES_MAX = 300


def test_the_first_fifty_requests_have_the_plain_mean_and_variance() -> None:
    history = CardHistory()
    for day, amount in enumerate([1_000, 2_000, 4_000]):
        observe(history, START + timedelta(days=day), amount, "a")
    logs = [math.log(1_000), math.log(2_000), math.log(4_000)]
    assert history.count == 3
    assert history.mean == pytest.approx(sum(logs) / 3)
    assert history.variance == pytest.approx(sum((x - logs[1]) ** 2 for x in logs) / 3)
    assert history.gap == pytest.approx(math.log(86_400 + 60))
    assert history.last == epoch_s(START) + 2 * 86_400


def test_old_habits_fade() -> None:
    history = CardHistory()
    for day in range(800):
        observe(history, START + timedelta(days=day), 1_000 if day < 100 else 8_000, "a")
    assert history.mean == pytest.approx(math.log(8_000), abs=0.01)
    assert history.variance < 0.02


def test_new_merchants_are_counted_and_the_count_fades() -> None:
    history = CardHistory()
    observe(history, START, 100, "a")
    observe(history, START, 100, "b")
    assert history.fresh == 2.0
    observe(history, START + timedelta(days=1), 100, "a")
    assert history.fresh == pytest.approx(2 * math.exp(-1))
    assert history.merchants == [merchant_hash("b"), merchant_hash("a")]


def test_an_earlier_request_does_not_turn_time_back() -> None:
    history = CardHistory()
    observe(history, START, 100, "a")
    observe(history, START - timedelta(days=9), 100, "a")
    assert history.last == epoch_s(START)
    assert history.gap == pytest.approx(math.log(60))


def test_memory_of_one_card_is_bounded_and_keeps_the_latest_merchants() -> None:
    history = CardHistory()
    for number in range(10_000):
        observe(history, START + timedelta(minutes=number), 10**15, f"merchant {number}")
    assert history.merchants == [
        merchant_hash(f"merchant {n}") for n in range(10_000 - MERCHANTS_MAX, 10_000)
    ]
    assert len(msgspec.json.encode(history)) < BYTES_MAX


def test_a_merchant_used_again_and_again_is_not_forgotten() -> None:
    history = CardHistory()
    for number in range(MERCHANTS_MAX * 3):
        observe(history, START, 100, "the usual")
        observe(history, START, 100, f"another {number}")
    assert merchant_hash("the usual") in history.merchants


def test_json_gives_back_the_same_bits() -> None:
    history = CardHistory()
    for number in range(50):
        observe(history, START + timedelta(seconds=number**3), 100 + number**4, f"m{number % 7}")
    assert msgspec.json.decode(msgspec.json.encode(history), type=CardHistory) == history


def test_a_copy_is_independent() -> None:
    history = CardHistory()
    observe(history, START, 100, "a")
    before = history.copy()
    observe(history, START, 900, "b")
    assert (before.count, before.merchants) == (1, [merchant_hash("a")])


def test_the_senders_offset_does_not_matter() -> None:
    moment = datetime(1969, 12, 31, 23, 0, 0, 900_000, tzinfo=UTC)
    assert epoch_s(moment) == -3_600
    assert epoch_s(START.astimezone(timezone(timedelta(hours=9)))) == int(START.timestamp())
