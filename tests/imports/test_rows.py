"""Rows of an export: what each column becomes, and what is refused with which words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from infra.demo.player import WINDOW_ROWS_MAX, WINDOW_SPAN_MAX, windows
from infra.errors import SpendlogError
from infra.imports.departments import Departments, slug
from infra.imports.months import month_of, month_start, months_before
from infra.imports.row import Row, Unusable
from tests.imports.exports import HEADER, MAPPING, line, one, read, write


def usable(folder: Path, written: str, text: str = MAPPING) -> Row:
    found = one(folder, written, text)
    assert isinstance(found, Row), found
    return found


def test_a_row_becomes_what_its_columns_say(tmp_path: Path) -> None:
    row = usable(tmp_path, line(posted="2019-01-09"))
    assert row == Row(
        line=2,
        id="r1",
        organization="city",
        department="housing",
        department_name="Housing",
        card="card_1",
        merchant="Screwfix",
        mcc="5251",
        minor=1250,
        currency="GBP",
        at=datetime(2019, 1, 7, 9, tzinfo=UTC),
        posted_at=datetime(2019, 1, 9, tzinfo=UTC),
        refund=False,
    )


def test_times_without_a_zone_are_those_of_the_mapping(tmp_path: Path) -> None:
    assert usable(tmp_path, line(time="2019-07-01 09:00:00")).at == datetime(2019, 7, 1, 8, tzinfo=UTC)


def test_times_with_a_zone_keep_it(tmp_path: Path) -> None:
    assert usable(tmp_path, line(time="2019-07-01T09:00:00+03:00")).at == datetime(2019, 7, 1, 6, tzinfo=UTC)


@pytest.mark.parametrize("posted", ["", "2019-01-07", "2018-12-31"])
def test_a_clearing_is_never_before_its_request(tmp_path: Path, posted: str) -> None:
    row = usable(tmp_path, line(posted=posted))
    assert row.posted_at == row.at


def test_a_date_format_may_be_given(tmp_path: Path) -> None:
    text = MAPPING.replace('zone = "Europe/London"', 'zone = "Europe/London"\nformat = "%d/%m/%Y"')
    assert usable(tmp_path, line(time="07/01/2019"), text).at == datetime(2019, 1, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("amount", "refund", "minor", "came_back"),
    [
        ("12.50", "negative", 1250, False),
        ("-12.50", "negative", 1250, True),
        ("12.50", "positive", 1250, True),
        ("-12.50", "positive", 1250, False),
    ],
)
def test_the_mapping_says_which_sign_is_a_refund(
    tmp_path: Path, amount: str, refund: str, minor: int, came_back: bool
) -> None:
    text = MAPPING.replace('unit = "major"', f'unit = "major"\nrefund = "{refund}"')
    row = usable(tmp_path, line(amount=amount), text)
    assert (row.minor, row.refund) == (minor, came_back)


def test_minor_units_and_european_numbers(tmp_path: Path) -> None:
    assert usable(tmp_path, line(amount="1250"), MAPPING.replace("major", "minor")).minor == 1250
    text = MAPPING.replace('unit = "major"', 'unit = "major"\ndecimal = ","\nthousands = "."')
    assert usable(tmp_path, line(amount='"1.234,56"'), text).minor == 123456


def test_yen_have_no_minor_digits(tmp_path: Path) -> None:
    assert usable(tmp_path, line(amount="500", currency="JPY")).minor == 500


def test_a_category_that_lost_its_zeros_gets_them_back(tmp_path: Path) -> None:
    assert usable(tmp_path, line(mcc="742")).mcc == "0742"


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        (line(department=""), "department is missing"),
        (line(department="  "), "department is missing"),
        (line(card=""), "card is missing"),
        (line(merchant=""), "merchant is missing"),
        (line(id_=""), "row_id is missing"),
        (line(currency=""), "currency is missing"),
        (line(currency="GBX"), "'GBX' is not a currency code of ISO 4217"),
        (line(amount=""), "amount is missing"),
        (line(amount="twelve"), "amount 'twelve' is not a number"),
        (line(amount="NaN"), "amount 'NaN' is not a number"),
        (line(amount="1E999999"), "is not a number"),
        (line(amount="0.00"), "amount is zero"),
        (line(amount="12.5051"), "amount 12.5051 has more digits than GBP has (2)"),
        (line(amount="12.505"), "may be 12505 or 12 and a fraction"),
        (line(amount="99999999999999999"), "larger than 1000000000000000 minor units"),
        (line(time=""), "time is missing"),
        (line(time="31/12/2019"), "time '31/12/2019' is not a date (iso)"),
        (line(time="0001-01-01"), "outside of the years"),
        (line(time="1066-10-14"), "outside of the years"),
        (line(time="1970-01-01"), "outside of the years 2000 to 2100"),
        (line(time="1999-12-31 23:59:59"), "outside of the years 2000 to 2100"),
        (line(time="2101-01-01"), "outside of the years 2000 to 2100"),
        (line(posted="1899-12-30"), "posted '1899-12-30' is outside of the years 2000 to 2100"),
        (line(posted="soon"), "posted 'soon' is not a date (iso)"),
        (line(mcc="groceries"), "mcc 'groceries' is not four digits (0-9)"),
        (line(merchant="x" * 201), "merchant has 201 characters, more than 200"),
        (line(card="x" * 101), "card has 101 characters, more than 100"),
        (line(department="x" * 101), "department has 101 characters, more than 100"),
        (line(merchant="caf\udce9"), "merchant is not text in the file's encoding"),
        (line() + ",more", "it has 10 fields, the header 9"),
        ("r1,Housing", "it has 2 fields, the header 9"),
    ],
)
def test_what_cannot_be_used_is_listed_with_its_reason(tmp_path: Path, written: str, reason: str) -> None:
    found = one(tmp_path, written)
    assert isinstance(found, Unusable), found
    assert reason in found.reason
    assert found.line == 2


def test_a_row_id_is_used_once_and_a_refused_row_does_not_use_it_up(tmp_path: Path) -> None:
    path = write(tmp_path, line(amount="no"), line(), line(amount="13.00"))
    bad, good, again = read(path)
    assert isinstance(bad, Unusable)
    assert isinstance(good, Row)
    assert isinstance(again, Unusable)
    assert again.reason == "row id r1 is on line 3 already"


def test_lines_are_those_of_the_file_also_after_a_field_with_line_breaks(tmp_path: Path) -> None:
    path = write(tmp_path, line("a", merchant='"Two\nlines"'), "", line("b", amount="x"))
    first, second = read(path)
    assert isinstance(first, Row)
    assert (first.line, second.line) == (2, 5)
    assert first.merchant == "Two lines"


def test_gzip_a_byte_order_mark_and_a_limit(tmp_path: Path) -> None:
    lines = [line(f"r{n}") for n in range(5)]
    path = write(tmp_path, *lines, header="\ufeff" + HEADER, name="export.csv.gz")
    assert [found.line for found in read(path, limit_rows=3)] == [2, 3, 4]


def test_a_file_that_ends_in_the_middle_is_an_error_and_no_end(tmp_path: Path) -> None:
    path = write(tmp_path, *(line(f"r{n}") for n in range(500)), name="export.csv.gz")
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(SpendlogError, match="cannot be read"):
        read(path)


@pytest.mark.parametrize(("content", "said"), [(b"", "is empty"), (b"a,b\n", "has no column 'time'")])
def test_a_file_without_the_columns_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "export.csv"
    path.write_bytes(content)
    with pytest.raises(SpendlogError, match=said):
        read(path)


def test_a_missing_file_is_one_message(tmp_path: Path) -> None:
    with pytest.raises(SpendlogError, match="cannot be read: No such file"):
        read(tmp_path / "none.csv")


@pytest.mark.parametrize(
    ("name", "expected"),
    [("LOCAL SERVICES", "local-services"), ("CYP&F", "cyp-f"), ("Äußeres", "ausseres"), ("x" * 80, "x" * 64)],
)
def test_ids_of_departments_are_made_of_their_names(name: str, expected: str) -> None:
    assert slug(name) == expected


def test_a_name_without_any_latin_letter_still_has_an_id() -> None:
    assert slug("営業部") == slug("営業部")
    assert slug("営業部") != slug("技術部")


def test_departments_that_differ_in_case_or_spaces_are_one_and_ids_do_not_collide() -> None:
    departments = Departments()
    assert departments.of("city", "Parks  & Roads") == ("parks-roads", "Parks & Roads")
    assert departments.of("city", "PARKS & ROADS") == ("parks-roads", "Parks & Roads")
    other, name = departments.of("city", "Parks-Roads")
    assert other != "parks-roads"
    assert name == "Parks-Roads"
    assert departments.of("town", "Parks-Roads") == ("parks-roads", "Parks-Roads")


def test_months_turn_in_their_zone() -> None:
    moment = datetime(2019, 6, 30, 23, 30, tzinfo=UTC)
    assert month_of(moment, "Europe/London") == "2019-07"
    assert month_of(moment, "UTC") == "2019-06"
    # 18:29:59 and 18:30:00 UTC: the offset is no whole number of hours.
    assert month_of(datetime(2019, 6, 30, 18, 29, 59, tzinfo=UTC), "Asia/Kolkata") == "2019-06"
    assert month_of(datetime(2019, 6, 30, 18, 30, tzinfo=UTC), "Asia/Kolkata") == "2019-07"
    assert month_start("2019-07", "Europe/London") == datetime(2019, 6, 30, 23, tzinfo=UTC)
    assert months_before("2019-02", 3) == ["2019-01", "2018-12", "2018-11"]


def test_windows_hold_every_row_once_in_order_and_are_bounded(tmp_path: Path) -> None:
    row = usable(tmp_path, line())
    start = row.at
    rows = [msgspec.structs.replace(row, at=start + timedelta(hours=n)) for n in range(3_000)]
    found = list(windows(rows))
    assert [one for window in found for one in window] == rows
    assert all(len(window) <= WINDOW_ROWS_MAX for window in found)
    assert all(window[-1].at - window[0].at <= WINDOW_SPAN_MAX for window in found)
    assert list(windows([])) == []


@pytest.mark.parametrize(
    ("one_name", "other_name"),
    [
        ("Café", "Cafe\u0301"), ("Café", "CAFÉ"), ("ＯＰＳ", "Ops"), ("Ops", "Op\u200bs"),
        ("Ops", "\u2060Ops"),
        ("Straße", "STRASSE"), ("R\u00a0D", "R D"), ("ﬁnance", "Finance"), ("パチンコ", "ﾊﾟﾁﾝｺ"),
        ("Å", "\u212b"),
    ],
)  # fmt: skip
def test_departments_whose_names_look_the_same_are_one(one_name: str, other_name: str) -> None:
    departments = Departments()
    assert departments.of("city", one_name) == departments.of("city", other_name)
    assert departments.of("city", one_name)[0] == Departments().of("city", other_name)[0]


@pytest.mark.parametrize("text", ["\u200b", "\u3164", "\u00ad\u2060", "\ufe0f"])
@pytest.mark.parametrize("member", ["department", "card", "merchant", "id_"])
def test_what_shows_nothing_is_missing(tmp_path: Path, member: str, text: str) -> None:
    found = one(tmp_path, line(**{member: text}))
    assert isinstance(found, Unusable)
    assert found.reason == f"{'row_id' if member == 'id_' else member} shows nothing"
