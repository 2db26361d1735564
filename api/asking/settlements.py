"""What a settlement file says, read apart from this process: it may be large, or full of card numbers."""

from __future__ import annotations

from datetime import date
from typing import Any, Protocol

import msgspec

#: 100,000 lines of a CSV have about 10 MB.
FILE_BYTES_MAX = 25_000_000
#: Lines that are shown before a file is taken.
SAMPLE_MAX = 8


class FileQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """`mapping`: TOML; empty: one is proposed, where the file is a table. `rows`: all of them are wanted."""

    name: str
    mapping: str = ""
    rows: bool = False


class RefusedLine(msgspec.Struct, frozen=True):
    """A line that cannot be used, and why."""

    number: int
    reason: str


class FileReading(msgspec.Struct, frozen=True, kw_only=True):
    """`digest`: of the file and of what it was read by. `account`: where all of its lines went.

    `mapping`: by which it was read, empty where its format needs none; `proposed`: nobody has said it.
    `sample`: its first lines, as they would be kept; `refused`: the first that cannot be used.
    """

    format: str
    digest: str
    lines: int
    used: int
    account: dict[str, int]
    since: date | None
    until: date | None
    time_zone: str
    mapping: str = ""
    proposed: bool = False
    sample: list[dict[str, Any]] = []
    refused: list[RefusedLine] = []


class FileRefused(Exception):
    """It cannot be read as a whole. The message says what is wrong, where, and what to do; `mapping`: the one
    that was proposed, for people to mend."""

    def __init__(self, words: str, mapping: str = "") -> None:
        super().__init__(words)
        self.mapping = mapping


class SettlementReader(Protocol):
    """Reads files in a process of its own; keeps none."""

    async def read(self, content: bytes, question: FileQuestion) -> tuple[FileReading, list[bytes]]:
        """And its lines as JSON arrays of some thousand, where they are wanted. Raises FileRefused."""
