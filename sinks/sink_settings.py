"""Settings of the sinks, from the environment: SPENDLOG_*. Read once, at start."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from schemas.settings import PREFIX, PostgresUrl, RedisUrl, Servers, SettingError, read_settings
from schemas.topics import DECISIONS, STATUS


class SinkSettings(BaseSettings):
    """Addresses, names and bounds. `postgres` is needed by the ledger, `redis` by the status sink."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True)

    kafka: Servers
    postgres: PostgresUrl | None = None
    redis: RedisUrl | None = None
    decisions_topic: str = Field(default=DECISIONS.name, description="what is booked")
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

    def group(self, sink: str) -> str:
        return self.sink_group or f"spendlog-sink-{sink}"


def load_settings(needs: str) -> SinkSettings:
    """`needs`: "postgres" or "redis", whichever this sink writes to.

    Raises:
        SettingError: one line that names every setting at fault.
    """
    settings = read_settings(SinkSettings)
    if getattr(settings, needs) is None:
        raise SettingError(f"setting {PREFIX}{needs.upper()} is missing")
    return settings
