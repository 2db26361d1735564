"""Settings of the stack and of every command that needs its addresses, read from ``SPENDLOG_*`` once."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit, urlunsplit

import platformdirs
from pydantic import AfterValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from infra.errors import SettingError

_HOST_PORT = re.compile(r"[^\s:/,@]+:\d{1,5}|\[[0-9A-Fa-f:]+\]:\d{1,5}")


def _bootstrap_servers(value: str) -> str:
    servers = [part.strip() for part in value.split(",")]
    if not all(_HOST_PORT.fullmatch(server) for server in servers):
        raise ValueError("must be host:port, or several with commas between them")
    return ",".join(servers)


def _url_with(*schemes: str) -> AfterValidator:
    def check(value: str) -> str:
        url = urlsplit(value)
        if url.scheme not in schemes or not url.hostname:
            raise ValueError(f"must be a {schemes[0]}:// URL with a host")
        return value

    return AfterValidator(check)


def _maven_central() -> str:
    from jgo.constants import MAVEN_CENTRAL_URL

    return str(MAVEN_CENTRAL_URL)


class Settings(BaseSettings):
    """Where the services are. A server that is named here is used instead of starting the embedded one."""

    model_config = SettingsConfigDict(env_prefix="SPENDLOG_", env_ignore_empty=True, frozen=True)

    kafka: Annotated[str, AfterValidator(_bootstrap_servers)] | None = Field(
        default=None, description="bootstrap servers of an external Kafka, host:port[,host:port]"
    )
    postgres: Annotated[str, _url_with("postgresql", "postgres")] | None = Field(
        default=None, description="libpq URL of an external PostgreSQL database"
    )
    redis: Annotated[str, _url_with("redis", "rediss")] | None = Field(
        default=None, description="URL of an external Redis or Valkey"
    )
    data: Path = Field(default=Path(".spendlog"), description="data folder of the embedded services")
    cache: Path = Field(
        default_factory=lambda: platformdirs.user_cache_path("spendlog"),
        description="folder that keeps Kafka's jars for the next start and for other projects",
    )
    maven: Annotated[str, _url_with("https", "http")] = Field(
        default_factory=_maven_central, description="Maven repository, Maven Central unless a mirror is given"
    )


def setting_errors(error: ValidationError, settings: type[BaseSettings]) -> str:
    """One line that names every wrong setting as it is written in the environment."""
    prefix = settings.model_config.get("env_prefix", "")
    lines = [
        f"setting {prefix}{problem['loc'][0] if problem['loc'] else ''}".upper().replace(
            "SETTING", "setting", 1
        )
        + f" is wrong: {problem['msg'].removeprefix('Value error, ')}"
        for problem in error.errors(include_url=False)
    ]
    return "; ".join(dict.fromkeys(lines))


def one_line(error: ValidationError) -> str | None:
    """The same for the settings of any room; None when the error is not about settings."""
    rooms = {settings.__name__: settings for settings in _subclasses(BaseSettings)}
    settings = rooms.get(error.title)
    return setting_errors(error, settings) if settings else None


def _subclasses(parent: type[BaseSettings]) -> Iterator[type[BaseSettings]]:
    for child in parent.__subclasses__():
        yield child
        yield from _subclasses(child)


def load_settings() -> Settings:
    """Reads ``SPENDLOG_*``. Raises SettingError with one line that names the wrong setting."""
    try:
        return Settings()
    except ValidationError as error:
        raise SettingError(setting_errors(error, Settings)) from None


def masked(url: str) -> str:
    """The URL without its password, for a person to read."""
    parts = urlsplit(url)
    if not parts.password:
        return url
    location = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{parts.username or ''}:***@{location}"))
