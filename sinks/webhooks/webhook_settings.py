"""Settings of the webhook sender, from the environment: SPENDLOG_*. Read once, at start."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from schemas.settings import PREFIX, PostgresUrl


class WebhookSettings(BaseSettings):
    """Where deliveries wait, and the bounds of sending them."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True)

    postgres: PostgresUrl = Field(description="libpq URL of the books")
    webhooks_role: str = Field(
        default="spendlog_webhooks", description="role of the sender's sessions; 'none': the login's"
    )
    webhooks_allow_local: bool = Field(
        default=False,
        description="for development: endpoints may be http, loopback and private addresses",
    )
    webhooks_endpoints_at_once: int = Field(
        default=200, ge=1, le=2_000, description="endpoints that one process sends to at one time"
    )
    webhooks_pause_after_h: float = Field(
        default=72.0, gt=0, le=720, description="hours without one success after which an endpoint is paused"
    )
    webhooks_keep_days: float = Field(
        default=30.0, ge=1, le=3_650, description="days for which ended deliveries are kept"
    )
    webhooks_silent_s: float = Field(
        default=15.0, ge=1, le=600, description="seconds after which a silent sender's work is done by others"
    )
    webhooks_metrics_port: int | None = Field(
        default=None, ge=1, le=65_535, description="prometheus port, off by default"
    )
    webhooks_metrics_host: str = Field(default="127.0.0.1", description="where that port listens")
