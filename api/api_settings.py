"""Where the services are and how long the API waits for them, read from `SPENDLOG_*` once."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Annotated
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from limits import RateLimitItem, parse_many
from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from schemas.settings import PREFIX, PostgresUrl, RedisUrl, Servers, url_of
from schemas.topics import STATUS


def limit_of(text: str) -> RateLimitItem | None:
    """The limit that `600/minute` or `10 per 5 second` is; None for `none`. Else raises ValueError."""
    if text.strip().lower() == "none":
        return None
    try:
        items = parse_many(text)
    except ValueError:
        items = []
    if len(items) != 1 or items[0].amount < 1:
        raise ValueError(f"{text!r} is no limit; write for example 600/minute, or none")
    return items[0]


def _limit(text: str) -> str:
    limit_of(text)
    return text


def _origin(text: str) -> str:
    """As browsers send it: scheme, host, and a port that is not the scheme's own."""
    parts = urlsplit(text)
    if text != "*" and (parts.scheme not in ("http", "https") or text != f"{parts.scheme}://{parts.netloc}"):
        raise ValueError(f"{text!r} is no origin; write for example https://app.example.com")
    return text


def _name_server(text: str) -> str:
    host, _, port = text.rpartition(":")
    try:
        ip_address(host.strip("[]"))
        if not 0 < int(port) < 65_536:
            raise ValueError(port)
    except ValueError:
        raise ValueError(f"{text!r} is no name server; write for example 10.0.0.2:53") from None
    return f"{host.strip('[]')}:{port}"


def _sealing_keys(keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    for number, key in enumerate(keys, 1):
        try:
            Fernet(key.get_secret_value())
        except ValueError:
            raise ValueError(f"key {number} is none: 32 bytes, as URL-safe base64") from None
    return keys


Limit = Annotated[str, AfterValidator(_limit)]
WebOrigin = Annotated[str, AfterValidator(_origin)]
NameServer = Annotated[str, AfterValidator(_name_server)]


class ApiSettings(BaseSettings):
    """Settings of one API process."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True)

    kafka: Servers = Field(description="bootstrap servers, host:port,...")
    postgres: PostgresUrl = Field(repr=False, description="libpq URL")
    redis: RedisUrl = Field(repr=False, description="redis:// URL")
    status_topic: str = Field(default=STATUS.name, description="where it is told how partitions stand")

    # A processor needs its answer within 2 s; 50 ms of it are for the way back.
    api_wait_s_max: float = Field(default=1.95, gt=0, le=1.95, description="longest wait for a decision")
    # One factor, not a setting for each bound: they are made for each other, as a look within a wait is.
    api_patience: float = Field(
        default=1,
        ge=1,
        le=30,
        description="PostgreSQL, Redis and Kafka may take so many times as long to answer: for a machine "
        "that stands still for moments; 2 s are promised at 1 only",
    )
    api_waiters_max: int = Field(default=10_000, ge=1, description="requests that wait at one time")
    api_connections_max: int = Field(
        default=4_096, ge=1, description="open connections of clients; also bounded by the open files allowed"
    )
    api_connections_per_address_max: int = Field(
        default=512, ge=1, description="of one address; behind a proxy the same as in all"
    )
    api_head_s_max: float = Field(default=10, gt=0, le=60, description="for a request line and its headers")
    api_body_s_max: float = Field(default=10, gt=0, le=60, description="for a body, from the headers on")
    # With the look-up's second and half a second for it: a revocation is heeded everywhere within 5 s.
    api_key_fresh_s: float = Field(default=3, ge=0, le=300, description="a key is trusted without asking")
    api_key_stale_s: float = Field(
        default=900, ge=0, le=3600, description="a known key is trusted while PostgreSQL is away"
    )
    # 1,000 a second for a minute: far above what a processor sends, and below what would hurt its neighbours.
    api_rate_limit: Limit = Field(
        default="60000/minute", description="requests of each key; 'none': no limit"
    )
    api_rate_limit_people: Limit = Field(default="1200/minute", description="requests of a person")
    api_rate_limits: dict[str, Limit] = Field(
        default={},
        description="others, as a JSON object: by the id of a key; of an organization: its keys share it",
    )
    api_cors_origins: frozenset[WebOrigin] = Field(
        default=frozenset(),
        description="origins whose pages may call the API with a key, as a JSON list; '*': all",
    )
    api_test_organizations: frozenset[str] = Field(
        default=frozenset(), description="organizations in test mode, as a JSON list: their keys may simulate"
    )
    api_session_s: int = Field(
        default=12 * 3600, ge=60, le=30 * 86400, description="a session's longest life"
    )
    api_session_idle_s: int = Field(
        default=3600, ge=60, le=30 * 86400, description="it ends without a request for so long"
    )
    api_smtp: Annotated[str, url_of("smtp", "smtps")] | None = Field(
        default=None,
        repr=False,
        description="mail server for links, smtp://user:password@host:587 or smtps://; shown without it",
    )
    api_mail_from: str = Field(default="spendlog@localhost", description="sender of these mails")
    api_public_url: Annotated[str, url_of("https", "http")] = Field(
        default="http://127.0.0.1:8080", description="where people reach its pages, for links in mails"
    )
    api_sign_ins_per_address_max: int = Field(
        default=100, ge=1, description="tries to sign in from one address in 15 minutes"
    )
    api_sealing_keys: Annotated[tuple[SecretStr, ...], AfterValidator(_sealing_keys)] = Field(
        default=(),
        repr=False,
        description="identity providers' secrets are sealed with the first and opened with all, as a JSON "
        "list; `spendlog keys sealing` makes one, and without one there can be no such secret",
    )
    api_sso_allow_local: bool = Field(
        default=False,
        description="identity providers may be http, loopback and private addresses: in one's own network",
    )
    api_name_servers: tuple[NameServer, ...] = Field(
        default=(),
        description="host:port of name servers that are asked whose a domain is, as a JSON list; "
        "the system's, if empty",
    )
    api_scanner: Annotated[str, url_of("clamd")] | None = Field(
        default=None,
        description="clamd://host:port of a ClamAV: files are scanned before they are taken, and refused "
        "while it is away",
    )
    api_role: str = Field(default="spendlog_api", description="role of its sessions; 'none': the login's")
    api_postgres_connections: int = Field(default=8, ge=1, le=100, description="at most, of one process")
    questions_model_url: str | None = Field(
        default=None,
        pattern="^https?://[^/ ]+[^ ]*$",
        description="an OpenAI-compatible endpoint, its /v1, for questions that are not understood",
    )
    questions_model: str = Field(default="default", description="the model that it is asked for")
    questions_model_key: SecretStr | None = Field(default=None, description="its API key")
    webhooks_allow_local: bool = Field(
        default=False,
        description="for development: endpoints may be http, loopback and private addresses",
    )
    api_redis_connections: int = Field(default=32, ge=1, le=1000, description="at most, of one process")
