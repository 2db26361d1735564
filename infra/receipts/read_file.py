"""`python -m infra.receipts.read_file MEDIA_TYPE DAY CURRENCY`: reads the file on stdin,
and writes what it says as JSON.

A process for each receipt: models take 400 MB, which nobody needs between two receipts, and a file that
breaks the
reader breaks nothing else. Starting takes a second.
"""

from __future__ import annotations

import sys
from datetime import date
from typing import Final

import msgspec

from api.receipts.apart import bound, run_apart
from infra.receipts.engine import words_of_file
from infra.receipts.fields import ReceiptReading, read

#: Address space, of which models and pictures use a fifth.
MEMORY_BYTES: Final = 4_000_000_000
CPU_S: Final = 60
TIMEOUT_S: Final = 240.0


class ReceiptUnreadable(Exception):
    """It was looked at, and nothing can be read."""


async def read_apart(content: bytes, media_type: str, received: date, home_currency: str) -> ReceiptReading:
    """Raises ReceiptUnreadable."""
    out = await run_apart(
        "infra.receipts.read_file",
        content,
        media_type,
        received.isoformat(),
        home_currency,
        timeout_s=TIMEOUT_S,
    )
    if out is None:
        raise ReceiptUnreadable("It could not be read within bounds. Look at it, and link it by hand.")
    return msgspec.json.decode(out, type=ReceiptReading)


def main() -> None:
    """One file, and the end."""
    media_type, received, home_currency = sys.argv[1:]
    bound(memory_bytes=MEMORY_BYTES, cpu_s=CPU_S)
    words = words_of_file(sys.stdin.buffer.read(), media_type)
    reading = read(words, received=date.fromisoformat(received), home_currency=home_currency)
    sys.stdout.buffer.write(msgspec.json.encode(reading))
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
