"""The database of the books, for the commands that ask it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from api.stores.postgres import PostgresAway
from infra.errors import SpendlogError
from infra.stack_settings import load_settings
from schemas.settings import SettingError


def required_postgres(what: str) -> str:
    """SPENDLOG_POSTGRES. Raises SettingError, where it is not set, that says of `what` it is the address."""
    url = load_settings().postgres
    if url is None:
        raise SettingError(f"setting SPENDLOG_POSTGRES is missing: {what}")
    return url


def connected_to_postgres(what: str) -> psycopg.Connection[tuple[Any, ...]]:
    """To SPENDLOG_POSTGRES; each statement is a transaction of its own. `what`: as `required_postgres`.

    Raises:
        SpendlogError: the server does not answer.
        SettingError: the setting is missing.
    """
    try:
        return psycopg.connect(required_postgres(what), connect_timeout=5, autocommit=True)
    except psycopg.OperationalError as error:
        raise SpendlogError(f"PostgreSQL does not answer: {str(error).partition(chr(10))[0]}") from None


@contextmanager
def understood(*faults: type[Exception]) -> Iterator[None]:
    """Raises SpendlogError for a database that is away, and with the words of `faults`."""
    try:
        yield
    except PostgresAway as error:
        raise SpendlogError(f"PostgreSQL does not answer: {error}") from None
    except faults as error:
        raise SpendlogError(str(error)) from None
