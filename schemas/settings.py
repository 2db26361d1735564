"""What the settings of all rooms share: addresses, and one line for what is wrong."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, ValidationError
from pydantic_settings import BaseSettings

from schemas.kafka import kafka_address

PREFIX = "SPENDLOG_"


def _servers(value: str) -> str:
    address = kafka_address(value)
    for name in ("ca", "cert", "key"):
        file = getattr(address, name)
        if file is not None and not Path(file).is_file():
            raise ValueError(f"must name files that there are, and {name} names {file}")
    return value.strip()


def url_of(*schemes: str) -> AfterValidator:
    """For a setting that is a URL with one of `schemes` and a host."""

    def check(value: str) -> str:
        url = urlsplit(value)
        if url.scheme not in schemes or not url.hostname:
            raise ValueError(f"must be a {schemes[0]}:// URL with a host")
        return value

    return AfterValidator(check)


#: Kafka's bootstrap servers, or a URL with them; see `schemas.kafka`.
Servers = Annotated[str, AfterValidator(_servers)]
PostgresUrl = Annotated[str, url_of("postgresql", "postgres")]
RedisUrl = Annotated[str, url_of("redis", "rediss")]


Room = TypeVar("Room", bound=BaseSettings)


class SettingError(Exception):
    """A setting is missing or wrong; the message is one line that names it."""


def read_settings(room: type[Room]) -> Room:
    """A room's settings from the environment. Raises SettingError with one line that names all at fault."""
    try:
        return room()
    except ValidationError as error:
        raise SettingError(told(error)) from None


def masked(url: str) -> str:
    """The URL without its password, for a person to read."""
    return re.sub(r"^([^:/]+://[^:@/]*):.*@", r"\1:***@", url)


def shown(settings: BaseSettings) -> dict[str, object]:
    """For the log: everything that is set, addresses without their passwords."""
    found = settings.model_dump(exclude_none=True)
    return {
        name: masked(value) if isinstance(value, str) and "://" in value else value
        for name, value in found.items()
    }


def told(error: ValidationError, prefix: str = PREFIX) -> str:
    """One line that names every setting at fault, as it is written in the environment."""
    lines = []
    for problem in error.errors(include_url=False):
        missing = problem["type"] == "missing"
        words = "is missing" if missing else f"is wrong: {problem['msg'].removeprefix('Value error, ')}"
        name = f"{prefix}{problem['loc'][0] if problem['loc'] else ''}"
        lines.append(f"setting {name.upper()} {words}")
    return "; ".join(dict.fromkeys(lines))
