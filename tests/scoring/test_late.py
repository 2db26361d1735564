"""What counts as late: processor time of the step's thread, not what others or the collector took."""

from __future__ import annotations

import gc
import threading
import time

import pytest

from streams.scoring.late import Lateness

MAX_NS = 20_000_000


def busy(seconds: float) -> None:
    until_s = time.thread_time() + seconds
    while time.thread_time() < until_s:
        pass


@pytest.mark.parametrize("seconds", [0.021, 0.03, 0.05, 0.1])
def test_a_step_that_works_for_too_long_is_late(seconds: float) -> None:
    lateness = Lateness(MAX_NS)
    began_ns = lateness.begin()
    busy(seconds)
    assert lateness.late(began_ns)


@pytest.mark.parametrize("seconds", [0.0, 0.001, 0.005])
def test_a_step_that_is_short_or_waits_is_not(seconds: float) -> None:
    lateness = Lateness(MAX_NS)
    began_ns = lateness.begin()
    busy(seconds)
    time.sleep(0.05)
    assert not lateness.late(began_ns)


def test_what_was_done_long_before_the_step_is_not_laid_to_it() -> None:
    lateness = Lateness(MAX_NS)
    lateness.begin()
    busy(0.1)
    began_ns = lateness.begin()
    time.sleep(0.05)
    assert not lateness.late(began_ns)


def test_a_garbage_collection_is_nobodys_fault() -> None:
    lateness = Lateness(2_000_000)
    many: list[dict[str, object]] = [{} for _ in range(300_000)]
    for one in many:
        one["all"] = many
    began_ns = lateness.begin()
    before_s = time.thread_time()
    gc.collect()
    assert time.thread_time() - before_s > 0.004, "a collection that takes longer than the step may"
    assert not lateness.late(began_ns)
    many.clear()


def test_each_thread_has_its_own() -> None:
    lateness = Lateness(MAX_NS)
    began_ns = lateness.begin()
    other = threading.Thread(target=busy, args=(0.06,))
    other.start()
    other.join()
    assert not lateness.late(began_ns)
