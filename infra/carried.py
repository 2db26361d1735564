"""From old books to new ones what no log tells: people, keys, receipts, the audit log, closed months."""

from __future__ import annotations

from collections.abc import Iterator
from graphlib import TopologicalSorter
from typing import Any, Final

import psycopg
from psycopg import sql

#: What the ledger sink makes of the log. Every other table is carried: a new one is forgotten by nobody.
BOOKED: Final = frozenset(
    {
        *("sink_position", "decision", "account", "transfer", "merchant"),
        *("card_authorization", "refund", "dispute", "card", "approval_request"),
        *("department_budget", "budget", "budget_period", "budget_increase", "limit_change"),
        *("policy_version", "company_cap", "lease"),
    }
)
#: The queue of jobs and its runs: those who do jobs find again what is due.
_QUEUE: Final = ("procrastinate_", "job_run", "schema_migrations")

_TABLES: Final = """SELECT c.relname,
    array(SELECT f.confrelid::regclass::text FROM pg_constraint f
        WHERE f.conrelid = c.oid AND f.contype = 'f' AND f.confrelid <> c.oid)
FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
    AND NOT c.relispartition"""
_COLUMNS: Final = """SELECT attname, attidentity <> '' FROM pg_attribute
WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum"""


def carry_over(before: psycopg.Connection[Any], after: psycopg.Connection[Any]) -> dict[str, int] | None:
    """Rows by table. None: the new books have some already, so nothing is mixed with what is older there.

    Raises:
        psycopg.Error: `before` would hide rows of some organization, or a row does not fit.
    """
    for books in (before, after):
        books.execute("SET row_security = off")  # an error, and not rows that are left out
    tables = list(_tables(before))
    if any(after.execute(_one(table)).fetchone() for table in tables):
        return None
    return {table: count for table in tables if (count := _copy(before, after, table))}


def _tables(books: psycopg.Connection[Any]) -> Iterator[str]:
    """Those that others refer to first."""
    needs = dict(books.execute(_TABLES).fetchall())
    for table in TopologicalSorter(needs).static_order():
        if table not in BOOKED and not table.startswith(_QUEUE):
            yield table


def _one(table: str) -> sql.Composed:
    return sql.SQL("SELECT 1 FROM {} LIMIT 1").format(sql.Identifier(table))


def _copy(before: psycopg.Connection[Any], after: psycopg.Connection[Any], table: str) -> int:
    """As a stream: receipts are megabytes."""
    columns = before.execute(_COLUMNS, [table]).fetchall()
    name = sql.Identifier(table)
    names = sql.SQL(", ").join(sql.Identifier(column) for column, _ in columns)
    given = sql.SQL("CREATE TEMP TABLE carried ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA")
    after.execute(given.format(names, name))
    read = sql.SQL("COPY (SELECT {} FROM {}) TO STDOUT (FORMAT BINARY)").format(names, name)
    write = sql.SQL("COPY carried FROM STDIN (FORMAT BINARY)")
    with before.cursor().copy(read) as source, after.cursor().copy(write) as target:
        for part in source:
            target.write(part)
    insert = sql.SQL("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM carried")
    count = after.execute(insert.format(name, names, names)).rowcount
    after.execute("DROP TABLE carried")
    for column in [column for column, counted in columns if counted and count]:
        following = sql.SQL("SELECT setval(pg_get_serial_sequence(%s, %s), (SELECT max({}) FROM {}))")
        after.execute(following.format(sql.Identifier(column), name), [table, column])
    return count
