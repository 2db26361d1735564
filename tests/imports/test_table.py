"""Files: every line is accounted for, and what is not read is named with what to do."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.errors import SpendlogError
from infra.imports.reading import read_export
from infra.imports.row import Row, Unusable
from tests.imports.exports import HEADER, MAPPING, line, mapping, read, write


def with_file(setting: str) -> str:
    return f"{MAPPING}\n[file]\n{setting}\n"


@pytest.mark.parametrize(
    ("lines", "opens"),
    [
        ([line("a", merchant='"ACME'), line("b"), line("c")], "line 2"),
        ([line("a"), line("b", merchant='"ACME'), line("c")], "line 3"),
        ([line("a", department='"Ops'), line("b", merchant='"BETA"'), line("c")], "line 2"),
        ([line("a", merchant='"ACME'), line("b"), line("c", merchant='x"')], "line 2"),
        ([line("a", merchant='"ACME'), *(line(f"r{n}") for n in range(40)), '"'], "line 2"),
        (['"a' + line(""), line("b")], "line 2"),
        ([line("a", currency='"GBP')], "line 2"),
        ([line("a", merchant='"ok"'), line("b", merchant='"two\nlines"'), line("c", merchant='"')], "line 5"),
    ],
)  # fmt: skip
def test_a_quote_that_does_not_close_is_refused_with_its_line(
    tmp_path: Path, lines: list[str], opens: str
) -> None:
    with pytest.raises(SpendlogError) as raised:
        read(write(tmp_path, *lines))
    assert f"{opens}" in str(raised.value)
    assert "quote" in str(raised.value)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_row_that_closes_another_rows_quote_is_refused(tmp_path: Path, delimiter: str) -> None:
    rows = [line("a", currency='"GBP'), line("b"), line("c", currency='GBP"')]
    path = write(
        tmp_path, *(row.replace(",", delimiter) for row in rows), header=HEADER.replace(",", delimiter)
    )
    with pytest.raises(SpendlogError, match="opens on line 2 closes on line 4, with whole rows between"):
        read(path, with_file(f"delimiter = {delimiter!r}".replace("'", '"')))


def test_a_quote_inside_a_field_is_a_letter_and_a_bad_one_is_listed(tmp_path: Path) -> None:
    found = read(write(tmp_path, line(merchant='5" pipe'), line("b", merchant='"ACME" Ltd'), line("c")))
    assert [type(one) for one in found] == [Row, Unusable, Row]
    assert isinstance(found[1], Unusable) and "not a line of CSV" in found[1].reason


def test_fields_over_several_lines_are_named_and_bounded(tmp_path: Path) -> None:
    path = write(tmp_path, line("a", merchant='"Two\nlines"'), line("b", merchant='"1\n2\n3\n4\n5"'))
    reading = read_export(path, mapping())
    assert "lines 2 to 3 are one row: a quoted field runs over them" in list(reading.whereabouts())
    assert [row.merchant for row in reading.rows] == ["Two lines", "1 2 3 4 5"]
    with pytest.raises(SpendlogError, match="opens on line 4 and has not closed 4 lines below"):
        read(path, with_file("row_lines_max = 4"))


@given(
    st.lists(
        st.sampled_from(["", "  ", ",,,,,,,,", "good", "bad", '"q"', "short", "spread"]),
        min_size=1,
        max_size=12,
    )
)
def test_every_physical_line_is_accounted_for(
    tmp_path_factory: pytest.TempPathFactory, kinds: list[str]
) -> None:
    kinds = [*kinds, "good"]
    texts = {
        "good": lambda n: line(f"r{n}"),
        "bad": lambda n: line(f"r{n}", amount="x"),
        "spread": lambda n: line(f"r{n}", merchant='"a\n\nb"'),
    }
    lines = [texts[kind](n) if kind in texts else kind for n, kind in enumerate(kinds)]
    path = write(tmp_path_factory.mktemp("lines"), *lines)
    reading = read_export(path, mapping())
    account = reading.account
    assert account.lines == len(path.read_text().splitlines())
    assert account.rows == len(reading.rows) + len(reading.listed)
    assert sum(last - first for first, last in account.spread) + account.rows == account.in_rows


CONTENT = f"{HEADER}\n{line()}\n"


@pytest.mark.parametrize(
    ("content", "setting"),
    [
        (b"\xef\xbb\xbf" + CONTENT.encode(), ""),
        (b"\xef\xbb\xbf" + CONTENT.encode(), 'encoding = "utf-8"'),
        (b"\xef\xbb\xbf" + CONTENT.encode(), 'encoding = "utf-8-sig"'),
        (b"\xef\xbb\xbf" + CONTENT.encode(), 'encoding = "UTF8"'),
        (CONTENT.encode(), 'encoding = "utf-8-sig"'),
        (CONTENT.encode("utf-16"), ""),
        (CONTENT.encode("utf-16"), 'encoding = "utf-16"'),
        (CONTENT.encode("utf-16"), 'encoding = "UTF_16"'),
        (b"\xfe\xff" + CONTENT.encode("utf-16-be"), ""),
        (b"\xfe\xff" + CONTENT.encode("utf-16-be"), 'encoding = "utf-16"'),
        (CONTENT.encode("utf-16-le"), 'encoding = "utf-16-le"'),
        (CONTENT.encode("utf-16-le"), 'encoding = "utf-16"'),
        (CONTENT.encode("utf-16-be"), 'encoding = "utf-16"'),
        (CONTENT.encode("utf-32"), ""),
        (CONTENT.encode("cp1252"), 'encoding = "cp1252"'),
        (CONTENT.replace("\n", "\r\n").encode(), ""),
        (CONTENT.replace("\n", "\r").encode(), ""),
        (CONTENT.rstrip("\n").encode(), ""),
        (f"sep=,\n{CONTENT}".encode(), ""),
        (("sep=;\n" + CONTENT.replace(",", ";")).encode(), ""),
        (b"\xef\xbb\xbf" + ('"sep=;"\r\n' + CONTENT.replace(",", ";")).encode(), 'delimiter = ";"'),
        (("sep=\t\n" + CONTENT.replace(",", "\t")).encode("utf-16"), ""),
        (f"\n\n{CONTENT}".encode(), ""),
        (f"Statement\nPeriod,2019\n\n{CONTENT}".encode(), "skip = 3"),
        (gzip.compress(CONTENT.encode("utf-16")), ""),
        (CONTENT.replace("Screwfix", "Screwfix\u00a0\u00a0 ").encode(), ""),
        (CONTENT.replace("merchant", " Merchant\u200b").encode(), ""),
        (("sep=; \r\n" + CONTENT.replace(",", ";")).encode(), ""),
        (f"SEP=,,,,,,,,,\n{CONTENT}".encode(), ""),
        (("sep=|\r" + CONTENT.replace(",", "|").replace("\n", "\r")).encode(), ""),
    ],
)  # fmt: skip
def test_a_file_is_read_whatever_wrote_it(tmp_path: Path, content: bytes, setting: str) -> None:
    path = tmp_path / "export"
    path.write_bytes(content)
    (row,) = read(path, with_file(setting))
    assert isinstance(row, Row), row
    assert (row.id, row.department, row.merchant, row.minor) == ("r1", "housing", "Screwfix", 1250)


@pytest.mark.parametrize(
    ("content", "setting", "said"),
    [
        (CONTENT.encode("utf-16"), 'encoding = "utf-8"', "byte order mark of utf-16-le"),
        (b"\xef\xbb\xbf" + CONTENT.encode(), 'encoding = "cp1252"', "byte order mark of utf-8"),
        (CONTENT.encode("utf-16-le"), "", 'say [file] encoding = "utf-16-le"'),
        (CONTENT.encode("utf-16-be"), "", 'say [file] encoding = "utf-16-be"'),
        (f"sep=;\n{CONTENT}".encode(), 'delimiter = ","', "says the delimiter is ';'"),
        (f"Statement\nPeriod,2019\n\n{CONTENT}".encode(), "", "say [file] skip = 3"),
        (f"Statement\n{CONTENT}".encode(), "", "say [file] skip = 1"),
        (CONTENT.replace(",", ";").encode(), "", "delimiter = ';'"),
        (CONTENT.replace(",", "\t").encode(), "", "delimiter = '\\t'"),
        (CONTENT.encode(), "skip = 9", "leaves nothing"),
        (b"", "", "is empty"),
        (b"\n\n", "", "has no header"),
        (b"%PDF-1.7\n", "", "is a PDF, which is not read"),
        (b"OFXHEADER:100\nDATA:OFXSGML\n", "", "is OFX (or QFX)"),
        (b"\xef\xbb\xbf\r\nofxheader:100\n", "", "is OFX (or QFX)"),
        (b'<?xml version="1.0"?><?OFX OFXHEADER="200"?>', "", "is OFX (or QFX)"),
        (b'<?xml version="1.0"?><Document xmlns="urn:iso:std:iso:20022:camt.053">', "", "is camt"),
        (b"!Type:CCard\nD1/2/19\n", "", "is QIF"),
        (b":20:STARTUMSE\n", "", "is MT940"),
        (b"<html><table>", "", "is a web page"),
        (b'[{"id": 1}]', "", "is JSON"),
        (b'[\n  {"id": 1}\n]', "", "is JSON"),
        (b'{"id": 1}\n{"id": 2}\n', "", "is JSON"),
        (b"[ [1, 2] ]", "", "is JSON"),
        (b"MIME-Version: 1.0\r\nX-Document-Type: Workbook\r\n", "", "is a web page (MHTML)"),
        (CONTENT.replace(",", "^").encode(), "", "delimiter = '^'"),
        (CONTENT.replace(",", "~").encode(), "", "delimiter = '~'"),
        (CONTENT.replace("merchant", "händler").encode("cp1252"), "", "[file] encoding may say another"),
        (b"PAR1\x00", "", "is Parquet"),
        (b"PK\x03\x04broken", "", "cannot be read"),
        (b"\xd0\xcf\x11\xe0" + bytes(600), "", "cannot be read as a workbook"),
    ],
)  # fmt: skip
def test_what_is_not_read_is_named_with_what_to_do(
    tmp_path: Path, content: bytes, setting: str, said: str
) -> None:
    path = tmp_path / "export.csv"
    path.write_bytes(content)
    with pytest.raises(SpendlogError) as raised:
        read(path, with_file(setting))
    assert said in str(raised.value)
    assert str(path) in str(raised.value)


def test_a_zip_archive_is_named_with_what_is_in_it(tmp_path: Path) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("cards.csv", CONTENT)
    path = tmp_path / "cards.csv"
    path.write_bytes(content.getvalue())
    with pytest.raises(SpendlogError, match=r"a zip archive \(cards.csv\), which is not read: unpack it"):
        read(path)


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (HEADER.replace("mcc", "amount"), "'amount' more than once, as columns 5 and 6"),
        (HEADER.replace("mcc", "Amount").replace(",amount", ",AMOUNT"), "once, as columns 5 and 6"),
        (HEADER.replace("mcc", " amount "), "'amount' more than once, as columns 5 and 6"),
        (HEADER.replace("mcc", "amount\u200b").replace(",amount,t", ",\ufeffamount,t"), "as columns 5 and 6"),
        (HEADER.replace("mcc", "am\u200bount"), "'amount' more than once, as columns 5 and 6"),
        (HEADER.replace("mcc", "ａmount"), "'amount' more than once, as columns 5 and 6"),
        (HEADER + ",currency", "'currency' more than once, as columns 9 and 10"),
        (HEADER.replace("merchant", "mercant"), "did you mean 'mercant'?"),
    ],
)  # fmt: skip
def test_a_header_that_names_a_column_twice_is_refused(tmp_path: Path, header: str, said: str) -> None:
    text = MAPPING.replace('mcc = "mcc"\n', "")
    with pytest.raises(SpendlogError) as raised:
        read(write(tmp_path, line(), header=header), text)
    assert said in str(raised.value)


def test_a_column_may_be_chosen_by_its_number(tmp_path: Path) -> None:
    text = MAPPING.replace('mcc = "mcc"\n', "").replace('amount = "amount"', "amount = 6")
    (row,) = read(write(tmp_path, line(), header=HEADER.replace("mcc", "amount")), text)
    assert isinstance(row, Row) and row.minor == 1250
    with pytest.raises(SpendlogError, match=r"columns.amount is 60, but the header \(line 1\) has 9 columns"):
        read(write(tmp_path, line()), MAPPING.replace('amount = "amount"', "amount = 60"))


@pytest.mark.parametrize(
    ("written", "ragged", "minor"),
    [
        (line() + ",", "trim", 1250),
        (line() + ",, ,", "both", 1250),
        ("r1,Housing,card_1,Screwfix,5251,12.50,2019-01-07,,GBP,Extra", "both", None),
        (line() + ",", "list", None),
        (line() + ",", "fill", None),
        (line(currency="GBP").rsplit(",", 1)[0], "fill", None),  # the currency is missing then
    ],
)  # fmt: skip
def test_ragged_rows(tmp_path: Path, written: str, ragged: str, minor: int | None) -> None:
    (found,) = read(write(tmp_path, written), with_file(f'ragged = "{ragged}"'))
    assert getattr(found, "minor", None) == minor
