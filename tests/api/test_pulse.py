"""What the system page tells of speed: records a second, and how long requests waited."""

from __future__ import annotations

import pytest

from api.log.pulse import EVERY_S, KEPT, Pulse
from api.pages.system import spark
from api.pages.words import GROUP_WORDS
from schemas.webhooks import TYPES


class Log:
    """A log's length and a time, as a test sets them."""

    def __init__(self) -> None:
        self.written = 0
        self.now_s = 100.0
        self.pulse = Pulse(lambda: self.written, lambda: self.now_s)

    def sample(self, written: int) -> None:
        self.written = written
        self.pulse.look()
        self.now_s += EVERY_S


@pytest.mark.parametrize(
    ("lengths", "rates"),
    [
        ([], []),
        ([10], []),
        ([10, 30, 30, 90], [10.0, 0.0, 30.0]),
        ([0, 0, 50, 54], [2.0]),  # not known yet: no rate of 25 a second
        ([90, 10], [0.0]),  # a log that was made anew
    ],
)
def test_rates_are_what_came_between_two_looks(lengths: list[int], rates: list[float]) -> None:
    log = Log()
    for length in lengths:
        log.sample(length)
    assert log.pulse.rates == rates


def test_only_the_last_two_minutes_are_kept() -> None:
    log = Log()
    for n in range(1, 500):
        log.pulse.waited(n / 1_000)
        log.sample(n)
    assert len(log.pulse.rates) == KEPT
    waits = log.pulse.waits_ms()
    assert waits == sorted(waits) and len(waits) <= KEPT and waits[-1] == 499


def test_a_line_stays_in_its_box() -> None:
    assert spark([]) == spark([5]) == ""
    points = [tuple(map(float, point.split(","))) for point in spark([0, 1_000_000, 3]).split()]
    assert [x for x, _ in points] == [0, 300, 600]
    assert all(0 <= y <= 40 for _, y in points) and points[1][1] < points[2][1] < points[0][1] + 1


def test_each_kind_of_webhook_has_its_words() -> None:
    """Without them the page that makes an endpoint cannot be drawn."""
    assert {name.partition(".")[0] for name in TYPES} <= GROUP_WORDS.keys()
