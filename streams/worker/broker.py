"""A cluster's address in the words of Faust."""

from __future__ import annotations

from typing import Any

import faust

from schemas.kafka import kafka_address
from streams.cluster import ssl_context


def faust_options(text: str) -> dict[str, Any]:
    """What a Faust application is made with."""
    address = kafka_address(text)
    options: dict[str, Any] = {"broker": f"kafka://{address.servers.replace(',', ';kafka://')}"}
    if address.mechanism is not None:
        options["broker_credentials"] = faust.SASLCredentials(
            username=address.username,
            password=address.password,
            ssl_context=ssl_context(address),
            mechanism=address.mechanism,
        )
    elif address.encrypted:
        options["broker_credentials"] = faust.SSLCredentials(ssl_context(address))
    return options
