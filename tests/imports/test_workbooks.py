"""Workbooks: cells of every kind, hidden sheets, and what spreadsheet programs do to long numbers."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest

from infra.errors import SpendlogError
from infra.imports.reading import read_export
from infra.imports.row import Row, Unusable
from tests.imports.exports import HEADER, line, mapping, one, read
from tests.imports.test_table import with_file

Rows = Sequence[Sequence[object]]


def workbook(path: Path, rows: Rows, **hidden: Rows) -> Path:
    """A small XLSX; a `datetime.date` becomes a date cell, a number a number cell.

    `hidden`: further sheets, by a name that begins with their state: `hidden_x`, `veryHidden_x`, `visible_x`.
    """
    sheets = {"Cards": rows, **hidden}
    states = [name.partition("_")[0] for name in sheets]
    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    relations = "http://schemas.openxmlformats.org/package/2006/relationships"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            "[Content_Types].xml",
            '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
        )
        archive.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{relations}"><Relationship Id="r1" Type="{office}/officeDocument" '
            'Target="xl/workbook.xml"/></Relationships>',
        )
        archive.writestr(
            "xl/workbook.xml",
            f'<workbook {main} xmlns:r="{office}"><sheets>'
            + "".join(
                f'<sheet name="{name}" sheetId="{n}" r:id="s{n}" state="{state if n else "visible"}"/>'
                for n, (name, state) in enumerate(zip(sheets, states, strict=True))
            )
            + "</sheets></workbook>",
        )
        archive.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{relations}">'
            + "".join(
                f'<Relationship Id="s{n}" Type="{office}/worksheet" Target="worksheets/sheet{n}.xml"/>'
                for n in range(len(sheets))
            )
            + f'<Relationship Id="styles" Type="{office}/styles" Target="styles.xml"/></Relationships>',
        )
        archive.writestr(
            "xl/styles.xml",
            f'<styleSheet {main}><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>',
        )
        for n, these in enumerate(sheets.values()):
            data = "".join(f"<row>{''.join(map(_cell, row))}</row>" for row in these)
            archive.writestr(
                f"xl/worksheets/sheet{n}.xml",
                f"<worksheet {main}><sheetData>{data}</sheetData></worksheet>",
            )
    return path


def _cell(value: object) -> str:
    if isinstance(value, date):
        return f'<c s="1"><v>{(value - date(1899, 12, 30)).days}</v></c>'
    if isinstance(value, int | float):
        return f"<c><v>{value!r}</v></c>"
    return f'<c t="inlineStr"><is><t>{value}</t></is></c>'


@pytest.mark.parametrize("pattern", ["iso", "%d.%m.%Y", "%Y-%d-%m"])
@pytest.mark.parametrize("decimal", [".", ","])
def test_a_workbook_is_read_by_the_kind_of_its_cells(tmp_path: Path, pattern: str, decimal: str) -> None:
    rows: Sequence[Sequence[object]] = [
        ["Statement"],
        HEADER.split(","),
        ["r1", "Housing", "card_1", "Screwfix", 5251, 33.520000000000003, date(2019, 1, 7), "", "GBP"],
        ["", "", "", "", "", "", "", "", ""],
        ["r2", "Housing", "card_1", "Screwfix", 742, 1234, date(2019, 1, 8), "", "GBP"],
    ]
    text = with_file("skip = 1").replace("[time]", f'[time]\nformat = "{pattern}"')
    text = text.replace("[amount]", f'[amount]\ndecimal = "{decimal}"')
    reading = read_export(workbook(tmp_path / "cards.csv", rows), mapping(text))
    assert not reading.listed
    assert [(row.line, row.minor, row.mcc, row.at.day) for row in reading.rows] == [
        (3, 3352, "5251", 7),
        (5, 123400, "0742", 8),
    ]
    account = reading.account
    assert (account.skipped, account.header, account.blank, account.in_rows, account.lines) == (1, 1, 1, 2, 5)


def test_a_sheet_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = workbook(tmp_path / "cards.xlsx", [HEADER.split(",")])
    with pytest.raises(SpendlogError, match="has no sheet 'Gone'; it has Cards"):
        read(path, with_file('sheet = "Gone"'))


NAMES = HEADER.split(",")


def cells(**more: object) -> list[object]:
    """A row of number, date and text cells, as workbooks have it."""
    found: dict[str, object] = {
        "id": "r1", "department": "Housing", "card": "card_1", "merchant": "Screwfix", "mcc": 5251,
        "amount": 12.5, "time": date(2019, 1, 7), "posted": "", "currency": "GBP",
    }  # fmt: skip
    return list((found | more).values())


@pytest.mark.parametrize("member", ["id", "card", "department", "merchant"])
@pytest.mark.parametrize(
    "number",
    [4111111111111111, 4111111111111110, 5555555555554444, 6011000990139424, 12345678901234567,
     1234567890123456, 10**15, 6304000000000000005],
)  # fmt: skip
def test_a_number_that_no_spreadsheet_keeps_is_listed(tmp_path: Path, member: str, number: int) -> None:
    """A program that writes workbooks keeps 16 digits of a card's number, Excel 15 and a zero."""
    (found,) = read(workbook(tmp_path / "x.xlsx", [NAMES, cells(**{member: number})]))
    assert isinstance(found, Unusable)
    assert "is a number of more than 15 digits" in found.reason
    assert str(number)[:8] not in found.reason


@pytest.mark.parametrize("number", [1, 123456, 123456789012345, 4111111, 999999999999999])
def test_shorter_numbers_are_ids(tmp_path: Path, number: int) -> None:
    (found,) = read(workbook(tmp_path / "x.xlsx", [NAMES, cells(card=number)]))
    assert isinstance(found, Row) and found.card == str(number)


@pytest.mark.parametrize("member", ["id_", "card", "department"])
@pytest.mark.parametrize("text", ["4.11111E+15", "4,11111E+15", "1E+15", "1.2e+05", "6.01E+18"])
def test_a_number_that_a_spreadsheet_shortened_is_listed(tmp_path: Path, member: str, text: str) -> None:
    written = line(**{member: f'"{text}"'})
    found = one(tmp_path, written)
    assert isinstance(found, Unusable) and "is a number that a spreadsheet shortened" in found.reason


@pytest.mark.parametrize("text", ["E+15", "1E15X", "A1E+15", "1.2.E+3", "2E"])
def test_ids_that_only_look_shortened_are_kept(tmp_path: Path, text: str) -> None:
    found = one(tmp_path, line(card=text))
    assert isinstance(found, Row) and found.card == text


def test_hidden_sheets_are_not_asked_for(tmp_path: Path) -> None:
    other: Rows = [["code", "name"], [1, "x"]]
    path = workbook(tmp_path / "x.xlsx", [NAMES, cells()], hidden_a=other, veryHidden_b=other)
    (found,) = read(path)
    assert isinstance(found, Row)
    with pytest.raises(SpendlogError, match=r"several sheets: say .* it has Cards, visible_c"):
        read(workbook(tmp_path / "y.xlsx", [NAMES, cells()], visible_c=other, hidden_a=other))
    (found,) = read(workbook(tmp_path / "z.xlsx", other, hidden_a=[NAMES, cells()]),
                    with_file('sheet = "hidden_a"'))  # fmt: skip
    assert isinstance(found, Row)


@pytest.mark.parametrize(
    ("member", "cell", "said"),
    [
        ("time", 46328, "spreadsheet's day number"),
        ("time", "07.01.2019", "is not a date (iso)"),
        ("amount", date(2019, 1, 7), "is not a number"),
        ("amount", "#REF!", "is not a number"),
        ("amount", "", "amount is missing"),
        ("amount", 12.3456, "more digits than GBP has"),
        ("amount", 1e15, "is a number of more than 15 digits"),
        ("mcc", 5812.5, "is not four digits"),
    ],
)
def test_a_cell_of_another_kind_is_listed(tmp_path: Path, member: str, cell: object, said: str) -> None:
    (found,) = read(workbook(tmp_path / "x.xlsx", [NAMES, cells(**{member: cell})]))
    assert isinstance(found, Unusable) and said in found.reason
