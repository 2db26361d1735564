"""A cluster's address in the words of aiokafka."""

from __future__ import annotations

import ssl
from typing import Any

from aiokafka.helpers import create_ssl_context

from schemas.kafka import KafkaAddress, kafka_address


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
