"""Files of strangers are shown to ClamAV before anything opens them, where a setting names its clamd."""

from __future__ import annotations

import asyncio
import io
from typing import Final
from urllib.parse import urlsplit

from aioclamd import ClamdAsyncClient, ClamdError

PORT: Final = 3310  # clamd's own
#: Who sends a file waits for it, and no card does.
TIMEOUT_S: Final = 20.0
#: More wait: the machine decides on card payments first.
AT_ONCE: Final = 2


class HarmfulFile(Exception):
    """The message is the name that the scanner has for it."""


class ScannerAway(Exception):
    """The scanner did not answer, or could not look at all of the file. The message says why."""


class FileScanner:
    """One for each process of the API. `url`: clamd://host:port; None: nothing is scanned."""

    def __init__(self, url: str | None, *, timeout_s: float = TIMEOUT_S) -> None:
        self._client: ClamdAsyncClient | None = None
        if url is not None:
            parts = urlsplit(url)
            self._client = ClamdAsyncClient(parts.hostname, parts.port or PORT, timeout=timeout_s)
        self._free = asyncio.Semaphore(AT_ONCE)

    async def require_harmless(self, content: bytes) -> None:
        """Raises HarmfulFile, ScannerAway: what was not looked at is not let in."""
        if self._client is None:
            return
        try:
            async with self._free:
                found = await self._client.instream(_InPieces(content))
        except (ClamdError, OSError) as error:  # OSError: clamd hangs up on what is larger than it takes
            raise ScannerAway(f"{type(error).__name__} {error}".strip()) from error
        status, name = (found or {}).get("stream", ("nothing", None))
        if status == "FOUND":
            raise HarmfulFile(name or "unnamed")
        if status != "OK":
            raise ScannerAway(f"{status} {name or ''}".strip())


class _InPieces(io.BytesIO):
    """aioclamd reads 1 KiB at a time, each by a thread: ten thousand for a photo; of 256 KiB they are 40."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(max(size or 0, 256 * 1024))
