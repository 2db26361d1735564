"""More than the API can carry: a quick no, and no answer that is late or that the log does not bear out.

Times are printed, and decide nothing: this runs on busy machines. What must hold at any speed is asserted.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import httpx
import msgspec
import pytest
from confluent_kafka import Consumer, TopicPartition

from api.access.keys import create_key
from api.api_settings import ApiSettings
from api.http.busy import FLIGHT_MIN, Door, LoopClock, Share
from api.http.preferences import IdempotencyKey
from perf.overload import HttpClients, LoadOutcome, departments_of
from schemas.claims import claim_in
from schemas.codec import decode_decision
from schemas.decisions import Decision
from schemas.topics import CARD_EVENTS, DECISIONS
from tests.api.decider import Decider
from tests.api.support import serving, wait_ready, wait_until


def share(clock: LoopClock, *, limit: int = 100, limit_max: int | None = 200) -> Share:
    return Share("some", clock, late_s_max=0.02, limit=limit, limit_max=limit_max)


def fill(share: Share) -> int:
    while share.admits():
        share.entered()
    return share.in_flight


def test_a_share_is_full_at_its_limit_and_has_room_again() -> None:
    one = share(LoopClock())
    assert fill(one) == 100
    one.left(0.01, served=False)
    assert one.admits()


def test_a_late_loop_lets_only_a_handful_in() -> None:
    clock = LoopClock()
    clock.mean_late_s = 0.021
    assert fill(share(clock)) == FLIGHT_MIN


def test_slow_answers_cut_the_limit_and_quick_ones_raise_it(monkeypatch: pytest.MonkeyPatch) -> None:
    one = share(LoopClock())
    fill(one)
    now = 100.0
    monkeypatch.setattr("api.http.busy.time.monotonic", lambda: now)
    for _ in range(50):
        one.left(1.0, served=True)
        one.entered()
    assert one.limit == 80  # once: they all came before the cut
    for _ in range(50):
        now += 1
        one.left(1.0, served=True)
        one.entered()
    assert one.limit == FLIGHT_MIN
    for _ in range(500):
        one.left(0.1, served=True)
        one.entered()
    assert 190 < one.limit <= 200  # no further than twice what is in flight


def test_errors_say_nothing_of_the_load() -> None:
    one = share(LoopClock())
    fill(one)
    one.left(1.9, served=False)
    assert one.limit == 100


def test_health_is_never_shed_and_reads_leave_the_writes_alone() -> None:
    door = Door(flight_max=1_000)
    for path in ("/healthz", "/readyz", "/metrics"):
        assert door.share("GET", path) is None
        assert door.share("HEAD", path) is None
    fill(door.reads)
    assert not door.reads.admits()
    assert door.share("GET", "/v1/authorizations/x") is door.reads
    assert door.share("POST", "/v1/authorizations") is door.writes
    assert door.writes.admits()


def test_the_clock_counts_a_stall_from_its_begin() -> None:
    async def stalled() -> tuple[float, float, float]:
        clock = LoopClock()
        clock.start()
        await asyncio.sleep(0.05)
        began = time.monotonic()
        time.sleep(0.2)  # noqa: ASYNC251  that is the stall
        at_once = clock.arrived()
        await asyncio.sleep(0)
        clock.stop()
        return began, at_once, clock.late_s

    began, at_once, after = asyncio.run(stalled())
    assert at_once <= began + 0.011  # a beat is due every 10 ms
    assert after == 0


def recorded(kafka: str, topic: str) -> list[bytes]:
    """All values that are in a topic now."""
    consumer = Consumer(
        {"bootstrap.servers": kafka, "group.id": "tests-overload", "enable.auto.commit": False}
    )
    values: list[bytes] = []
    for partition in consumer.list_topics(topic, timeout=60).topics[topic].partitions:
        low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=60)
        consumer.assign([TopicPartition(topic, partition, low)])
        while consumer.position([TopicPartition(topic, partition)])[0].offset < high:
            messages = consumer.consume(1_000, timeout=0.2)
            batch = [message.value() for message in messages if message.error() is None]
            values += [value for value in batch if isinstance(value, bytes)]
            if low == high:
                break
    consumer.close()
    return values


class _Id(msgspec.Struct):
    event_id: str


def check(outcome: LoadOutcome, settings: ApiSettings, organization: str) -> None:
    """Each answer against the log."""
    asked = {IdempotencyKey(answer.key).event_id(organization): answer for answer in outcome.answers}
    written = set()
    for value in recorded(settings.kafka, CARD_EVENTS.name):
        with suppress(msgspec.DecodeError):  # other tests write what is no event to the same topic
            written.add(msgspec.json.decode(value, type=_Id).event_id)

    def decisions() -> dict[str, Decision]:
        found: dict[str, Decision] = {}
        for value in recorded(settings.kafka, DECISIONS.name):
            if claim_in(value) is not None:
                continue
            decision = decode_decision(value)
            found.setdefault(decision.event_id or "", decision)
        return found

    decided = wait_until(lambda: (found := decisions()).keys() >= (asked.keys() & written) and found, 60)
    assert outcome.lost == 0
    for event_id, answer in asked.items():
        body = msgspec.json.decode(answer.body)
        match answer.status:
            case 200:
                assert decided[event_id].outcome == body["outcome"]
                assert decided[event_id].granted == body["approved"]["minor"]
            case 202:
                assert not body["recorded"] or event_id in written
            case 503:
                assert answer.retry_after
                assert event_id not in written, body
            case other:
                pytest.fail(f"{other}: {body}")


@pytest.fixture
def flooded(settings: ApiSettings, decider: Decider, organization: str) -> Any:
    secret, _ = create_key(settings.postgres, organization_id=organization, name="flood")

    def run(load: Callable[[HttpClients], Any], **bounds: Any) -> tuple[LoadOutcome, str]:
        with serving(settings.model_copy(update={"api_patience": 1.0, **bounds})) as base_url:
            wait_ready(base_url)
            departments = departments_of(base_url, secret, organization, 5)
            clients = HttpClients(base_url, secret, departments, "flood")

            async def main() -> LoadOutcome:
                try:
                    outcome: LoadOutcome = await load(clients)
                finally:
                    clients.close()
                return outcome

            outcome = asyncio.run(main())
            text = httpx.get(f"{base_url}/metrics", timeout=60).text
        sys.stdout.write(f"{outcome}\n")
        return outcome, text

    return run


def test_a_flood_is_shed_and_what_is_answered_is_in_the_log(
    flooded: Any, settings: ApiSettings, organization: str
) -> None:
    outcome, text = flooded(lambda clients: clients.open_loop(1_500, 3), api_waiters_max=FLIGHT_MIN)
    assert outcome.times(200)
    assert outcome.times(503), "the limit of 16 was never reached"
    assert 'spendlog_api_refusals_total{code="overloaded"}' in text
    check(outcome, settings, organization)


def test_without_decisions_the_limit_falls_and_the_rest_is_told_so_at_once(
    flooded: Any, decider: Decider, settings: ApiSettings, organization: str
) -> None:
    async def load(clients: HttpClients) -> LoadOutcome:
        with decider.paused():
            return await clients.open_loop(60, 4)

    outcome, _ = flooded(load, api_waiters_max=40)
    assert not outcome.times(200)
    assert outcome.times(202)
    assert outcome.times(503)
    check(outcome, settings, organization)


@pytest.mark.faults
def test_a_minute_of_twice_the_load(flooded: Any, settings: ApiSettings, organization: str) -> None:
    async def load(clients: HttpClients) -> LoadOutcome:
        capacity = await clients.closed_loop(5)
        return await clients.open_loop(2 * len(capacity.times(200)) / capacity.seconds, 60)

    outcome, _ = flooded(load)
    assert outcome.times(200)
    check(outcome, settings, organization)
