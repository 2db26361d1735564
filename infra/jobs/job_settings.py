"""Settings of the process that does jobs, from the environment: SPENDLOG_*. Read once, at start."""

from __future__ import annotations

from typing import Annotated

from croniter import croniter
from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from schemas.settings import PREFIX, PostgresUrl, RedisUrl, Servers, url_of

NEVER = "never"


def _times(value: str) -> str:
    if value != NEVER and not croniter.is_valid(value):
        raise ValueError("must be five fields of cron, for example 15 2 * * *, or never")
    return value


class JobSettings(BaseSettings):
    """Where jobs wait, and the bounds of doing them."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True)

    postgres: PostgresUrl = Field(description="libpq URL of the books")
    kafka: Servers | None = Field(
        default=None, description="bootstrap servers of the log that the books are proved against"
    )
    redis: RedisUrl | None = Field(default=None, description="statuses that are proved, too")
    jobs_role: str = Field(
        default="spendlog_jobs", description="role of the sessions of jobs; 'none': the login's"
    )
    jobs_silent_s: float = Field(
        default=30.0,
        ge=1,
        le=600,
        description="seconds after which a silent process's jobs are done by others",
    )
    jobs_keep_days: float = Field(
        default=30.0, ge=1, le=3_650, description="days for which ended jobs are kept"
    )
    api_smtp: Annotated[str, url_of("smtp", "smtps")] | None = Field(
        default=None, repr=False, description="mail server for reports"
    )
    api_mail_from: str = Field(default="spendlog@localhost", description="sender of these mails")
    api_public_url: Annotated[str, url_of("https", "http")] = Field(
        default="http://127.0.0.1:8080", description="where links of these mails lead"
    )
    jobs_verify_at: Annotated[str, AfterValidator(_times)] = Field(
        default="15 2 * * *", description="when the books are proved: cron, UTC; 'never'"
    )
    jobs_verify_role: str = Field(
        default="spendlog_auditor",
        description="role in which a proof reads the books; 'none': the login's",
    )
    jobs_metrics_port: int | None = Field(
        default=None, ge=1, le=65_535, description="prometheus port, off by default"
    )
    jobs_metrics_host: str = Field(default="127.0.0.1", description="where that port listens")
