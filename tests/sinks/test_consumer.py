"""The loop on a log and a store in memory: whatever happens, every decision is stored once and in order."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import cache
from itertools import count

import pytest

from schemas.codec import decode_decision
from sinks.errors import PartitionBroken, Unavailable
from sinks.loop.chain import DecisionRecord, Place, Run
from sinks.loop.consumer import BACKOFF, BatchLimits, Consumer
from tests.sinks.builder import DecisionLog
from tests.sinks.memory import Crash, MemoryClock, MemoryLog, MemoryStore, ShakyStore, Steps

LOGS = [DecisionLog(partition).mixed(25) for partition in (0, 1)]
RECORDS = {log.partition: log.records() for log in LOGS}
WHOLE = {log.partition: log.values for log in LOGS}
LIMITS = BatchLimits(rows_max=7)


def stored(store: MemoryStore) -> dict[int, list[bytes]]:
    found: dict[int, list[bytes]] = {log.partition: [] for log in LOGS}
    for value in store.rows:
        found[decode_decision(value).partition].append(value)
    return found


def complete(store: MemoryStore) -> bool:
    return len(store.rows) == sum(map(len, WHOLE.values()))


def run_to_the_end(store: MemoryStore, steps: Steps | None = None, rebalance_at: int | None = None) -> None:
    """Until everything is stored, and one step more. At most 200 steps: a stuck loop is a failure."""
    clock = MemoryClock()
    steps = steps or Steps()
    log = MemoryLog(RECORDS, clock, steps, rebalance_at)
    sink = Consumer(log, ShakyStore(store, steps), clock, LIMITS)
    for _ in range(200):
        sink.step()
        if complete(store):
            sink.step()
            return
    raise AssertionError(f"stuck with {len(store.rows)} rows")


def test_everything_is_stored_once_and_in_order() -> None:
    store = MemoryStore()
    run_to_the_end(store)
    assert stored(store) == WHOLE


def test_a_crash_at_any_step_leaves_every_decision_stored_once() -> None:
    for fail_at in count():
        store = MemoryStore()
        try:
            run_to_the_end(store, Steps(fail_at))
        except Crash:
            run_to_the_end(store)  # the next process
            assert stored(store) == WHOLE, f"crash at step {fail_at}"
        else:
            assert fail_at > 20  # the test bites: there were that many moments to fail in
            break


def test_a_store_that_goes_away_at_any_step_loses_and_repeats_nothing() -> None:
    moments = 0
    for fail_at in range(60):
        store = MemoryStore()
        clock = MemoryClock()
        steps = Steps(fail_at, lambda: Unavailable("away"))
        sink = Consumer(MemoryLog(RECORDS, clock), ShakyStore(store, steps), clock, LIMITS)
        for _ in range(40):
            sink.step()
        assert stored(store) == WHOLE, f"away at step {fail_at}"
        moments += steps.taken > fail_at
    assert moments > 15


@pytest.mark.parametrize("rebalance_at", range(1, 8))
def test_records_of_an_older_assignment_are_dropped_and_read_again(rebalance_at: int) -> None:
    store = MemoryStore()
    run_to_the_end(store, rebalance_at=rebalance_at)
    assert stored(store) == WHOLE


def test_what_a_rebalance_may_have_given_to_another_owner_is_not_stored() -> None:
    store = MemoryStore()
    clock = MemoryClock()
    sink = Consumer(MemoryLog(RECORDS, clock, rebalance_at=1), store, clock, LIMITS)
    sink.step()
    assert store.rows == []
    sink.step()
    assert store.rows != []


@pytest.mark.parametrize("seed", range(50))
def test_two_owners_of_one_partition_never_store_a_decision_twice(seed: int) -> None:
    chance = random.Random(seed)
    store = MemoryStore()
    clock = MemoryClock()
    sinks = [
        Consumer(MemoryLog(RECORDS, clock), store, clock, BatchLimits(rows_max=chance.randint(1, 9)))
        for _ in range(2)
    ]
    for _ in range(400):
        if complete(store):
            break
        chance.choice(sinks).step()
    assert stored(store) == WHOLE


def test_a_store_that_was_emptied_is_filled_again_while_the_log_is_idle() -> None:
    store = MemoryStore()
    clock = MemoryClock()
    sink = Consumer(MemoryLog(RECORDS, clock), store, clock)
    sink.step()
    assert complete(store)
    store.rows.clear()
    store.stored.clear()
    for _ in range(10):
        sink.step()
    assert stored(store) == WHOLE


def broken_log(kind: str) -> list[DecisionRecord]:
    """Ten decisions, of which the sixth is not what must be there."""
    records = list(mendable(10))
    other = DecisionLog(0)
    for number in range(10):
        other.approve(f"b{number}")
    value = records[5].value
    assert value is not None
    wrong = {
        "gap": records[6].value,
        "repeat": records[4].value,
        "other history": other.values[5],
        "changed": value.replace(b'"amount":1000', b'"amount":9000'),
        "no decision": b"{}",
        "no JSON": b"\xff\x00",
        "no value": None,
    }[kind]
    records[5] = records[5]._replace(value=wrong)
    return records


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("gap", "found 0:6: the log has a gap"),
        ("repeat", "found 0:4: the log repeats itself"),
        ("other history", "decision 0:5: follows"),
        ("changed", "decision 0:5: its bytes do not match its hash"),
        ("no decision", "found Object missing required field"),
        ("no JSON", "found "),
        ("no value", "a record without value"),
    ],
)
def test_a_record_that_breaks_the_log_stops_its_partition_after_what_was_good(kind: str, says: str) -> None:
    """The other partition goes on; the broken one is tried again, and goes on once it is mended."""
    store, clock = MemoryStore(), MemoryClock()
    log = MemoryLog({0: broken_log(kind), 1: RECORDS[1]}, clock)
    sink = Consumer(log, store, clock, LIMITS)
    for _ in range(20):
        sink.step()
    assert stored(store)[1] == WHOLE[1]
    assert len(stored(store)[0]) == store.stored[0].next_seq == 5
    (stopped,) = sink.stopped.values()
    assert says in stopped.why
    assert "partition 0 offset 6: expected decision 0:5" in stopped.why
    assert list(sink.places) == [1]

    tries = stopped.tries
    while clock.at_s < 60.0:
        sink.step()
    assert tries < sink.stopped[0].tries < 10
    assert sink.stopped[0].since_s == stopped.since_s
    assert {p: report.state for p, report in log.reported.items()} == {0: "standing_still", 1: "working"}
    report = log.reported[0]
    assert (report.position, report.seq, report.why) == (6, 5, stopped.why)
    assert report.since is not None
    assert report.remedy is not None
    assert len(stored(store)[0]) == 5

    log.records = {0: mendable(10), 1: RECORDS[1]}
    while clock.at_s < 500.0:
        sink.step()
    assert sink.stopped == {}
    assert {report.state for report in log.reported.values()} == {"working"}
    assert stored(store)[0] == [record.value for record in mendable(10)]


@cache
def mendable(count: int) -> tuple[DecisionRecord, ...]:
    """The records of `broken_log` as they must be."""
    log = DecisionLog(0)
    for number in range(count):
        log.approve(f"a{number}")
    return tuple(log.records())


class Refusing(MemoryStore):
    """Its rows contradict those of one partition."""

    def __init__(self, refused: int) -> None:
        super().__init__()
        self._refused = refused

    def commit(self, runs: Sequence[Run]) -> None:
        if any(run.partition == self._refused for run in runs):
            raise PartitionBroken("rows that contradict what is stored")
        super().commit(runs)


@pytest.mark.parametrize("refused", [0, 1])
def test_rows_that_the_store_refuses_stop_their_partition_only(refused: int) -> None:
    store, clock = Refusing(refused), MemoryClock()
    sink = Consumer(MemoryLog(RECORDS, clock), store, clock, LIMITS)
    for _ in range(30):
        sink.step()
    assert stored(store) == {refused: [], 1 - refused: WHOLE[1 - refused]}
    assert list(sink.stopped) == [refused]


class Away(MemoryStore):
    def places(self, partitions: frozenset[int]) -> dict[int, Place]:
        raise Unavailable("away")


def test_the_wait_between_tries_grows_to_its_bound() -> None:
    clock = MemoryClock()

    sink = Consumer(MemoryLog(RECORDS, clock), Away(), clock)
    waits = []
    for _ in range(9):
        before_s = clock.at_s
        sink.step()
        waits.append(round(clock.at_s - before_s, 3))
    assert waits[:4] == [0.1, 0.2, 0.4, 0.8]
    assert waits[-1] == BACKOFF.s_max


def test_a_store_that_is_away_is_reported_until_it_is_back() -> None:
    clock = MemoryClock()
    log = MemoryLog(RECORDS, clock)
    sink = Consumer(log, Away(), clock)
    while clock.at_s < 12.0:
        sink.step()
    report = log.reported[0]
    assert (report.position, report.state, report.why) == (None, "standing_still", "away")
    first, since = report.at, report.since
    while clock.at_s < 24.0:
        sink.step()
    assert log.reported[0].since == since
    assert log.reported[0].at > first

    back = MemoryStore()
    sink._store = back
    while clock.at_s < 60.0:
        sink.step()
    assert complete(back)
    assert {report.state for report in log.reported.values()} == {"working"}


def test_a_stop_signal_ends_the_wait_for_a_store_that_is_away() -> None:
    clock = MemoryClock()

    Consumer(MemoryLog(RECORDS, clock), Away(), clock).run(lambda: clock.at_s > 3.0)
    assert clock.at_s < 3.5
