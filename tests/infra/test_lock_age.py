"""`make audit` tells libraries that are behind the time frame of SECURITY.md."""

from __future__ import annotations

import re
import tomllib

from packaging.version import Version

from infra.lock_age import DAYS, ROOT, asked_for, late, pins

PROJECT = {
    "dependencies": ["jinja2>=3.1,<4", "uvloop>=0.23,<1; sys_platform != 'win32'", "iso4217"],
    "optional-dependencies": {"dev": ["hatchling==1.33.0", "psycopg[binary,pool]>=3.3,<3.4"], "learn": ["x"]},
}
LOCK = """\
# made by uv
anyio==4.15.1 ; python_full_version < '3.12' \\
    --hash=sha256:0123
anyio==4.16.0 ; python_full_version >= '3.12' \\
    --hash=sha256:4567
    # via spendlog
certifi==2026.10.18 \\
    --hash=sha256:89ab
"""


def test_lower_bounds_are_left_out_since_they_may_be_newer_than_the_day() -> None:
    assert asked_for(PROJECT) == [
        "jinja2<4",
        'uvloop<1; sys_platform != "win32"',
        "iso4217",
        "hatchling<=1.33.0",
        "psycopg[binary,pool]<3.4",
    ]


def test_a_lock_says_which_version_of_each() -> None:
    assert pins(LOCK) == {"anyio": Version("4.16.0"), "certifi": Version("2026.10.18")}
    own = pins((ROOT / "requirements.lock").read_text())
    assert len(own) > 100 and "fastapi" in own


def test_what_could_have_been_mended_is_late() -> None:
    due = pins("anyio==4.15.1\ncertifi==2026.10.19.post1\nnewcomer==1\n")
    assert late(pins(LOCK), due) == ["certifi 2026.10.18, and 2026.10.19.post1 could have been"]
    assert late(pins(LOCK), pins(LOCK)) == late(pins(LOCK), {}) == []


def test_the_days_are_those_that_are_promised() -> None:
    words = re.search(r"brought up to date within\s+(\d+) days", (ROOT / "SECURITY.md").read_text())
    assert words and int(words[1]) == DAYS


def test_what_pyproject_asks_for_is_understood() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert not any(
        ">" in one.partition(";")[0] or "==" in one.partition(";")[0] for one in asked_for(project)
    )
