"""Texts of times: one time, or none."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.imports.timestamps import moment

BERLIN = ZoneInfo("Europe/Berlin")
FIRST, LAST = datetime.fromisoformat("2000-01-01"), datetime.fromisoformat("2068-12-31")


@pytest.mark.parametrize(
    ("text", "pattern", "expected"),
    [
        ("2026-11-02", "iso", "2026-11-01T23:00"),
        ("2026-11-02 09:00:00", "iso", "2026-11-02T08:00"),
        ("2026-11-02T09:00:00Z", "iso", "2026-11-02T09:00"),
        ("2026-11-02 09:00:00-05:00", "iso", "2026-11-02T14:00"),
        ("20261102", "iso", "2026-11-01T23:00"),
        ("20261102", "%Y%m%d", "2026-11-01T23:00"),
        ("02112026", "%d%m%Y", "2026-11-01T23:00"),
        ("261102", "%y%m%d", "2026-11-01T23:00"),
        ("2.11.2026", "%d.%m.%Y", "2026-11-01T23:00"),  # one digit is certain between signs
        ("2.11.26", "%d.%m.%y", "2026-11-01T23:00"),
        ("03/04/2026", "%d/%m/%Y", "2026-04-02T22:00"),
        ("03/04/2026", "%m/%d/%Y", "2026-03-03T23:00"),
        ("2 Nov 2026", "%d %b %Y", "2026-11-01T23:00"),
        ("Nov 2, 2026 3:05 PM", "%b %d, %Y %I:%M %p", "2026-11-02T14:05"),
        ("2026-11-02 0915", "%Y-%m-%d %H%M", "2026-11-02T08:15"),
        # Zones that the text names count, whatever the machine's is.
        ("2026-11-02 09:00:00 UTC", "%Y-%m-%d %H:%M:%S %Z", "2026-11-02T09:00"),
        ("2026-11-02 09:00 GMT", "%Y-%m-%d %H:%M %Z", "2026-11-02T09:00"),
        ("2026-11-02T09:00Z", "%Y-%m-%dT%H:%M%Z", "2026-11-02T09:00"),
        ("Mon, 02 Nov 2026 09:00:00 GMT", "%a, %d %b %Y %H:%M:%S %Z", "2026-11-02T09:00"),
        ("2026-11-02 09:00 +0530", "%Y-%m-%d %H:%M %z", "2026-11-02T03:30"),
    ],
)
def test_a_text_is_one_time(text: str, pattern: str, expected: str) -> None:
    assert moment(text, pattern, BERLIN) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("2112026", "%d%m%Y"),  # 21 January or 2 November: a spreadsheet took a zero away
        ("1112026", "%d%m%Y"),
        ("2026112", "%Y%m%d"),
        ("61102", "%y%m%d"),
        ("2026-11-02 915", "%Y-%m-%d %H%M"),
        ("46328", "iso"),
        ("46328", "%d.%m.%Y"),
        ("2026-11-02 09:00 CST", "%Y-%m-%d %H:%M %Z"),  # Chicago, Shanghai or Havana
        ("2026-11-02 09:00 EST", "%Y-%m-%d %H:%M %Z"),
        ("2026-11-02 09:00 CET", "%Y-%m-%d %H:%M %Z"),
        ("2026-11-02 09:00 GMT+1", "%Y-%m-%d %H:%M %Z"),
        ("2026-11-02 09:00 UTC", "iso"),
        ("2026-11-02 09:00 GMT-8", "iso"),
        ("02/11/26", "%d/%m/%Y"),
        ("2026-11", "iso"),
        ("2026-13-01", "iso"),
        ("2026-02-30", "iso"),
        ("0211", "%d%m"),  # no year
        ("TOTAL", "iso"),
        ("Date", "%d.%m.%Y"),
        ("2 Nov 2026", "%d.%m.%Y"),
        ("2026-11-02 bis 2026-11-03", "iso"),
    ],
)
def test_what_is_not_certain_is_none(text: str, pattern: str) -> None:
    with pytest.raises(ValueError, match=r"not a date \(|outside of the years"):
        moment(text, pattern, BERLIN)


def test_the_day_number_of_a_spreadsheet_is_named() -> None:
    with pytest.raises(ValueError, match="spreadsheet's day number"):
        moment("46328.5", "%d.%m.%Y", BERLIN)


@given(
    st.datetimes(FIRST, LAST),
    st.sampled_from(["%d%m%Y", "%Y%m%d", "%y%m%d", "%d%m%y", "%Y%m%d%H%M%S", "%d.%m.%Y", "%m/%d/%y"]),
    st.data(),
)
def test_a_text_that_lost_a_zero_is_never_another_day(
    at: datetime, pattern: str, data: st.DataObject
) -> None:
    """Either the day that was written, or none."""
    text = at.strftime(pattern)
    zeros = [n for n, letter in enumerate(text) if letter == "0"]
    cut = data.draw(st.sampled_from([None, *zeros]))
    written = text if cut is None else text[:cut] + text[cut + 1 :]
    try:
        found = moment(written, pattern, UTC)
    except ValueError:
        assert cut is not None
        return
    assert found.date() == at.date() or (cut is not None and set(pattern) & set("./"))


@pytest.mark.parametrize(
    ("text", "zone", "said"),
    [
        ("2026-03-29 02:30", "Europe/Berlin", "left out in Europe/Berlin"),
        ("2026-03-29 02:00", "Europe/Berlin", "left out"),
        ("2026-03-08 02:30:00", "America/New_York", "left out"),
        ("2026-10-04 02:15", "Australia/Lord_Howe", "left out"),  # half an hour
        ("2026-10-25 02:30", "Europe/Berlin", "showed twice in Europe/Berlin; an offset"),
        ("2026-10-25 02:00", "Europe/Berlin", "showed twice"),
        ("2026-11-01 01:59:59", "America/New_York", "showed twice"),
        ("2026-04-05 01:45", "Australia/Lord_Howe", "showed twice"),
    ],
)
def test_a_time_that_clocks_left_out_or_showed_twice_is_none(text: str, zone: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        moment(text, "iso", ZoneInfo(zone))


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("2026-03-29 03:00", "Europe/Berlin", "2026-03-29T01:00"),
        ("2026-03-29 01:59:59", "Europe/Berlin", "2026-03-29T00:59:59"),
        ("2026-10-25 03:00", "Europe/Berlin", "2026-10-25T02:00"),
        ("2026-10-25 02:30+02:00", "Europe/Berlin", "2026-10-25T00:30"),
        ("2026-10-25 02:30+01:00", "Europe/Berlin", "2026-10-25T01:30"),
        # A day has one beginning, also where clocks go from 0 to 1, or from 1 back to 0.
        ("2026-04-24", "Africa/Cairo", "2026-04-23T22:00"),
        ("2026-03-29", "Asia/Beirut", "2026-03-28T22:00"),
        ("2026-11-01", "America/Havana", "2026-11-01T04:00"),
    ],
)
def test_beside_the_change_of_clocks_a_text_is_one_time(text: str, zone: str, expected: str) -> None:
    assert moment(text, "iso", ZoneInfo(zone)) == datetime.fromisoformat(expected).replace(tzinfo=UTC)
