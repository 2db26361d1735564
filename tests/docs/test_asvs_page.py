"""docs/asvs.md leaves nothing out and claims nothing that is not there."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "asvs.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (\d+\.\d+\.\d+) \| (.+?) \| (.+?) \| (.+?) \|$", PAGE, re.MULTILINE)
NOT_HERE = re.findall(r"^Does not apply: (.+?)(?=^$|\Z)", PAGE, re.MULTILINE | re.DOTALL)
_NUMBER = re.compile(r"\d+\.\d+\.\d+")

#: How many requirements of levels 1 and 2 each section of ASVS 5.0.0 has: they are its first ones.
SECTIONS = {
    "1.1": 2, "1.2": 9, "1.3": 11, "1.4": 3, "1.5": 2,
    "2.1": 3, "2.2": 3, "2.3": 4, "2.4": 1,
    "3.2": 2, "3.3": 4, "3.4": 6, "3.5": 5, "3.7": 2,
    "4.1": 3, "4.2": 1, "4.3": 2, "4.4": 4,
    "5.1": 1, "5.2": 3, "5.3": 2, "5.4": 3,
    "6.1": 3, "6.2": 12, "6.3": 4, "6.4": 4, "6.5": 5, "6.6": 3, "6.8": 4,
    "7.1": 3, "7.2": 4, "7.3": 2, "7.4": 5, "7.5": 2, "7.6": 2,
    "8.1": 2, "8.2": 3, "8.3": 1, "8.4": 1,
    "9.1": 3, "9.2": 4,
    "10.1": 2, "10.2": 2, "10.3": 4, "10.4": 11, "10.5": 5, "10.6": 2, "10.7": 3,
    "11.1": 2, "11.2": 3, "11.3": 3, "11.4": 4, "11.5": 1, "11.6": 1,
    "12.1": 3, "12.2": 2, "12.3": 4,
    "13.1": 1, "13.2": 5, "13.3": 2, "13.4": 5,
    "14.1": 2, "14.2": 4, "14.3": 3,
    "15.1": 3, "15.2": 3, "15.3": 7,
    "16.1": 1, "16.2": 5, "16.3": 4, "16.4": 3, "16.5": 3,
    "17.1": 1, "17.2": 4, "17.3": 2,
}  # fmt: skip
REQUIREMENTS = {f"{section}.{n}" for section, count in SECTIONS.items() for n in range(1, count + 1)}


def test_each_test_that_is_named_is_there() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", PAGE)
    assert len(named) > 100
    for path, name in named:
        file = ROOT / path
        assert file.is_file(), path
        found = not name or re.search(rf"^(async )?def {name}\(", file.read_text(), re.MULTILINE)
        assert found, f"{path}::{name}"


def test_each_requirement_of_levels_1_and_2_stands_once() -> None:
    assert len(REQUIREMENTS) == 253
    numbers = [number for number, *_ in ROWS]
    left_out = [number for part in NOT_HERE for number in _NUMBER.findall(part)]
    twice = [number for number, times in Counter(numbers + left_out).items() if times > 1]
    assert (twice, REQUIREMENTS ^ {*numbers, *left_out}) == ([], set())


def test_what_does_not_apply_says_why() -> None:
    for part in NOT_HERE:
        for group in part.replace("\n", " ").split("), "):
            assert re.search(r"\(\w.{5,}", group), group


def test_each_row_has_an_answer_and_leans_on_what_is_there() -> None:
    numbers = [number for number, *_ in ROWS]
    lines = [line for line in PAGE.splitlines() if re.match(r"\| \d", line)]
    assert len(ROWS) == len(lines)
    for number, _, holds, shown in ROWS:
        assert holds in ("yes", "in part", "no"), number
        for other in re.findall(r"\bas (\d+\.\d+\.\d+)", shown):
            assert other in numbers, f"{number} leans on {other}, which is not there"


def test_what_holds_is_shown_by_something() -> None:
    """A test, a page, another requirement, or the words why none is needed; a "no" says what is missing."""
    for number, _, holds, shown in ROWS:
        assert len(shown) > 5, number
        if holds == "no":
            assert "`tests/" not in shown, f"{number}: what a test shows is no no"
