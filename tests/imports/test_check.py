"""`spendlog import check`: warnings, and mappings that are proposed for files that nobody described."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from infra.commands.imports import app
from infra.errors import SpendlogError
from infra.imports.check import check
from infra.imports.mapping import parse_mapping
from infra.imports.propose import propose
from infra.imports.reading import read_export
from tests.imports.exports import HEADER, MAPPING, line, mapping, write

ROWS = [("a", "ACME", "2026-11-20", "12.50"), ("b", "BETA", "2026-11-21", "1234.00")]
PLAIN = "Id,Department,Card,Merchant,Date,Amount,Currency\n" + "".join(
    f"{id_},Ops,c1,{merchant},{day},{amount},EUR\n" for id_, merchant, day, amount in ROWS
)


@pytest.mark.parametrize(
    "content",
    [
        PLAIN.encode(),
        b"\xef\xbb\xbf" + PLAIN.encode(),
        PLAIN.encode("utf-16"),
        PLAIN.encode("utf-16-le"),
        PLAIN.replace(",", ";").encode(),
        PLAIN.replace(",", "\t").replace("\n", "\r\n").encode(),
        f"Statement\nPeriod;2026-11\n\n{PLAIN.replace(',', ';')}".encode(),
        f"sep=|\n{PLAIN.replace(',', '|')}".encode(),
        PLAIN.replace(",", ";").replace("12.50", "12,50").replace("1234.00", "1.234,00").encode(),
        PLAIN.replace("1234.00", '"1,234.00"').encode(),
        PLAIN.replace("12.50", "12.50 €").replace("1234.00", "1234.00 €").encode(),
        PLAIN.replace("2026-11-20", "20/11/2026").replace("2026-11-21", "21/11/2026").encode(),
        PLAIN.replace("2026-11-20", "11/20/2026").replace("2026-11-21", "11/21/2026").encode(),
        PLAIN.replace("2026-11-20", "20.11.2026 00:00").replace("2026-11-21", "21.11.2026 00:00").encode(),
        PLAIN.replace(",EUR\n", ",EUR,\n").encode(),
        PLAIN.replace("Date,Amount", "Transaction Date,Billing Amount").encode(),
        PLAIN.replace("Amount", "Debit,Credit").replace(",EUR", ",,EUR").encode(),
    ],
)  # fmt: skip
def test_a_proposed_mapping_reads_the_file_it_is_for(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "export"
    path.write_bytes(content)
    reading = read_export(path, parse_mapping(propose(path), "proposed"))
    assert not reading.listed
    assert [(row.id, row.merchant, f"{row.at:%F}", row.minor, row.currency) for row in reading.rows] == [
        ("a", "ACME", "2026-11-20", 1250, "EUR"),
        ("b", "BETA", "2026-11-21", 123400, "EUR"),
    ]


FULL = "Date,Amount,Currency,Dept,Card,Merchant\n2026-11-02,{},USD,a,b,c\n"


@pytest.mark.parametrize(
    ("content", "doubt"),
    [
        (FULL.format("5.00").replace("2026-11-02", "01/02/2026"), "may be %m/%d/%Y, too"),
        (FULL.format("5.00").replace("Currency", "Note"), 'currency = "USD" # CHECK: nothing'),
        (FULL.format("5.00").replace("Card", "Note"), "# CHECK: no column is called like a card"),
        (FULL.format("5.00").replace("Card", "Amount"), "'Amount' more than once"),
        (FULL.format('"5,25"') + "2026-11-02,5.25,USD,a,b,c\n", "read 1 of 2"),
        (FULL.format("-5.00"), "most amounts are negative"),
        (FULL.format('"1,234"').replace("USD", "BHD"), "would read as many"),
        (FULL.format("1250") + "2026-11-03,1999,USD,a,b,c\n" * 9, "are they minor units?"),
        (FULL.format("1250").replace("Amount", "Amount (cents)"), 'unit = "minor"'),
        (FULL.format("1250").replace("Amount", "Amount in pence"), 'unit = "minor"'),
    ],
)  # fmt: skip
def test_what_the_file_does_not_say_is_marked(tmp_path: Path, content: str, doubt: str) -> None:
    path = tmp_path / "export"
    path.write_text(content)
    assert doubt in propose(path)


def test_a_file_without_dates_or_amounts_gets_no_mapping(tmp_path: Path) -> None:
    path = tmp_path / "export"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(SpendlogError, match="no mapping can be proposed"):
        propose(path)


@pytest.mark.parametrize(
    ("rows", "change", "warning"),
    [
        ([line(amount="3.000", currency="BHD")], ("", ""), "3000 minor units, there it would be 3000000"),
        ([line(amount="3.000")], ("", ""), "'3.000' is listed as unusable, there it would be 300000"),
        ([line(time="02/11/2019")], ("[time]", '[time]\nformat = "%d/%m/%Y"'), "'02/11/2019' may be either"),
        ([line("a"), line("b"), line("c", currency="JPY", amount="5")], ("", ""), "JPY stands on 1 of 3"),
        ([line(f"r{n}", amount=f"{n}250") for n in range(10)], ("", ""), "none of 10 amounts has decimals"),
        ([line("a"), line("Total", amount="12.50")], ("", ""), "line 3 looks like a total, and counts"),
        ([line("a"), line("b", merchant="GRAND  TOTAL")], ("", ""), "line 3 looks like a total"),
        ([line("a"), line("b", department="Summe")], ("", ""), "line 3 looks like a total"),
        ([line("a", merchant="Opening balance"), line("b")], ("", ""), "line 2 looks like a total"),
        ([line("a", merchant="Endsaldo"), line("b")], ("", ""), "line 2 looks like a total"),
    ],
)  # fmt: skip
def test_what_may_be_read_in_two_ways_is_warned_of(
    tmp_path: Path, rows: list[str], change: tuple[str, str], warning: str
) -> None:
    text = MAPPING.replace(*change) if change[0] else MAPPING
    found = check(write(tmp_path, *rows), mapping(text)).warnings
    assert any(warning in one for one in found), found


def test_a_plain_file_has_no_warning(tmp_path: Path) -> None:
    assert check(write(tmp_path, line("a"), line("b", amount="1.99")), mapping()).warnings == []


def test_a_header_twice_is_warned_of_where_no_column_of_it_is_mapped(tmp_path: Path) -> None:
    path = write(tmp_path, line() + ",x,y", header=HEADER + ",note,Note")
    (warning,) = check(path, mapping()).warnings
    assert warning == "the header has 'note' more than once, as columns 10 and 11; a mapping may say a number"


def test_the_command_shows_rows_reasons_and_where_every_line_is(tmp_path: Path) -> None:
    path = write(tmp_path, line("a"), "", line("b", amount="x"))
    (tmp_path / "m.toml").write_text(MAPPING)
    told = CliRunner().invoke(app, ["check", str(path), "--mapping", str(tmp_path / "m.toml")])
    assert told.exit_code == 0, told.output
    for words in (
        "line 2  purchase of GBP 12.50 on 2019-01-07 09:00 UTC, id a",
        "1 rows can be used, 1 cannot",
        "4 lines read",
        "1 blank",
        "line 4: amount 'x' is not a number",
    ):
        assert words in told.output
    proposed = CliRunner().invoke(app, ["check", str(path)])
    assert proposed.exit_code == 0 and "[columns]" in proposed.stdout


def test_the_command_says_the_same_as_json(tmp_path: Path) -> None:
    path = write(tmp_path, line("a"), line("b", amount="x"), line("c", time="2019-01-08"))
    (tmp_path / "m.toml").write_text(MAPPING)
    arguments = ["check", str(path), "--mapping", str(tmp_path / "m.toml"), "--json", "--rows", "1"]
    done = CliRunner().invoke(app, arguments)
    told = json.loads(done.stdout)
    assert (told["usable"], [row["id"] for row in told["rows"]], told["warnings"]) == (2, ["a"], [])
    assert told["rows"][0]["minor"] == 1250
    assert told["listed"] == [{"line": 3, "reason": "amount 'x' is not a number"}]
    lines = told["lines"]
    assert lines["all"] == lines["header"] + lines["in_rows"] == 4
    proposed = json.loads(CliRunner().invoke(app, ["check", str(path), "--json"]).stdout)
    assert parse_mapping(proposed["mapping"], "proposed").columns.amount == "amount"


def test_a_file_without_a_usable_row_ends_with_status_1(tmp_path: Path) -> None:
    path = write(tmp_path, line(amount="x"))
    (tmp_path / "m.toml").write_text(MAPPING)
    assert CliRunner().invoke(app, ["check", str(path), "--mapping", str(tmp_path / "m.toml")]).exit_code == 1
