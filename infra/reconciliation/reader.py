"""A settlement file read in a process of its own, which forgets it: only lines without card numbers stay.

`python -m infra.reconciliation.reader QUESTION` reads the file from its standard input. It writes a line of
JSON (a reading, or what is wrong with the file), then the file's lines, some thousand as an array in a line.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import IO, Any, Final

import msgspec

from api.asking.settlements import (
    SAMPLE_MAX,
    FileQuestion,
    FileReading,
    FileRefused,
    RefusedLine,
)
from api.receipts.apart import bound
from infra.errors import SpendlogError
from infra.imports.mapping import Mapping, parse_mapping
from infra.imports.propose import propose
from infra.reconciliation.files import is_table
from infra.reconciliation.sending import Spooled, spooled
from schemas.names import merchant_key

_COMMAND: Final = (sys.executable, "-m", "infra.reconciliation.reader")
_TOOK_S_MAX: Final = 120.0
#: A camt.053 of 25 MB as a tree takes some hundred.
_MEMORY_BYTES: Final = 1_500_000_000
_BATCH_LINES: Final = 2_000
_REFUSED_MAX: Final = 20


class _Head(msgspec.Struct, omit_defaults=True):
    """`fault`: what is wrong with the file, and `mapping` the one that was proposed for it."""

    reading: FileReading | None = None
    fault: str = ""
    mapping: str = ""


class SettlementProcesses:
    """One process for each file, one file at a time: the machine decides on cards first."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def read(self, content: bytes, question: FileQuestion) -> tuple[FileReading, list[bytes]]:
        """Raises FileRefused, also where the file ended the process that read it."""
        pipe, nothing = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
        asked = msgspec.json.encode(question).decode()
        async with self._turn:
            process = await asyncio.create_subprocess_exec(
                *_COMMAND, asked, stdin=pipe, stdout=pipe, stderr=nothing
            )
            try:
                async with asyncio.timeout(_TOOK_S_MAX):
                    out, _ = await process.communicate(content)
            except TimeoutError:
                raise FileRefused(f"it takes longer than {_TOOK_S_MAX:.0f} s to read") from None
            finally:
                if process.returncode is None:
                    with contextlib.suppress(ProcessLookupError):
                        process.kill()
                    await process.wait()
        line, _, rest = out.partition(b"\n")
        if process.returncode or not line:
            raise FileRefused(
                "it could not be read within bounds of memory and time: is it what it says it is?"
            )
        head = msgspec.json.decode(line, type=_Head)
        if head.reading is None:
            raise FileRefused(head.fault, head.mapping)
        return head.reading, rest.splitlines()


def main(source: IO[bytes], out: IO[bytes], asked: str) -> None:
    """One file, and the end."""
    bound(memory_bytes=_MEMORY_BYTES, cpu_s=round(_TOOK_S_MAX))
    question = msgspec.json.decode(asked, type=FileQuestion)
    with tempfile.TemporaryDirectory(prefix="spendlog-") as folder:
        path = Path(folder) / _plain(question.name)
        path.write_bytes(source.read())
        proposed = ""
        try:
            if not question.mapping.strip() and is_table(path):
                proposed = propose(path, settlement=True)
            _read(path, question, proposed, out)
        except (SpendlogError, MemoryError) as error:
            words = (
                str(error).replace(f"{path} ", "it ").replace(str(path), question.name) or "it is too large"
            )
            out.write(msgspec.json.encode(_Head(fault=words, mapping=proposed)) + b"\n")


def _read(path: Path, question: FileQuestion, proposed: str, out: IO[bytes]) -> None:
    mapping = _mapping(question.mapping.strip() or proposed)
    with spooled(path, mapping, datetime.now(UTC).date(), lambda _: None) as found:
        reading = FileReading(
            format=found.format,
            digest=found.digest,
            lines=found.lines,
            used=found.used,
            account=found.account,
            since=found.since,
            until=found.until,
            time_zone=mapping.time.zone if mapping else "UTC",
            mapping=(question.mapping.strip() or proposed) if found.format == "csv" else "",
            proposed=bool(proposed),
            sample=list(islice(_rows(found), SAMPLE_MAX)),
            refused=[RefusedLine(one.line, one.reason) for one in found.refused[:_REFUSED_MAX]],
        )
        out.write(msgspec.json.encode(_Head(reading=reading)) + b"\n")
        rows = _rows(found)
        while question.rows and (batch := list(islice(rows, _BATCH_LINES))):
            out.write(msgspec.json.encode(batch) + b"\n")


def _mapping(text: str) -> Mapping | None:
    return parse_mapping(text, "that was given", departments=False) if text else None


def _rows(found: Spooled) -> Iterator[dict[str, Any]]:
    """As the API keeps them."""
    for row in found.rows():
        merchant = row.get("merchant")
        yield row | ({"merchant_key": merchant_key(merchant)} if merchant else {})


def _plain(name: str) -> str:
    """A name for the file on disk: endings say nothing but to the readers of workbooks."""
    return "file" + "".join(letter for letter in Path(name).suffix[:8] if letter.isalnum() or letter == ".")


if __name__ == "__main__":
    main(sys.stdin.buffer, sys.stdout.buffer, sys.argv[1])
