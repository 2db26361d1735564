"""A body that nobody can read, said so that its sender knows what to change. What it says is read after."""

from __future__ import annotations

import codecs
from typing import Final

from starlette.datastructures import Headers

from api.http.problems import FieldError, Problem

_MARKS: Final = (
    (codecs.BOM_UTF8, "a UTF-8 byte order mark (EF BB BF); send it without"),
    (codecs.BOM_UTF32_LE, "a UTF-32 byte order mark; send UTF-8"),
    (codecs.BOM_UTF16_LE, "a UTF-16 byte order mark (FF FE); send UTF-8"),
    (codecs.BOM_UTF16_BE, "a UTF-16 byte order mark (FE FF); send UTF-8"),
)
_UTF8 = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})


def require_json(headers: Headers) -> None:
    """Raises Problem 415 unless the headers announce JSON as it is taken here."""
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise Problem(
            415,
            "unsupported_content_encoding",
            f"The body comes with Content-Encoding {encoding[:40]}; send it without, as plain JSON.",
            headers={"Accept-Encoding": "identity"},
        )
    media_type, *parameters = (part.strip().lower() for part in headers.get("content-type", "").split(";"))
    if media_type != "application/json":
        found = f"as {media_type[:80]}" if media_type else "without a Content-Type"
        raise Problem(
            415, "unsupported_media_type", f"The body was sent {found}; send it as `application/json`."
        )
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name == "charset" and value.strip('"') not in _UTF8:
            words = f"The body was sent in {value[:40]}; JSON is sent in UTF-8."
            raise Problem(415, "unsupported_media_type", words)


def require_text(body: bytes) -> None:
    """Raises Problem 400 unless the body is some text in UTF-8, as RFC 8259 asks for (8.1)."""
    if not body.strip():
        raise _malformed("The body is empty; it must be a JSON object.")
    for mark, words in _MARKS:
        if body.startswith(mark):
            raise _malformed(f"The body begins with {words}.")
    if b"\0" in body[:4]:
        raise _malformed("The body is UTF-16 or UTF-32 (it has NUL bytes); JSON is sent in UTF-8.")
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise _malformed(
            f"The body is not UTF-8: byte 0x{body[error.start]:02X} at offset {error.start}. "
            "JSON is sent in UTF-8, not in Latin-1 or another encoding."
        ) from None


def _malformed(detail: str) -> Problem:
    wrong = FieldError(field="body", code="json_invalid", message=detail)
    return Problem(400, "malformed_json", detail, errors=[wrong])
