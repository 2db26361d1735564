"""Reports that are due are made once, kept as they were then, and reach a real mail server."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from infra.processes.refs import wait_until
from sinks.ledger.sink import Ledger
from sinks.postgres import PostgresSession
from tests.api.support import free_port
from tests.infra.support import spendlog
from tests.sinks.builder import DecisionLog
from tests.sinks.conftest import query
from tests.sinks.test_ledger import book


class Taken:
    """What the mail server took."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        mail = message_from_bytes(envelope.content or b"", policy=policy.default)  # type: ignore[arg-type]
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 taken"


@contextmanager
def doing_jobs(database: str, folder: Path, **settings: str) -> Iterator[Path]:
    """`python -m infra.jobs`, killed at the end."""
    env = {**os.environ, "SPENDLOG_POSTGRES": database, "SPENDLOG_JOBS_SILENT_S": "2", **settings}
    log = folder / "jobs.log"
    with log.open("ab") as out:
        process = subprocess.Popen([sys.executable, "-m", "infra.jobs"], env=env, stderr=out)
    try:
        yield log
    finally:
        process.kill()
        process.wait(20)


def endpoints(database: str) -> None:
    """One that wants to hear of reports, and others that do not, or of one department alone."""
    query(
        database,
        "INSERT INTO webhook_endpoint (organization_id, endpoint_id, url, description, event_types,"
        " department_ids) VALUES ('techcorp', 'all', 'https://example.com/', '', '{report.*}', '{}'),"
        " ('techcorp', 'cards', 'https://example.com/', '', '{card.*}', '{}'),"
        " ('techcorp', 'sales', 'https://example.com/', '', '{}', '{sales}'),"
        " ('another', 'all', 'https://example.com/', '', '{}', '{}') RETURNING 1",
    )


def require_told(database: str, file: int, length: int) -> None:
    """Who wants to hear of it, and nobody else, and that much is noted."""
    ((endpoint, event_type, body),) = query(
        database, "SELECT organization_id || '/' || endpoint_id, event_type, body FROM webhook_delivery"
    )
    told = json.loads(body)
    assert (endpoint, event_type, told["id"]) == ("techcorp/all", "report.made", f"rep_{file}")
    assert (told["data"]["file_id"], told["data"]["bytes"], told["data"]["content"]) == (
        file,
        length,
        f"/v1/report-files/{file}/content",
    )
    assert told["data"]["page"].endswith(f"/reports/files/{file}")
    noted = query(database, "SELECT way, recipient, delivered_at IS NOT NULL FROM report_delivery ORDER BY 2")
    assert noted == [
        ("mail", "ada@techcorp.example", True),
        ("webhook", "all", False),
        ("mail", "bo@techcorp.example", True),
    ]


def test_a_due_report_is_made_kept_and_mailed_and_its_schedule_goes_on(database: str, tmp_path: Path) -> None:
    ledger = Ledger(PostgresSession(database))
    log = DecisionLog()
    log.budget()
    log.clear("a", 12_345)
    log.clear("b", 655)
    book(ledger, [log], rows=10)
    ledger.close()
    (booked,) = query(database, "SELECT sum(amount)::bigint FROM entry WHERE account LIKE '%%:card-spend'")[0]
    env = {"SPENDLOG_POSTGRES": database}
    asked = ("--organization", "techcorp", "--period", "this_year", "--format", "csv", "--every", "week")
    mails = ("--mail", "ada@techcorp.example", "--mail", "bo@techcorp.example")
    # Ten weeks ago: of those that nobody was there for, the last is made.
    starts = query(database, "SELECT to_char(now() - interval '70 days 1 hour', 'YYYY-MM-DD\"T\"HH24:MI')")[
        0
    ][0]
    done = spendlog("reports", "schedule", "weekly", *asked, *mails, "--starts", starts, env=env)
    assert done.returncode == 0, done.stderr
    endpoints(database)
    box = Taken()
    server = Controller(box, hostname="127.0.0.1", port=free_port())
    server.start()
    try:
        smtp = {
            "SPENDLOG_API_SMTP": f"smtp://127.0.0.1:{server.port}",
            "SPENDLOG_API_MAIL_FROM": "r@t.example",
        }
        with doing_jobs(database, tmp_path, **smtp) as jobs_log:
            ended = "SELECT count(*) FROM job_run r JOIN procrastinate_jobs j ON j.id = r.job_id"
            ended += " WHERE j.task_name IN ('reports.make', 'reports.mail') AND j.status = 'succeeded'"
            assert wait_until(lambda: query(database, ended) == [(3,)], 90.0), jobs_log.read_text()
    finally:
        server.stop()
    (file, content), *others = query(database, "SELECT file_id, content FROM report_file")
    assert others == []
    table = list(csv.reader(io.StringIO(bytes(content).decode("utf-8-sig"))))
    total = next(row for row in table if row and row[0] == "Total")
    assert int(total[1].replace(".", "")) == booked == 13_000
    require_told(database, file, len(bytes(content)))
    assert sorted(mail["To"] for mail in box.mails) == ["ada@techcorp.example", "bo@techcorp.example"]
    assert len({mail["Message-ID"] for mail in box.mails}) == 2
    for mail in box.mails:
        (attached,) = mail.iter_attachments()
        assert attached.get_filename().startswith("spend-")  # type: ignore[union-attr]
        sent = attached.get_payload(decode=True)
        assert isinstance(sent, bytes)
        assert sent.replace(b"\r\n", b"\n") == bytes(content).replace(b"\r\n", b"\n")
    assert query(
        database, "SELECT next_at > now(), next_at < now() + interval '7 days' FROM report_schedule"
    ) == [(True, True)]
    out = tmp_path / "spend.csv"
    fetched = spendlog("reports", "fetch", str(file), out, "--organization", "techcorp", env=env)
    assert fetched.returncode == 0 and out.read_bytes() == bytes(content)
    other = spendlog("reports", "fetch", str(file), out, "--organization", "another", env=env)
    assert (other.returncode, "another has no report" in other.stderr) == (1, True)


def test_without_a_mail_server_it_is_kept_and_the_mail_is_told_as_given_up(
    database: str, tmp_path: Path
) -> None:
    env = {"SPENDLOG_POSTGRES": database}
    asked = ("--organization", "techcorp", "--period", "last_month", "--mail", "ada@techcorp.example")
    assert spendlog("reports", "schedule", "monthly", *asked, env=env).returncode == 0
    with doing_jobs(database, tmp_path) as log:
        failed = (
            "SELECT error FROM job_run r JOIN procrastinate_jobs j ON j.id = r.job_id WHERE status = 'failed'"
        )
        assert wait_until(lambda: len(query(database, failed)) == 1, 90.0), log.read_text()
    assert "set SPENDLOG_API_SMTP" in query(database, failed)[0][0]
    assert query(database, "SELECT media_type LIKE '%%spreadsheet%%' FROM report_file") == [(True,)]
    refused = spendlog("reports", "schedule", "x", "--organization", "o", "--period", "never", env=env)
    assert (refused.returncode, "is none of" in refused.stderr) == (1, True)
    assert spendlog("reports", "unschedule", "monthly", "--organization", "techcorp", env=env).returncode == 0
    assert spendlog("reports", "schedules", "--organization", "techcorp", "--json", env=env).stdout == "[]\n"
