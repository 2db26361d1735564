"""Does a service answer? Each probe returns within its bound, and False for a service that is away."""

import logging
import socket

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from schemas.kafka import kafka_address, librdkafka

_quiet = logging.getLogger("spendlog.probe")
_quiet.addHandler(logging.NullHandler())
_quiet.propagate = False


def kafka_answers(servers: str, timeout_s: float = 2.0) -> bool:
    """Whether a broker lists its topics."""
    # The port first: a client that meets a closed one waits out its own backoff.
    if not any(_connects(server, timeout_s) for server in kafka_address(servers).servers.split(",")):
        return False
    client = AdminClient({**librdkafka(servers), "socket.connection.setup.timeout.ms": 2000}, logger=_quiet)
    try:
        return bool(client.list_topics(timeout=timeout_s).brokers)
    except KafkaException:
        return False


def postgres_answers(url: str, timeout_s: float = 2.0) -> bool:
    """Whether a query runs."""
    import psycopg

    try:
        with psycopg.connect(url, connect_timeout=max(2, round(timeout_s))) as connection:
            connection.execute("SELECT 1")
        return True
    except psycopg.OperationalError:
        return False


def redis_answers(url: str, timeout_s: float = 2.0) -> bool:
    """Whether PING is answered."""
    import redis

    try:
        with redis.Redis.from_url(url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


def ensure_database(url: str, name: str) -> None:
    """Creates the database `name` unless it exists."""
    import psycopg
    from psycopg import sql

    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone()
        if row is None:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


def _connects(server: str, timeout_s: float) -> bool:
    host, _, port = server.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=timeout_s):
            return True
    except OSError:
        return False
