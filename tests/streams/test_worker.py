"""A real worker on a real broker: what it decides, what it refuses, and that it does not stop for it."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import time
from collections import Counter
from typing import Any

import psutil
import pytest
from confluent_kafka import Consumer, TopicPartition
from typer.testing import CliRunner

from infra import dead_letters
from infra.commands.dead_letters import app
from infra.errors import SpendlogError
from schemas.card_numbers import has_card_number, masked_bytes
from schemas.codec import encode_event
from schemas.partitions import partition_of
from schemas.reasons import Outcome
from schemas.topics import DEAD_LETTERS
from tests.streams.events import DEPARTMENTS, budget, request, requests
from tests.streams.line import PARTITIONS, Line, outcomes, value_of, worker_command

COMPRESSIONS = ("none", "gzip", "snappy", "lz4", "zstd")


def test_exactly_what_fits_is_approved(line: Line) -> None:
    line.worker("w1")
    line.send([budget(DEPARTMENTS[0], limit=10_000)])
    line.send(request(number, DEPARTMENTS[0], amount=100) for number in range(500))
    decisions = line.decisions(501)
    assert outcomes(decisions) == {"accepted": 1, "approved": 100, "declined": 400}
    declined = next(decision for decision in decisions if decision.outcome is Outcome.DECLINED)
    reason = declined.reasons[0]
    assert (reason.code, reason.limit, reason.held, reason.requested) == (
        "budget_exceeded",
        10_000,
        10_000,
        100,
    )


def test_poison_is_dead_lettered_and_good_events_go_on(line: Line) -> None:
    worker = line.worker("w1")
    line.send(budget(department) for department in DEPARTMENTS)
    good = encode_event(request(1, DEPARTMENTS[0]))
    key = f"techcorp/{DEPARTMENTS[0]}".encode()
    poison: list[tuple[str, bytes | None, bytes | None, int]] = [
        ("undecodable", b"{ broken", key, 0),
        ("undecodable", b"", key, 0),
        ("undecodable", good.replace(b'"minor":100', b'"minor":NaN'), key, 0),
        ("invalid_event", good.replace(b'"minor":100', b'"minor":9223372036854775808'), key, 0),
        ("invalid_event", good.replace(b'"minor":100', b'"minor":-1'), key, 0),
        ("invalid_event", good.replace(b'"minor":100', b'"minor":"100"'), key, 0),
        ("invalid_event", good.replace(b'"card_id"', b'"other"'), key, 0),
        ("invalid_event", good.replace(b"Edeka", b"Ed\\u0000ka"), key, 0),
        ("invalid_event", good.replace(b"Edeka", b"E" * 1_000_000), key, 0),
        ("invalid_event", good.replace(b'"minor":100', b'"minor":100,"minor":1'), key, 0),
        ("invalid_event", good.replace(b"Edeka", b"Ed\xc2\x85ka"), key, 0),
        ("card_number", good.replace(b"Edeka", b"4111 1111 1111 1111"), key, 0),
        ("card_number", good.replace(b'"card_id":"', b'"card_id":"4111.1111.1111.1111 '), key, 0),
        ("card_number", good[:-1] + b',"unknown":"\\uff15555-5555-5555-4444"}', key, 0),
        ("undecodable", b"{ 4111111111111111", b"4111111111111111", 0),
        ("card_number", good.replace(b"authorization.requested", b"pan.4111111111111111"), key, 0),
        ("unsupported_version", good[:-1] + b',"version":2}', key, 0),
        ("unknown_type", good.replace(b"authorization.requested", b"authorization.dreamt"), key, 0),
        ("tombstone", None, key, 0),
        ("tombstone", None, None, 0),
        ("missing_key", good, None, 0),
        ("key_mismatch", good, b"techcorp/someone-else", 0),
        ("wrong_partition", good, key, 1),
        ("unknown_department", good.replace(DEPARTMENTS[0].encode(), b"nobody"), b"techcorp/nobody", 0),
    ]
    if partition_of(b"techcorp/nobody", PARTITIONS) != 0:
        poison[-1] = ("wrong_partition", *poison[-1][1:])
    for _, original, record_key, partition in poison:
        line.send_raw(original, record_key, partition)
    line.send(requests(20, first=100))
    count = len(DEPARTMENTS) + len(poison) + 20
    decisions = line.decisions(count)
    assert outcomes(decisions)["approved"] == 20
    rejected = [decision for decision in decisions if decision.outcome is Outcome.REJECTED]
    assert Counter(decision.reasons[0].code.value for decision in rejected) == Counter(
        name for name, *_ in poison
    )
    letters = line.dead_letters(len(poison))
    by_place = {(headers["partition"], headers["offset"]): (headers, value) for headers, value in letters}
    for decision in rejected:
        headers, value = by_place[str(decision.partition), str(decision.source_offset)]
        assert headers["reason"] == decision.reasons[0].code.value
        assert headers["topic"] == line.names.card_events
        assert value in [original and masked_bytes(original) for _, original, *_ in poison]
    kept = [decision.reasons[0].detail or "" for decision in rejected]
    kept += [f"{headers} {value!r}" for headers, value in letters]
    assert not any(map(has_card_number, kept))
    assert worker.alive()
    assert worker.output().count("Worker ready") == 1


def test_an_event_on_the_wrong_partition_is_sent_on_to_its_own(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    line.worker("w1")
    line.send([budget(DEPARTMENTS[0])])
    event = request(1, DEPARTMENTS[0])
    line.send_raw(encode_event(event), event.key.encode(), 1)
    line.decisions(2)
    assert [letter.reason for letter in dead_letters.read(line.kafka, line.prefix)] == ["wrong_partition"]
    assert dead_letters.reroute(line.kafka, line.prefix) == 1
    assert outcomes(line.decisions(3)) == {"accepted": 1, "rejected": 1, "approved": 1}
    assert dead_letters.reroute(line.kafka, line.prefix) == 0
    (letter,) = dead_letters.read(line.kafka, line.prefix)
    assert dead_letters.rerouted(line.kafka, line.prefix) == {letter.id} == {"1:0"}
    assert dead_letters.find(line.kafka, "1:0", line.prefix) == letter
    assert letter.value == encode_event(event)
    with pytest.raises(SpendlogError, match=r"no dead letter '1:7'"):
        dead_letters.find(line.kafka, "1:7", line.prefix)
    monkeypatch.setenv("SPENDLOG_KAFKA", line.kafka)
    with monkeypatch.context() as patched:
        mine = dataclasses.replace(DEAD_LETTERS, name=line.names.dead_letters)
        patched.setattr("infra.dead_letters.DEAD_LETTERS", mine)
        listed = json.loads(CliRunner().invoke(app, ["list"]).stdout)
        shown = json.loads(CliRunner().invoke(app, ["show", "1:0", "--json"]).stdout)
    assert (listed["id"], listed["rerouted"]) == ("1:0", True)
    assert bytes.fromhex(shown["value_hex"]) == shown["value_text"].encode() == letter.value
    assert dead_letters.reroute(line.kafka, line.prefix, again=True) == 1
    assert [decision.duplicate_of for decision in line.decisions(4) if decision.duplicate_of] == [1]


def test_every_compression_is_decoded(line: Line) -> None:
    line.worker("w1")
    line.send([budget(DEPARTMENTS[0])])
    for number, compression in enumerate(COMPRESSIONS):
        event = request(number, DEPARTMENTS[0])
        settings = {"compression.type": compression}
        line.send_raw(encode_event(event), event.key.encode(), 0, **settings)
    assert outcomes(line.decisions(1 + len(COMPRESSIONS))) == {"accepted": 1, "approved": len(COMPRESSIONS)}


def test_what_a_transaction_aborted_is_never_decided(line: Line) -> None:
    line.worker("w1")
    line.send([budget(DEPARTMENTS[0])])
    upstream = line.new_producer(**{"transactional.id": f"{line.prefix}upstream"})
    upstream.init_transactions(30.0)
    for number in range(12):
        upstream.begin_transaction()
        event = request(number, DEPARTMENTS[0])
        upstream.produce(line.names.card_events, encode_event(event), event.key)
        upstream.flush(30.0)
        (upstream.abort_transaction if number % 3 == 0 else upstream.commit_transaction)(30.0)
    decisions = line.decisions(1 + 8)
    approved = {decision.authorization_id for decision in decisions} - {None}
    assert approved == {f"auth-{DEPARTMENTS[0]}-{number}" for number in range(12) if number % 3}


def test_a_restarted_worker_goes_on_from_its_snapshot(line: Line) -> None:
    first = line.worker("w1", SPENDLOG_SNAPSHOT_DECISIONS="100")
    line.send(budget(department) for department in DEPARTMENTS)
    for count in range(200, 1_200, 200):  # a snapshot is named by a later decision than those that it holds
        line.send(requests(200, first=count - 200))
        line.decisions(count + 2)
    assert first.terminate() == 0
    second = line.worker("w1", SPENDLOG_SNAPSHOT_DECISIONS="100")
    line.send(requests(1_000, first=500))  # half of them again
    decisions = line.decisions(2_002)
    assert sum(decision.duplicate_of is not None for decision in decisions) == 500
    replayed = [
        int(text.split("replayed=")[1].split()[0])
        for text in second.output().splitlines()
        if "partition_taken_over" in text
    ]
    assert len(replayed) == 2
    assert sum(replayed) < 1_002


def test_the_faust_table_shows_the_budgets(line: Line) -> None:
    line.worker("w1")
    line.send([budget(DEPARTMENTS[0]), *(request(number, DEPARTMENTS[0]) for number in range(5))])
    line.decisions(6)
    changelog = f"{line.prefix}group-budgets-changelog"
    consumer = Consumer(
        {"bootstrap.servers": line.kafka, "group.id": "reader", "auto.offset.reset": "earliest"}
    )
    consumer.assign([TopicPartition(changelog, 0, 0)])
    rows: dict[Any, bytes] = {}

    def shows_all() -> bool:
        rows.update({message.key(): value_of(message) for message in consumer.consume(100, 0.2)})
        return any(b",500]" in value or b"500]}" in value for value in rows.values())

    try:
        line.until(shows_all, 20.0)
    finally:
        consumer.close()
    assert len(rows) == 1


def test_an_idle_worker_is_idle(line: Line) -> None:
    """Records of paused changelogs once kept the fetch loop spinning, at half a core."""
    worker = line.worker("w1")
    line.send([budget(DEPARTMENTS[0]), *(request(number, DEPARTMENTS[0]) for number in range(5))])
    line.decisions(6)
    process = psutil.Process(worker.pid)
    before = process.cpu_times()
    time.sleep(3.0)
    after = process.cpu_times()
    assert after.user + after.system - before.user - before.system < 0.6


@pytest.mark.parametrize(
    ("setting", "value"),
    [("SPENDLOG_SESSION_TIMEOUT_S", "soon"), ("SPENDLOG_SNAPSHOT_DECISIONS", "0")],
)
def test_a_wrong_setting_is_named_in_one_line(setting: str, value: str) -> None:
    done = subprocess.run(
        worker_command(), env={setting: value}, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 78
    assert done.stderr.count("\n") == 1
    assert setting in done.stderr


def test_no_kafka_is_one_line() -> None:
    env = {"SPENDLOG_KAFKA": "127.0.0.1:1"}
    done = subprocess.run(worker_command(), env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 69
    assert "Kafka at 127.0.0.1:1 (SPENDLOG_KAFKA) does not answer" in done.stderr


def test_snapshots_that_are_cut_or_foreign_cost_a_longer_replay_only(line: Line) -> None:
    first = line.worker("w1", SPENDLOG_SNAPSHOT_DECISIONS="100")
    line.send(budget(department) for department in DEPARTMENTS)
    line.send(requests(600))
    line.decisions(602)
    first.kill()
    for partition in range(PARTITIONS):
        for headers, value in (
            ([], b"somebody else's"),
            ([("seq", b"900"), ("chunk", b"0"), ("chunks", b"2")], b"half"),
            ([("seq", b"901"), ("chunk", b"0"), ("chunks", b"1")], b"\x00 damaged"),
            ([("seq", b"902"), ("chunk", b"0"), ("chunks", b"1000000000")], b"x"),
        ):
            line.produce(line.names.snapshots, value, f"foreign-{len(headers)}", partition, headers)
    second = line.worker("w2")
    line.send(requests(10, first=600))
    assert outcomes(line.decisions(612)) == {"accepted": 2, "approved": 610}
    assert second.output().count("snapshots_ignored") == PARTITIONS
    assert "partition_stands_still" not in second.output()


# The broker has given the partitions to somebody else and does not take this member's offsets any more.
REFUSED_HINTS = """
import aiokafka
import streams.worker.app
from aiokafka.errors import CommitFailedError

async def refuse(consumer, offsets=None):
    raise CommitFailedError("the member is unknown")

aiokafka.AIOKafkaConsumer.commit = refuse
streams.worker.app.COMMIT_EVERY_S = 0.2
"""


def test_offsets_that_the_broker_refuses_end_nobody(line: Line) -> None:
    """They are for people who look at the group's lag: whoever takes over asks the log."""
    worker = line.worker("w1", patch=REFUSED_HINTS)
    line.send([budget(DEPARTMENTS[0]), request(1, DEPARTMENTS[0])])
    line.until(lambda: "hint_refused" in worker.output() or not worker.alive(), 20.0)
    line.send([request(2, DEPARTMENTS[0])])
    assert outcomes(line.decisions(3)) == {"accepted": 1, "approved": 2}
    assert worker.alive(), worker.output()
    assert "hint_refused" in worker.output()
