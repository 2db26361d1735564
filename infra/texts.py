"""Text files that a person wrote: whatever mark their editor put in front of them."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import Final

from infra.errors import SpendlogError

# The longer first: UTF-32's little-endian mark begins with that of UTF-16.
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def mark_of(start: bytes) -> tuple[bytes, str] | None:
    """The byte order mark that `start` begins with, and the encoding that it names; None without one."""
    return next((found for found in _MARKS if start.startswith(found[0])), None)


def read_text(path: Path) -> str:
    """The text of a mapping, a policy or a story: UTF-8, or what its byte order mark says.

    Raises:
        SpendlogError: it cannot be read, or is not text.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SpendlogError(f"{path} cannot be read: {error.strerror}") from None
    mark, encoding = mark_of(content) or (b"", "utf-8")
    try:
        text = content[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SpendlogError(f"{path} is not {encoding} text at line {line}: save it as UTF-8") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")
