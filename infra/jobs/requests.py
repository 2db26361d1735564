"""Who may answer a request is reminded while it waits: on his page, by webhook, by mail where that is set."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Final, LiteralString, NamedTuple

from infra.jobs.feature import Feature, Task
from infra.jobs.job import Connection, Job
from infra.jobs.job_settings import JobSettings
from infra.jobs.mail import put_mails
from schemas.money import exponent
from schemas.settings import read_settings
from schemas.webhooks import REQUEST_REMINDED, wants
from sinks.webhooks.messages import body_of

#: After it was asked, and after the last time.
REMIND_AFTER_DAYS: Final = 2
_ROWS_MAX: Final = 500

_ASK: LiteralString = "SELECT requests_remind()"
_REMIND: LiteralString = """
INSERT INTO request_reminder AS known (organization_id, department_id, request_id, times, reminded_at)
SELECT r.organization_id, r.department_id, r.request_id, 1, now()
FROM approval_request r
LEFT JOIN request_reminder m USING (organization_id, department_id, request_id)
WHERE r.organization_id = current_setting('spendlog.organization') AND r.status = 'waiting'
    AND (r.lapses_at IS NULL OR r.lapses_at > now())
    AND greatest(r.asked_at, m.reminded_at) < now() - make_interval(days => %s)
ORDER BY r.asked_at
LIMIT %s
ON CONFLICT (organization_id, department_id, request_id) DO UPDATE
SET times = least(known.times + 1, 1000), reminded_at = now()
RETURNING department_id, request_id, times
"""
# Whom the level names and who stands in for them; of one that names nobody, whoever may approve there.
_WHOM: LiteralString = """
SELECT r.kind, r.asked_by, r.lapses_at, r.amount, r.currency, array(
    SELECT p.email FROM membership m JOIN person p USING (person_id)
    WHERE m.organization_id = r.organization_id
        AND p.email <> r.asked_by AND p.email <> ALL (r.approved_by || r.on_behalf_of)
        AND CASE WHEN jsonb_array_length(level.approvers) = 0 THEN
            m.role = 'org_admin' OR (m.role = 'finance_manager'
                AND (m.department_ids = '{}' OR r.department_id = ANY (m.department_ids)))
        ELSE level.approvers ? p.email OR EXISTS (
            SELECT FROM delegation d
            WHERE d.organization_id = r.organization_id AND d.department_id = r.department_id
                AND d.delegate = p.email AND level.approvers ? d.absent AND d.ended_at IS NULL
                AND d.starts_at <= now() AND now() < d.until)
        END
    ORDER BY p.email LIMIT 50)
FROM approval_request r, LATERAL (SELECT r.levels::jsonb -> cardinality(r.approved_by) AS approvers) AS level
WHERE r.organization_id = current_setting('spendlog.organization') AND r.department_id = %s
    AND r.request_id = %s
"""
_ENDPOINTS: LiteralString = """
SELECT endpoint_id, event_types, department_ids FROM webhook_endpoint
WHERE organization_id = current_setting('spendlog.organization')
"""
_QUEUE: LiteralString = """
WITH made AS (
    INSERT INTO webhook_delivery
        (organization_id, endpoint_id, event_id, event_type, department_id, lane, body, status)
    VALUES (current_setting('spendlog.organization'), %s, %s, %s, %s, %s, %s, 'pending')
    ON CONFLICT DO NOTHING
    RETURNING organization_id, endpoint_id
)
SELECT count(webhook_wake(organization_id, endpoint_id)::text) FROM made
"""


class Reminder(NamedTuple):
    """Of one request, for the `times`th time; `people`: addresses of who may answer it now."""

    department_id: str
    request_id: str
    times: int
    kind: str
    asked_by: str
    lapses_at: datetime | None
    amount: int
    currency: str
    people: list[str]

    @property
    def event_id(self) -> str:
        """The same for who reminds of it for the same time once more."""
        told = f"{self.department_id}/{self.request_id}/{self.lapses_at}/{self.times}"
        return f"rem_{sha256(told.encode()).hexdigest()[:24]}"

    @property
    def words(self) -> str:
        wanted = f"{'an' if self.kind == 'increase' else 'a'} {self.kind}"
        amount = f"{Decimal(self.amount).scaleb(-exponent(self.currency)):,f} {self.currency}"
        until = (
            ""
            if self.lapses_at is None
            else f" It can be answered until {self.lapses_at.astimezone(UTC):%-d %B %Y, %H:%M UTC}."
        )
        return (
            f"{self.asked_by} has asked for {wanted} of {amount} in {self.department_id}, "
            f"and you may answer.{until}"
        )


def feature() -> Feature:
    """Raises SettingError."""
    reminders = Reminders(read_settings(JobSettings))
    return Feature(
        "requests", (Task("ask", reminders.ask, cron="11 * * * *"), Task("remind", reminders.remind))
    )


@dataclass(frozen=True, slots=True)
class Reminders:
    """The tasks of the queue."""

    settings: JobSettings

    async def ask(self, job: Job) -> None:
        """Once an hour, of all organizations in which a request waits."""
        async with job.once() as connection:
            await connection.execute(_ASK)

    async def remind(self, job: Job) -> None:
        """Notes what is reminded of, queues its webhooks and asks for its mails: together."""
        assert job.organization_id is not None
        async with job.once() as connection:
            cursor = await connection.execute(_REMIND, (REMIND_AFTER_DAYS, _ROWS_MAX))
            for department_id, request_id, times in await cursor.fetchall():
                cursor = await connection.execute(_WHOM, (department_id, request_id))
                found = await cursor.fetchone()
                assert found is not None, "it was there in this transaction"
                kind, asked_by, lapses_at, amount, currency, people = found
                reminder = Reminder(
                    department_id, request_id, times, kind, asked_by, lapses_at, amount, currency, people
                )
                await _tell(connection, job.organization_id, reminder)
                if self.settings.api_smtp is not None:
                    await self._mail(connection, job.organization_id, reminder)

    async def _mail(self, connection: Connection, organization_id: str, reminder: Reminder) -> None:
        words = f"{reminder.words}\n\n{self.settings.api_public_url.rstrip('/')}/approvals\n"
        about = reminder.event_id
        await put_mails(connection, organization_id, about, reminder.people, "A request waits for you", words)


async def _tell(connection: Connection, organization_id: str, reminder: Reminder) -> None:
    """Every endpoint that wants to hear of it."""
    body = body_of(
        reminder.event_id,
        REQUEST_REMINDED,
        datetime.now(UTC),
        organization_id,
        reminder.department_id,
        {
            "request_id": reminder.request_id,
            "kind": reminder.kind,
            "amount": {"minor": reminder.amount, "currency": reminder.currency},
            "asked_by": reminder.asked_by,
            "lapses_at": reminder.lapses_at,
            "times": reminder.times,
            "may_answer": reminder.people,
        },
    )
    lane = f"{reminder.department_id}/request:{reminder.request_id}"
    cursor = await connection.execute(_ENDPOINTS)
    for endpoint_id, event_types, department_ids in await cursor.fetchall():
        if wants(event_types, REQUEST_REMINDED) and (
            not department_ids or reminder.department_id in department_ids
        ):
            row = (endpoint_id, reminder.event_id, REQUEST_REMINDED, reminder.department_id, lane, body)
            await connection.execute(_QUEUE, row)
