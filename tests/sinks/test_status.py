"""Status cache and feed in a real Redis."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
import redis

from schemas.authorizations import Authorization
from sinks.errors import PositionMoved, Unavailable
from sinks.loop.chain import BEGINNING, DecisionRecord, Place, read_run
from sinks.recent import Recent
from sinks.status.redis import TTL_S, StatusKeys
from sinks.status.sink import StatusStore
from tests.sinks.builder import DecisionLog
from tests.sinks.memory import MemoryClock
from tests.sinks.test_ledger import folded

Client = Any  # redis.Redis, whose answers are typed for all its settings at once


@pytest.fixture
def client(redis_url: str) -> Iterator[Client]:
    client = redis.Redis.from_url(redis_url, decode_responses=True)
    yield client
    client.close()


@pytest.fixture
def status(redis_url: str) -> Iterator[StatusStore]:
    status = StatusStore(StatusKeys(redis_url), MemoryClock())
    yield status
    status.close()


def follow(status: StatusStore, log: DecisionLog, rows: int = 10) -> None:
    place = status.places(frozenset({log.partition}))[log.partition]
    while remaining := [record for record in log.records() if record.offset >= place.next_offset]:
        place = follow_run(status, place, remaining[:rows])


def follow_run(status: StatusStore, place: Place, records: list[DecisionRecord]) -> Place:
    run, broken = read_run(records[0].partition, place, records)
    assert broken is None
    status.commit([run])
    return run.after


def everything(client: Client) -> dict[str, Any]:
    """Every key with its value; feed entries without their ids, which are times."""
    found: dict[str, Any] = {}
    for key in sorted(client.scan_iter("spendlog:*")):
        match client.type(key):
            case "string":
                found[key] = client.get(key)
            case "hash":
                found[key] = client.hgetall(key)
            case "stream":
                found[key] = [fields for _, fields in client.xrange(key)]
    return found


@pytest.mark.parametrize("kept_max", [0, 1000])
def test_every_authorization_stands_as_the_log_says(redis_url: str, client: Client, kept_max: int) -> None:
    log = DecisionLog().mixed(150)
    status = StatusStore(StatusKeys(redis_url), MemoryClock(), Recent(kept_max))
    follow(status, log)
    status.close()
    expected = {
        f"spendlog:authorization:{organization}/{department}/{name}": state
        for (organization, department, name), state in folded(log).items()
    }
    found = {
        key: msgspec.json.decode(client.get(key), type=Authorization)
        for key in client.scan_iter("spendlog:authorization:*")
    }
    assert found == expected
    assert all(0 < client.ttl(key) <= TTL_S for key in found)


def test_an_authorization_is_found_without_its_department(status: StatusStore, client: Client) -> None:
    log = DecisionLog()
    log.approve("a1", department="sales")
    follow(status, log)
    assert client.get("spendlog:route:techcorp/a1") == "sales"


def test_the_feed_tells_every_decision_of_the_organization_in_order(
    status: StatusStore, client: Client
) -> None:
    log = DecisionLog(partition=2)
    log.approve("a", 4200)
    log.unreadable()
    log.decline("b")
    follow(status, log)
    (first, second) = [fields for _, fields in client.xrange("spendlog:feed:techcorp")]
    assert (first["position"], second["position"]) == ("2:0", "2:2")
    told = json.loads(first["decision"])
    assert (told["authorization"], told["amount"], told["outcome"]) == ("a", 4200, "approved")
    assert "budget exceeded" in json.loads(second["decision"])["sentence"]


def test_the_feed_is_bounded(status: StatusStore, client: Client) -> None:
    log = DecisionLog()
    for number in range(11_000):
        log.approve(f"a{number}")
    follow(status, log, rows=2000)
    assert 10_000 <= client.xlen("spendlog:feed:techcorp") <= 10_200
    (_, last), *_ = client.xrevrange("spendlog:feed:techcorp", count=1)
    assert last["position"] == "0:10999"


def test_after_a_flush_it_is_refused_then_built_again_equal(status: StatusStore, client: Client) -> None:
    log = DecisionLog().mixed(60)
    follow(status, log)
    before = everything(client)
    place = status.places(frozenset({0}))[0]
    client.flushdb()
    with pytest.raises(PositionMoved):
        status.verify({0: place})
    log.approve("next")
    with pytest.raises(PositionMoved):
        follow_run(status, place, log.records()[-1:])
    assert everything(client) == {}
    assert status.places(frozenset({0})) == {0: BEGINNING}
    follow(status, log)
    client.delete("spendlog:authorization:techcorp/eng/next", "spendlog:route:techcorp/next")
    after = everything(client)
    position, feed = "spendlog:position:0", "spendlog:feed:techcorp"
    assert after[feed].pop()["position"] == f"0:{len(log.values) - 1}"
    assert after.pop(position)["next_seq"] == str(len(log.values))
    del before[position]
    assert after == before


def test_of_two_writers_the_second_one_is_refused(redis_url: str, client: Client) -> None:
    log = DecisionLog().mixed(20)
    first, second = (StatusStore(StatusKeys(redis_url), MemoryClock()) for _ in range(2))
    follow_run(first, BEGINNING, log.records()[:10])
    before = everything(client)
    with pytest.raises(PositionMoved):
        follow_run(second, BEGINNING, log.records()[:12])
    assert everything(client) == before
    follow(second, log)
    feed = [fields["position"] for _, fields in client.xrange("spendlog:feed:techcorp")]
    assert len(feed) == len(set(feed))
    first.close()
    second.close()


def test_what_was_recorded_longer_ago_than_keys_live_is_checked_but_not_written(
    status: StatusStore, client: Client
) -> None:
    log = DecisionLog(started=datetime.now(UTC) - timedelta(seconds=TTL_S + 60)).mixed(20)
    follow(status, log)
    assert list(everything(client)) == ["spendlog:position:0"]
    assert client.hget("spendlog:position:0", "next_seq") == str(len(log.values))


def test_half_a_payment_is_not_shown_as_a_whole_one(status: StatusStore, client: Client) -> None:
    log = DecisionLog()
    log.approve("a")
    follow(status, log)
    client.delete("spendlog:authorization:techcorp/eng/a")  # expired
    log.clear("a")
    log.clear("forced")
    follow(status, log)
    assert [key for key in everything(client) if ":authorization:" in key] == [
        "spendlog:authorization:techcorp/eng/forced"
    ]


@pytest.mark.parametrize("seed", range(6))
def test_rebuilt_in_batches_of_any_size_it_is_the_same_as_live(
    redis_url: str, client: Client, seed: int
) -> None:
    """Also payments that are heard of before they begin: declined increments, timeouts, lapses."""
    rng = random.Random(seed)
    log = DecisionLog(partition=seed)
    for number in range(60):
        name = f"p{number}"
        for _ in range(rng.randint(0, 2)):
            rng.choice(
                (
                    lambda name=name: log.decline_increment(name, 5),
                    lambda name=name: log.void(name, f"{name}-late", alerts=("already_settled",)),
                    lambda name=name: log.advise_decline(name, 7),
                )
            )()
        rng.choice((log.approve, lambda name: log.decline(name, 100), lambda name: None))(name)
        if rng.random() < 0.4:
            log.decline_increment(name, 10**9)
    log.mixed(80)
    found = []
    for rows in (1, rng.randint(2, 9), rng.randint(10, 60), len(log.values)):
        client.flushdb()
        status = StatusStore(StatusKeys(redis_url), MemoryClock())
        follow(status, log, rows)
        status.close()
        found.append(everything(client))
    live, *rebuilt = found
    assert sum(":authorization:" in key for key in live) > 30
    for other in rebuilt:
        assert other == live


def state(client: Client, name: str) -> Authorization:
    body = client.get(f"spendlog:authorization:techcorp/eng/{name}")
    return msgspec.json.decode(body, type=Authorization)


def test_holds_that_lapse_with_another_s_event_are_shown_as_lapsed(
    status: StatusStore, client: Client
) -> None:
    log = DecisionLog()
    for name in "abc":
        log.approve(name, 100)
    follow(status, log)
    log.clear("a", 100, lapsing=("b", "c"))
    follow(status, log)
    shown = {name: state(client, name) for name in "abc"}
    assert {name: shown[name].status.value for name in "abc"} == {
        "a": "cleared",
        "b": "expired",
        "c": "expired",
    }
    assert {payment.seq for payment in shown.values()} == {3}
    assert len(client.xrange("spendlog:feed:techcorp")) == 4


def test_a_lapse_of_what_is_no_longer_here_brings_nothing_back(status: StatusStore, client: Client) -> None:
    log = DecisionLog()
    log.approve("a", 100)
    log.approve("b", 100)
    follow(status, log)
    client.delete("spendlog:authorization:techcorp/eng/b")  # expired
    status.places(frozenset({0}))  # and forgotten
    log.tick("a", "b")
    follow(status, log)
    assert state(client, "a").status.value == "expired"
    assert client.get("spendlog:authorization:techcorp/eng/b") is None


def test_what_a_resolved_dispute_moved_is_shown_though_its_decision_names_no_payment(
    status: StatusStore, client: Client
) -> None:
    log = DecisionLog()
    log.approve("a", 100)
    log.clear("a", 100)
    opened = log.dispute("a", 100, "d", provisional=False)
    follow(status, log)
    assert state(client, "a").status.value == "disputed"
    log.resolve(opened, "won")
    follow(status, log)
    assert state(client, "a").status.value == "refunded"


def test_a_voided_payment_and_its_late_request_are_shown(status: StatusStore, client: Client) -> None:
    log = DecisionLog()
    log.void("a")
    follow(status, log)
    assert state(client, "a").status.value == "voided"
    log.decline("a", 100)
    log.decline_increment("nobody-s", 5)
    follow(status, log)
    assert state(client, "a").status.value == "declined"
    assert client.get("spendlog:authorization:techcorp/eng/nobody-s") is None


def test_a_timeout_of_a_payment_whose_clearing_is_not_kept_is_not_shown_as_all_of_it(
    status: StatusStore, client: Client
) -> None:
    log = DecisionLog()
    log.void("a", "late", alerts=("already_settled",))
    follow(status, log)
    assert client.get("spendlog:authorization:techcorp/eng/a") is None


def test_a_server_that_does_not_answer_is_unavailable() -> None:
    status = StatusStore(StatusKeys("redis://127.0.0.1:9/0"), MemoryClock())
    with pytest.raises(Unavailable, match="Redis"):
        status.places(frozenset({0}))
    status.close()
