"""Settings of the sinks, from the environment: SPENDLOG_*. Read once, at start."""

from __future__ import annotations

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from schemas.settings import PREFIX, PostgresUrl, RedisUrl, Servers, masked, told
from schemas.topics import CARD_EVENTS, DECISIONS, STATUS
from sinks.errors import SinkError


class SettingError(SinkError):
    """A setting is missing or wrong; the message is one line that names it."""


class Settings(BaseSettings):
    """Addresses, names and bounds. `postgres` is needed by ledger and ticker, `redis` by the status sink."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True)

    kafka: Servers
    postgres: PostgresUrl | None = None
    redis: RedisUrl | None = None
    decisions_topic: str = Field(default=DECISIONS.name, description="what is booked")
    card_events_topic: str = Field(default=CARD_EVENTS.name, description="where the ticker writes")
    status_topic: str = Field(default=STATUS.name, description="where it is told how partitions stand")
    postgres_role: str = Field(
        default="spendlog_sink", description="role of the session; 'none': the login's"
    )
    sink_group: str | None = Field(
        default=None, description="consumer group; spendlog-sink-NAME unless given"
    )
    sink_instance: str | None = Field(
        default=None, description="a name that this process keeps over restarts, one for each process"
    )
    sink_batch_rows_max: int = Field(
        default=4000, ge=1, le=50_000, description="decisions in one transaction"
    )
    sink_batch_linger_ms_max: float = Field(
        default=20.0, ge=0, le=1000, description="longest wait for a fuller transaction"
    )
    sink_metrics_port: int | None = Field(
        default=None, ge=1, le=65_535, description="prometheus port, off by default"
    )
    sink_metrics_host: str = Field(default="127.0.0.1", description="where that port listens")

    ticker_role: str = Field(
        default="spendlog_ticker", description="role of the ticker's session; 'none': the login's"
    )
    ticker_every_s: float = Field(default=5.0, gt=0, le=60, description="seconds between two looks")

    def group(self, sink: str) -> str:
        return self.sink_group or f"spendlog-sink-{sink}"

    def masked(self) -> dict[str, object]:
        """For the log: everything that is set, without passwords."""
        found = self.model_dump(exclude_none=True)
        return {
            name: masked(value) if name in ("postgres", "redis") else value for name, value in found.items()
        }


def load_settings(needs: str) -> Settings:
    """`needs`: "postgres" or "redis", whichever this sink writes to.

    Raises:
        SettingError: one line that names every setting at fault.
    """
    try:
        settings = Settings()  # type: ignore[call-arg]  # from the environment
    except ValidationError as error:
        raise SettingError(told(error)) from None
    if getattr(settings, needs) is None:
        raise SettingError(f"setting {PREFIX}{needs.upper()} is missing")
    return settings
