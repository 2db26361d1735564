"""A settlement file in a form: looked at before it is taken, then taken line by line. It is kept nowhere."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException

from api.access.keys import Principal
from api.asking.settlements import (
    FILE_BYTES_MAX,
    FileQuestion,
    FileReading,
    FileRefused,
)
from api.http.problems import FieldError, Problem, invalid_request
from api.resources.reconciliations.bodies import ReconciliationIn, ReconciliationOut
from api.resources.reconciliations.reconciliations import begin_matching, declare, receive
from api.resources.scanned import require_harmless
from api.services import services_of

_MAPPING_MAX: Final = 20_000
_DAYS: Final = 3
_DAYS_MAX: Final = 31
_FORM: Final = "multipart/form-data"
_FIELDS: Final = frozenset({"file", "mapping", "days_max"})


@dataclass(frozen=True, slots=True)
class SentSettlement:
    """`content` empty: no file was chosen. `mapping`: TOML, empty where nobody has said it."""

    name: str
    content: bytes
    mapping: str
    days_max: int


async def read_settlement_form(request: Request) -> SentSettlement:
    """Raises Problem 413, 415, 422."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != _FORM:
        how = f"as {media_type[:80]}" if media_type else "without a Content-Type"
        words = f"The body was sent {how}; send a form as `{_FORM}`, with `file` in it."
        raise Problem(415, "unsupported_media_type", words)
    try:
        async with request.form(max_files=1, max_fields=4, max_part_size=_MAPPING_MAX) as form:
            if unknown := sorted(set(form) - _FIELDS):
                raise _wrong(unknown[0][:40], f"is not known; there are {', '.join(sorted(_FIELDS))}")
            file = form.get("file")
            content, name = b"", ""
            if isinstance(file, UploadFile):
                content, name = await file.read(FILE_BYTES_MAX + 1), file.filename or "settlement"
            mapping, days = form.get("mapping"), form.get("days_max")
    except (MultiPartException, HTTPException) as error:
        if isinstance(error, Problem):
            raise
        why = str(getattr(error, "message", None) or getattr(error, "detail", ""))
        raise _wrong("file", f"the form cannot be read: {why[:200]}") from None
    if len(content) > FILE_BYTES_MAX:
        words = f"A file has at most {FILE_BYTES_MAX:,} bytes; `spendlog reconcile` takes larger ones."
        raise Problem(413, "body_too_large", words)
    text = mapping.replace("\r\n", "\n") if isinstance(mapping, str) else ""
    return SentSettlement(name[:200], content, text, _days_of(days))


def _days_of(said: UploadFile | str | None) -> int:
    """Raises Problem 422."""
    if not said:
        return _DAYS
    if not isinstance(said, str) or not re.fullmatch(r"[0-9]{1,2}", said) or int(said) > _DAYS_MAX:
        words = f"days between a line and its booking are a number from 0 to {_DAYS_MAX}"
        raise _wrong("days_max", words)
    return int(said)


async def look_at(request: Request, sent: SentSettlement) -> FileReading:
    """What the file says, by the mapping or by one that is proposed. Raises FileRefused, Problem 422, 503."""
    reading, _ = await _read(request, sent, rows=False)
    return reading


async def take(request: Request, caller: Principal, sent: SentSettlement) -> ReconciliationOut:
    """The file as it stands: its lines are there, and it is being matched; taken before, as it is.

    Raises:
        FileRefused: it cannot be read, or no line of it can be used. Nothing was kept.
        Problem: 409, 422, 503.
    """
    reading, batches = await _read(request, sent, rows=True)
    if reading.since is None or reading.until is None:
        first = f"; the first: {reading.refused[0].reason}" if reading.refused else ""
        raise FileRefused(f"no line can be used{first}", reading.mapping)
    declared = ReconciliationIn.model_validate(
        {
            "name": sent.name,
            "format": reading.format,
            "digest": reading.digest,
            "lines": reading.lines,
            "account": reading.account,
            "since": reading.since.isoformat(),
            "until": reading.until.isoformat(),
            "time_zone": reading.time_zone,
            "days_max": sent.days_max,
        },
    )
    found = await declare(request, caller, declared)
    if found.status != "receiving":
        return found
    for lines in batches:
        await receive(request, caller, found.file_id, lines.decode())
    return await begin_matching(request, caller, found.file_id)


async def _read(request: Request, sent: SentSettlement, *, rows: bool) -> tuple[FileReading, list[bytes]]:
    reader = services_of(request).beside.settlements
    if reader is None:
        words = (
            "Files are not read by this process; start it with `spendlog serve`, or use `spendlog reconcile`."
        )
        raise Problem(503, "settlements_unavailable", words)
    if not sent.content:
        raise FileRefused("no file was chosen, or it is empty: choose one")
    await require_harmless(request, sent.content)
    return await reader.read(sent.content, FileQuestion(name=sent.name, mapping=sent.mapping, rows=rows))


def _wrong(name: str, message: str) -> Problem:
    return invalid_request([FieldError(field=f"body.{name}", code="value_error", message=message)])
