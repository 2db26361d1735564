"""The seeded stream: the same bytes again, and the mix that the demo promises."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest

from infra.demo.generator import generate
from infra.demo.spending import SPAN, PlannedEvent
from schemas.codec import UndecodableEvent, decode_event
from schemas.partitions import partition_of

UNTIL = datetime(2026, 11, 21, 12, tzinfo=UTC)


def stream(events: int = 5_000, seed: int = 1, tag: str = "") -> list[PlannedEvent]:
    return generate(seed, events, UNTIL, partitions=4, tag=tag)


def test_a_seed_makes_the_same_stream_again_and_another_seed_another() -> None:
    assert stream(1_000) == stream(1_000)
    assert stream(1_000) != stream(1_000, seed=2)


@pytest.mark.parametrize("events", [20, 800, 5_000])
def test_it_has_as_many_events_as_asked_for(events: int) -> None:
    assert len(stream(events)) == events


@pytest.mark.parametrize(
    "until", [UNTIL, datetime(2027, 3, 1, tzinfo=UTC), datetime(2026, 1, 15, 8, tzinfo=UTC)]
)
def test_there_is_something_of_every_kind_whatever_the_day(until: datetime) -> None:
    planned = generate(1, 5_000, until, partitions=4)
    found = Counter(record.reason or record.outcome for record in planned)
    assert found["approved"] > 2_000
    assert found["accepted"] > 1_500
    assert 10 < found["budget_exceeded"] < 600
    for reason in (
        "undecodable",
        "unsupported_version",
        "wrong_partition",
        "invalid_event",
        "unknown_department",
        "exists_with_different_amount",
        "authorization_exists",
    ):
        assert found[reason] == 5, reason
    assert 0.03 < sum(record.duplicate for record in planned) / len(planned) < 0.07


def test_unusual_spends_come_after_the_model_of_their_partition_has_warmed_up() -> None:
    planned = stream()
    unusual = [n for n, record in enumerate(planned) if record.unusual]
    assert len(unusual) == 12
    partition = planned[unusual[0]].partition
    requests = sum(
        record.partition == partition and record.value.startswith(b'{"type":"authorization.requested"')
        for record in planned[: unusual[0]]
    )
    assert requests > 1_000


def test_every_usable_event_is_on_its_departments_partition_within_the_span() -> None:
    for record in stream(2_000, tag="-x"):
        if record.outcome == "rejected":
            continue
        event = decode_event(record.value)
        assert record.key == event.key.encode()
        assert record.partition == partition_of(record.key, 4)
        assert event.occurred_at >= UNTIL - SPAN
        assert event.organization_id.endswith("-x")


def test_poison_cannot_be_read() -> None:
    unreadable = {"undecodable", "unsupported_version", "invalid_event"}
    poison = [record for record in stream(2_000) if record.reason in unreadable]
    assert {record.reason for record in poison} == unreadable
    for record in poison:
        with pytest.raises(UndecodableEvent) as raised:
            decode_event(record.value)
        assert raised.value.code.value == record.reason
