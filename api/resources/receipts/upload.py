"""A file in a form, read up to its bound: it is on disk until it is whole,
never all of it in memory twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException

from api.http.problems import FieldError, Problem, invalid_request
from api.receipts.admission import BYTES_MAX
from api.resources.receipts.acts import SentFile, too_large

#: A file, and these.
FIELDS: Final = ("employee", "authorization_id", "department_id")
_TYPE: Final = "multipart/form-data"


@dataclass(frozen=True, slots=True)
class Upload:
    """A file, and the fields beside it; None: not given."""

    file: SentFile
    employee: str | None
    authorization_id: str | None
    department_id: str | None


async def read_upload(request: Request) -> Upload:
    """Raises Problem 413, 415, 422."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != _TYPE:
        found = f"as {media_type[:80]}" if media_type else "without a Content-Type"
        raise Problem(
            415,
            "unsupported_media_type",
            f"The body was sent {found}; send a form as `{_TYPE}`, with `file` in it.",
        )
    try:
        async with request.form(max_files=1, max_fields=len(FIELDS), max_part_size=4_096) as form:
            unknown = sorted(set(form) - {"file", *FIELDS})
            if unknown:
                raise _wrong(
                    unknown[0][:40], "extra_forbidden", f"is not known; there are file, {', '.join(FIELDS)}"
                )
            file = form.get("file")
            if not isinstance(file, UploadFile):
                raise _wrong("file", "missing", "there must be one file, with its file name")
            content = await file.read(BYTES_MAX + 1)
            if len(content) > BYTES_MAX:
                raise too_large()
            texts = {name: _text(form.get(name)) for name in FIELDS}
            return Upload(SentFile(file.filename or "", content), **texts)
    except (MultiPartException, HTTPException) as error:
        if isinstance(error, Problem):
            raise
        words = getattr(error, "message", None) or getattr(error, "detail", "")
        raise _wrong("file", "malformed_form", f"the form cannot be read: {str(words)[:200]}") from None


def _text(value: UploadFile | str | None) -> str | None:
    """An empty field of a page says nothing."""
    return value if isinstance(value, str) and value else None


def _wrong(name: str, code: str, message: str) -> Problem:
    return invalid_request([FieldError(field=f"body.{name}", code=code, message=message)])
