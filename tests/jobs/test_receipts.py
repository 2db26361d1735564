"""The process that reads receipts is killed in the middle: none is lost, and none is matched twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from infra.processes.refs import wait_until
from infra.receipts.drawing.draw import draw_purchase
from schemas.money import Money

TODAY = datetime.now(UTC).date()
SHOPS = ("Blue Bottle Coffee", "Acme Hardware", "Corner Bistro", "City Cabs")
_PURCHASE = """
INSERT INTO card_authorization (
    organization_id, department_id, authorization_id, status, currency, requested, held, posted, refunded,
    created_at, merchant_key, body, partition, seq)
VALUES ('techcorp', 'sales', %s, 'approved', 'USD', %s, %s, 0, 0, now(), lower(%s), %s, 0, %s)
"""
_FILE = "INSERT INTO receipt_file VALUES ('techcorp', encode(sha256(%s), 'hex'), 'image/jpeg', 1, %s)"
_RECEIPT = """
INSERT INTO receipt (organization_id, receipt_id, sha256, file_name, sent_bytes, uploaded_by)
VALUES ('techcorp', %s, encode(sha256(%s), 'hex'), 'a.jpg', 1, 'somebody')
"""
_ASK = "SELECT job_put('techcorp', 'receipts', 'read', %s, %s)"
_DOING = "SELECT EXISTS (SELECT FROM procrastinate_jobs WHERE queue_name = 'receipts' AND status = 'doing')"
_STATES = "SELECT receipt_id, status, authorization_id, linked_by FROM receipt ORDER BY receipt_id"


@contextmanager
def jobs(database: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    env = {**os.environ, "SPENDLOG_POSTGRES": database, "SPENDLOG_JOBS_SILENT_S": "2"}
    with log.open("ab") as out:
        process = subprocess.Popen([sys.executable, "-m", "infra.jobs"], env=env, stderr=out)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(60)


def fill(connection: psycopg.Connection[Any]) -> None:
    for number, shop in enumerate(SHOPS):
        total = Money(1_000 + 137 * number, "USD")
        jpeg, _ = draw_purchase(number, shop, total, TODAY)
        name = f"rcp_{number}"
        connection.execute(_PURCHASE, [f"a{number}", total.minor, total.minor, shop, Jsonb({}), number])
        connection.execute(_FILE, [jpeg, jpeg])
        connection.execute(_RECEIPT, [name, jpeg])
        connection.execute(_ASK, [name, Jsonb({"receipt_id": name})])


@pytest.mark.faults
@pytest.mark.timeout(600)
def test_killed_while_it_reads_none_is_lost_and_none_is_matched_twice(books: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with psycopg.connect(books, autocommit=True) as connection:
        fill(connection)

        def ended() -> int:
            row = connection.execute("SELECT count(*) FROM receipt WHERE read_at IS NOT NULL").fetchone()
            assert row is not None
            return int(row[0])

        def doing() -> bool:
            return connection.execute(_DOING).fetchone() == (True,)

        def under_way(done: int) -> bool:
            return ended() >= done and doing()

        for killed in range(2):
            with jobs(books, log) as process:
                assert wait_until(partial(under_way, killed), 120.0), log.read_text()
                process.send_signal(signal.SIGKILL)
        with jobs(books, log):
            assert wait_until(lambda: ended() == len(SHOPS), 300.0), log.read_text()
        expected = [(f"rcp_{n}", "matched", f"a{n}", None) for n in range(len(SHOPS))]
        assert connection.execute(_STATES).fetchall() == expected
        done = "SELECT count(*) FROM job_run WHERE organization_id = 'techcorp' AND committed_at IS NOT NULL"
        assert connection.execute(done).fetchone() == (len(SHOPS),)
