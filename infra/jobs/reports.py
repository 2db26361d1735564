"""Reports that are due: made, kept, told by webhook, and sent by mail. What is asked for stands in
report_schedule."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import make_msgid
from typing import Final, LiteralString, NamedTuple

from api.access.mail import Mail
from api.questions.answering import Questions
from api.questions.parameters import Asker
from api.reports.making import PeriodWord, Wanted, report_of, span_of_word
from api.reports.report import ReportKind, ReportOut
from api.reports.sheets import CSV, XLSX, csv_of_report, xlsx_of_report
from api.stores.ledger import LedgerReads
from api.stores.postgres import Postgres
from api.stores.questions import QuestionReads
from api.stores.tenant import TENANT
from infra.jobs.feature import Feature, Task
from infra.jobs.job import Connection, Job, JobRefused
from infra.jobs.job_settings import JobSettings
from schemas.settings import read_settings
from schemas.webhooks import REPORT_MADE
from sinks.webhooks.messages import body_of

_WAIT_S: Final = 5.0
#: Nobody waits for it: a slow moment of PostgreSQL is no reason to begin again.
_PATIENCE: Final = 10.0
_DUE: LiteralString = "SELECT report_due()"
_SCHEDULE: LiteralString = """
SELECT report, period, format, mail_to FROM report_schedule WHERE organization_id = %s AND schedule_id = %s
"""
_KEEP: LiteralString = """
INSERT INTO report_file (organization_id, schedule_id, due_at, name, media_type, content)
VALUES (%s, %s, %s, %s, %s, %s) RETURNING file_id, made_at
"""
_SEND: LiteralString = """
INSERT INTO report_delivery (organization_id, file_id, way, recipient, job_id)
SELECT %(organization_id)s, %(file_id)s, 'mail', address, job_put(%(organization_id)s, 'reports', 'mail',
    %(file_id)s || ' ' || address, jsonb_build_object('file_id', %(file_id)s, 'to', address))
FROM (SELECT DISTINCT unnest(%(mail_to)s::text[]) AS address) AS asked
"""
# An endpoint that wants only some departments' events is told nothing that is of all of them.
_TELL: LiteralString = """
WITH told AS (
    INSERT INTO webhook_delivery
        (organization_id, endpoint_id, event_id, event_type, department_id, lane, body, status)
    SELECT organization_id, endpoint_id, %(event_id)s, %(event_type)s, NULL, %(lane)s, %(body)s, 'pending'
    FROM webhook_endpoint
    WHERE organization_id = %(organization_id)s AND department_ids = '{}'
        AND (event_types = '{}' OR event_types && %(patterns)s::text[])
    RETURNING organization_id, endpoint_id
), noted AS (
    INSERT INTO report_delivery (organization_id, file_id, way, recipient)
    SELECT organization_id, %(file_id)s, 'webhook', endpoint_id FROM told
)
SELECT count(webhook_wake(organization_id, endpoint_id)::text) FROM told
"""
_SENT: LiteralString = """
UPDATE report_delivery SET delivered_at = now()
WHERE organization_id = %s AND file_id = %s AND way = 'mail' AND recipient = %s
"""
_FILE: LiteralString = "SELECT name, content FROM report_file WHERE organization_id = %s AND file_id = %s"


def feature() -> Feature:
    """Raises SettingError."""
    settings = read_settings(JobSettings)
    reports = DueReports(settings, Mail(settings.api_smtp, settings.api_mail_from, ""))
    return Feature(
        "reports",
        (Task("due", reports.due, cron="* * * * *"), Task("make", reports.make), Task("mail", reports.mail)),
        at_once=2,
    )


class MadeReport(NamedTuple):
    """A report that is kept. `length`: in bytes."""

    file_id: int
    made_at: datetime
    schedule_id: str
    due_at: datetime
    report: ReportOut
    name: str
    media_type: str
    length: int


@dataclass(frozen=True, slots=True)
class DueReports:
    """The tasks of the queue."""

    settings: JobSettings
    post: Mail

    async def due(self, job: Job) -> None:
        """Asks for what is due, in all organizations."""
        async with job.once() as connection:
            await connection.execute(_DUE)

    async def make(self, job: Job, schedule_id: str, due: str) -> None:
        """Makes a report as of when it was due, keeps it, tells of it and asks for its mails: together."""
        assert job.organization_id is not None
        async with job.reading() as connection:
            cursor = await connection.execute(_SCHEDULE, (job.organization_id, schedule_id))
            row = await cursor.fetchone()
        if row is None:
            return  # it was taken away meanwhile
        kind, period, format, mail_to = row
        at = datetime.fromisoformat(due)
        report = await self._report(job.organization_id, ReportKind(kind), period, at)
        body = xlsx_of_report(report) if format == "xlsx" else csv_of_report(report)
        name = f"{report.report}-{report.first}-{report.last}.{format}"
        media_type = XLSX if format == "xlsx" else CSV
        async with job.once() as connection:
            kept = (job.organization_id, schedule_id, at, name, media_type, body)
            cursor = await connection.execute(_KEEP, kept)
            file_id, made_at = await cursor.fetchone() or (0, at)
            asked = {"organization_id": job.organization_id, "file_id": file_id, "mail_to": mail_to}
            await connection.execute(_SEND, asked)
            file = MadeReport(file_id, made_at, schedule_id, at, report, name, media_type, len(body))
            await self._tell(connection, file)

    async def mail(self, job: Job, file_id: int, to: str) -> None:
        """Sends a report that is kept to one address. Killed at the wrong moment it is sent again, with the
        same Message-ID."""
        if self.post.server is None:
            raise JobRefused("there is no mail server: set SPENDLOG_API_SMTP, then try this job again")
        async with job.reading() as connection:
            cursor = await connection.execute(_FILE, (job.organization_id, file_id))
            row = await cursor.fetchone()
        if row is None:
            raise JobRefused(f"report {file_id} is not kept any more")
        name, content = row
        if not await self.post.deliver(self._message(job, to, name, content)):
            raise OSError("the mail server did not take it; the log says why")
        async with job.once() as connection:
            await connection.execute(_SENT, (job.organization_id, file_id, to))

    async def _tell(self, connection: Connection, file: MadeReport) -> None:
        """Every endpoint that wants to hear of it, and of all departments."""
        report, event_id = file.report, f"rep_{file.file_id}"
        place = f"/v1/report-files/{file.file_id}"
        told = {
            "file_id": file.file_id,
            "schedule_id": file.schedule_id,
            "report": report.report,
            "first": report.first,
            "last": report.last,
            "time_zone": report.time_zone,
            "due_at": file.due_at,
            "name": file.name,
            "media_type": file.media_type,
            "bytes": file.length,
            "content": f"{place}/content",
            "page": f"{self.settings.api_public_url.rstrip('/')}/reports/files/{file.file_id}",
        }
        asked = {
            "organization_id": report.organization_id,
            "file_id": file.file_id,
            "event_id": event_id,
            "event_type": REPORT_MADE,
            "lane": f"report:{file.schedule_id}",
            "body": body_of(event_id, REPORT_MADE, file.made_at, report.organization_id, None, told),
            "patterns": [REPORT_MADE, f"{REPORT_MADE.partition('.')[0]}.*"],
        }
        await connection.execute(_TELL, asked)

    def _message(self, job: Job, to: str, name: str, content: bytes) -> EmailMessage:
        message = EmailMessage()
        message["From"], message["To"] = self.post.sender, to
        message["Subject"] = f"Report: {name.rpartition('.')[0]}"
        domain = make_msgid(domain=self.post.sender.rpartition("@")[2]).rpartition("@")[2]
        message["Message-ID"] = f"<report-job-{job.job_id}@{domain}"
        message.set_content(f"The report {name} of {job.organization_id} is attached.\n")
        kind = "csv" if name.endswith(".csv") else XLSX.partition("/")[2]
        main = "text" if kind == "csv" else "application"
        message.add_attachment(content, maintype=main, subtype=kind, filename=name)
        return message

    async def _report(
        self, organization_id: str, kind: ReportKind, period: PeriodWord, at: datetime
    ) -> ReportOut:
        role = None if self.settings.jobs_role == "none" else self.settings.jobs_role
        postgres = Postgres(self.settings.postgres, connections_max=2, role=role, patience=_PATIENCE)
        TENANT.set(organization_id)
        await postgres.open()
        try:
            ledger = LedgerReads(postgres, lambda _: False)
            reads = QuestionReads(ledger, organization_id, None, _WAIT_S)
            questions = await Questions.of(reads, Asker(organization_id), None, at)
            return await report_of(questions, Wanted(kind, span_of_word(period, questions.clock)))
        finally:
            await postgres.close()
