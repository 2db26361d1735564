"""How a Kafka cluster is reached: `host:port,...`, or a URL that says how it is encrypted and who asks.

    ssl://host:9093?ca=/etc/kafka/ca.pem
    ssl://host:9093?ca=/etc/kafka/ca.pem&cert=/etc/kafka/me.pem&key=/etc/kafka/me.key
    sasl_ssl://user:password@host:9094,host2:9094?mechanism=SCRAM-SHA-512&ca=/etc/kafka/ca.pem

One text, so that each place which is told a cluster's address is told all of it. In user and password `%40`
stands for `@`, and so on. Without `ca` the system's certificates are trusted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote

_HOST_PORT = re.compile(r"[^\s:/,@?]+:\d{1,5}|\[[0-9A-Fa-f:]+\]:\d{1,5}")
PROTOCOLS = ("plaintext", "ssl", "sasl_plaintext", "sasl_ssl")
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
_FILES = ("ca", "cert", "key")


@dataclass(frozen=True, slots=True)
class KafkaAddress:
    """`servers`: host:port,...; `ca`, `cert`, `key`: PEM files; the last two say who we are."""

    servers: str
    protocol: str = "plaintext"
    mechanism: str | None = None
    username: str | None = None
    password: str | None = None
    ca: str | None = None
    cert: str | None = None
    key: str | None = None

    @property
    def encrypted(self) -> bool:
        return self.protocol.endswith("ssl")


def kafka_address(text: str) -> KafkaAddress:
    """Reads an address. Raises ValueError that says what is wrong, without the password."""
    if "://" not in text:
        return KafkaAddress(_servers(text))
    protocol, _, rest = text.strip().partition("://")  # no urlsplit: it knows no scheme with an underscore
    if protocol not in PROTOCOLS:
        raise ValueError(f"must begin with {', '.join(f'{name}://' for name in PROTOCOLS)} or a host")
    place, _, query = rest.partition("?")
    who, at, hosts = place.rpartition("@")
    if "/" in hosts:
        raise ValueError("must end with the port, or with ?name=value after it")
    more = _options(query)
    username, colon, password = who.partition(":")
    if protocol.startswith("sasl"):
        if not (at and username and colon):
            raise ValueError(f"must name user and password: {protocol}://user:password@host:port")
        more.setdefault("mechanism", "PLAIN")
    elif at or "mechanism" in more:
        raise ValueError(f"user, password and mechanism need sasl_{protocol}://")
    address = KafkaAddress(
        servers=_servers(hosts),
        protocol=protocol,
        username=unquote(username) or None,
        password=unquote(password) if colon else None,
        **more,
    )
    if not address.encrypted and any(name in more for name in _FILES):
        raise ValueError(f"{', '.join(_FILES)} need {protocol.replace('plaintext', 'ssl')}://")
    if (address.cert is None) != (address.key is None):
        raise ValueError("cert and key belong together")
    return address


def librdkafka(text: str) -> dict[str, str]:
    """The address in the words of librdkafka's configuration. Raises ValueError as `kafka_address`."""
    address = kafka_address(text)
    options = {
        "bootstrap.servers": address.servers,
        "security.protocol": address.protocol,
        "sasl.mechanism": address.mechanism,
        "sasl.username": address.username,
        "sasl.password": address.password,
        "ssl.ca.location": address.ca,
        "ssl.certificate.location": address.cert,
        "ssl.key.location": address.key,
    }
    return {name: value for name, value in options.items() if value is not None}


def _servers(text: str) -> str:
    servers = [part.strip() for part in text.split(",")]
    if not all(_HOST_PORT.fullmatch(server) for server in servers):
        raise ValueError("must be host:port, or several with commas between them")
    return ",".join(servers)


def _options(query: str) -> dict[str, str]:
    try:
        found = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    except ValueError:
        raise ValueError("has something after ? that is not name=value") from None
    known = ("mechanism", *_FILES)
    for name, value in found:
        if name not in known:
            raise ValueError(f"has {name!r} after ?, where only {', '.join(known)} may stand")
        if not value:
            raise ValueError(f"has {name} after ? without a value")
    options = dict(found)
    if len(options) < len(found):
        raise ValueError("says something twice after ?")
    if (mechanism := options.get("mechanism")) is not None and mechanism not in MECHANISMS:
        raise ValueError(f"has mechanism {mechanism!r}, which is none of {', '.join(MECHANISMS)}")
    return options
