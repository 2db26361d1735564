"""A second API on the same log, behind which the real sinks write: what it reads is what was decided."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg
import redis

from api.access.keys import KEY_SCOPES, Scope, create_key
from api.api_settings import ApiSettings
from schemas.topics import DECISIONS
from sinks.ledger.sink import Ledger
from sinks.loop.consumer import Consumer
from sinks.loop.kafka import KafkaDecisions
from sinks.loop.ports import Store, SystemClock
from sinks.postgres import PostgresSession
from sinks.status.redis import StatusKeys
from sinks.status.sink import StatusStore
from tests.api.support import new_database, serving, wait_ready

REDIS_DATABASE = "7"  # not the one that the other tests of this folder flush key by key


class Sink(threading.Thread):
    """One sink, until `stop`. Between `pause` and `resume` it stores nothing."""

    def __init__(self, kafka: str, store: Store) -> None:
        super().__init__(name=f"sink-{store.name}", daemon=True)
        self._paused = threading.Event()
        self._resting = threading.Event()
        self.error: BaseException | None = None
        self._kafka = kafka
        self._store = store
        self._ended = threading.Event()

    def run(self) -> None:
        source = KafkaDecisions(
            self._kafka, DECISIONS.name, f"tests-api-{self._store.name}-{uuid.uuid4().hex[:8]}"
        )
        consumer = Consumer(source, self._store, SystemClock())
        try:
            while not self._ended.is_set():
                if self._paused.is_set():
                    self._resting.set()
                    self._ended.wait(0.01)
                else:
                    consumer.step(self._ended.is_set)
        except BaseException as error:
            self.error = error
            raise
        finally:
            self._store.close()
            source.close()

    def pause(self) -> None:
        """Returns when the step that it may be in is over: that one may still store."""
        self._resting.clear()
        self._paused.set()
        assert self._resting.wait(20)

    def resume(self) -> None:
        self._paused.clear()

    def stop(self) -> None:
        self._ended.set()
        self.join(20)
        assert not self.is_alive()


@dataclass
class Organization:
    """One that no other test has, with a department `engineering` if `start` was called."""

    id: str
    client: httpx.Client
    key: str = ""  # the actor of the client's key: whom its acts name

    def path(self, rest: str = "", department: str = "engineering") -> str:
        return f"/v1/organizations/{self.id}/departments/{department}{rest}"

    def send(
        self, kind: str, key: str, *, headers: dict[str, str] | None = None, **members: Any
    ) -> httpx.Response:
        """POST an event of engineering."""
        body = {"type": kind, "department_id": "engineering", **members}
        return self.client.post("/v1/events", json=body, headers={"Idempotency-Key": key, **(headers or {})})

    def done(self, kind: str, key: str | None = None, **members: Any) -> dict[str, Any]:
        """The same; the body of its 200."""
        answer = self.send(kind, key or f"{kind}-{uuid.uuid4().hex}", **members)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def read(self, path: str, position: str | None = None, **params: Any) -> dict[str, Any]:
        """GET at a position; the body of its 200."""
        headers = {} if position is None else {"Spendlog-Position": position}
        answer = self.client.get(path, headers=headers, params=params)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def start(self, limit: int = 5_000_000, **members: Any) -> str:
        """Engineering with 50,000.00 USD a month and no rules. Returns the position."""
        self.done("budget.set", name="Engineering", limit=usd(limit), **members)
        position: str = self.done("policy.drafted", policy={}, activate=True)["position"]
        return position


@dataclass
class Books:
    """The running API with its database and Redis, and the sinks that fill both."""

    settings: ApiSettings
    base_url: str
    ledger: Sink
    status: Sink

    @contextmanager
    def behind(self) -> Iterator[None]:
        """No view moves inside."""
        self.ledger.pause()
        self.status.pause()
        try:
            yield
        finally:
            self.ledger.resume()
            self.status.resume()

    def forget(self) -> None:
        """Redis is emptied; the status sink fills its part again."""
        with redis.Redis.from_url(self.settings.redis) as client:
            client.flushdb()

    @contextmanager
    def organization(self, scopes: Sequence[Scope] | None = None) -> Iterator[Organization]:
        """A new one, with every scope unless told otherwise."""
        with self.person(f"org-{uuid.uuid4().hex[:12]}", scopes) as organization:
            yield organization

    @contextmanager
    def person(
        self, organization: str, scopes: Sequence[Scope] | None = None, actor: str | None = None
    ) -> Iterator[Organization]:
        """One more key of an organization, with every scope unless told otherwise."""
        secret, key = create_key(
            self.settings.postgres,
            organization_id=organization,
            name="books",
            scopes=scopes or KEY_SCOPES,
            actor=actor,
        )
        headers = {"Authorization": f"Bearer {secret}"}
        with httpx.Client(base_url=self.base_url, headers=headers, timeout=60) as client:
            yield Organization(organization, client, key.actor)


def usd(minor: int) -> dict[str, Any]:
    return {"minor": minor, "currency": "USD"}


@contextmanager
def running_books(shared: ApiSettings) -> Iterator[Books]:
    """On `shared`'s Kafka, with a database and a Redis database of its own."""
    base, _, query = shared.postgres.partition("?")
    admin = f"{base.rpartition('/')[0]}/postgres" + (f"?{query}" if query else "")
    database = new_database(admin, "spendlog_api_books")
    settings = shared.model_copy(
        update={
            "postgres": database,
            "redis": f"{shared.redis.rpartition('/')[0]}/{REDIS_DATABASE}",
            "webhooks_allow_local": True,
        }
    )
    with ExitStack() as running:
        sinks = (
            Sink(settings.kafka, Ledger(PostgresSession(database, "spendlog_sink", "tests-api-ledger"))),
            Sink(settings.kafka, StatusStore(StatusKeys(settings.redis), SystemClock())),
        )
        for sink in sinks:
            sink.start()
            running.callback(sink.stop)
        base_url = running.enter_context(serving(settings))
        wait_ready(base_url)
        yield Books(settings, base_url, *sinks)
        assert [sink.error for sink in sinks] == [None, None]


def rows(books: Books, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    """What a query of the ledger's database gives."""
    with psycopg.connect(books.settings.postgres) as connection:
        return connection.execute(sql, values).fetchall()
