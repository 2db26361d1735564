"""Settlement files that are tables: every line is accounted for, what cannot be used says why."""

from __future__ import annotations

import gzip
from datetime import date
from pathlib import Path

import pytest

from infra.errors import SpendlogError
from tests.reconciliation.writing import HEADER, MAPPING, mapping, read

ROWS = (
    "arn-1,auth-1,card-a,Dell,2026-11-02,2026-11-04,600.00,USD\n"
    "arn-2,,card-b,Uber,2026-11-03,2026-11-03,-12.50,USD\n"
)


def write(path: Path, text: str) -> Path:
    path.write_text(HEADER + text, encoding="utf-8")
    return path


def test_a_line_says_all_that_the_file_says(tmp_path: Path) -> None:
    lines, refused, account = read(write(tmp_path / "a.csv", ROWS), mapping())
    first, second = lines
    assert (first.number, first.reference, first.authorization, first.card) == (
        2,
        "arn-1",
        "auth-1",
        "card-a",
    )
    assert (first.minor, first.currency, first.refund) == (60000, "USD", False)
    assert (first.bought, first.day, first.merchant) == (date(2026, 11, 2), date(2026, 11, 4), "Dell")
    assert (second.minor, second.refund, second.authorization) == (1250, True, None)
    assert not refused
    assert account == {"used": 2, "header": 1, "skipped": 0, "blank": 0, "continued": 0}


def test_every_physical_line_is_accounted_for(tmp_path: Path) -> None:
    text = ROWS + '\narn-3,,card-c,"two\nlines",2026-11-03,2026-11-03,1.00,USD\n,,,\n' + "arn-4,,card-d\n"
    path = write(tmp_path / "a.csv", text)
    _, refused, account = read(path, mapping())
    assert sum(account.values()) == len(path.read_text().splitlines())
    assert [(one.line, one.reason) for one in refused] == [
        (8, 'it has 3 fields, the header 8; [file] ragged = "fill" takes missing ones as empty')
    ]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("arn-1,,c,M,2026-11-02,2026-11-04,1.0051,USD", "has more digits than USD"),
        ("arn-1,,c,M,2026-11-02,2026-11-04,1e5,USD", "'1e5' is not a number"),
        ("arn-1,,c,M,2026-11-02,2026-11-04,0.00,USD", "amount is zero"),
        ("arn-1,,c,M,2026-11-02,2026-11-04,,USD", "amount is missing"),
        ("arn-1,,c,M,2026-11-02,2026-11-04,1.00,XXX", "XXX"),
        ("arn-1,,c,M,2026-13-02,2026-11-04,1.00,USD", "'2026-13-02' is not a date"),
        ("arn-1,,c,M,2026-11-02,04.11.2026,1.00,USD", "'04.11.2026' is not a date"),
        ("arn-1,,4111111111111111,M,2026-11-02,2026-11-04,1.00,USD", "card number"),
        ("4111 1111 1111 1111,,c,M,2026-11-02,2026-11-04,1.00,USD", "card number"),
        ("arn-1,5500005555555559,c,M,2026-11-02,2026-11-04,1.00,USD", "card number"),
        ("arn-1,,c,M,2026-11-02,2026-11-04,99999999999999999,USD", "larger than"),
    ],
)
def test_a_line_that_cannot_be_used_says_its_field(tmp_path: Path, row: str, reason: str) -> None:
    lines, (refused,), account = read(write(tmp_path / "a.csv", row + "\n" + ROWS), mapping())
    assert (refused.line, reason in refused.reason) == (2, True), refused.reason
    assert "411111111111" not in refused.reason
    assert (len(lines), account["refused"]) == (2, 1)


def test_the_same_reference_twice_is_two_lines_and_an_empty_cell_says_nothing(tmp_path: Path) -> None:
    text = "arn-1,,card-a,,2026-11-02,2026-11-04,1.00,USD\n" * 2
    lines, refused, _ = read(write(tmp_path / "a.csv", text), mapping())
    assert [(one.reference, one.merchant) for one in lines] == [("arn-1", None)] * 2
    assert not refused
    no_card = MAPPING.replace('card = "card"\n', "").replace('row_id = "arn"\n', "")
    lines, _, _ = read(tmp_path / "a.csv", mapping(no_card))
    assert [(one.reference, one.card) for one in lines] == [(None, None)] * 2


def test_a_card_number_in_the_text_of_a_merchant_is_masked(tmp_path: Path) -> None:
    text = "arn-1,,c,Shop 4111111111111111,2026-11-02,2026-11-04,1.00,USD\n"
    (line,), _, _ = read(write(tmp_path / "a.csv", text), mapping())
    assert line.merchant is not None
    assert "4111111111111111" not in line.merchant
    assert line.merchant.startswith("Shop ")


def test_gzip_minor_units_and_other_signs_are_as_in_card_exports(tmp_path: Path) -> None:
    by = mapping(MAPPING + '[amount]\nunit = "minor"\nrefund = "positive"\n')
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress((HEADER + "a,,c,M,2026-11-02,2026-11-02,-1250,JPY\n").encode()))
    (line,), _, _ = read(path, by)
    assert (line.minor, line.currency, line.refund) == (1250, "JPY", False)


def test_a_file_as_a_whole_is_refused_with_what_to_do(tmp_path: Path) -> None:
    empty = tmp_path / "empty.csv"
    empty.write_bytes(b"")
    with pytest.raises(SpendlogError, match="is empty"):
        read(empty, mapping())
    with pytest.raises(SpendlogError, match="--propose"):
        read(write(tmp_path / "a.csv", ROWS), None)
    misspelt = tmp_path / "b.csv"
    misspelt.write_text(HEADER.replace("bought", "buoght") + ROWS)
    with pytest.raises(SpendlogError, match=r"no column 'bought'.*did you mean 'buoght'"):
        read(misspelt, mapping())
    with pytest.raises(SpendlogError, match="a quote opens on line 2"):
        read(write(tmp_path / "c.csv", 'arn,,c,"M,2026-11-02,2026-11-02,1.00,USD\n' + ROWS), mapping())
