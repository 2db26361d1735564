"""Waits between tries grow to a bound, however often something has failed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.supervision import BACKOFF as SUPERVISOR
from schemas.backoff import Backoff
from sinks.loop.consumer import BACKOFF as STORE
from sinks.loop.consumer import STOPPED
from streams.worker.owners import RETRY


@pytest.mark.parametrize(
    ("backoff", "waits"),
    [
        (SUPERVISOR, [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0]),
        (RETRY, [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]),
        (STORE, [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]),
        (STOPPED, [5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 300.0, 300.0]),
    ],
)
def test_waits_double_up_to_their_bound(backoff: Backoff, waits: list[float]) -> None:
    assert [backoff.wait_s(failures) for failures in range(1, len(waits) + 1)] == waits


@given(st.floats(0.001, 60.0), st.floats(1.0, 1e4), st.integers(1, 10**9))
def test_no_number_of_failures_is_too_large(first_s: float, s_max: float, failures: int) -> None:
    """Kafka may be away for days: 1,025 doublings overflowed a float, and ended the supervisor."""
    wait_s = Backoff(first_s, s_max).wait_s(failures)
    assert min(first_s, s_max) <= wait_s <= s_max
