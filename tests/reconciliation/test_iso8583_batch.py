"""Batches of ISO 8583: versions, encodings, frames; each message is a line, counted, or refused."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from infra.errors import SpendlogError
from tests.reconciliation.writing import batch, message, read

OF_1993 = {
    "t": "1240", "f2": "9990001112", "f3": "000000", "f4": "000000001250", "f12": "261102103000",
    "f31": "74500016305000000000011", "f37": "auth00000001", "f42": "MERCHANT0000001",
    "f43": "DELL\\\\ROUND ROCK\\", "f49": "840", "f15": "261104",
}  # fmt: skip
OF_1987 = {
    "t": "0220", "f2": "9990001112", "f3": "000000", "f4": "000000001250", "f13": "1102", "f15": "1104",
    "f37": "auth00000001", "f42": "MERCHANT0000001", "f43": "Dell".ljust(40), "f49": "USD",
}  # fmt: skip


def write(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "batch.ipm"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("encoding", ["ascii", "cp500"])
@pytest.mark.parametrize("width", [2, 4])
@pytest.mark.parametrize("fields", [OF_1993, OF_1987])
def test_a_presentment_is_a_line(tmp_path: Path, encoding: str, width: int, fields: dict[str, str]) -> None:
    (line,), refused, account = read(write(tmp_path, batch(message(encoding, **fields), width=width)))
    assert (line.number, line.minor, line.currency, line.refund) == (1, 1250, "USD", False)
    assert (line.day, line.bought) == (date(2026, 11, 4), date(2026, 11, 2))
    assert (line.card, line.authorization) == ("9990001112", "auth00000001")
    assert line.reference == ("74500016305000000000011" if fields is OF_1993 else "auth00000001")
    assert (line.merchant or "").upper() == "DELL"
    assert (refused, account) == ([], {"used": 1, "entries": 1})


def test_refunds_reversals_and_what_administers_the_file_are_told_apart(tmp_path: Path) -> None:
    content = batch(
        message(t="1644", f37="header000000"),
        message(**{**OF_1993, "f3": "200000"}),
        message(**{**OF_1993, "t": "1442"}),
        message(**{**OF_1993, "t": "1442", "f3": "200000"}),
        message(**OF_1993),
    )
    lines, _, account = read(write(tmp_path, content))
    assert [(one.number, one.refund) for one in lines] == [(2, True), (3, True), (4, False), (5, False)]
    assert account == {"entries": 5, "administrative": 1, "used": 4}


def test_what_the_cardholder_was_billed_counts(tmp_path: Path) -> None:
    billed = {**OF_1993, "f6": "000000001000", "f51": "392"}
    (line,), _, _ = read(write(tmp_path, batch(message(**billed))))
    assert (line.minor, line.currency) == (1000, "JPY")


@pytest.mark.parametrize(
    ("today", "booked", "bought"),
    [
        (date(2026, 11, 28), date(2026, 11, 4), date(2026, 11, 2)),
        (date(2026, 11, 3), date(2026, 11, 4), date(2026, 11, 2)),  # a clock that is a day ahead
        (date(2026, 11, 1), date(2025, 11, 4), date(2026, 11, 2)),
        (date(2026, 1, 5), date(2025, 11, 4), date(2025, 11, 2)),
    ],
)
def test_a_date_without_a_year_is_the_last_one(
    tmp_path: Path, today: date, booked: date, bought: date
) -> None:
    (line,), _, _ = read(write(tmp_path, batch(message(**OF_1987))), today=today)
    assert (line.day, line.bought) == (booked, bought)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"f4": "000000000000"}, "amount is zero"),
        ({"f4": "00000000125A"}, "field 4, the amount"),
        ({"f49": "000"}, "no number of ISO 4217"),
        ({"f49": "XXX"}, "XXX"),
        ({"f15": "261340"}, "field 15, a date"),
        ({"f15": "26AB04"}, "field 15, a date"),
        ({"f31": "4111111111111111"}, "card number"),
        ({"t": "1110"}, "is no presentment"),
    ],
)
def test_a_message_that_cannot_be_used_says_its_place_and_field(
    tmp_path: Path, changed: dict[str, str], reason: str
) -> None:
    content = batch(message(**OF_1993), message(**{**OF_1993, **changed}))
    lines, (refused,), _ = read(write(tmp_path, content))
    assert (len(lines), refused.line) == (1, 2)
    assert refused.reason.startswith("message 2: ")
    assert reason in refused.reason


def test_a_card_number_is_no_card(tmp_path: Path) -> None:
    (line,), _, _ = read(write(tmp_path, batch(message(**{**OF_1993, "f2": "4111111111111111"}))))
    assert line.card is None
    assert "411111" not in str(line)


def test_a_message_that_does_not_decode_is_refused_alone(tmp_path: Path) -> None:
    broken = message(**OF_1993)[:-4]
    lines, (refused,), _ = read(write(tmp_path, batch(message(**OF_1993), broken, message(**OF_1993))))
    assert [one.number for one in lines] == [1, 3]
    assert refused.reason.startswith("message 2: field ")


@pytest.mark.parametrize(
    "content",
    [
        batch(message(**OF_1993), end=False)[:-3],
        batch(message(**OF_1993), end=False) + b"\0\1",
        batch(message(**OF_1993), end=False) + b"\x7f\xff\xff\xff" + b"x" * 40,
    ],
)
def test_a_batch_that_is_cut_off_is_refused_as_a_whole(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(SpendlogError, match="cut off"):
        read(write(tmp_path, content))
