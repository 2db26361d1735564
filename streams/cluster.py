"""A cluster's address in the words of aiokafka and of Faust."""

from __future__ import annotations

import ssl
from typing import Any

import faust
from aiokafka.helpers import create_ssl_context

from schemas.kafka import KafkaAddress, kafka_address


def aiokafka_options(text: str) -> dict[str, Any]:
    """What every client of aiokafka is made with. Raises ValueError as `kafka_address`."""
    address = kafka_address(text)
    options: dict[str, Any] = {
        "bootstrap_servers": address.servers,
        "security_protocol": address.protocol.upper(),
        "ssl_context": _context(address),
    }
    if address.mechanism is not None:
        options |= {
            "sasl_mechanism": address.mechanism,
            "sasl_plain_username": address.username,
            "sasl_plain_password": address.password,
        }
    return options


def faust_options(text: str) -> dict[str, Any]:
    """What a Faust application is made with."""
    address = kafka_address(text)
    options: dict[str, Any] = {"broker": f"kafka://{address.servers.replace(',', ';kafka://')}"}
    if address.mechanism is not None:
        options["broker_credentials"] = faust.SASLCredentials(
            username=address.username,
            password=address.password,
            ssl_context=_context(address),
            mechanism=address.mechanism,
        )
    elif address.encrypted:
        options["broker_credentials"] = faust.SSLCredentials(_context(address))
    return options


def _context(address: KafkaAddress) -> ssl.SSLContext | None:
    if not address.encrypted:
        return None
    context: ssl.SSLContext = create_ssl_context(
        cafile=address.ca, certfile=address.cert, keyfile=address.key
    )
    return context
