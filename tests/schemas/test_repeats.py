"""A log that repeats itself is bounded, and says how much it left out."""

from __future__ import annotations

import logging

import pytest

from schemas.log_repeats import KEYS_MAX, LINES_MAX, WINDOW_S, Repeats, RepeatsFilter


class Clock:
    def __init__(self) -> None:
        self.at_s = 100.0

    def __call__(self) -> float:
        return self.at_s


@pytest.mark.parametrize("rate_s", [1, 10, 100, 1_000])
def test_lines_of_a_kind_are_bounded_and_all_are_accounted_for(rate_s: int) -> None:
    clock = Clock()
    repeats = Repeats(clock)
    seconds = 10 * int(WINDOW_S)
    said = left_out = 0
    for _ in range(seconds * rate_s):
        passed = repeats.passes("away")
        said += passed is not None
        left_out += passed or 0
        clock.at_s += 1 / rate_s
    assert said <= (seconds / WINDOW_S + 1) * LINES_MAX
    clock.at_s += WINDOW_S
    last = repeats.passes("away")
    assert last is not None
    assert said + left_out + last == seconds * rate_s


def test_a_rare_line_is_never_left_out() -> None:
    clock = Clock()
    repeats = Repeats(clock)
    for _ in range(100):
        assert repeats.passes("rare") == 0
        clock.at_s += WINDOW_S / LINES_MAX


def test_kinds_do_not_hide_each_other_and_take_bounded_memory() -> None:
    repeats = Repeats(Clock())
    assert all(repeats.passes(kind) == 0 for kind in range(3 * KEYS_MAX))
    assert len(repeats._windows) <= KEYS_MAX


def test_a_library_is_limited_by_its_text_whatever_the_values(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    logger = logging.getLogger("tests.noisy")
    logger.addFilter(RepeatsFilter(Repeats(clock)))
    for node in range(50):
        logger.error("cannot connect to node %s", node)
    logger.error("something else")
    for fault in ("FAIL", "SESSTMOUT"):
        logger.error("%s [%s] %s", fault, "client", "text")
    clock.at_s += WINDOW_S
    logger.error("cannot connect to node %s", 50)
    assert [record.getMessage() for record in caplog.records] == [
        *(f"cannot connect to node {node}" for node in range(LINES_MAX)),
        "something else",
        "FAIL [client] text",
        "SESSTMOUT [client] text",
        f"cannot connect to node 50 (and {50 - LINES_MAX} more like it before)",
    ]
