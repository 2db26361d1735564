"""A cluster's address in the words of aiokafka, and how its clients are started and stopped."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable
from typing import Any, Protocol

from aiokafka.helpers import create_ssl_context

from schemas.kafka import KafkaAddress, kafka_address

# A start or a stop takes milliseconds, on a busy machine a second. A hanging broker holds up nobody for long.
START_ENDS_S_MAX = 3.0


class KafkaClient(Protocol):
    """A producer or a consumer of aiokafka."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


async def start(client: KafkaClient) -> None:
    """Start it. Who is cancelled meanwhile goes on only when the start is over, and then has to stop it.

    A start that is cut off forgets its first connection, which stays open until the collector finds it
    (`AIOKafkaClient.bootstrap`); after a start, each connection is closed by whoever opens it or by the stop.
    """
    await _to_its_end(client.start())


async def stop(client: KafkaClient) -> None:
    """Stop it. Who is cancelled meanwhile goes on only when the stop is over.

    A stop that is cut off is never made up for: the client says that it is closed and keeps its connections.
    """
    await _to_its_end(client.stop())


async def _to_its_end(step: Awaitable[None]) -> None:
    going = asyncio.ensure_future(step)
    try:
        await asyncio.shield(going)
    except asyncio.CancelledError:
        await asyncio.wait({going}, timeout=START_ENDS_S_MAX)
        if not going.done():
            going.cancel()
        elif not going.cancelled():
            going.exception()  # nobody asks any more
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
