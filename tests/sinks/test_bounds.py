"""What the books hold is bounded by the database itself, and sums that have no bound are exact."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import errors, sql
from psycopg.rows import dict_row

from api.resources.ledger import accounts_out
from api.stores.sql import statement
from infra.migrate import migrate
from schemas.codec import encode_event
from schemas.event import Event
from schemas.events import BudgetSet, ClearingPresented, RefundPresented
from schemas.money import MINOR_MAX, TOTAL_MAX, Money, PositiveMoney
from schemas.reasons import Outcome
from sinks.ledger.bounds import Bound, bounds
from sinks.ledger.sink import Ledger
from sinks.loop.chain import DecisionRecord
from streams.core.apply.evolve import evolve
from streams.core.intake import Record, judge
from streams.core.sealing import seal
from streams.core.state import PartitionState
from streams.model import Unscored
from tests.sinks.conftest import query
from tests.sinks.test_ledger import book_run

BIGINT_MAX = 2**63 - 1
# No bound of their own: a place in a log, a number of an enumeration, what is made of bounded parts.
_FREE = {
    *("partition", "seq", "n", "leg", "next_offset", "next_seq", "source_offset", "duplicate_of"),
    *("compensates_seq", "removed_seq", "drafted_seq", "activated_seq", "version", "policy_version"),
    *("posted", "refunded", "disputed", "undone", "leased_minor", "available_minor"),
    *("body", "policy", "levels", "budget", "card", "approved_by", "on_behalf_of"),
}
_OTHERWISE = {  # a CHECK of another form
    *("transfer.currency", "transfer.layer", "transfer.kind", "transfer.debit_account"),
    *("account.layer", "budget.level", "budget.calendar", "approval_request.status", "card.status"),
    "approval_request.kind",
    *("dispute.status", "lease.side", "refund.amount"),
    *("card_authorization.case_status", "card_authorization.label"),
    *("card_authorization.amount",),  # one of the others
    *("company_cap.calendar",),  # of the type Calendar, like that of a budget
}
_TABLES = sorted({bound.table for bound in bounds()})


@pytest.fixture(scope="module")
def empty_books(stack: Any) -> Iterator[psycopg.Connection[Any]]:
    """Copies of the tables with the checks of single columns, in which every column may be missing."""
    name = f"bounds_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(stack.postgres, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    url = urlunsplit(urlsplit(stack.postgres)._replace(path=f"/{name}"))
    migrate(url)
    with psycopg.connect(url, autocommit=True) as connection:
        for table in _TABLES:
            copy = sql.Identifier(f"copy_of_{table}")
            connection.execute(
                sql.SQL("CREATE TEMPORARY TABLE {} (LIKE {} INCLUDING CONSTRAINTS)").format(
                    copy, sql.Identifier(table)
                )
            )
            for (check,) in connection.execute(
                """SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'c'
                    AND conname !~ '_(bound|currency_code)$'""",
                (f"copy_of_{table}",),
            ).fetchall():
                connection.execute(
                    sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(copy, sql.Identifier(check))
                )
            for (column,) in connection.execute(
                "SELECT column_name FROM information_schema.columns WHERE table_name = %s", (table,)
            ).fetchall():
                connection.execute(
                    sql.SQL("ALTER TABLE {} ALTER {} DROP NOT NULL").format(copy, sql.Identifier(column))
                )
        yield connection
    with psycopg.connect(stack.postgres, autocommit=True) as admin:
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _insert(connection: psycopg.Connection[Any], bound: Bound, value: object) -> None:
    table, column = sql.Identifier(f"copy_of_{bound.table}"), sql.Identifier(bound.column)
    connection.execute(sql.SQL("INSERT INTO {} ({}) VALUES (%s)").format(table, column), (value,))


def _values(bound: Bound) -> tuple[list[object], list[object]]:
    """What is taken at the bounds, and what is refused beyond them."""
    if not bound.text:
        return [bound.least, bound.most], [bound.least - 1, bound.most + 1]
    # Characters, not bytes: one of four bytes counts once. Capitals, for the sake of currency codes.
    letters = ["A"] if bound.column == "currency" else ["A", "😀"]
    taken = [letter * length for letter in letters for length in {bound.least, bound.most}]
    beyond = [letter * (bound.most + 1) for letter in letters]
    return list(taken), [*beyond, *(["A" * (bound.least - 1)] if bound.least else [])]


@pytest.mark.parametrize("table", _TABLES)
def test_each_bound_is_held_by_the_database(empty_books: psycopg.Connection[Any], table: str) -> None:
    for bound in bounds():
        if bound.table != table:
            continue
        taken, refused = _values(bound)
        for value in taken:
            _insert(empty_books, bound, value)
        for value in refused:
            with pytest.raises((errors.CheckViolation, errors.NumericValueOutOfRange)):
                _insert(empty_books, bound, value)


@pytest.mark.parametrize("table", ["budget", "company_cap"])
@pytest.mark.parametrize("code", ["usd", "US1", "U D", "ÜSD", "USD\n", "€€€"])
def test_a_currency_is_three_capitals(empty_books: psycopg.Connection[Any], table: str, code: str) -> None:
    with pytest.raises(errors.CheckViolation):
        _insert(empty_books, Bound(table, "currency", 3, 3, True, ""), code)


def test_every_text_and_number_of_the_books_has_a_bound(empty_books: psycopg.Connection[Any]) -> None:
    known = {f"{bound.table}.{bound.column}" for bound in bounds()} | _OTHERWISE
    rows = empty_books.execute(
        """SELECT table_name, column_name FROM information_schema.columns
        WHERE table_name = ANY(%s) AND data_type IN ('text', 'bigint', 'integer', 'smallint', 'numeric')""",
        (_TABLES,),
    ).fetchall()
    assert len(rows) > 150
    assert [f"{t}.{c}" for t, c in rows if f"{t}.{c}" not in known and c not in _FREE] == []


class Books:
    """One department's log, decided by the core and stored by the ledger."""

    def __init__(self, ledger: Ledger, **budget: Any) -> None:
        self.at = datetime(2000, 1, 2, 12, tzinfo=UTC)
        self.ledger = ledger
        self.state = PartitionState(0)
        self.values: list[bytes] = []
        self.stored = 0
        self.say(BudgetSet, name="Ops", limit=Money(MINOR_MAX, "USD"), **budget)

    def say(self, kind: type[Event], department: str = "ops", **members: Any) -> None:
        event = kind(
            event_id=f"e{len(self.values)}",
            organization_id="acme",
            department_id=department,
            occurred_at=self.at,
            **members,
        )
        record = Record(len(self.values), self.at, event.key.encode(), encode_event(event))
        decision, value = seal(judge(self.state, record, 1, Unscored()))
        assert decision.outcome is Outcome.ACCEPTED, decision.reasons
        evolve(self.state, decision)
        self.values.append(value)

    def store(self) -> None:
        place = self.ledger.places(frozenset({0}))[0]
        book_run(
            self.ledger, place, [DecisionRecord(0, n, v) for n, v in enumerate(self.values) if n >= place[0]]
        )


LARGEST = PositiveMoney(MINOR_MAX, "USD")


def test_refunds_of_an_unknown_payment_may_come_to_more_than_a_bigint(ledger: Ledger, database: str) -> None:
    """Each counts in its own day only, so nothing in the core bounds what they come to in the payment."""
    books = Books(ledger, period="day")
    count = BIGINT_MAX // MINOR_MAX + 2
    for number in range(count):
        if number % (TOTAL_MAX // MINOR_MAX) == 0:
            books.at += timedelta(days=1)
        books.say(RefundPresented, card_id="c", amount=LARGEST, authorization_id="A", refund_id=f"r{number}")
    books.store()
    ((refunded, body),) = query(
        database, "SELECT refunded, (body ->> 'refunded')::numeric FROM card_authorization"
    )
    assert refunded == body == count * MINOR_MAX > BIGINT_MAX
    ((payable, entries),) = query(
        database,
        "SELECT balance, entries FROM account_balance WHERE account = 'organization:acme:card-payable'",
    )
    assert (payable, entries) == (count * MINOR_MAX, count)
    assert query(database, "SELECT sum(total), count(*) FROM trial_balance") == [(0, 1)]
    query(database, "SELECT check_trial_balance()")
    assert query(database, "SELECT max(balance) FROM account_balances()") == [(payable,)]
    with psycopg.connect(database, row_factory=dict_row) as connection:
        places = {"recorded_by": None, "occurred_by": None, "up_to": None, "partition": 0}
        where = {"organization_id": "acme", "department_id": "ops"}
        row = connection.execute(statement("accounts"), where | places).fetchone()
    assert row is not None
    told = {account.account: account.balance.minor for account in accounts_out("acme", "ops", row).accounts}
    assert told["organization:acme:card-payable"] == count * MINOR_MAX


def test_what_departments_spend_may_come_to_more_than_a_bigint(ledger: Ledger, database: str) -> None:
    """Each department is within its bound; their company's account is their sum."""
    books = Books(ledger)
    departments = [f"d{number}" for number in range(BIGINT_MAX // TOTAL_MAX + 2)]
    for name in departments:
        books.say(BudgetSet, name, name="D", limit=Money(MINOR_MAX, "USD"))
        for _ in range(TOTAL_MAX // MINOR_MAX):
            books.say(ClearingPresented, name, authorization_id="A", card_id="c", amount=LARGEST, final=False)
    books.store()
    ((payable,),) = query(
        database, "SELECT balance FROM account_balance WHERE account = 'organization:acme:card-payable'"
    )
    assert payable == -len(departments) * TOTAL_MAX < -BIGINT_MAX
    query(database, "SELECT check_trial_balance()")
