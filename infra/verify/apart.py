"""The proof of the books in a process of its own: it takes a core for minutes, and keeps nobody waiting.

As a program (`python -m infra.verify.apart`) it proves what SPENDLOG_KAFKA, SPENDLOG_POSTGRES and
SPENDLOG_REDIS name, and writes lines of JSON: now and then how far it is, last the report.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Awaitable, Callable
from typing import IO, Final

import msgspec

from infra.errors import SpendlogError
from infra.stack_settings import load_settings
from infra.verify.run import verify
from schemas.exits import ExitStatus
from schemas.settings import SettingError

_COMMAND: Final = (sys.executable, "-m", "infra.verify.apart")
#: The report is one line: ten examples of each claim for each organization.
_LINE_BYTES_MAX: Final = 64 * 1024 * 1024


class ProofFailed(Exception):
    """It could not be proved; that says nothing of the books. The message says what was in the way."""


class ReportedFinding(msgspec.Struct, frozen=True):
    """`organization_id` None: of none, or of all of them."""

    organization_id: str | None
    violations: int
    examples: list[str]


class ReportedOracle(msgspec.Struct, frozen=True):
    """One claim: looked at `checked` times, found false `violations` times."""

    id: str
    title: str
    checked: int
    violations: int
    findings: list[ReportedFinding]


class ProofReport(msgspec.Struct, frozen=True):
    """`places`: partition -> up to where its card events and decisions were read."""

    ok: bool
    decisions: int
    places: dict[str, dict[str, int]]
    took_s: float
    oracles: list[ReportedOracle]


class _Line(msgspec.Struct, frozen=True, omit_defaults=True):
    checked: int = 0
    total: int = 0
    report: ProofReport | None = None


async def proved_apart(role: str | None, progress: Callable[[int, int], Awaitable[None]]) -> ProofReport:
    """`role`: as which PostgreSQL is read; None: the login's own. Raises ProofFailed."""
    environment = dict(os.environ)
    if role is not None:
        environment["PGOPTIONS"] = f"-c role={role}"
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *_COMMAND, stdout=pipe, stderr=pipe, env=environment, limit=_LINE_BYTES_MAX
    )
    assert process.stdout is not None and process.stderr is not None
    complaints = asyncio.ensure_future(process.stderr.read())
    report = None
    try:
        async for text in process.stdout:
            line = msgspec.json.decode(text, type=_Line)
            report = line.report
            await progress(line.checked, line.total)
    finally:
        if process.returncode is None and report is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        status = await process.wait()
        words = (await complaints).decode(errors="replace").strip().rpartition("\n")[2]
    if report is None:
        raise ProofFailed(words or f"the proof ended with status {status}")
    return report


def main(out: IO[bytes]) -> int:
    """Status 0: the report was written, whatever it says. What else is wrong is a line on stderr."""
    last = _Line()

    def tell(line: _Line) -> None:
        nonlocal last
        last = line
        out.write(msgspec.json.encode(line) + b"\n")
        out.flush()

    try:
        settings = load_settings()
        if settings.kafka is None or settings.postgres is None:
            raise SettingError("SPENDLOG_KAFKA and SPENDLOG_POSTGRES name what is proved; one is missing")
        found = verify(
            settings.kafka,
            settings.postgres,
            settings.redis,
            progress=lambda checked, total: tell(_Line(checked, total)),
        )
    except (SpendlogError, SettingError) as error:
        sys.stderr.write(f"{error}\n")
        return ExitStatus.FAILED
    tell(_Line(last.checked, last.total, msgspec.convert(found.as_json(), ProofReport)))
    return ExitStatus.DONE


if __name__ == "__main__":
    sys.exit(main(sys.stdout.buffer))
