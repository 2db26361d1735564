"""Mails in words: one job each, so that a server that is away delays them and nothing else."""

from __future__ import annotations

from email.message import EmailMessage
from email.utils import make_msgid
from typing import Final, LiteralString

from api.access.mail import Mail
from infra.jobs.feature import Feature, Task
from infra.jobs.job import Connection, Job, JobRefused
from infra.jobs.job_settings import JobSettings
from schemas.settings import read_settings

_PUT: Final[LiteralString] = """
SELECT count(job_put(%s, 'mail', 'send', %s || ' ' || address,
    jsonb_build_object('to', address, 'subject', %s::text, 'words', %s::text)))
FROM unnest(%s::text[]) AS address
"""


def feature() -> Feature:
    """Raises SettingError."""
    return Feature("mail", (Task("send", MailJobs(post_of(read_settings(JobSettings))).send),))


def post_of(settings: JobSettings) -> Mail:
    return Mail(settings.api_smtp, settings.api_mail_from, settings.api_public_url)


async def put_mails(
    connection: Connection, organization_id: str, about: str, to: list[str], subject: str, words: str
) -> None:
    """Asks for a mail to each, in the transaction of `connection`. `about`: of the same one waits at most."""
    await connection.execute(_PUT, (organization_id, about, subject, words, to))


class MailJobs:
    """The task of the queue."""

    def __init__(self, post: Mail) -> None:
        self._post = post

    async def send(self, job: Job, to: str, subject: str, words: str) -> None:
        """Killed at the wrong moment it is sent again, with the same Message-ID.

        Raises:
            JobRefused: there is no server for mail.
            OSError: the server did not take it.
        """
        if self._post.server is None:
            raise JobRefused("there is no mail server: set SPENDLOG_API_SMTP, then try this job again")
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self._post.sender, to, subject
        message["Message-ID"] = message_id(self._post, job)
        message.set_content(words)
        if not await self._post.deliver(message):
            raise OSError("the mail server did not take it; the log says why")
        async with job.once():
            pass  # it is sent: that much is to be remembered


def message_id(post: Mail, job: Job) -> str:
    """The same for each attempt at a job."""
    domain = make_msgid(domain=post.sender.rpartition("@")[2]).rpartition("@")[2]
    return f"<job-{job.job_id}@{domain}"
