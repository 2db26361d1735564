"""The books proved against the log every day, what was found kept, and who it concerns told: decision 70."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, LiteralString

import structlog
from prometheus_client import Gauge
from psycopg.types.json import Jsonb

from api.access.roles import OPERATORS, Role
from infra.jobs.feature import Feature, Task
from infra.jobs.job import Connection, Job, JobRefused
from infra.jobs.job_settings import NEVER, JobSettings
from infra.jobs.mail import put_mails
from infra.verify.apart import ProofReport, proved_apart
from schemas.backoff import Backoff
from schemas.settings import read_settings
from schemas.webhooks import VERIFICATION_FAILED
from sinks.webhooks.messages import body_of

log = structlog.get_logger()

#: A million decisions take some minutes; the machine decides on cards first.
_TIMEOUT_S: Final = 6 * 3_600.0
_KEPT_DAYS: Final = 400

_holds = Gauge("spendlog_verification_holds", "whether the last proof of the books found nothing false")
_violations = Gauge("spendlog_verification_violations", "what the last proof found false", ["check"])
_ended = Gauge("spendlog_verification_ended_seconds", "when the last proof ended, seconds since 1970")

_KEEP: LiteralString = """
INSERT INTO verification (started_at, took_ms, decisions, holds, places, checks)
VALUES (%s, %s, %s, %s, %s, %s) RETURNING verification_id
"""
_FOUND: LiteralString = """
INSERT INTO verification_finding (verification_id, organization_id, check_id, violations, examples)
VALUES (%s, %s, %s, %s, %s)
"""
_FORGET: LiteralString = "DELETE FROM verification WHERE started_at < now() - make_interval(days => %s)"
_TELL: LiteralString = "SELECT job_put(%s, 'verification', 'tell', %s::text, %s)"
# Of who runs the system: all of it.
_CHECKS: LiteralString = """
SELECT f.check_id, c ->> 'claim', sum(f.violations)::bigint
FROM verification_finding f
JOIN verification v USING (verification_id)
CROSS JOIN LATERAL jsonb_array_elements(v.checks) AS c
WHERE f.verification_id = %s AND c ->> 'id' = f.check_id
    AND current_setting('spendlog.organization') IN (f.organization_id, '_operators')
GROUP BY 1, 2 ORDER BY length(f.check_id), f.check_id
"""
# An endpoint that wants only some departments' events is told nothing that is of all of them.
_DELIVER: LiteralString = """
WITH made AS (
    INSERT INTO webhook_delivery
        (organization_id, endpoint_id, event_id, event_type, department_id, lane, body, status)
    SELECT organization_id, endpoint_id, %(event_id)s, %(event_type)s, NULL, 'verification', %(body)s,
        'pending'
    FROM webhook_endpoint
    WHERE organization_id = current_setting('spendlog.organization') AND department_ids = '{}'
        AND (event_types = '{}' OR event_types && %(patterns)s::text[])
    ON CONFLICT DO NOTHING
    RETURNING organization_id, endpoint_id
)
SELECT count(webhook_wake(organization_id, endpoint_id)::text) FROM made
"""
_ADDRESSES: LiteralString = """
SELECT coalesce(array_agg(p.email ORDER BY p.email), '{}')
FROM membership m JOIN person p USING (person_id)
WHERE m.organization_id = current_setting('spendlog.organization') AND m.role = ANY(%s)
"""


def feature() -> Feature:
    """Raises SettingError."""
    settings = read_settings(JobSettings)
    proofs = Proofs(settings)
    never = settings.kafka is None or settings.jobs_verify_at == NEVER
    cron = None if never else settings.jobs_verify_at
    check = Task("check", proofs.check, cron, failures_max=3, wait=Backoff(60.0, 900.0), timeout_s=_TIMEOUT_S)
    return Feature("verification", (check, Task("tell", proofs.tell)))


@dataclass(frozen=True, slots=True)
class Proofs:
    """The tasks of the queue."""

    settings: JobSettings

    async def check(self, job: Job) -> None:
        """Proves all of the books, keeps what was found, and asks that those be told whom it concerns.

        Raises:
            JobRefused: nobody says where Kafka is.
            ProofFailed: it could not be proved, for example because Kafka is away.
        """
        if self.settings.kafka is None:
            raise JobRefused("the books are proved against the log: set SPENDLOG_KAFKA for `spendlog jobs`")
        started_at = datetime.now(UTC)
        role = None if self.settings.jobs_verify_role == "none" else self.settings.jobs_verify_role
        report = await proved_apart(role, job.progress)
        async with job.once() as connection:
            number = await _keep(connection, started_at, report)
            for organization_id in _concerned(report):
                asked = {"verification_id": number}
                await connection.execute(_TELL, (organization_id, number, Jsonb(asked)))
        _measure(report)
        told = {one.id: one.violations for one in report.oracles if one.violations}
        (log.info if report.ok else log.error)("books_verified", ok=report.ok, verification=number, **told)

    async def tell(self, job: Job, verification_id: int) -> None:
        """One organization: its endpoints, and by mail (where a server is set) who runs it."""
        assert job.organization_id is not None
        async with job.reading() as connection:
            rows = await (await connection.execute(_CHECKS, (verification_id,))).fetchall()
        if not rows:
            return
        checks = [{"id": id_, "claim": claim, "violations": violations} for id_, claim, violations in rows]
        async with job.once() as connection:
            await connection.execute(_DELIVER, _delivery(job.organization_id, verification_id, checks))
            if self.settings.api_smtp is not None:
                await self._mail(connection, job.organization_id, verification_id, checks)

    async def _mail(
        self, connection: Connection, organization_id: str, number: int, checks: list[dict[str, Any]]
    ) -> None:
        roles = [Role.SYSTEM_ADMIN.value, Role.ORG_ADMIN.value]
        (to,) = await (await connection.execute(_ADDRESSES, (roles,))).fetchone() or ([],)
        found = "\n".join(f"{one['id']}, {one['violations']:,} times: {one['claim']}" for one in checks)
        words = (
            f"Proof {number} of the books against the log found false, of {_whose(organization_id)}:\n\n"
            f"{found}\n\n{self.settings.api_public_url.rstrip('/')}/verifications/{number}\n"
        )
        await put_mails(
            connection, organization_id, f"verification {number}", to, "The books do not hold", words
        )


async def _keep(connection: Connection, started_at: datetime, report: ProofReport) -> int:
    """Its number."""
    checks = [
        {
            "id": one.id,
            "claim": one.title,
            "checked": one.checked,
            "violations": one.violations,
            "of_system": sum(found.violations for found in one.findings if found.organization_id is None),
        }
        for one in report.oracles
    ]
    took_ms = round(1_000 * report.took_s)
    kept = (started_at, took_ms, report.decisions, report.ok, Jsonb(report.places), Jsonb(checks))
    (number,) = await (await connection.execute(_KEEP, kept)).fetchone() or (0,)
    for one in report.oracles:
        for found in one.findings:
            of = found.organization_id or OPERATORS
            # What a record claims to be may hold what PostgreSQL cannot.
            words = [text.replace("\0", "\ufffd") for text in found.examples]
            await connection.execute(_FOUND, (number, of, one.id, found.violations, words))
    await connection.execute(_FORGET, (_KEPT_DAYS,))
    return int(number)


def _concerned(report: ProofReport) -> list[str]:
    """Organizations of which something was found, and who runs the system."""
    found = {one.organization_id for oracle in report.oracles for one in oracle.findings}
    named = {organization_id for organization_id in found if organization_id is not None}
    return sorted(named | ({OPERATORS} if found else set()))


def _whose(organization_id: str) -> str:
    return "the whole system" if organization_id == OPERATORS else organization_id


def _delivery(organization_id: str, number: int, checks: list[dict[str, Any]]) -> dict[str, Any]:
    event_id = f"evt_verification_{number}"
    data = {"verification_id": number, "checks": checks}
    body = body_of(event_id, VERIFICATION_FAILED, datetime.now(UTC), organization_id, None, data)
    return {
        "event_id": event_id,
        "event_type": VERIFICATION_FAILED,
        "patterns": [VERIFICATION_FAILED, f"{VERIFICATION_FAILED.partition('.')[0]}.*"],
        "body": body,
    }


def _measure(report: ProofReport) -> None:
    _holds.set(report.ok)
    _ended.set_to_current_time()
    for one in report.oracles:
        _violations.labels(one.id).set(one.violations)
