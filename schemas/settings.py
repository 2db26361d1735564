"""What the settings of all rooms share: addresses, and one line for what is wrong."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, ValidationError

PREFIX = "SPENDLOG_"
# EX_CONFIG: starting again will not help.
WRONG_SETTING_STATUS = 78

_HOST_PORT = re.compile(r"[^\s:/,@]+:\d{1,5}|\[[0-9A-Fa-f:]+\]:\d{1,5}")


def _servers(value: str) -> str:
    servers = [part.strip() for part in value.split(",")]
    if not all(_HOST_PORT.fullmatch(server) for server in servers):
        raise ValueError("must be host:port, or several with commas between them")
    return ",".join(servers)


#: Kafka's bootstrap servers.
Servers = Annotated[str, AfterValidator(_servers)]


def told(error: ValidationError) -> str:
    """One line that names every setting at fault, as it is written in the environment."""
    return "; ".join(
        f"setting {PREFIX}{str(problem['loc'][0]).upper()}: {problem['msg'].removeprefix('Value error, ')}"
        for problem in error.errors(include_url=False)
    )
