"""What the API's tests need of the world: topics, a database, rows of the views, a running server."""

from __future__ import annotations

import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpx
import msgspec
import psycopg
import redis
import uvicorn
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from api.api_settings import ApiSettings
from api.asking.beside import Beside
from api.server import config
from infra import topics
from infra.migrate import migrate
from infra.reconciliation.reader import SettlementProcesses
from infra.trials import TrialProcesses
from schemas.authorizations import Authorization
from schemas.controls import Calendar
from schemas.topics import TOPICS
from tests.patience import PATIENCE_S

NEW_YORK = Calendar("month", "America/New_York")
_TOPICS = [topic.name for topic in TOPICS]


def wait_until(condition: Callable[[], Any], timeout_s: float = PATIENCE_S) -> Any:
    """What `condition` says when it is true. Fails when it is not within `timeout_s` seconds."""
    deadline = time.monotonic() + timeout_s
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {timeout_s} s"
        time.sleep(0.02)
    return found


def metric(client: httpx.Client, name: str) -> float:
    """A metric of the API that `client` speaks to; one without labels."""
    (line,) = [line for line in client.get("/metrics").text.splitlines() if line.startswith(f"{name} ")]
    return float(line.split()[1])


def empty_topics(kafka: str) -> None:
    """All topics, new and empty."""
    delete_topics(kafka)
    wait_until(lambda: _created(kafka))


def delete_topics(kafka: str) -> None:
    """All topics, if they are there."""
    admin = AdminClient({"bootstrap.servers": kafka})  # kept: one that is gone answers nobody
    for deleted in admin.delete_topics(_TOPICS).values():
        with suppress(KafkaException):  # it was not there
            deleted.result(PATIENCE_S)


def _created(kafka: str) -> bool:
    try:
        topics.apply(kafka)
    except KafkaException:
        return False  # their old selves are still being deleted
    return True


def new_database(url: str, name: str) -> str:
    """The URL of a new database with our tables."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        connection.execute(f'CREATE DATABASE "{name}"')
    base, _, query = url.partition("?")
    mine = f"{base.rpartition('/')[0]}/{name}" + (f"?{query}" if query else "")
    migrate(mine)
    return mine


class Views:
    """Writes rows as the sinks do."""

    def __init__(self, settings: ApiSettings) -> None:
        self.postgres = psycopg.connect(settings.postgres, autocommit=True)
        self.redis = redis.Redis.from_url(settings.redis)

    def close(self) -> None:
        self.postgres.close()
        self.redis.close()

    def ledger_at(self, partition: int, next_seq: int) -> None:
        self.postgres.execute(
            "INSERT INTO sink_position (sink, partition, next_offset, next_seq, last_hash)"
            " VALUES ('ledger', %s, 0, %s, repeat('0', 64))"
            " ON CONFLICT (sink, partition) DO UPDATE SET next_seq = excluded.next_seq",
            [partition, next_seq],
        )

    def status_at(self, partition: int, next_seq: int) -> None:
        self.redis.hset(f"spendlog:position:{partition}", mapping={"next_offset": 0, "next_seq": next_seq})

    def to_ledger(self, row: Authorization) -> None:
        self.postgres.execute(
            "INSERT INTO card_authorization (organization_id, authorization_id, department_id, status,"
            " currency, partition, seq, updated_at, created_at, requested, held, posted, refunded, body)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, coalesce(%s, now()), %s, %s, %s, %s, %s)",
            [
                *(row.organization_id, row.authorization_id, row.department_id, row.status, row.currency),
                *(
                    row.partition,
                    row.seq,
                    row.updated_at,
                    row.created_at,
                    row.requested,
                    row.held,
                    row.posted,
                    row.refunded,
                ),
                msgspec.json.encode(row).decode(),
            ],
        )

    def to_status(self, row: Authorization) -> None:
        place = f"{row.organization_id}/{row.department_id}/{row.authorization_id}"
        self.redis.set(f"spendlog:authorization:{place}", msgspec.json.encode(row))
        self.redis.set(f"spendlog:route:{row.organization_id}/{row.authorization_id}", row.department_id)

    def budget(
        self,
        organization: str,
        department: str,
        limit: int,
        *,
        calendar: Calendar = NEW_YORK,
        budget_id: str = "department",
        seq: int = 0,
        partition: int = 0,
    ) -> None:
        self.postgres.execute(
            "INSERT INTO budget (organization_id, department_id, budget_id, level, name, currency,"
            " limit_minor, tolerance_minor, calendar, time_zone, start_day, start_month, removed,"
            " partition, seq)"
            " VALUES (%s, %s, %s, 'department', 'Engineering', 'USD', %s, 0, %s, %s, %s, %s, false, %s, %s)",
            [
                *(organization, department, budget_id, limit),
                *(calendar.period, calendar.time_zone, calendar.start_day, calendar.start_month),
                *(partition, seq),
            ],
        )

    def period(
        self, organization: str, department: str, period: str, figures: tuple[int, int, int], *, seq: int
    ) -> None:
        self.postgres.execute(
            "INSERT INTO budget_period (organization_id, department_id, budget_id, period, limit_minor,"
            " posted_minor, held_minor, partition, seq) VALUES (%s, %s, 'department', %s, %s, %s, %s, 0, %s)",
            [organization, department, period, *figures, seq],
        )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def serving(settings: ApiSettings, *, port: int | None = None) -> Iterator[str]:
    """A real server in a thread; its base URL."""
    port = port or free_port()
    server = uvicorn.Server(
        config(settings, beside=Beside(TrialProcesses(), SettlementProcesses()), host="127.0.0.1", port=port)
    )
    thread = threading.Thread(target=server.run, name="api-under-test")
    thread.start()
    try:
        wait_until(lambda: server.started)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(PATIENCE_S)
        assert not thread.is_alive(), f"the server did not end, and stands at\n{_where(thread)}"


def _where(thread: threading.Thread) -> str:
    frame = sys._current_frames().get(thread.ident or 0)
    return "".join(traceback.format_stack(frame)) if frame else "nowhere"


def wait_ready(base_url: str, status: str = "ready", timeout_s: float = PATIENCE_S) -> None:
    """Raises AssertionError with what /readyz said last."""
    told: dict[str, Any] = {}

    def is_so() -> bool:
        told.update(httpx.get(f"{base_url}/readyz", timeout=60).json())
        return bool(told["status"] == status)

    try:
        wait_until(is_so, timeout_s)
    except AssertionError as error:
        raise AssertionError(f"{error}: {told}") from None
