"""Databases as in tests/sinks; and one for the tests of a file that only read its books."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from tests.reconciliation.books import book, three_movements
from tests.sinks.conftest import Endpoints, database, new_database, schema

__all__ = ["database", "schema"]


@pytest.fixture(scope="module")
def settled(stack: Endpoints, schema: str) -> Iterator[str]:
    """URL of a database with the bookings of `three_movements`."""
    with new_database(stack, f"TEMPLATE {schema}") as url:
        book(url, three_movements())
        yield url


@pytest.fixture
def files(settled: str) -> str:
    """The same without settlement files."""
    with psycopg.connect(settled) as connection:
        for table in ("settlement_item", "settlement_file", "procrastinate_jobs"):
            connection.execute(f"DELETE FROM {table}".encode())
    return settled
