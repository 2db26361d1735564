"""Bins as letters: what a request's features were, in the log, for whoever learns from it."""

from __future__ import annotations

import string
from typing import Final

# Base64's own order. Bins that are usual, 0 and 32, are letters, so nothing looks like a card's number.
_LETTERS: Final = (string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/").encode()
_TO_LETTERS: Final = _LETTERS + bytes(192)
_TO_BINS: Final = bytes(_LETTERS.find(byte) & 63 for byte in range(256))


def letters_of(bins: bytes) -> str:
    """A letter for each bin, 0 .. 63."""
    return bins.translate(_TO_LETTERS).decode("ascii")


def bins_of(letters: str) -> bytes:
    """The bins again."""
    return letters.encode("ascii").translate(_TO_BINS)
