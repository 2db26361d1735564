"""docs/asvs.md claims nothing that is not there."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "asvs.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (\d+\.\d+\.\d+) \| (.+?) \| (.+?) \| (.+?) \|$", PAGE, re.MULTILINE)


def test_each_test_that_is_named_is_there() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", PAGE)
    assert len(named) > 50
    for path, name in named:
        file = ROOT / path
        assert file.is_file(), path
        assert not name or re.search(rf"^def {name}\(", file.read_text(), re.MULTILINE), f"{path}::{name}"


def test_each_requirement_stands_once_with_an_answer_and_what_shows_it() -> None:
    numbers = [number for number, *_ in ROWS]
    assert [number for number, times in Counter(numbers).items() if times > 1] == []
    assert len(ROWS) == sum(line.startswith(("| 1", "| 2", "| 3", "| 4", "| 6", "| 7", "| 8", "| 9"))
                            for line in PAGE.splitlines())  # fmt: skip
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
