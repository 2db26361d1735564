"""What `make demo` shows in a browser: TechCorp's month, links for its people, and purchases that go on."""

from __future__ import annotations

import random
import shlex
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import psycopg
from rich.console import Console

from api.client import Client
from infra.demo import month
from infra.demo.people import PEOPLE, welcome
from infra.demo.receipts import papers, send_receipts
from infra.demo.settlement import SettlementFiles, send_settlement, wait_in_books, write_files
from infra.jobs.asking import ask_proof
from infra.running.log import EventSender
from infra.running.system import RunningSystem
from schemas.codec import encode_event
from schemas.event import Event
from schemas.ids import department_key
from schemas.partitions import partition_of

#: Seconds from one purchase to the next: slow enough to look, quick enough to see that it lives.
PAUSE_S: Final = 3.0
_UPLOAD_S: Final = 30.0


class Tour:
    """The month is played at once; `step` goes on with it, one purchase after the other."""

    def __init__(self, system: RunningSystem) -> None:
        self._system = system
        self._sender = EventSender(system.endpoints.kafka)
        self._rng = random.Random()
        self._due_s = time.monotonic() + PAUSE_S
        self._number = 0

    def begin(self, console: Console) -> None:
        """Plays the month and prints a link for each person."""
        now = datetime.now(UTC).replace(microsecond=0)
        organization = self._system.organization
        self._send(month.settings(organization, now - timedelta(days=28)))
        purchases = list(month.purchases(organization, now))
        self._send(purchases)
        last = self._sender.flush()
        files = write_files(self._system.data_dir / "files", purchases, now)
        paper = files.mapping.with_name("receipt.jpg")
        paper.write_bytes(papers(purchases)[0].jpeg)
        with Client(self._system.api, self._system.key, deadline_s=_UPLOAD_S) as api:
            send_receipts(api, purchases)
            wait_in_books(self._system.endpoints.postgres, last)
            settled = send_settlement(api, files)
        with psycopg.connect(self._system.endpoints.postgres, autocommit=True) as connection:
            ask_proof(connection)
        console.rule("[bold]In a browser", align="left")
        for cast in PEOPLE:
            token = welcome(self._system.endpoints.postgres, organization, cast)
            link = f"{self._system.api}/sign-in#{token}"
            words = f"  {cast.title:<23} {cast.email:<22} {link}"
            console.print(words, soft_wrap=True, markup=False, highlight=False)
        console.print(
            "  Each link signs in once, within half an hour; `spendlog people link` makes another.",
            highlight=False,
        )
        self._show_files(console, files, paper, settled)

    def _show_files(
        self, console: Console, files: SettlementFiles, paper: Path, settled: dict[str, Any]
    ) -> None:
        """What there is to close the month with, as lines for another terminal, after `. FOLDER/env`."""
        console.rule("[bold]Closing the month", align="left")
        read_by = f"--mapping {shlex.quote(str(files.mapping))}"
        lines = (
            f"  {settled['lines']:,} lines of the processor are matched, {settled['open']} are open.",
            "  The last week is yours to send, by page (Reconciliation), or in another terminal:",
            f"  spendlog reconcile {shlex.quote(str(files.kept))} {read_by}",
            f"  spendlog reconciliations items {settled['file_id']} --open",
            f"  spendlog receipts upload {shlex.quote(str(paper))} --employee alice@techcorp.com",
        )
        for words in lines:
            console.print(words, soft_wrap=True, markup=False, highlight=False)

    def step(self) -> None:
        """The next purchase, if its time has come."""
        if time.monotonic() < self._due_s:
            return
        self._due_s = time.monotonic() + PAUSE_S * self._rng.uniform(0.4, 1.6)
        self._number += 1
        now = datetime.now(UTC)
        name = f"now-{int(now.timestamp()):x}-{self._number}"
        self._send([month.purchase_now(self._rng, self._system.organization, name, now)])
        self._sender.flush()

    def _send(self, events: Iterable[Event]) -> None:
        for event in events:
            key = department_key(event.organization_id, event.department_id).encode()
            self._sender.send(partition_of(key, self._system.partitions), key, encode_event(event))
