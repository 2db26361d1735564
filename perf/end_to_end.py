"""From card events to bookings in PostgreSQL, everything running."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from itertools import chain

import psycopg
import redis

from infra.topics import PARTITIONS
from perf.harness import Session
from perf.kafka import BenchFailed
from perf.results import EndToEnd
from perf.workload import Mix, events, opening

MIX = Mix(departments=20, hot=0.2, clearings=0.2)
POLL_S = 0.02


def run(session: Session) -> EndToEnd:
    """Events a second: from the first committed decision until the ledger has booked the last one."""
    topic_set = session.own_names()
    count = session.scale.end_to_end_events
    session.say(f"sending {count:,} events of 20 departments")
    records = topic_set.fill(chain(opening(MIX), events(count, MIX)))
    total = sum(records.values())
    sinks = session.sinks()
    ledger, status = _Arrival(_ledger(session), total), _Arrival(_status(session), total)
    worker = topic_set.worker()
    moments = topic_set.wait_decided(records)
    session.say("waiting for the sinks")
    started_s = moments[0].at_s
    booked_s, shown_s = (
        watch.wait(session.scale.timeout_s, session.require_alive) for watch in (ledger, status)
    )
    session.end(worker, *sinks)
    _check_books(session, total)
    # The first commit was seen when its decisions were there: they are not counted, as in harness.rate.
    counted = total - moments[0].end
    return EndToEnd(
        events=total,
        booked=counted / (booked_s - started_s),
        decided=counted / (moments[-1].at_s - started_s),
        status=counted / (shown_s - started_s),
    )


class _Arrival:
    """Notes, from a thread of its own, when a view has come to `total` decisions."""

    def __init__(self, position: Callable[[], int], total: int) -> None:
        self._position = position
        self._total = total
        self._at_s: float | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while self._position() < self._total:
            if self._stopping.wait(POLL_S):
                return
        self._at_s = time.monotonic()

    def wait(self, timeout_s: float, require_alive: Callable[[], None]) -> float:
        deadline_s = time.monotonic() + timeout_s
        while self._thread.is_alive():
            require_alive()
            if time.monotonic() > deadline_s:
                self._stopping.set()
                raise BenchFailed(f"{self._position()} of {self._total} arrived within {timeout_s:.0f} s")
            self._thread.join(POLL_S)
        if self._at_s is None:
            raise BenchFailed("a view's position could not be read")
        return self._at_s


def _ledger(session: Session) -> Callable[[], int]:
    connection = psycopg.connect(session.endpoints.postgres, autocommit=True)

    def position() -> int:
        row = connection.execute(
            "SELECT coalesce(sum(next_seq), 0)::bigint FROM sink_position WHERE sink = 'ledger'"
        ).fetchone()
        return int(row[0]) if row else 0

    return position


def _status(session: Session) -> Callable[[], int]:
    client = redis.Redis.from_url(session.endpoints.redis)

    def position() -> int:
        found = [client.hget(f"spendlog:position:{p}", "next_seq") for p in range(PARTITIONS)]
        return sum(int(seq) for seq in found if seq)

    return position


def _check_books(session: Session, total: int) -> None:
    """A figure of books that do not balance is none."""
    with psycopg.connect(session.endpoints.postgres) as connection:
        off = connection.execute("SELECT count(*) FROM trial_balance WHERE total <> 0").fetchone()
        rows = connection.execute("SELECT count(*) FROM decision").fetchone()
    if off != (0,) or rows is None or rows[0] < total:
        raise BenchFailed(f"the books do not balance: {off} layers off, {rows} of {total} decisions")
