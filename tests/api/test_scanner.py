"""Files are scanned by a real clamd before they are taken; it knows EICAR's test file and a mark of ours."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Final

import httpx
import psycopg
import pytest

from api.access.roles import Role
from api.api_settings import ApiSettings
from api.receipts.scanner import FileScanner, HarmfulFile, ScannerAway
from tests.api.people import member, sign_in
from tests.api.support import free_port, serving, wait_ready, wait_until
from tests.receipts.papers import receipt_pdf

#: What every scanner is tested with (eicar.org); in two pieces, so that none finds it here.
EICAR: Final = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-" + b"STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
MARK: Final = b"% harmful, by our own signature"
MISSING: Final = "no clamd (Debian: clamav-daemon): scanning is not tested"
STREAM_MAX: Final = 1_000_000


class Clamd:
    """A clamd with signatures of our own, on loopback."""

    def __init__(self, program: str, folder: Path) -> None:
        self.port = free_port()
        self.url = f"clamd://127.0.0.1:{self.port}"
        self._folder = folder
        database = folder / "signatures"
        database.mkdir()
        signatures = [("Eicar-Test", "0", EICAR), ("Our-Mark", "*", MARK)]
        lines = [f"{name}:0:{where}:{text.hex()}" for name, where, text in signatures]
        (database / "own.ndb").write_text("\n".join(lines) + "\n")
        settings = {
            "DatabaseDirectory": database,
            "TCPAddr": "127.0.0.1",
            "TCPSocket": self.port,
            "Foreground": "yes",
            "StreamMaxLength": STREAM_MAX,
        }
        (folder / "clamd.conf").write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
        self._command = [program, f"--config-file={folder / 'clamd.conf'}"]
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self._folder / "log").open("ab") as log:
            self.process = subprocess.Popen(self._command, stdout=log, stderr=log)
        wait_until(self._answers)

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            self.process.wait(60)
            self.process = None

    def _answers(self) -> bool:
        assert self.process is not None and self.process.poll() is None, (self._folder / "log").read_text()
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
                connection.sendall(b"nPING\n")
                return connection.recv(10).startswith(b"PONG")
        except OSError:
            return False


@pytest.fixture(scope="module")
def clamd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clamd]:
    program = shutil.which("clamd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    found = Clamd(program, tmp_path_factory.mktemp("clamd"))
    found.start()
    try:
        yield found
    finally:
        found.stop()


@contextmanager
def stopped(clamd: Clamd) -> Iterator[None]:
    clamd.stop()
    try:
        yield
    finally:
        clamd.start()


def scan(url: str | None, content: bytes, timeout_s: float = 60) -> None:
    asyncio.run(FileScanner(url, timeout_s=timeout_s).require_harmless(content))


def test_what_the_scanner_knows_is_harmful(clamd: Clamd) -> None:
    for content in (b"", b"a receipt", receipt_pdf("Blue Bottle", "$21.50", date(2026, 11, 1))):
        scan(clamd.url, content)
    with pytest.raises(HarmfulFile, match="Eicar-Test"):
        scan(clamd.url, EICAR)
    with pytest.raises(HarmfulFile, match="Our-Mark"):
        scan(clamd.url, b"x" * 700_000 + MARK + b"x" * 200_000)
    scan(None, EICAR)


def test_what_was_not_looked_at_is_not_let_in(clamd: Clamd) -> None:
    with pytest.raises(ScannerAway):
        scan(clamd.url, b"x" * (STREAM_MAX + 1))
    with pytest.raises(ScannerAway):
        scan(f"clamd://127.0.0.1:{free_port()}", b"a receipt")
    assert clamd.process is not None
    clamd.process.send_signal(signal.SIGSTOP)
    try:
        with pytest.raises(ScannerAway, match="Timed out"):
            scan(clamd.url, b"a receipt", timeout_s=0.2)
    finally:
        clamd.process.send_signal(signal.SIGCONT)
    scan(clamd.url, b"a receipt")


@pytest.mark.parametrize("answer", [b"", b"stream: OK and more\n", b"stream: broken ERROR\n", b"\xff\n"])
def test_another_answer_lets_nothing_in(answer: bytes) -> None:
    async def ask() -> None:
        async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\0\0\0\0")
            writer.write(answer)
            writer.close()

        async with await asyncio.start_server(answers, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            await FileScanner(f"clamd://127.0.0.1:{port}").require_harmless(b"a receipt")

    with pytest.raises(ScannerAway):
        asyncio.run(ask())


@pytest.fixture(scope="module")
def people(clamd: Clamd, settings: ApiSettings) -> Iterator[httpx.Client]:
    """An Org Admin of an API that scans."""
    with serving(settings.model_copy(update={"api_scanner": clamd.url})) as base_url:
        wait_ready(base_url)
        with sign_in(base_url, member(settings.postgres, "org-scanned", Role.ORG_ADMIN)) as client:
            yield client


def kept(settings: ApiSettings) -> int:
    with psycopg.connect(settings.postgres) as connection:
        (count,) = connection.execute(
            "SELECT count(*) FROM receipt_file WHERE organization_id = 'org-scanned'"
        ).fetchall()
    return int(count[0])


def test_a_harmful_receipt_is_refused_and_kept_nowhere(
    people: httpx.Client, clamd: Clamd, settings: ApiSettings
) -> None:
    good = receipt_pdf("Blue Bottle", "$21.50", date(2026, 11, 1))
    for content in (EICAR, good + MARK):  # the second is a good PDF with something behind its end
        refused = people.post("/v1/receipts", files={"file": ("lunch.pdf", content)})
        assert (refused.status_code, refused.json()["code"]) == (422, "harmful_file"), refused.text
    assert kept(settings) == 0
    with stopped(clamd):
        away = people.post("/v1/receipts", files={"file": ("lunch.pdf", good)})
        assert (away.status_code, away.json()["code"]) == (503, "scanner_unavailable"), away.text
        assert int(away.headers["retry-after"]) > 0
    assert kept(settings) == 0
    assert people.post("/v1/receipts", files={"file": ("lunch.pdf", good)}).status_code == 201
    assert kept(settings) == 1


def test_a_settlement_file_is_scanned_as_well(people: httpx.Client, clamd: Clamd) -> None:
    sent = {"file": ("settled.csv", b"date,amount\n" + MARK)}
    page = people.post("/reconciliation/reading", files=sent, data={"mapping": "", "days_max": "3"})
    assert page.status_code == 422 and "knows this file to be harmful" in page.text, page.text[:2_000]
