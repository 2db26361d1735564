"""The ledger in a real PostgreSQL."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import msgspec
import psycopg
import pytest

from schemas.authorizations import Authorization, advance, touched_by
from schemas.names import merchant_key
from sinks.errors import PartitionBroken, PositionMoved, SinkError, Unavailable
from sinks.ledger.sink import Ledger
from sinks.loop.chain import DecisionRecord, Place, read_run
from sinks.postgres import PostgresSession
from sinks.recent import Recent
from tests.sinks.builder import DecisionLog
from tests.sinks.conftest import empty, query, snapshot
from tests.sinks.memory import Crash, Steps


def book(ledger: Ledger, logs: Sequence[DecisionLog], rows: int = 10) -> None:
    """From where the ledger stands to the end of the logs, one partition after the other in small batches."""
    places = ledger.places(frozenset(log.partition for log in logs))
    for log in logs:
        records, place = log.records(), places[log.partition]
        while remaining := [record for record in records if record.offset >= place.next_offset]:
            place = book_run(ledger, place, remaining[:rows])


def book_run(ledger: Ledger, place: Place, records: Sequence[DecisionRecord]) -> Place:
    run, broken = read_run(records[0].partition, place, records)
    assert broken is None
    ledger.commit([run])
    return run.after


def folded(log: DecisionLog) -> dict[tuple[str | None, str | None, str], Authorization]:
    states: dict[tuple[str | None, str | None, str], Authorization] = {}
    for decision in log.decisions:
        for authorization_id in touched_by(decision):
            key = (decision.organization_id, decision.department_id, authorization_id)
            after = advance(states.get(key), decision, authorization_id)
            if after is not None:
                states[key] = after
    return states


def test_every_decision_is_there_byte_for_byte_and_its_hash_can_be_checked_in_sql(
    ledger: Ledger, database: str
) -> None:
    log = DecisionLog().mixed(40)
    book(ledger, [log])
    rows = query(database, "SELECT seq, record, hash FROM decision ORDER BY seq")
    assert [(seq, record.encode()) for seq, record, _ in rows] == list(enumerate(log.values))
    check = """
        SELECT count(*) FROM decision
        WHERE encode(sha256(convert_to(left(record, -75) || '}', 'UTF8')), 'hex') <> hash
    """
    assert query(database, check) == [(0,)]
    assert hashlib.sha256(rows[0][1][:-75].encode() + b"}").hexdigest() == rows[0][2]


def test_the_columns_of_a_decision(ledger: Ledger, database: str) -> None:
    log = DecisionLog(partition=3)
    approved = log.approve("a", 250)
    declined = log.decline("b", 99)
    log.repeat(approved)
    log.unreadable()
    book(ledger, [log])
    columns = "event_type, authorization_id, outcome, reason, amount, duplicate_of, score, organization_id"
    assert query(database, f"SELECT {columns} FROM decision WHERE partition = 3 ORDER BY seq") == [
        ("authorization.requested", "a", "approved", None, 250, None, 0.125, "techcorp"),
        ("authorization.requested", "b", "declined", "budget_exceeded", 99, None, None, "techcorp"),
        ("authorization.requested", "a", "approved", None, 250, 0, None, "techcorp"),
        (None, None, "rejected", "undecodable", None, None, None, None),
    ]
    times = query(database, "SELECT recorded_at, occurred_at FROM decision WHERE seq = 1")
    assert times == [(declined.recorded_at, declined.occurred_at)]


def test_every_currency_and_layer_sums_to_zero_and_open_holds_remain(ledger: Ledger, database: str) -> None:
    log = DecisionLog().mixed(120)
    book(ledger, [log])
    balance = query(database, "SELECT layer, total, entries > 0 FROM trial_balance ORDER BY layer")
    assert balance == [("pending", 0, True), ("posted", 0, True)]
    held = sum(state.held for state in folded(log).values())
    encumbered = query(
        database, "SELECT sum(balance) FROM account_balance WHERE account LIKE '%%:encumbrance'"
    )
    assert encumbered == [(held,)]
    spent = "SELECT sum(balance) FROM account_balance WHERE account = 'organization:techcorp:card-payable'"
    net = sum(state.posted - state.refunded for state in folded(log).values())
    unlinked = sum(
        d.amount or 0 for d in log.decisions if d.effects and d.authorization_id is None and d.amount
    )
    unlinked -= sum(d.amount or 0 for d in log.decisions if d.event_type == "budget.set")
    assert query(database, spent) == [(unlinked - net,)]


def test_every_account_that_a_transfer_names_is_open(ledger: Ledger, database: str) -> None:
    book(ledger, [DecisionLog().mixed(60)])
    missing = "SELECT DISTINCT account FROM entry WHERE account NOT IN (SELECT name FROM account)"
    assert query(database, missing) == []
    assert query(database, "SELECT count(*) FROM account") == [(14,)]  # four each of three departments, two


@pytest.mark.parametrize("kept_max", [0, 2, 1000])
def test_the_read_model_is_the_fold_of_the_log(database: str, kept_max: int) -> None:
    log = DecisionLog().mixed(150)
    ledger = Ledger(PostgresSession(database), recent=Recent(kept_max))
    book(ledger, [log])
    ledger.close()
    found = query(database, "SELECT body::text FROM card_authorization")
    states = [msgspec.json.decode(body, type=Authorization) for (body,) in found]
    keys = [(state.organization_id, state.department_id, state.authorization_id) for state in states]
    assert dict(zip(keys, states, strict=True)) == folded(log)
    columns = query(
        database,
        """SELECT count(*) FROM card_authorization WHERE held <> coalesce((body->>'held')::bigint, 0)
            OR posted <> coalesce((body->>'posted')::bigint, 0) OR status <> body->>'status'
            OR seq <> (body->>'seq')::bigint""",
    )
    assert columns == [(0,)]
    listed = query(
        database,
        """SELECT organization_id, department_id, authorization_id, created_at, cardholder, merchant_key, mcc,
            flagged, review, amount FROM card_authorization""",
    )
    assert {row[:3]: row[3:] for row in listed} == {
        key: (
            *(state.created_at, state.cardholder),
            *(merchant_key(state.merchant.name), state.merchant.mcc),
            *(state.flagged, bool(state.reviews), state.amount),
        )
        if state.merchant
        else (
            state.created_at,
            state.cardholder,
            None,
            None,
            state.flagged,
            bool(state.reviews),
            state.amount,
        )
        for key, state in folded(log).items()
    }
    names = {(key[0], row[2]) for key, row in ((row[:3], row[3:]) for row in listed) if row[2] is not None}
    assert {(row[0], row[1]) for row in query(database, "SELECT * FROM merchant")} == names


def test_a_request_after_a_clearing_of_the_same_payment_changes_the_row_that_is_there(
    ledger: Ledger, database: str
) -> None:
    log = DecisionLog()
    log.clear("a", 50)  # forced: no request yet
    log.approve("a", 70, alerts=("cleared_before_request",))
    place = ledger.places(frozenset({0}))[0]
    place = book_run(ledger, place, log.records()[:1])
    other = Ledger(PostgresSession(database))  # without the memory of what the first one wrote
    book_run(other, place, log.records()[1:])
    other.close()
    columns = "held, posted, requested, authorized, seq"
    assert query(database, f"SELECT {columns} FROM card_authorization") == [(70, 50, 70, 70, 1)]


def test_a_guess_that_a_request_is_new_is_made_good_when_it_is_wrong(ledger: Ledger, database: str) -> None:
    log = DecisionLog()
    log.clear("a", 50)
    log.approve("a", 70)  # nothing tells that there was a clearing before
    place = ledger.places(frozenset({0}))[0]
    place = book_run(ledger, place, log.records()[:1])
    other = Ledger(PostgresSession(database))
    book_run(other, place, log.records()[1:])
    other.close()
    assert query(database, "SELECT held, posted, seq FROM card_authorization") == [(70, 50, 1)]


def test_text_that_postgres_cannot_hold_does_not_stop_the_partition(ledger: Ledger, database: str) -> None:
    log = DecisionLog()
    log.approve("ok")
    log.approve("a\0b", cardholder="x\0y", event_id="e\0")
    log.clear("a\0b")
    book(ledger, [log], rows=2)
    assert query(database, "SELECT authorization_id, event_id, record FROM decision WHERE seq = 1") == [
        ("a\N{REPLACEMENT CHARACTER}b", "e\N{REPLACEMENT CHARACTER}", log.values[1].decode())
    ]
    assert query(database, "SELECT posted FROM card_authorization ORDER BY seq") == [(0,), (1000,)]


def test_reading_again_from_the_beginning_changes_nothing(ledger: Ledger, database: str) -> None:
    log = DecisionLog().mixed(30)
    beginning = ledger.places(frozenset({0}))[0]
    book(ledger, [log])
    before = snapshot(database)
    run, _ = read_run(0, beginning, log.records())
    with pytest.raises(PositionMoved):
        ledger.commit([run])
    assert snapshot(database) == before


def test_of_two_writers_at_one_position_the_second_one_is_refused(database: str) -> None:
    log = DecisionLog().mixed(20)
    first, second = Ledger(PostgresSession(database)), Ledger(PostgresSession(database))
    place = first.places(frozenset({0}))[0]
    assert second.places(frozenset({0}))[0] == place
    after = book_run(first, place, log.records()[:10])
    before = snapshot(database)
    with pytest.raises(PositionMoved, match="0 at 0"):
        book_run(second, place, log.records()[:15])
    assert snapshot(database) == before
    assert second.places(frozenset({0}))[0] == after
    book(second, [log])
    assert len(query(database, "SELECT 1 FROM decision")) == len(log.values)
    first.close()
    second.close()


def test_a_batch_over_partitions_moves_all_of_them_or_none(database: str) -> None:
    logs = [DecisionLog(partition).mixed(12) for partition in (0, 1)]
    ledger, other = Ledger(PostgresSession(database)), Ledger(PostgresSession(database))
    places = ledger.places(frozenset({0, 1}))
    runs = [read_run(log.partition, places[log.partition], log.records())[0] for log in logs]
    book(other, logs[1:])
    before = snapshot(database)
    with pytest.raises(PositionMoved):
        ledger.commit(runs)
    assert snapshot(database) == before
    ledger.commit(runs[:1])
    assert len(query(database, "SELECT 1 FROM decision")) == len(logs[0].values) + len(logs[1].values)
    ledger.close()
    other.close()


def test_the_unique_keys_are_a_tripwire_behind_the_positions(ledger: Ledger, database: str) -> None:
    log = DecisionLog().mixed(10)
    book(ledger, [log])
    query(database, "UPDATE sink_position SET next_offset = 0 RETURNING 1")  # as no code of ours does
    run, _ = read_run(0, Place(0, 0, "0" * 64), log.records())
    with pytest.raises(PartitionBroken, match=r"decisions 0:0\.\.\d+ cannot be booked"):
        ledger.commit([run])


def test_a_position_that_was_moved_while_idle_is_noticed(ledger: Ledger, database: str) -> None:
    log = DecisionLog().mixed(10)
    book(ledger, [log])
    places = ledger.places(frozenset({0}))
    ledger.verify(places)
    query(database, "UPDATE sink_position SET next_offset = 0 RETURNING 1")
    with pytest.raises(PositionMoved):
        ledger.verify(places)


class FailingConnection:
    """A connection on which every use is a moment where the process or the server may be gone."""

    def __init__(self, connection: Any, steps: Steps) -> None:
        self._connection = connection
        self._steps = steps

    def execute(self, *args: Any, **more: Any) -> Any:
        self._steps.step()
        done = self._connection.execute(*args, **more)
        self._steps.step()
        return done

    def __getattr__(self, name: str) -> Any:
        self._steps.step()
        return getattr(self._connection, name)


class FailingPostgres(PostgresSession):
    def __init__(self, url: str, steps: Steps) -> None:
        super().__init__(url)
        self._steps = steps

    @contextmanager
    def session(self) -> Iterator[Any]:
        with super().session() as connection:
            yield FailingConnection(connection, self._steps)


@pytest.mark.parametrize("failure", [Crash, lambda: psycopg.OperationalError("server closed the connection")])
def test_a_failure_at_any_moment_of_the_transaction_leaves_every_row_once(
    database: str, failure: Callable[[], BaseException]
) -> None:
    log = DecisionLog(partition=0).mixed(9)
    whole = Ledger(PostgresSession(database))
    book(whole, [log], rows=5)
    expected = snapshot(database)
    for fail_at in count():
        empty(database)
        steps = Steps(fail_at, failure)
        first = Ledger(FailingPostgres(database, steps))
        try:
            book(first, [log], rows=5)
        except (Crash, Unavailable):
            first.close()
            again = Ledger(PostgresSession(database))
            book(again, [log], rows=5)
            again.close()
            assert snapshot(database) == expected, f"failure at step {fail_at}"
        else:
            first.close()
            assert fail_at > 30
            break
    whole.close()


def book_when_possible(ledger: Ledger, place: Place, records: Sequence[DecisionRecord]) -> str:
    """Returns what the last refused try said."""
    said = ""
    for _ in range(8):
        try:
            book_run(ledger, place, records)
            return said
        except Unavailable as waiting:
            said = str(waiting)
    raise AssertionError(said)


def test_a_frozen_owner_is_ended_by_the_next_one(database: str) -> None:
    log = DecisionLog().mixed(10)
    ledger = Ledger(PostgresSession(database, name="frozen-test", frozen_after_s=0.5, lock_wait_max_s=0.3))
    place = ledger.places(frozenset({0}))[0]
    with psycopg.connect(database, application_name="frozen-test") as frozen:
        frozen.execute("UPDATE sink_position SET updated_at = now()")
        # Stopped in the middle of a COPY; that its session was ended shows when it wakes up.
        with pytest.raises(psycopg.OperationalError), frozen.cursor().copy("COPY account FROM STDIN"):
            said = book_when_possible(ledger, place, log.records())
    assert "ended 1 frozen session" in said
    ledger.close()
    assert query(database, "SELECT count(*) FROM decision") == [(len(log.values),)]


def test_a_database_without_schema_is_told_in_a_sentence(stack: Any) -> None:
    empty = urlunsplit(urlsplit(stack.postgres)._replace(path="/postgres"))
    ledger = Ledger(PostgresSession(empty, role=None))
    with pytest.raises(SinkError, match="run spendlog migrate"):
        ledger.places(frozenset({0}))
    ledger.close()


def test_a_server_that_does_not_answer_is_unavailable() -> None:
    ledger = Ledger(PostgresSession("postgresql://nobody@127.0.0.1:9/none"))
    with pytest.raises(Unavailable, match="PostgreSQL"):
        ledger.places(frozenset({0}))
