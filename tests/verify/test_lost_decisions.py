"""The log of decisions loses its end, or is made anew, while the books and the API have read further."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient

from api.access.keys import create_key
from api.access.roles import Role
from infra import topics
from infra.errors import SpendlogError
from infra.rebuild import LostDecision, rebuild
from schemas.ids import Position
from schemas.topics import TOPICS
from sinks.ledger.sink import Ledger
from sinks.loop.consumer import Consumer
from sinks.loop.kafka import KafkaDecisions as SinkLog
from sinks.loop.ports import SystemClock
from sinks.postgres import PostgresSession
from tests.api.people import member
from tests.sinks.conftest import database, query, schema  # noqa: F401  fixtures
from tests.sinks.topics import open_producer
from tests.verify.test_foreign_records import COUNT, Site, decided, events, following, recorded

KEPT = 6
RECEIPT = """WITH file AS (INSERT INTO receipt_file (organization_id, sha256, media_type, pages, content)
    VALUES ('acme', repeat('a', 64), 'image/png', 1, '\\x0a5c2e') RETURNING organization_id, sha256)
INSERT INTO receipt (organization_id, receipt_id, sha256, file_name, sent_bytes, uploaded_by)
SELECT organization_id, 'rcp_1', sha256, 'lunch.png', 3, 'ada' FROM file RETURNING receipt_id"""


class Hasty(SystemClock):
    """Ten seconds are one: waits between tries are for people."""

    def monotonic_s(self) -> float:
        return 10 * time.monotonic()


@pytest.fixture
def site(stack: Any) -> Iterator[Site]:
    found = Site(stack.kafka, lambda true: true[5])
    found.append(range(4, COUNT))
    yield found
    admin = AdminClient({"bootstrap.servers": found.kafka})
    names = [found.prefix + topic.name for topic in TOPICS]
    for future in admin.delete_topics(names).values():
        future.result(60)


def made_anew(site: Site) -> None:
    admin = AdminClient({"bootstrap.servers": site.kafka})
    admin.delete_topics([site.decisions])[site.decisions].result(60)
    eventually(lambda: site.decisions not in admin.list_topics(timeout=60).topics)
    topics.apply(site.kafka, 1, prefix=site.prefix)


def eventually(claim: Callable[[], Any], timeout_s: float = 30.0) -> None:
    until_s = time.monotonic() + timeout_s
    while not claim():
        assert time.monotonic() < until_s, "not within the time"
        time.sleep(0.02)


@contextmanager
def running_ledger(site: Site, url: str) -> Iterator[Consumer]:
    ledger, log = Ledger(PostgresSession(url)), SinkLog(site.kafka, site.decisions, f"{site.prefix}ledger")
    sink, ended = Consumer(log, ledger, Hasty()), threading.Event()
    thread = threading.Thread(target=sink.run, args=(ended.is_set,))
    thread.start()
    try:
        yield sink
    finally:
        ended.set()
        thread.join(60)
        ledger.close()
        log.close()


def booked(url: str) -> list[bytes]:
    return [record.encode() for (record,) in query(url, "SELECT record FROM decision ORDER BY seq")]


def test_books_that_are_ahead_of_the_log_wait_for_the_same_decisions(
    site: Site,
    database: str,  # noqa: F811
) -> None:
    """At other offsets: what was decided again has the same hashes, but came in other transactions."""
    with running_ledger(site, database) as sink:
        eventually(lambda: booked(database) == site.true)
        made_anew(site)
        with open_producer(site.kafka, site.decisions, 0) as commit:
            for value in site.true[:KEPT]:
                commit(value)
            eventually(lambda: sink.stopped and "does not have it" in sink.stopped[0].why)
            assert "decision 0:8 with hash" in sink.stopped[0].why
            assert "spendlog books rebuild" in sink.stopped[0].why
            for value in site.true[KEPT:]:
                commit(value)
            eventually(lambda: not sink.stopped)
            assert booked(database) == site.true
            place = query(database, "SELECT next_seq, next_offset FROM sink_position")
            assert place == [(COUNT, 2 * COUNT - 1)]  # each is followed by its transaction's marker


@pytest.mark.parametrize("grown", [3, *(pytest.param(n, marks=pytest.mark.faults) for n in (0, 2, 9))])
def test_books_never_take_another_history_for_theirs(
    site: Site,
    database: str,  # noqa: F811
    grown: int,
) -> None:
    """Shorter than what is booked, as long, and longer."""
    with running_ledger(site, database):
        eventually(lambda: booked(database) == site.true)
    made_anew(site)
    other = decided(recorded(events("f", COUNT + KEPT)))
    with open_producer(site.kafka, site.decisions, 0) as commit:
        for value in [*site.true[:KEPT], *other[KEPT : KEPT + grown]]:
            commit(value)
    with running_ledger(site, database) as sink:
        eventually(lambda: sink.stopped)
        assert "it lost its end, or was made anew" in sink.stopped[0].why
        time.sleep(0.5)
        assert booked(database) == site.true


def test_books_are_made_anew_beside_those_that_are_ahead(site: Site, database: str) -> None:  # noqa: F811
    with running_ledger(site, database):
        eventually(lambda: booked(database) == site.true)
    create_key(database, organization_id="acme", name="a key")
    member(database, "acme", Role.ORG_ADMIN, email="ada@acme.example")
    query(database, RECEIPT)
    made_anew(site)
    site.append(range(KEPT))
    new = f"{database.partition('?')[0]}_new?{database.partition('?')[2]}"
    for again in (False, True):
        (found,), carried = rebuild(site.kafka, database, new, site.prefix)
        assert (carried is None) is again
        assert (found.booked, found.lost) == (KEPT, COUNT - KEPT)
        assert found.first_lost[0] == LostDecision(
            f"0:{KEPT}", "authorization.requested", "approved", "acme/ops", f"eA{KEPT}", 100, "USD"
        )
    assert booked(database) == site.true
    assert booked(new) == site.true[:KEPT]
    for told in (
        "SELECT name FROM api_key",
        "SELECT email, role FROM membership JOIN person USING (person_id)",
    ):
        assert query(new, told) == query(database, told) != []
    for table in ("receipt_file", "receipt"):
        assert query(new, f"SELECT * FROM {table}") == query(database, f"SELECT * FROM {table}") != []
    query(new, "SELECT check_trial_balance()")
    with pytest.raises(SpendlogError, match="a database of their own"):
        rebuild(site.kafka, database, database, site.prefix)


def test_the_tail_of_an_api_says_what_was_lost_and_goes_on_when_it_is_there_again(site: Site) -> None:
    async def follow() -> None:
        async with following(site) as tail, asyncio.timeout(60):
            while not tail.beyond(Position(0, COUNT)) or tail.lag_records:  # noqa: ASYNC110  set by a thread
                await asyncio.sleep(0.01)
            await asyncio.to_thread(made_anew, site)
            await asyncio.to_thread(site.append, range(KEPT))
            while "does not have it" not in tail.stopped.get(0, ""):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
            assert f"decision 0:{COUNT - 1} with hash" in tail.stopped[0]
            await asyncio.to_thread(site.append, range(KEPT, COUNT))
            while tail.stopped:  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    asyncio.run(follow())
