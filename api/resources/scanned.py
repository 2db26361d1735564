"""A file that somebody sent, shown to the scanner before anything else looks at it."""

from __future__ import annotations

from typing import Final

import structlog
from fastapi import Request

from api.http.problems import Problem
from api.receipts.scanner import HarmfulFile, ScannerAway
from api.services import services_of

log = structlog.get_logger(__name__)

RETRY_AFTER_S: Final = 10


async def require_harmless(request: Request, content: bytes) -> None:
    """Raises Problem 422, 503: it was not kept."""
    scanner = services_of(request).scanner
    try:
        await scanner.require_harmless(content)
    except HarmfulFile as found:
        log.warning("harmful_file", name=str(found), bytes=len(content), request_id=request.state.request_id)
        words = f"The scanner knows this file to be harmful ({str(found)[:100]}). It was not kept."
        raise Problem(422, "harmful_file", words) from None
    except ScannerAway as away:
        log.error("scanner_away", why=str(away), bytes=len(content))
        words = "Files are scanned before they are taken, and the scanner does not answer. It was not kept."
        raise Problem(
            503, "scanner_unavailable", words, headers={"Retry-After": str(RETRY_AFTER_S)}
        ) from None
