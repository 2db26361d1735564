"""Waits count from the intended time, and what is never answered is not forgotten."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from perf.front import framed, split
from perf.open_loop import DRAIN_TIMEOUT_S, WARM_UP_S, Offered, TimedRequest, judged, offer, plan
from perf.results import OpenLoopAt


@pytest.mark.parametrize("cut", range(1, 14))
def test_frames_are_whole_however_they_arrive(cut: int) -> None:
    sent = b"".join(map(framed, [b"a", b"", b"bcd"]))
    first, left = split(sent[:cut])
    then, rest = split(left + sent[cut:])
    assert [*first, *then] == [b"a", b"", b"bcd"]
    assert rest == b""


def at(waits: list[TimedRequest], end_s: float = 100.0) -> OpenLoopAt:
    return judged("some", "memory", 10, Offered(waits, 0.0, end_s))


def test_a_wait_counts_from_its_intended_time() -> None:
    """A side that stops for a second keeps all waiting that were to be sent meanwhile, not one alone."""
    waits = [TimedRequest(n / 100, max(n / 100, 1.0 if n < 100 else 0.0) + 0.001) for n in range(200)]
    found = at(waits)
    assert found.p90_ms == pytest.approx(801, abs=1)
    assert found.max_ms == pytest.approx(1_001, abs=1)


def test_what_is_not_answered_has_waited_until_the_end() -> None:
    found = at([TimedRequest(90.0, 90.5), TimedRequest(90.0, None), TimedRequest(91.0, None)])
    assert (found.unanswered, found.p50_ms, found.max_ms) == (2, 9_000.0, 10_000.0)


@pytest.mark.parametrize(
    ("count", "p99", "p999"),
    [(10, False, False), (99, False, False), (100, True, False), (1_000, True, True)],
)
def test_a_percentile_of_too_few_is_left_out(count: int, p99: bool, p999: bool) -> None:
    found = at([TimedRequest(0.0, 0.001)] * count)
    assert (found.p99_ms is not None, found.p999_ms is not None) == (p99, p999)


def test_a_plan_has_each_event_once_and_can_be_made_again() -> None:
    planned = plan(500, 2_000)
    assert len({event_id for event_id, _ in planned}) == len(planned) == 2_000
    assert planned == plan(500, 2_000)


@contextmanager
def server(answered: Callable[[int], bool], stop_s: float) -> Iterator[int]:
    """Answers the frames whose number is `answered`; stops for a while after the first one."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with listening.accept()[0] as stream:
                data, number = b"", 0
                while more := stream.recv(1 << 16):
                    frames, data = split(data + more)
                    for frame in frames:
                        event_id = frame.partition(b'"event_id":"')[2].partition(b'"')[0]
                        if answered(number):
                            stream.sendall(framed(event_id + b" approved"))
                        time.sleep(0.0 if number else stop_s)
                        number += 1

        thread = threading.Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1]
        thread.join(60)


def test_a_server_that_stops_is_not_waited_for() -> None:
    """A closed loop would send nothing meanwhile, and count one long wait; here all of them count."""
    stop_s, rate = WARM_UP_S + 0.5, 100
    with server(lambda _: True, stop_s) as port:
        offered = offer(port, rate, 1.0)
    waits = [wait.answered_s - wait.due_s for wait in offered.waits if wait.answered_s is not None]
    assert len(waits) == len(offered.waits) == rate
    # Those that were due in the half second before it went on have all waited, the first of them longest.
    assert sum(wait > 0.1 for wait in waits) >= 0.3 * rate
    assert waits[0] == max(waits)
    assert stop_s < DRAIN_TIMEOUT_S
