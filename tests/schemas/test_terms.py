"""Zones are those of the package, by name and by rule, whatever this machine has."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from schemas.terms import QUARTER_S, is_time_zone, offsets, time_zones, zone_of

_PROGRAM = """
from datetime import UTC, datetime
from infra.verify.calendar import label as verifiers
from schemas.controls import Calendar
from streams.core.calendar import clock_of, epoch_s
calendar = Calendar("day", "Europe/Berlin")
at = datetime(2026, 7, 31, 22, 30, tzinfo=UTC)
print(clock_of(calendar).label(epoch_s(at)), verifiers(calendar, epoch_s(at)))
"""


def test_a_machine_with_other_rules_decides_the_same(tmp_path: Path) -> None:
    """Here Berlin is a zone without an offset."""
    (tmp_path / "Europe").mkdir()
    (tmp_path / "Europe" / "Berlin").write_bytes(files("tzdata").joinpath("zoneinfo", "UTC").read_bytes())
    env = {"PYTHONTZPATH": str(tmp_path), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM], env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["2026-08-01"] * 2


@pytest.mark.parametrize(
    "name",
    [
        *(
            "localtime",
            "posixrules",
            "posix/Europe/Berlin",
            "right/UTC",
            "Factory",
            "leapseconds",
            "tzdata.zi",
        ),
        *(
            "../../../etc/passwd",
            "/etc/localtime",
            "GMT+1",
            "UTC+1",
            "CST",
            "PST",
            "IST",
            "Z",
            "europe/berlin",
        ),
        *(" Europe/Berlin", "Europe/Berlin\u200b", "Europe", "Europe/", "", "SystemV/EST5"),
    ],
)
def test_other_names_are_none(name: str) -> None:
    assert not is_time_zone(name)
    with pytest.raises(ValueError, match="is no name of the IANA time zone database"):
        zone_of(name)


@pytest.mark.parametrize(
    ("name", "day", "hours"),
    [
        ("US/Pacific", "2026-07-01", -7),
        ("EST5EDT", "2026-07-01", -4),
        ("EST", "2026-07-01", -5),
        ("CET", "2026-07-01", 2),
        ("CET", "2026-01-01", 1),
        ("EET", "2026-07-01", 3),
        ("WET", "2026-07-01", 1),
        ("Etc/GMT+5", "2026-07-01", -5),  # signs of POSIX
        ("Etc/GMT-14", "2026-07-01", 14),
        ("Asia/Calcutta", "2026-07-01", 5.5),
        ("Asia/Kathmandu", "2026-07-01", 5.75),
        ("Australia/Lord_Howe", "2026-01-01", 11),
        ("Australia/Lord_Howe", "2026-07-01", 10.5),
        ("Zulu", "2026-07-01", 0),
    ],
)
def test_every_name_of_the_database_has_its_rules(name: str, day: str, hours: float) -> None:
    at = datetime.fromisoformat(f"{day}T12:00:00+00:00")
    assert at.astimezone(zone_of(name)).utcoffset() == timedelta(hours=hours)
    assert offsets(at)[name] == hours * 3600


def test_within_a_quarter_hour_no_offset_changes() -> None:
    quarter = timedelta(seconds=QUARTER_S)
    for name in sorted(time_zones()):
        zone = zone_of(name)

        def offset(at: datetime, zone: ZoneInfo = zone) -> timedelta | None:
            return at.astimezone(zone).utcoffset()

        for days in range(0, 9_000, 90):
            start = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=days)
            end = start + timedelta(days=90)
            # Halves until the change lies between two neighbouring quarters.
            while end - start > quarter and offset(start) != offset(end):
                middle = start + quarter * ((end - start) // quarter // 2)
                start, end = (start, middle) if offset(start) != offset(middle) else (middle, end)
            if end - start == quarter:
                assert offset(end - timedelta(seconds=1)) == offset(start), (name, start)
