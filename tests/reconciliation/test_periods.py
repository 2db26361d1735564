"""A closed month: what it is made of, by the places of the log; what is changed in it is seen."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from api.stores.sql import statement
from infra.verify.books import snapshot
from infra.verify.periods import ClosedMonth, check_periods, month_of
from infra.verify.report import Oracle, Report
from tests.reconciliation.books import ORGANIZATION, book
from tests.sinks.builder import DecisionLog
from tests.sinks.conftest import query


def close(database: str, period: str, since: str, until: str) -> None:
    with psycopg.connect(database) as connection:
        asked = {"organization_id": ORGANIZATION, "period": period, "since": since, "until": until}
        given = asked | {"time_zone": "UTC", "reason": "r", "actor": "ada"}
        assert connection.execute(statement("period_close"), given).fetchone() is not None


def checked(database: str) -> Oracle:
    report = Report()
    with snapshot(database) as books:
        check_periods(books, report)
    return report["O18"]


@pytest.fixture
def closed(database: str) -> tuple[str, DecisionLog]:
    """October and November closed, each with late postings of before; the bookings of November come last."""
    log = DecisionLog(started=datetime(2026, 12, 10, tzinfo=UTC))
    log.budget()

    def clear(name: str, amount: int, month: int) -> None:
        log.clear(name, amount, occurred_at=datetime(2026, month, 9, tzinfo=UTC))

    clear("a", 1, 10)
    clear("b", 10, 11)
    book(database, log)
    close(database, "2026-10", "2026-10-01T00:00Z", "2026-11-01T00:00Z")
    clear("c", 100, 10)  # of October, after its close: counts in November
    clear("d", 1_000, 11)
    book(database, log)
    close(database, "2026-11", "2026-11-01T00:00Z", "2026-12-01T00:00Z")
    clear("e", 10_000, 10)
    clear("f", 100_000, 11)
    clear("g", 1_000_000, 12)
    book(database, log)
    return database, log


def test_what_comes_after_a_close_counts_in_the_first_month_that_is_open(
    closed: tuple[str, DecisionLog],
) -> None:
    database, _ = closed
    sums = query(
        database,
        "SELECT (SELECT sum(amount)::bigint FROM settled_between(%(o)s, a, b)) FROM (VALUES"
        " ('2026-10-01Z'::timestamptz, '2026-11-01Z'::timestamptz), ('2026-11-01Z', '2026-12-01Z'),"
        " ('2026-12-01Z', '2027-01-01Z')) AS months (a, b)".replace("%(o)s", "%s"),
        ORGANIZATION,
    )
    assert sums == [(1,), (1_110,), (1_110_000,)]
    assert query(database, "SELECT period, totals -> 0 ->> 'amount' FROM period_close ORDER BY 1") == [
        ("2026-10", "1"),
        ("2026-11", "1110"),
    ]
    oracle = checked(database)
    assert (oracle.checked, oracle.examples) == (2, [])


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE period_close SET totals = '[]' WHERE period = '2026-10'",
        "UPDATE period_close SET positions = '{\"0\": 99}' WHERE period = '2026-10'",
        "UPDATE period_close SET positions = '{}' WHERE period = '2026-11'",
        "UPDATE period_close SET until = until - interval '27 days' WHERE period = '2026-11'",
        "DELETE FROM period_close WHERE period = '2026-10'",
    ],
)
def test_a_closed_month_is_not_changed_and_where_it_was_it_is_seen(
    closed: tuple[str, DecisionLog], change: str
) -> None:
    database, _ = closed
    with (
        psycopg.connect(database) as connection,
        pytest.raises(psycopg.errors.RestrictViolation, match="a closed period stays closed"),
    ):
        connection.execute(change.encode())
    with psycopg.connect(database) as connection:
        connection.execute("ALTER TABLE period_close DISABLE TRIGGER closed")
        connection.execute(change.encode())
    assert checked(database).violations


def test_a_place_of_the_log_decides_not_a_clock() -> None:
    at = datetime(2026, 10, 9, tzinfo=UTC)
    months: list[Any] = [
        ClosedMonth(
            "2026-10", datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC), {0: 5}, {}
        ),
        ClosedMonth(
            "2026-11", datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC), {0: 7}, {}
        ),
    ]
    told = [
        month_of(months, partition, seq, at) for partition, seq in ((0, 4), (0, 5), (0, 6), (0, 7), (1, 0))
    ]
    assert [one.period if one else None for one in told] == ["2026-10", "2026-11", "2026-11", None, None]
