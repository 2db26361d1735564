"""The log against a real PostgreSQL and Redis, as the sinks fill them and as somebody else changes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import LiteralString

import msgspec
import psycopg
import pytest
import redis

from infra.verify.books import snapshot
from infra.verify.compare import compare_books, compare_statuses
from infra.verify.leases import Leases, all_departments
from infra.verify.partition import PartitionCheck
from infra.verify.read_models import TABLES, Models, Table
from infra.verify.records import Record
from infra.verify.report import Report
from schemas.authorizations import Authorization
from schemas.controls import Card
from schemas.events import (
    AuthorizationReversed,
    BudgetIncreased,
    CardRequested,
    DelegationSet,
    DisputeOpened,
    DisputeResolved,
    IncreaseRefused,
    IncreaseRequested,
    PolicyActivated,
    RefundPresented,
    RequestApproved,
)
from sinks.ledger.sink import Ledger
from sinks.loop.chain import DecisionRecord, read_run
from sinks.loop.ports import Store, SystemClock
from sinks.postgres import PostgresSession
from sinks.status.redis import StatusKeys
from sinks.status.sink import StatusStore
from tests.sinks.conftest import schema  # noqa: F401  a fixture
from tests.verify.logs import Company, World, violated
from tests.verify.stories import Storyteller
from tests.verify.told import CARD, at, budget, cap, card, clear, event, policy, request, usd

NAME = "acme/sales/"


def offsets(world: World) -> list[tuple[int, bytes]]:
    """Records as they would lie on the topic, with holes for transaction markers."""
    return [(n * 2, value) for n, value in enumerate(world.values)]


def sink(company: Company, store: Store) -> None:
    """Everything that was decided, in one batch for each partition."""
    places = store.places(frozenset(company.worlds))
    for p, world in company.worlds.items():
        records = [DecisionRecord(p, offset, value) for offset, value in offsets(world)]
        run, broken = read_run(p, places[p], records)
        assert broken is None
        if run.decisions:
            store.commit([run])
    store.close()


def check(company: Company, database: str, redis_url: str | None = None) -> Report:
    """As `infra.verify.run.verify` does, with topics that are lists."""
    report = Report()
    leases = Leases(report)
    checks: dict[int, PartitionCheck] = {}
    with snapshot(database) as books:
        for p, world in company.worlds.items():
            checks[p] = PartitionCheck(p, len(company.worlds), report, leases)
            decisions = [Record(*record) for record in offsets(world)]
            for _ in checks[p].run(world.events, decisions, books.decisions(p), books.transfers(p)):
                pass
        compare_books(books, checks, leases, report)
        if redis_url is not None:
            compare_statuses(redis_url, books, checks, report, drain_s=1)
    leases.finish(all_departments(check.departments for check in checks.values()))
    return report


def change(database: str, statement: LiteralString) -> None:
    """What no role may do: the tables' owner, with the triggers taken away for a moment."""
    with psycopg.connect(database, autocommit=True) as connection:
        for table in ("decision", "transfer", "limit_change"):
            connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        assert connection.execute(statement).rowcount == 1
        for table in ("decision", "transfer", "limit_change"):
            connection.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def a_company() -> Company:
    """One of everything that has a table. Recorded just now, as the status cache keeps nothing older."""
    company = Company()
    company.tell(
        budget(90_000),
        budget(90_000, department="ops"),
        budget(5_000, level="team", subject="alpha", period="quarter"),
        card(team="alpha", expires_on=datetime(2031, 1, 31, tzinfo=UTC).date()),
        policy(hold_days=9),
        event(PolicyActivated, policy_version=0),
        cap(40_000, "sales", "ops"),
        request("a1", 900),
        clear("a1", 800, 1, final=False),
        event(DisputeOpened, 2, dispute_id="d1", authorization_id="a1", amount=usd(50)),
        event(
            DisputeOpened, 2, dispute_id="d2", authorization_id="a1", amount=usd(60), provisional_credit=True
        ),
        event(DisputeResolved, 3, dispute_id="d2", outcome="won"),
        event(RefundPresented, 3, refund_id="r1", card_id=CARD, amount=usd(7), authorization_id="a1"),
        event(BudgetIncreased, 3, amount=usd(10), ends_at=at(5)),
        event(IncreaseRequested, 3, request_id="i1", amount=usd(5), ends_at=at(5), actor="jo", reason="fair"),
        event(IncreaseRefused, 3, request_id="i1", actor="jo", reason="rain"),
        event(IncreaseRequested, 3, request_id="i2", amount=usd(5), ends_at=at(5), actor="jo"),
        event(CardRequested, 3, request_id="i3", card=Card(card_id="asked"), limit=usd(9), actor="jo"),
        event(RequestApproved, 3, request_id="i3", actor="mo"),
        event(DelegationSet, 3, absent="mo", delegate="bo", until=at(9), actor="mo"),
        request("a2", 10, 3),
        request("a3", 99_000, 3),
        recorded_at=datetime.now(UTC),
    )
    return company


def test_what_the_sinks_make_of_a_story_holds(database: str) -> None:
    told = Storyteller(3, late=True).tell(1_000)
    sink(told, Ledger(PostgresSession(database)))
    report = check(told, database)
    assert violated(report) == {}
    assert report["O1"].checked > 1_000
    with snapshot(database) as books:
        rows = {name: sum(1 for _ in books.rows(table)) for name, table in TABLES.items()}
    assert min(rows.values()) > 0, rows


def test_statuses_in_redis_hold(database: str, redis_url: str) -> None:
    company = a_company()
    company.tell(
        event(AuthorizationReversed, 4, authorization_id="a9", cause="timeout"), recorded_at=datetime.now(UTC)
    )
    sink(company, Ledger(PostgresSession(database)))
    sink(company, StatusStore(StatusKeys(redis_url), SystemClock()))
    report = check(company, database, redis_url)
    assert violated(report) == {}
    assert report["O6"].notes == ["4 statuses in Redis compared"]


def test_a_status_in_redis_that_is_wrong_or_gone_is_found(database: str, redis_url: str) -> None:
    company = a_company()
    sink(company, Ledger(PostgresSession(database)))
    sink(company, StatusStore(StatusKeys(redis_url), SystemClock()))
    client = redis.Redis.from_url(redis_url)
    key = f"spendlog:authorization:{NAME}a1"
    body = client.get(key)
    assert isinstance(body, bytes)
    state = msgspec.json.decode(body, type=Authorization)
    client.set(key, msgspec.json.encode(msgspec.structs.replace(state, disputed=0)))
    client.delete(f"spendlog:authorization:{NAME}a2")
    client.close()
    found = violated(check(company, database, redis_url))["O6"]
    assert any(line.startswith(f"authorization {NAME}a1 is ") for line in found)
    assert f"authorization {NAME}a2 is not in Redis" in found
    assert len(found) == 2


CHANGES: list[tuple[LiteralString, str]] = [
    (
        "UPDATE card_authorization SET disputed = 0 WHERE authorization_id = 'a1'",
        "card_authorization acme/sales/a1 is",
    ),
    (
        "UPDATE card_authorization SET expires_at = expires_at + interval '1 s' WHERE held > 50",
        "card_authorization acme/sales/a1 is",
    ),
    (
        "UPDATE card_authorization SET created_at = '2020-01-01' WHERE authorization_id = 'a1'",
        "card_authorization acme/sales/a1 is",
    ),
    (
        "UPDATE card_authorization SET merchant_key = 'other' WHERE authorization_id = 'a1'",
        "card_authorization acme/sales/a1 is",
    ),
    (
        "UPDATE card_authorization SET flagged = NOT flagged WHERE authorization_id = 'a1'",
        "card_authorization acme/sales/a1 is",
    ),
    ("DELETE FROM card_authorization WHERE authorization_id = 'a2'", "acme/sales/a2 is not in PostgreSQL"),
    ("UPDATE budget SET tolerance_minor = 1 WHERE level = 'team'", "budget acme/sales/team:alpha is"),
    ("UPDATE budget SET changed_by = 'eve' WHERE level = 'team'", "budget acme/sales/team:alpha is"),
    (
        "UPDATE budget SET changed_at = changed_at - interval '1 s' WHERE level = 'team'",
        "budget acme/sales/team:alpha is",
    ),
    ("DELETE FROM budget WHERE level = 'team'", "budget acme/sales/team:alpha is not in PostgreSQL"),
    (
        "UPDATE budget_period SET held_minor = 0 WHERE budget_id = 'team:alpha'",
        "budget_period acme/sales/team:alpha@2026-Q4 is",
    ),
    (
        "UPDATE budget_period SET limit_minor = 1 WHERE budget_id = 'company' AND department_id = 'ops'",
        "budget_period acme/ops/company@2026-11 is",
    ),
    (
        "UPDATE limit_change SET limit_minor = 1 WHERE department_id = 'ops'",
        "limit_change acme/ops/department@2026-11 is",
    ),
    (
        "UPDATE policy_version SET active = false WHERE active AND department_id = 'sales'",
        "policy_version acme/sales/0 is",
    ),
    ("UPDATE policy_version SET policy = '{}' WHERE version = 1", "policy_version acme/sales/1 is"),
    ("UPDATE card SET status = 'frozen' WHERE card_id = 'card-7'", "card acme/sales/card-7 is"),
    ("UPDATE dispute SET status = 'open' WHERE dispute_id = 'd2'", "dispute acme/sales/d2 is"),
    ("UPDATE refund SET undone = 5", "refund acme/sales/r1 is"),
    ("UPDATE budget_increase SET amount = 5", "budget_increase acme/sales/department/"),
    (
        "UPDATE approval_request SET refusal_reason = 'sun' WHERE request_id = 'i1'",
        "approval_request acme/sales/i1 is",
    ),
    ("UPDATE approval_request SET levels = '[]' WHERE request_id = 'i2'", "request acme/sales/i2 is"),
    ("DELETE FROM approval_request WHERE request_id = 'i2'", "acme/sales/i2 is not in PostgreSQL"),
    ("UPDATE approval_request SET lapses_at = now() WHERE request_id = 'i2'", "request acme/sales/i2 is"),
    ("UPDATE approval_request SET on_behalf_of = '{di}' WHERE request_id = 'i3'", "request acme/sales/i3 is"),
    ("UPDATE approval_request SET card = '{\"card_id\":\"x\"}' WHERE request_id = 'i3'", "acme/sales/i3 is"),
    ("UPDATE delegation SET delegate = 'eve'", "delegation acme/sales/mo is"),
    ("DELETE FROM delegation", "delegation acme/sales/mo is not in PostgreSQL"),
    ("UPDATE company_cap SET limit_minor = limit_minor + 1", "company_cap acme is"),
    (
        "UPDATE lease SET leased_minor = 9 WHERE side = 'department' AND department_id = 'sales'",
        "lease acme/sales/2026-11/department is",
    ),
    (
        "DELETE FROM lease WHERE side = 'treasury' AND department_id = 'ops'",
        "lease acme/ops/2026-11/treasury is not in PostgreSQL",
    ),
    ("UPDATE transfer SET amount = 61 WHERE kind = 'dispute_won'", "amount=61"),
    ("DELETE FROM transfer WHERE kind = 'provisional_credit'", "is missing: Booking("),
]


@pytest.mark.parametrize(("statement", "said"), CHANGES)
def test_a_row_that_somebody_changed_is_found(database: str, statement: LiteralString, said: str) -> None:
    company = a_company()
    sink(company, Ledger(PostgresSession(database)))
    assert violated(check(company, database)) == {}
    change(database, statement)
    report = check(company, database)
    found = violated(report)
    assert any(said in line for line in found["O6"]), found
    assert {of for oracle in report.oracles.values() for of in oracle.findings} == {"acme"}
    if "transfer" in statement:
        assert "stands at" in found["O1"][0]


def test_the_tables_and_what_is_said_of_them_go_together() -> None:
    models = Models({}, {})
    for name, table in TABLES.items():
        assert isinstance(table, Table)
        assert models.row(name, ("acme", "sales", "x", "y")[: table.key]) is None
        assert list(models.keys(name)) == []


def test_what_is_older_than_the_cache_is_not_looked_for_there(database: str, redis_url: str) -> None:
    told = Company()
    told.tell(budget(90_000), request("a1", 900), recorded_at=datetime.now(UTC) - timedelta(days=7))
    sink(told, Ledger(PostgresSession(database)))
    sink(told, StatusStore(StatusKeys(redis_url), SystemClock()))
    report = check(told, database, redis_url)
    assert violated(report) == {}
    assert report["O6"].notes == ["0 statuses in Redis compared"]
