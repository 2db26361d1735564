"""How large a body may be: of JSON 62 KiB, of an upload what its path says; how its form is described."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

#: Of the frame of multipart/form-data around a file, and the fields beside it.
_FRAME_BYTES: Final = 32 * 1024
#: Path -> bytes of the body. A receipt has 10 MB at most (api/receipts/admission.py), a settlement
#: file 25 MB (api/asking/settlements.py).
_UPLOADS: Final[Mapping[str, int]] = {
    "/v1/receipts": 10_000_000 + _FRAME_BYTES,
    "/receipts": 10_000_000 + _FRAME_BYTES,
    "/v1/reconciliations/readings": 25_000_000 + _FRAME_BYTES,
    "/v1/reconciliations/files": 25_000_000 + _FRAME_BYTES,
    "/reconciliation/reading": 25_000_000 + _FRAME_BYTES,
    "/reconciliation/files": 25_000_000 + _FRAME_BYTES,
}


def body_bytes_max(path: str, usual: int) -> int:
    """Of a request for `path`; `usual`: where nothing is uploaded."""
    return _UPLOADS.get(path, usual)


def too_large_words(bytes_max: int) -> str:
    """What is said of a body beyond that."""
    return f"The body is larger than {bytes_max // 1024:,} KiB."


def file_form(file: str, **others: dict[str, Any]) -> dict[str, Any]:
    """OpenAPI's words for a form with a file; the framework knows no streamed one. `file`: what it may be."""
    properties = {"file": {"type": "string", "format": "binary", "description": file}, **others}
    schema = {"type": "object", "required": ["file"], "properties": properties}
    return {"required": True, "content": {"multipart/form-data": {"schema": schema}}}
