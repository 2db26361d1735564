"""Settings of the learner, from the environment: SPENDLOG_*. Read once, at start."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from schemas.settings import PREFIX, Servers


class LearnerSettings(BaseSettings):
    """Where the learner reads and writes, how often, and how late labels are."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True)

    kafka: Servers = Field(description="bootstrap servers, host:port,...")
    topic_prefix: str = Field(default="", description="put before every topic name, to share a cluster")
    learner_every_s: float = Field(default=2.0, gt=0, le=60, description="seconds between two looks")
    labels_late_days: int = Field(
        default=30, ge=1, le=120, description="days after which a request without a label is taken for good"
    )
    learner_metrics_port: int | None = Field(
        default=None, ge=1, le=65_535, description="prometheus port, off by default"
    )
    learner_metrics_host: str = Field(default="127.0.0.1", description="where that port listens")
