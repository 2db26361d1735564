"""Settings of the stack and of every command that needs its addresses, read from ``SPENDLOG_*`` once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import platformdirs
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from schemas.settings import (
    PREFIX,
    PostgresUrl,
    RedisUrl,
    Servers,
    SettingError,
    read_settings,
    told,
    url_of,
)


def _maven_central() -> str:
    from jgo.constants import MAVEN_CENTRAL_URL

    return str(MAVEN_CENTRAL_URL)


class StackSettings(BaseSettings):
    """Where the services are. A server that is named here is used instead of starting the embedded one."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True)

    kafka: Servers | None = Field(
        default=None, description="bootstrap servers of an external Kafka, host:port[,host:port]"
    )
    postgres: PostgresUrl | None = Field(
        default=None, description="libpq URL of an external PostgreSQL database"
    )
    redis: RedisUrl | None = Field(default=None, description="URL of an external Redis or Valkey")
    api_url: Annotated[str, url_of("http", "https")] = Field(
        default="http://127.0.0.1:8080", description="the REST API, for commands that call it"
    )
    api_key: SecretStr | None = Field(default=None, description="an API key, for commands that call the API")
    data: Path = Field(default=Path(".spendlog"), description="data folder of the embedded services")
    cache: Path = Field(
        default_factory=lambda: platformdirs.user_cache_path("spendlog"),
        description="folder that keeps Kafka's jars and what starts read of them, for the next start",
    )
    maven: Annotated[str, url_of("https", "http")] = Field(
        default_factory=_maven_central, description="Maven repository, Maven Central unless a mirror is given"
    )


def one_line(error: ValidationError) -> str | None:
    """The same for the settings of any room; None when the error is not about settings."""
    rooms = {settings.__name__: settings for settings in _subclasses(BaseSettings)}
    settings = rooms.get(error.title)
    return told(error, settings.model_config.get("env_prefix", "")) if settings else None


def _subclasses(parent: type[BaseSettings]) -> Iterator[type[BaseSettings]]:
    for child in parent.__subclasses__():
        yield child
        yield from _subclasses(child)


def load_settings() -> StackSettings:
    """Reads ``SPENDLOG_*``. Raises SettingError with one line that names the wrong setting."""
    return read_settings(StackSettings)


def required_kafka() -> str:
    """SPENDLOG_KAFKA, for commands that need a running cluster. Raises SettingError when it is not set."""
    kafka = load_settings().kafka
    if kafka is None:
        raise SettingError(
            "setting SPENDLOG_KAFKA is missing: the bootstrap servers, for example 127.0.0.1:9092"
        )
    return kafka
