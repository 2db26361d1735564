"""Reads the tables of questions: blocks of lines, the first of which is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

FOLDER: Final = Path(__file__).parent


class Entry(NamedTuple):
    """A question and what is expected of it: the indented lines below it."""

    question: str
    expected: tuple[str, ...]
    line: int


def entries(name: str) -> list[Entry]:
    """Of NAME.txt. A line that is not indented is a question; # begins a comment."""
    found: list[Entry] = []
    for number, line in enumerate((FOLDER / f"{name}.txt").read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("  "):
            last = found[-1]
            found[-1] = last._replace(expected=(*last.expected, line.strip()))
        else:
            found.append(Entry(line.strip(), (), number))
    return found
