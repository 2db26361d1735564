"""The words of receipts: words.toml, read once."""

from __future__ import annotations

from importlib.resources import files
from typing import Final

import msgspec


class Vocabulary(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """See the comments of words.toml."""

    codes: frozenset[str]
    due: tuple[str, ...]
    total: tuple[str, ...]
    paid: tuple[str, ...]
    not_total: tuple[str, ...]
    tax: tuple[str, ...]
    not_english: frozenset[str]
    no_name: tuple[str, ...]
    day: tuple[str, ...]
    other_day: tuple[str, ...]
    signs: dict[str, tuple[str, ...]]


WORDS: Final = msgspec.toml.decode((files(__package__) / "words.toml").read_bytes(), type=Vocabulary)
