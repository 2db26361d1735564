"""Where the services are and how long the API waits for them, read from `SPENDLOG_*` once."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

_HOST_PORT = re.compile(r"([^\s:/,@]+|\[[0-9A-Fa-f:]+\]):\d{1,5}")


class SettingsError(ValueError):
    """A setting is wrong; the message is one line that names it."""


def _servers(value: str) -> str:
    servers = [part.strip() for part in value.split(",")]
    if not all(_HOST_PORT.fullmatch(server) for server in servers):
        raise ValueError("must be host:port, or several with commas between them")
    return ",".join(servers)


def _url(*schemes: str) -> AfterValidator:
    def check(value: str) -> str:
        url = urlsplit(value)
        if url.scheme not in schemes or not url.hostname:
            raise ValueError(f"must be a {schemes[0]}:// URL with a host")
        return value

    return AfterValidator(check)


class Settings(BaseSettings):
    """Settings of one API process."""

    model_config = SettingsConfigDict(env_prefix="SPENDLOG_", env_ignore_empty=True, frozen=True)

    kafka: Annotated[str, AfterValidator(_servers)] = Field(description="bootstrap servers, host:port,...")
    postgres: Annotated[str, _url("postgresql", "postgres")] = Field(repr=False, description="libpq URL")
    redis: Annotated[str, _url("redis", "rediss")] = Field(repr=False, description="redis:// URL")

    # A processor needs its answer within 2 s; 50 ms of it are for the way back.
    api_wait_s_max: float = Field(default=1.95, gt=0, le=1.95, description="longest wait for a decision")
    api_waiters_max: int = Field(default=10_000, ge=1, description="requests that wait at one time")
    api_key_fresh_s: float = Field(default=30, ge=0, le=300, description="a key is trusted without asking")
    api_key_stale_s: float = Field(
        default=900, ge=0, le=3600, description="a known key is trusted while PostgreSQL is away"
    )
    api_postgres_connections: int = Field(default=8, ge=1, le=100)
    api_redis_connections: int = Field(default=32, ge=1, le=1000)


def load_settings() -> Settings:
    """Reads `SPENDLOG_*`. Raises SettingsError with one line that names what is wrong."""
    try:
        return Settings()  # type: ignore[call-arg]  # the environment gives them
    except ValidationError as error:
        raise SettingsError(_one_line(error)) from None


def _one_line(error: ValidationError) -> str:
    found = {}
    for problem in error.errors(include_url=False):
        name = f"SPENDLOG_{problem['loc'][0]}".upper()
        words = "is missing" if problem["type"] == "missing" else problem["msg"].removeprefix("Value error, ")
        found[name] = f"setting {name}: {words}"
    return "; ".join(found.values())
