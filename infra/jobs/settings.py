"""Settings of the process that does jobs, from the environment: SPENDLOG_*. Read once, at start."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from schemas.settings import PREFIX, PostgresUrl, url_of


class JobSettings(BaseSettings):
    """Where jobs wait, and the bounds of doing them."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True)

    postgres: PostgresUrl = Field(description="libpq URL of the books")
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
    jobs_metrics_port: int | None = Field(
        default=None, ge=1, le=65_535, description="prometheus port, off by default"
    )
    jobs_metrics_host: str = Field(default="127.0.0.1", description="where that port listens")
