"""Databases as in tests/sinks, with a table for what jobs do."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from tests.jobs.trial import EFFECTS
from tests.sinks.conftest import Endpoints, database, new_database, schema

__all__ = ["database", "schema"]


@pytest.fixture(scope="module")
def books(stack: Endpoints, schema: str) -> Iterator[str]:
    """URL of a database for the tests of a file."""
    with new_database(stack, f"TEMPLATE {schema}") as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(EFFECTS)
        yield url
