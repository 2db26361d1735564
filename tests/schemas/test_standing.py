"""What a process says of its partitions is bounded, and what others write is not taken for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas.standing import SILENT_AFTER_S, TEXT_MAX, Report, decode_report, encode_report

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=200).flatmap(
    lambda text: st.integers(1, 400).map(lambda times: text * times)
)


GOOD = b'{"part":"worker","partition":0,"process":"w","state":"working","at":"2026-01-02T03:04:05Z"}'


@given(TEXTS, TEXTS, TEXTS)
def test_a_report_is_bounded_and_comes_back(process: str, why: str, remedy: str) -> None:
    report = Report("ledger", 3, process, "standing_still", NOW, 7, 8, NOW, why, remedy, NOW)
    value = encode_report(report)
    assert len(value) <= 3 * 6 * TEXT_MAX + 500  # six bytes for a control character
    cut = replace(report, process=process[:TEXT_MAX], why=why[:TEXT_MAX], remedy=remedy[:TEXT_MAX])
    assert decode_report(value) == cut
    assert report.key == b"ledger/3"


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"x",
        b"{}",
        b"[]",
        b"\xff",
        GOOD.replace(b"working", b"asleep"),
        GOOD.replace(b"worker", b"waiter"),
        GOOD.replace(b"05Z", b"05"),
        GOOD.replace(b'"w"', b"1"),
    ],
)
def test_what_somebody_else_wrote_is_no_report(value: bytes | None) -> None:
    assert decode_report(GOOD) is not None
    assert decode_report(value) is None


def test_silence_begins_after_several_reports_are_missing() -> None:
    report = Report("worker", 0, "w", "working", NOW)
    assert report.silent_s(NOW + timedelta(seconds=SILENT_AFTER_S)) is None
    assert report.silent_s(NOW + timedelta(seconds=SILENT_AFTER_S + 1)) == SILENT_AFTER_S + 1
    assert report.silent_s(NOW - timedelta(hours=1)) is None, "a clock that is ahead"
