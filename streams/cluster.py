"""A cluster's address in the words of aiokafka, and how its clients are started."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any, Protocol

from aiokafka.helpers import create_ssl_context

from schemas.kafka import KafkaAddress, kafka_address

# A start takes milliseconds, on a busy machine a second. A broker that hangs must hold up nobody for long.
START_ENDS_S_MAX = 3.0


class Startable(Protocol):
    """A producer or a consumer of aiokafka."""

    async def start(self) -> None: ...


async def start(client: Startable) -> None:
    """Start it. Who is cancelled meanwhile goes on only when the start is over, and then has to stop it.

    A start that is cut off forgets its first connection, which stays open until the collector finds it
    (`AIOKafkaClient.bootstrap`); after a start, each connection is closed by whoever opens it or by the stop.
    """
    starting = asyncio.ensure_future(client.start())
    try:
        await asyncio.shield(starting)
    except asyncio.CancelledError:
        await asyncio.wait({starting}, timeout=START_ENDS_S_MAX)
        if not starting.done():
            starting.cancel()
        elif not starting.cancelled():
            starting.exception()  # nobody asks any more
        raise


def aiokafka_options(text: str) -> dict[str, Any]:
    """What every client of aiokafka is made with. Raises ValueError as `kafka_address`."""
    address = kafka_address(text)
    options: dict[str, Any] = {
        "bootstrap_servers": address.servers,
        "security_protocol": address.protocol.upper(),
        "ssl_context": ssl_context(address),
    }
    if address.mechanism is not None:
        options |= {
            "sasl_mechanism": address.mechanism,
            "sasl_plain_username": address.username,
            "sasl_plain_password": address.password,
        }
    return options


def ssl_context(address: KafkaAddress) -> ssl.SSLContext | None:
    """None where nothing is encrypted."""
    if not address.encrypted:
        return None
    context: ssl.SSLContext = create_ssl_context(
        cafile=address.ca, certfile=address.cert, keyfile=address.key
    )
    return context
