"""Lets files in through a process of its own: a decoder that a file breaks takes no card decision with it.

As a program it reads a file from stdin, and writes a line of JSON and the new file to stdout.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Final, get_args

import msgspec

from api.receipts.admission import Admitted, MediaType, ReceiptRefused, admit
from api.receipts.apart import bound, run_apart

#: 50 megapixels in RGB are 150 MB, three times over while they are turned and written.
MEMORY_BYTES: Final = 1_500_000_000
TIMEOUT_S: Final = 30.0
CPU_S: Final = 20
#: More wait: the machine decides on card payments first.
AT_ONCE: Final = 2


class _Head(msgspec.Struct, omit_defaults=True):
    """`code`: refused, because of `words`."""

    media_type: str = ""
    pages: int = 0
    code: str = ""
    words: str = ""


class ReceiptDoor:
    """One for each process of the API."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(AT_ONCE)

    async def admit(self, content: bytes) -> Admitted:
        """Raises ReceiptRefused, also where the file ended the process that looked at it."""
        async with self._free:
            out = await run_apart("api.receipts.door", content, timeout_s=TIMEOUT_S)
        line, _, body = (out or b"").partition(b"\n")
        if not line:
            raise ReceiptRefused(
                "broken_file", "The file could not be opened within bounds. Export it again."
            )
        head = msgspec.json.decode(line, type=_Head)
        if head.code:
            raise ReceiptRefused(head.code, head.words)
        assert head.media_type in get_args(MediaType)
        return Admitted(body, head.media_type, head.pages)  # type: ignore[arg-type]  # asserted


def main() -> None:
    """One file, and the end."""
    bound(memory_bytes=MEMORY_BYTES, cpu_s=CPU_S)
    body = b""
    try:
        admitted = admit(sys.stdin.buffer.read())
        head, body = _Head(media_type=admitted.media_type, pages=admitted.pages), admitted.content
    except ReceiptRefused as refused:
        head = _Head(code=refused.code, words=str(refused))
    except MemoryError:
        head = _Head(code="too_many_pixels", words="The file takes too much memory. Make it smaller.")
    sys.stdout.buffer.write(msgspec.json.encode(head) + b"\n" + body)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
