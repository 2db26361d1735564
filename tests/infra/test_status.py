"""`spendlog status`: what it makes of what workers and sinks told."""

from __future__ import annotations

import json
import socket
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from infra.commands.status import show
from infra.status import PartitionStatus, ServiceStatus, SystemStatus, judge
from schemas.standing import Part, Report
from tests.infra.support import spendlog

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def told(part: Part, position: int | None, seq: int | None, **members: object) -> Report:
    found = {"process": "p", "state": "working", "at": NOW, "position": position, "seq": seq} | members
    return Report(part, 0, **found)  # type: ignore[arg-type]


def of(part: Part, *reports: Report, end: int = 100) -> PartitionStatus:
    found = judge({(one.part, one.partition): one for one in reports}, {0: end}, NOW)
    return next(one for one in found if one.part == part)


WORKER = told("worker", 90, 80)


@pytest.mark.parametrize(
    ("part", "reports", "state", "lag"),
    [
        ("worker", [WORKER], "working", 10),
        ("worker", [told("worker", 101, 80)], "working", 0),  # the end was asked a moment earlier
        ("worker", [told("worker", None, None, state="taking_over")], "taking_over", None),
        (
            "worker",
            [told("worker", 90, 80, state="standing_still", why="w", since=NOW)],
            "standing_still",
            10,
        ),
        ("worker", [told("worker", 90, 80, at=NOW - timedelta(seconds=31))], "silent", 10),
        ("worker", [told("worker", 90, 80, at=NOW + timedelta(hours=1))], "working", 10),
        ("worker", [], "unknown", None),
        ("ledger", [WORKER, told("ledger", 500, 77)], "working", 3),
        ("ledger", [WORKER, told("ledger", 500, 82)], "working", 0),
        ("ledger", [told("ledger", 500, 77)], "working", None),
        ("ledger", [WORKER], "unknown", None),
        ("webhooks", [WORKER, told("webhooks", 9, 75)], "working", 5),
        ("status", [WORKER, told("status", 9, 9, state="standing_still", why="w")], "standing_still", 71),
    ],
)
def test_each_partition_is_judged_by_what_was_told(
    part: Part, reports: list[Report], state: str, lag: int | None
) -> None:
    found = of(part, *reports)
    assert (found.state, found.lag) == (state, lag)
    assert (found.why is None) == (state in ("working", "taking_over"))


def test_nobody_misses_webhooks_that_never_told() -> None:
    found = judge({("worker", 0): WORKER}, {0: 100}, NOW)
    assert [one.part for one in found] == ["worker", "ledger", "status"]


def test_who_is_silent_is_told_with_its_last_word_and_what_to_do() -> None:
    found = of("ledger", told("ledger", 9, 9, at=NOW - timedelta(minutes=3), why="old"))
    assert found.since == NOW - timedelta(minutes=3)
    assert found.why == "its process p has said nothing for 180 s; before: old"
    assert found.remedy is not None
    assert "spendlog sink ledger" in found.remedy


def test_all_is_well_only_when_everybody_is() -> None:
    up, away = ServiceStatus("Kafka", None), ServiceStatus("Redis", "no answer")
    good = PartitionStatus("worker", 0, "working")
    assert SystemStatus([up], [], [good], 0, []).well
    assert not SystemStatus([up, away], [], [good], 0, []).well
    for state in ("standing_still", "silent", "unknown"):
        assert not SystemStatus([up], [], [good, PartitionStatus("ledger", 0, state)], 0, []).well


def test_a_missing_topic_is_not_well_and_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    found = SystemStatus([ServiceStatus("Kafka", None)], ["spend.a.v1", "spend.b.v1"], [], 0, [])
    assert not found.well
    show(found)
    shown = capsys.readouterr().out
    assert "there is no topic spend.a.v1, spend.b.v1\n  what to do: in a new system `spendlog topics" in shown


def test_without_card_events_the_partitions_are_those_that_were_told() -> None:
    found = judge({("worker", 1): replace(WORKER, partition=1)}, {}, NOW)
    assert [(one.part, one.partition, one.lag) for one in found if one.state == "working"] == [
        ("worker", 1, None)
    ]


def test_services_that_are_away_are_named_with_status_3() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))  # and does not listen
        address = f"127.0.0.1:{free.getsockname()[1]}"
        env = {
            "SPENDLOG_KAFKA": address,
            "SPENDLOG_POSTGRES": f"postgresql://u:secret@{address}/d",
            "SPENDLOG_REDIS": f"redis://:secret@{address}/0",
        }
        done = spendlog("status", "--json", env=env)
        assert done.returncode == 3, done.stderr
        found = json.loads(done.stdout)
        assert found["state"] == "not_well"
        assert [bool(service["why"]) for service in found["services"]] == [True, True, True]
        assert "secret" not in done.stdout + done.stderr


def test_what_stands_still_is_shown_with_why_and_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    still = PartitionStatus(
        "ledger", 2, "standing_still", "s1", 1_234, 56, 7, 1, NOW, "found [a] gap", "run `spendlog verify`"
    )
    show(
        SystemStatus([ServiceStatus("Kafka", None), ServiceStatus("Redis", "no answer")], [], [still], 3, [])
    )
    shown = capsys.readouterr().out
    for text in (
        "Redis    away   no answer",
        "ledger  2          standing still  s1          1,234   56   7 s ago",
        "ledger 2 standing still since 2026-01-02 03:04:05 UTC: found [a] gap",
        "  what to do: run `spendlog verify`",
        "3 dead letters: `spendlog dead-letters list`",
    ):
        assert text in shown, shown
