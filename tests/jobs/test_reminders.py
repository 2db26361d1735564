"""Who has receipts to send gets one mail for all of them, once a week, from a real mail server."""

from __future__ import annotations

from pathlib import Path

import psycopg
from aiosmtpd.controller import Controller

from api.access.roles import Role
from infra.processes.refs import wait_until
from tests.api.people import member
from tests.api.support import free_port
from tests.jobs.test_due_reports import Taken, doing_jobs
from tests.sinks.conftest import query

_POLICY = """
INSERT INTO receipt_policy (organization_id, currency, over_minor, days, set_by)
VALUES ('techcorp', %s, 1000, 0, 'carol@techcorp.com')
"""
_PURCHASE = """
INSERT INTO card_authorization (
    organization_id, department_id, authorization_id, status, currency, requested, held, posted, refunded,
    created_at, merchant_key, cardholder, body, partition, seq)
VALUES ('techcorp', 'sales', %s, 'cleared', %s, %s, 0, 0, 0, now() - interval '1 day', %s, %s, '{}', 0, %s)
"""
_ASK = "SELECT job_put('techcorp', 'receipts', 'remind', %s, '{}')"


def test_each_is_mailed_once_for_all_that_is_missing(database: str, tmp_path: Path) -> None:
    ada = member(database, "techcorp", Role.EMPLOYEE, employee="ada")
    bo = member(database, "techcorp", Role.EMPLOYEE, employee="bo")
    member(database, "techcorp", Role.EMPLOYEE, employee="cy")  # nothing of his is missing
    purchases = [
        ("a1", "USD", 12_345, "corner bistro", "ada"),
        ("a2", "JPY", 4_000, "tokyo metro", "ada"),
        ("a3", "USD", 900, "below the amount", "ada"),
        ("a4", "USD", 2_000, "city cabs", "bo"),
        ("a5", "USD", 2_000, "of nobody with a page", "stranger"),
    ]
    with psycopg.connect(database, autocommit=True) as connection:
        for currency in ("USD", "JPY"):
            connection.execute(_POLICY, [currency])
        for seq, (name, currency, minor, merchant, holder) in enumerate(purchases):
            connection.execute(_PURCHASE, (name, currency, minor, merchant, holder, seq))
    box = Taken()
    server = Controller(box, hostname="127.0.0.1", port=free_port())
    server.start()
    try:
        smtp = {"SPENDLOG_API_SMTP": f"smtp://127.0.0.1:{server.port}", "SPENDLOG_JOBS_SILENT_S": "60"}
        query(database, _ASK, "monday")
        with doing_jobs(database, tmp_path, **smtp) as log:
            assert wait_until(lambda: len(box.mails) == 2, 90.0), log.read_text()
            query(database, _ASK, "tuesday")
            done = "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'receipts.remind'"
            done += " AND status = 'succeeded'"
            assert wait_until(lambda: query(database, done) == [(2,)], 90.0), log.read_text()
    finally:
        server.stop()
    mails = {mail["To"]: mail for mail in box.mails}
    assert (set(mails), len(box.mails)) == ({ada, bo}, 2)
    assert mails[ada]["Subject"] == "Receipts are missing: 2"
    words = mails[ada].get_content()
    assert "corner bistro, 123.45 USD" in words and "tokyo metro, 4,000 JPY" in words
    assert "below the amount" not in words and "city cabs" not in words
    assert words.rstrip().endswith("http://127.0.0.1:8080/receipts")
    reminded = query(database, "SELECT count(*), max(times) FROM receipt_reminder")
    assert reminded == [(4, 1)]  # who has no page is listed all the same
