"""The examples of docs/ledger.md: run, and compared with what the page says they answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from schemas.reasons import Reason, ReasonCode
from sinks.ledger.sink import Ledger
from sinks.postgres import PostgresSession
from tests.sinks.builder import DecisionLog
from tests.sinks.test_ledger import book

PAGE = (Path(__file__).parents[2] / "docs" / "ledger.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```sql\n(.*?)```\n```text\n(.*?)```", PAGE, re.DOTALL)
EVENTS = re.findall(r"^\| (\d+) \| ", PAGE, re.MULTILINE)


class MinutesLog(DecisionLog):
    """A decision a minute from noon on."""

    def _now(self) -> datetime:
        return datetime(2026, 11, 21, 12, tzinfo=UTC) + timedelta(minutes=len(self.values))


def story() -> DecisionLog:
    """What the page's table tells."""
    log = MinutesLog()
    log.budget(limit=100_000, actor="ada")
    log.approve("a1", 40_000)
    log.clear("a1", 45_000, fx=5_000)
    log.approve("a2", 30_000, shadows=(Reason(code=ReasonCode.BLOCKED, rule="try-no-cafes"),))
    log.budget(limit=200_000, actor="ada")
    log.clear("a3", 8_000)
    log.undo(log.clear("a3", 8_000), actor="bo")
    log.resolve(log.dispute("a1", 45_000, "d1", provisional=True), "lost")
    log.tick("a2")
    asked = log.ask_increase("more", 50_000, asked_by="ada", levels=(("bo", "cy"),), reason="trade fair")
    log.approve_increase(asked, "bo", left=0)
    return log


@pytest.fixture
def told(database: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    ledger = Ledger(PostgresSession(database))
    book(ledger, [story()])
    ledger.close()
    with psycopg.connect(database, autocommit=True, options="-c role=spendlog_auditor") as connection:
        yield connection


def answer(connection: psycopg.Connection[tuple[object, ...]], script: str) -> str:
    rows: list[tuple[object, ...]] = []
    for statement in filter(str.strip, script.split(";")):
        rows += connection.execute(statement.encode()).fetchall()
    # A function that returns nothing answers an empty text.
    return "".join(
        " | ".join("-" if value in (None, "") else str(value) for value in row) + "\n" for row in rows
    )


def test_the_page_s_examples_answer_what_it_says(told: psycopg.Connection[tuple[object, ...]]) -> None:
    assert len(EXAMPLES) == PAGE.count("```sql") == 9
    for script, expected in EXAMPLES:
        assert answer(told, script) == expected, script


def test_the_page_s_table_has_a_line_for_each_decision() -> None:
    assert [int(seq) for seq in EVENTS] == list(range(len(story().values)))
