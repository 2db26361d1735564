"""What a small error of the core is."""

from __future__ import annotations

from typing import NamedTuple


class Wrong(NamedTuple):
    """In `file`, below `streams/core`: `instead` where `text` stands."""

    file: str
    text: str
    instead: str
