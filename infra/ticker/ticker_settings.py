"""Settings of the ticker, from the environment: SPENDLOG_*. Read once, at start."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from schemas.settings import PREFIX, PostgresUrl, Servers
from schemas.topics import CARD_EVENTS


class TickerSettings(BaseSettings):
    """Where the ticker looks and writes, and how often."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True)

    kafka: Servers = Field(description="bootstrap servers, host:port,...")
    postgres: PostgresUrl = Field(description="libpq URL of the books")
    card_events_topic: str = Field(default=CARD_EVENTS.name, description="where the ticker writes")
    ticker_role: str = Field(
        default="spendlog_ticker", description="role of the ticker's session; 'none': the login's"
    )
    ticker_every_s: float = Field(default=5.0, gt=0, le=60, description="seconds between two looks")
    ticker_metrics_port: int | None = Field(
        default=None, ge=1, le=65_535, description="prometheus port, off by default"
    )
    ticker_metrics_host: str = Field(default="127.0.0.1", description="where that port listens")
