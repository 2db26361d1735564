"""A settlement file to the API: read once, kept as lines on disk, sent some at a time, matched."""

from __future__ import annotations

import hashlib
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import IO, Any, Final

import msgspec

from api.client import Client
from api.client.call import Call
from infra.errors import SpendlogError
from infra.imports.mapping import Mapping
from infra.imports.row import Unusable
from infra.reconciliation.files import open_settlement
from infra.reconciliation.lines import SettlementLine
from schemas.card_numbers import masked

PATH: Final = "/v1/reconciliations"
# The API takes bodies of 64 KiB and 250 lines.
_BODY_BYTES_MAX: Final = 48 * 1024
_BODY_LINES_MAX: Final = 250
_MATCHED_WITHIN_S: Final = 600.0
_REFUSED_MAX: Final = 480

Progress = Callable[[int], None]


@dataclass(slots=True)
class Spooled:
    """A file that was read: its lines in a temporary file, one JSON object each, as the API takes them.

    `refused`: the first of those that cannot be used, for people.
    """

    format: str
    digest: str
    lines: int = 0
    used: int = 0
    since: date | None = None
    until: date | None = None
    account: dict[str, int] = field(default_factory=dict)
    refused: list[Unusable] = field(default_factory=list)
    _file: IO[bytes] | None = None

    def rows(self) -> Iterator[dict[str, Any]]:
        """Its lines, as the API takes them."""
        assert self._file is not None
        self._file.seek(0)
        for row in self._file:
            yield msgspec.json.decode(row)

    def batches(self) -> Iterator[bytes]:
        """Bodies of requests, each small enough."""
        assert self._file is not None
        self._file.seek(0)
        rows: list[bytes] = []
        size = 0
        for row in self._file:
            if rows and (size + len(row) > _BODY_BYTES_MAX or len(rows) == _BODY_LINES_MAX):
                yield b'{"lines":[' + b",".join(rows) + b"]}"
                rows, size = [], 0
            rows.append(row.rstrip(b"\n"))
            size += len(row)
        if rows:
            yield b'{"lines":[' + b",".join(rows) + b"]}"


@contextmanager
def spooled(path: Path, mapping: Mapping | None, today: date, progress: Progress) -> Iterator[Spooled]:
    """The file, read to its end before anything is sent: what is not whole changes nothing.

    Raises:
        SpendlogError: it cannot be read as a whole, or has no line.
    """
    digest = hashlib.sha256(msgspec.json.encode(mapping))
    try:
        with path.open("rb") as content:
            while part := content.read(1 << 20):
                digest.update(part)
    except OSError as error:
        raise SpendlogError(f"{path} cannot be read: {error.strerror}") from None
    with tempfile.TemporaryFile() as kept, open_settlement(path, mapping, today) as settlement:
        found = Spooled(settlement.format, digest.hexdigest(), _file=kept)
        for found.lines, line in enumerate(settlement.lines, start=1):
            kept.write(_row(found, line) + b"\n")
            progress(found.lines)
        found.account = {name: count for name, count in settlement.account.items() if count}
        if not found.lines:
            raise SpendlogError(f"{path} has no line that settles anything: {found.account or 'it is empty'}")
        yield found


def _row(found: Spooled, line: SettlementLine | Unusable) -> bytes:
    if isinstance(line, Unusable):
        if len(found.refused) < _REFUSED_MAX:
            found.refused.append(line)
        why = " ".join(masked(line.reason).split())[:500]
        return msgspec.json.encode({"n": found.lines, "number": line.line, "unreadable": why})
    found.used += 1
    found.since = line.day if found.since is None else min(found.since, line.day)
    found.until = line.day if found.until is None else max(found.until, line.day)
    row = {name: value for name, value in msgspec.to_builtins(line).items() if value is not None}
    row["authorization_id"] = row.pop("authorization", None)
    row["card_id"] = row.pop("card", None)
    return msgspec.json.encode({"n": found.lines} | row)


def get(api: Client, path: str, **query: object) -> Any:
    """The body of an answer, as JSON has it. Raises ClientError."""
    wanted: Call[Any] = Call("GET", path, dict[str, Any], query=query, reads=True)
    return api.answer(wanted).body


def put(api: Client, path: str, body: dict[str, Any] | None = None) -> Any:
    """The same of what may be said twice."""
    wanted: Call[Any] = Call("PUT", path, dict[str, Any], body=body, accepted=True)
    return api.answer(wanted).body


def send_file(api: Client, file: Spooled, told: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """The reconciliation as it stands when the file is matched. `told`: more of its declaration.

    A file that was sent before is not sent again; one whose sending broke off goes on.

    Raises:
        SpendlogError: the API refused, or does not match it in time.
    """
    declared = {
        "format": file.format,
        "digest": file.digest,
        "lines": file.lines,
        "account": file.account,
        "since": str(file.since),
        "until": str(file.until),
    }
    found = put(api, PATH, declared | told)
    place = f"{PATH}/{found['file_id']}"
    if found["status"] == "receiving":
        sent = 0
        for body in file.batches():
            lines = json.loads(body)
            put(api, f"{place}/lines", lines)
            sent += len(lines["lines"])
            progress(sent)
        found = put(api, f"{place}/matching")
    return _matched(api, place, found)


def _matched(api: Client, place: str, found: dict[str, Any]) -> dict[str, Any]:
    until = time.monotonic() + _MATCHED_WITHIN_S
    while found["status"] == "matching":
        if time.monotonic() > until:
            raise SpendlogError(
                f"all lines are there, and the file is not matched after {_MATCHED_WITHIN_S:.0f} s: does "
                f"`spendlog jobs` run? It goes on without this command; GET {place} says when it is done"
            )
        time.sleep(0.3)
        found = get(api, place)
    return found
