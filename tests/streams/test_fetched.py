"""What is made of fetched records at once says what aiokafka's own records say, and moves no position."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import READ_COMMITTED, PartitionRecords
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords

from schemas.claims import LogRecord, stamp_of
from streams.core.intake import recorded_at
from streams.fetched import make_of
from streams.kafka_log import _log_record
from streams.worker.frames import _record

TP = TopicPartition("events", 0)
MS = 1_772_582_400_123
Row = tuple[bytes | None, bytes | None, list[tuple[str, bytes | None]]]
ROWS: list[Row] = [
    (b"org/eng", b"{}", [("event_id", b"e1"), ("epoch", b"1.ab@7")]),
    (None, b"no key", []),
    (b"org/eng", None, [("epoch", None)]),
    (b"", b"", [("epoch", b"1.ab@10"), ("epoch", b"second")]),
    ("org/\N{SNOWMAN}".encode(), "\N{SNOWMAN}".encode() * 9_000, [("other", b"x")]),
    (b"org/eng", b"the last", [("epoch", b"0")]),
]


def batch(first: int, rows: list[Row], *, compression: int = 0, transactional: bool = False) -> bytes:
    builder = DefaultRecordBatchBuilder(2, compression, int(transactional), 7, 0, 0, 1_000_000)
    for number, (key, value, headers) in enumerate(rows):
        assert builder.append(number, MS + number // 2, key, value, headers) is not None
    written = bytearray(builder.build())
    written[:8] = first.to_bytes(8)  # the broker's: the checksum does not cover it
    return bytes(written)


def fetched(value: bytes, start: int, aborted: list[tuple[int, int]]) -> SimpleNamespace:
    """A fetcher with one response."""
    records = PartitionRecords(TP, MemoryRecords(value), aborted, start, None, None, True, READ_COMMITTED)
    return SimpleNamespace(_records={TP: SimpleNamespace(_partition_records=records)})


def read(fetcher: SimpleNamespace) -> tuple[list[Any], int]:
    """All that is handed out, and the position after it."""
    records = fetcher._records[TP]._partition_records
    return list(records), records.next_fetch_offset


@pytest.mark.parametrize("compression", [0, 1])
@pytest.mark.parametrize("start", [40, 42, 45, 51])
@pytest.mark.parametrize("aborted", [[], [(7, 52)]])
def test_the_same_records_are_handed_out(
    compression: int, start: int, aborted: list[tuple[int, int]]
) -> None:
    log = batch(46, ROWS, compression=compression) + batch(
        52, ROWS, transactional=True, compression=compression
    )
    if start < 46:  # a broker sends from the batch on in which the offset lies
        log = batch(40, ROWS, compression=compression) + log
    plain, end = read(fetched(log, start, aborted))
    assert len(plain) == 52 - start + (0 if aborted else len(ROWS))

    events = fetched(log, start, aborted)
    make_of(events, TP, _record)
    assert read(events) == (
        [(one.offset, recorded_at(one.timestamp), one.key, one.value) for one in plain],
        end,
    )
    decisions = fetched(log, start, aborted)
    make_of(decisions, TP, _log_record)
    assert read(decisions) == (
        [LogRecord(one.offset, one.value, stamp_of(one.headers)) for one in plain],
        end,
    )


def test_an_error_that_was_fetched_stays_one() -> None:
    error = object()
    fetcher = SimpleNamespace(_records={TP: error})
    make_of(fetcher, TP, _record)
    make_of(fetcher, TopicPartition("events", 1), _record)
    assert fetcher._records == {TP: error}
