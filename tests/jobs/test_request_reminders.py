"""A request that waits reminds whoever may answer it: on a real queue, by webhook and a real mail server."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

from aiosmtpd.controller import Controller

from infra.processes.refs import wait_until
from schemas.effects import DelegationGiven
from sinks.ledger.sink import Ledger
from sinks.postgres import PostgresSession
from tests.api.support import free_port
from tests.infra.support import spendlog
from tests.jobs.test_due_reports import Taken, doing_jobs
from tests.sinks.builder import DecisionLog
from tests.sinks.conftest import query
from tests.sinks.test_ledger import book

DONE = "SELECT count(*) FROM procrastinate_jobs WHERE task_name = %s AND status = 'succeeded'"
ADDRESSES = ("ann", "bob", "cat", "dan")


def has_done(database: str, task: str, count: int) -> bool:
    return query(database, DONE, task) == [(count,)]


def endpoints(database: str) -> None:
    """One that wants to hear of requests, and one of another department."""
    query(
        database,
        """INSERT INTO webhook_endpoint (organization_id, endpoint_id, url, description, event_types,
            department_ids) VALUES ('techcorp', 'all', 'https://example.com/', '', '{request.*}', '{}'),
            ('techcorp', 'sales', 'https://example.com/', '', '{}', '{sales}') RETURNING 1""",
    )


def test_who_may_answer_is_reminded_once_in_a_while_and_nobody_else(database: str, tmp_path: Path) -> None:
    env = {"SPENDLOG_POSTGRES": database}
    for name in ADDRESSES:
        role = "finance_manager" if name != "dan" else "employee"
        added = ("--organization", "techcorp", "--role", role, "--department", "eng")
        done = spendlog("people", "add", f"{name}@t.example", *added, env=env)
        assert done.returncode == 0, done.stderr
    log = DecisionLog()
    log.budget()
    asked = log.ask_increase("named", asked_by="dan@t.example", levels=(("ann@t.example",),))
    log.ask_increase("open", asked_by="bob@t.example", levels=((),))
    log.ask_increase("new", asked_by="dan@t.example", levels=((),))
    log.refuse_increase("gone", "ann@t.example")
    away = {"absent": "ann@t.example", "delegate": "cat@t.example", "set_by": "ann@t.example"}
    times = query(database, "SELECT now() - interval '1 day', now() + interval '9 days'")[0]
    given = DelegationGiven(**away, starts_at=times[0], until=times[1])
    log.set("delegation.set", given)
    ledger = Ledger(PostgresSession(database))
    book(ledger, [log])
    ledger.close()
    assert asked.occurred_at is not None
    query(
        database,
        """UPDATE approval_request SET asked_at = now() - CASE request_id WHEN 'new' THEN interval '1 day'
            ELSE interval '3 days' END RETURNING 1""",
    )
    endpoints(database)
    box = Taken()
    server = Controller(box, hostname="127.0.0.1", port=free_port())
    server.start()
    try:
        smtp = f"smtp://127.0.0.1:{server.port}"
        with doing_jobs(database, tmp_path, SPENDLOG_API_SMTP=smtp) as jobs_log:
            for count in (1, 2):
                query(database, "SELECT job_put('techcorp', 'requests', 'remind', 'waiting', '{}')")
                assert wait_until(partial(has_done, database, "requests.remind", count), 90.0), (
                    jobs_log.read_text()
                )
            assert wait_until(partial(has_done, database, "mail.send", 4), 90.0)
    finally:
        server.stop()
    # The open one: whoever may approve in the department but who asked. The named one: Ann, and Cat for her.
    assert sorted(mail["To"] for mail in box.mails) == [
        *("ann@t.example", "ann@t.example", "cat@t.example", "cat@t.example"),
    ]
    rows = query(database, "SELECT request_id, times FROM request_reminder ORDER BY request_id")
    assert rows == [("named", 1), ("open", 1)]
    deliveries = query(database, "SELECT endpoint_id, event_type, body FROM webhook_delivery ORDER BY body")
    assert {row[:2] for row in deliveries} == {("all", "request.reminded")}
    told = {
        one["request_id"]: one["may_answer"] for one in (json.loads(row[2])["data"] for row in deliveries)
    }
    assert told == {
        "named": ["ann@t.example", "cat@t.example"],
        "open": ["ann@t.example", "cat@t.example"],
    }
