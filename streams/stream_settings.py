"""Settings of the worker, read once from `SPENDLOG_*`."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from schemas.settings import PREFIX, Servers


class StreamSettings(BaseSettings):
    """How a worker reaches Kafka and joins its group."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True)

    kafka: Servers = Field(default="127.0.0.1:9092", description="bootstrap servers, host:port[,host:port]")
    topic_prefix: str = Field(default="", description="put before every topic name, to share a cluster")
    worker_group: str = Field(default="spendlog-decider", description="consumer group of the workers")
    worker_instance: str = Field(
        default_factory=lambda: f"{socket.gethostname()}-worker",
        description="name of this worker, unique in its group; a restart under its name waits for nobody",
    )
    # 10 s: a stop-the-world pause of a worker is far below it, and a killed one is replaced soon enough.
    session_timeout_s: float = Field(
        default=10.0, ge=1.0, le=60.0, description="after which a silent worker is replaced"
    )
    worker_data: Path = Field(
        default=Path(".spendlog-worker"), description="Faust's data folder, may be lost"
    )
    replication_factor: int = Field(default=1, ge=1, description="replicas of Faust's own topics")
    scoring: bool = Field(default=True, description="score authorization requests")
    snapshot_decisions: int = Field(default=20_000, ge=1, description="fewest decisions between snapshots")
    card_numbers: Literal["refuse", "accept"] = Field(
        default="refuse", description="what becomes of events with card numbers; accept puts all in PCI scope"
    )
    metrics_port: int | None = Field(
        default=None, ge=1, le=65535, description="prometheus port, off by default"
    )
