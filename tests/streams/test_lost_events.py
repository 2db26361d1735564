"""A broker loses decided card events: the partition stops, and goes on after `spendlog events continue`."""

from __future__ import annotations

import dataclasses
import json
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient
from typer.testing import CliRunner

from infra import topics
from infra.commands.events import app
from infra.continuation import Gap, close, examine
from infra.errors import SpendlogError
from infra.processes.supervisor import Supervisor
from infra.replay import replay
from infra.stack import Endpoints, Stack
from infra.stack_settings import load_settings
from schemas.decisions import Decision
from schemas.topics import CARD_EVENTS, DECISIONS
from tests.streams.events import DEPARTMENTS, budget, request
from tests.streams.line import PARTITIONS, Line, outcomes

MINE = DEPARTMENTS[0]


def made_anew(line: Line) -> None:
    """The topic of card events is deleted and created again."""
    admin = AdminClient({"bootstrap.servers": line.kafka})
    admin.delete_topics([line.names.card_events])[line.names.card_events].result(30.0)
    deadline_s = time.monotonic() + 30.0
    while line.names.card_events in admin.list_topics(timeout=60).topics:
        assert time.monotonic() < deadline_s
        time.sleep(0.1)
    topics.apply(line.kafka, PARTITIONS, prefix=line.prefix)


def decided(line: Line, count: int) -> list[Decision]:
    line.send([budget(MINE), *(request(number, MINE) for number in range(count - 1))])
    worker = line.worker("w1")
    found = line.decisions(count)
    worker.kill()
    return found


def stopped(line: Line, name: str) -> str:
    """What a worker says that cannot take over partition 0; it takes over the other one."""
    worker = line.start_worker(name)
    line.until(lambda: "Worker ready" in worker.output(), 30.0)
    said = worker.output()
    assert said.count("partition_taken_over") == PARTITIONS - 1
    worker.kill()
    return said


def gap(line: Line) -> Gap:
    return examine(line.kafka, 0, line.prefix)


@pytest.mark.parametrize(
    "new", [pytest.param(n, marks=[pytest.mark.faults] * (n != 3)) for n in (0, 3, 20, 27)]
)
def test_new_events_at_old_offsets_are_not_skipped(line: Line, new: int) -> None:
    """Fewer than were lost, as many, and more: all are decided in the end, none twice."""
    before = decided(line, 20)
    made_anew(line)
    line.send(request(number, MINE) for number in range(100, 100 + new))
    said = stopped(line, "w2")
    assert "card events of partition 0 were lost or rewritten" in said
    assert "spendlog events continue --partition 0" in said

    found = gap(line)
    assert (found.position, found.kept, found.gone) == (20, 0, 20)
    assert (len(found.undecided), found.fillers) == (min(new, 20), max(0, 20 - new))
    done = close(line.kafka, found, line.prefix)
    assert (done.fillers, done.sent_again) == (found.fillers, len(found.undecided))
    assert gap(line).closed

    worker = line.worker("w3")
    after = line.decisions(20 + new)
    assert after[:20] == before
    assert {one.event_id for one in after[20:]} == {request(n, MINE).event_id for n in range(100, 100 + new)}
    assert outcomes(after) == {"accepted": 1, "approved": 19 + new}
    line.send([request(1, MINE), request(500, MINE)])
    assert [one.duplicate_of is None for one in line.decisions(22 + new)[-2:]] == [False, True]
    assert worker.alive(), worker.output()
    again = replay(line.kafka, prefix=line.prefix)
    assert (again.differences, again.decided) == ([], new + 2)


@pytest.fixture
def own(stack: Endpoints, tmp_path: Path) -> Iterator[Stack]:
    """A Kafka that a test may kill."""
    addresses = dict(stack.addresses()) | {"kafka": None}
    with Stack(tmp_path / "own", settings=load_settings().model_copy(update=addresses)) as stack_:
        yield stack_


def lose_tail(folder: Path, partition: str, count: int) -> None:
    """What a power cut takes: the last `count` record batches of a log whose broker is dead."""
    (log,) = (found / "00000000000000000000.log" for found in folder.rglob(partition))
    written, at, starts = log.read_bytes(), 0, []
    while at + 12 <= len(written) and (size := struct.unpack_from(">i", written, at + 8)[0]):
        starts.append(at)
        at += 12 + size
    assert len(starts) > count
    log.write_bytes(written[: starts[-count]])
    for index in (*log.parent.glob("*.index"), *log.parent.glob("*.timeindex")):
        index.unlink()


@pytest.mark.faults
@pytest.mark.timeout(240)
@pytest.mark.parametrize("new", [0, 2, 40])
def test_a_power_cut_of_a_single_broker_is_seen_by_a_living_worker(
    own: Stack, tmp_path: Path, new: int
) -> None:
    with Supervisor(tmp_path / "logs") as supervisor:
        line = Line(own.endpoints.kafka, "cut-", tmp_path, supervisor)
        worker = line.worker("w1")
        line.send([budget(MINE)])
        for number in range(11):  # one by one, so that each is a batch of its own
            line.send([request(number, MINE)])
        before = line.decisions(12)
        own.kill("kafka")
        lose_tail(tmp_path / "own", f"{line.names.card_events}-0", 5)
        own.start("kafka")
        line.send(request(number, MINE) for number in range(100, 100 + new))
        line.until(lambda: "lost or rewritten" in worker.output(), 90.0)
        assert "card events of partition 0 were lost or rewritten" in worker.output()
        assert line.decisions(12) == before

        found = gap(line)
        assert (found.position, found.kept, found.gone) == (12, 7, 5)
        close(line.kafka, found, line.prefix)
        after = line.decisions(12 + new)  # by the same worker, which tried again
        assert worker.alive()
        assert after[:12] == before
        assert outcomes(after) == {"accepted": 1, "approved": 11 + new}
        assert replay(line.kafka, prefix=line.prefix).differences == []


@pytest.mark.faults
def test_it_is_safe_to_repeat_after_a_crash_at_any_step(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    decided(line, 10)
    made_anew(line)
    line.send(request(number, MINE) for number in range(100, 104))
    for broken in ("_send", "AdminClient"):
        with monkeypatch.context() as patched:
            patched.setattr(f"infra.continuation.{broken}", crashing())
            with pytest.raises(ZeroDivisionError):
                close(line.kafka, gap(line), line.prefix)
        assert not gap(line).closed
    close(line.kafka, gap(line), line.prefix)
    assert gap(line).closed
    line.worker("w2")
    assert outcomes(found for found in line.decisions(18) if found.duplicate_of is None) == {
        "accepted": 1,
        "approved": 13,
    }


def crashing() -> Callable[..., object]:
    def crash(*_: object) -> object:
        raise ZeroDivisionError

    return crash


def test_the_command_says_what_it_would_do_and_does_it(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    decided(line, 10)
    made_anew(line)
    monkeypatch.setenv("SPENDLOG_KAFKA", line.kafka)
    for name, topic in (("CARD_EVENTS", CARD_EVENTS), ("DECISIONS", DECISIONS)):
        mine = dataclasses.replace(topic, name=line.prefix + topic.name)
        monkeypatch.setattr(f"infra.continuation.{name}", mine)
    line.send([request(100, MINE)])

    def run(*more: str) -> tuple[int, dict[str, object]]:
        done = CliRunner().invoke(app, ["continue", "--partition", "0", "--json", *more])
        return done.exit_code, json.loads(done.stdout)

    for _ in range(2):  # a dry run changes nothing
        status, told = run()
        assert (status, told["undecided"], told["fillers"], told["closed"]) == (0, 1, 9, False)
    status, told = run("--yes", "--wait", "0")
    assert (status, told["sent_again"], told["decided"]) == (1, 1, False)
    status, told = run("--yes")
    assert (status, told["undecided"], told["closed"]) == (0, 0, True)
    with pytest.raises(SpendlogError, match="has no partition 7"):
        examine(line.kafka, 7)
