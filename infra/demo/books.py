"""What the summary asks PostgreSQL. The statements are in `sql/`, for an auditor to read and to run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg

_FOLDER = Path(__file__).with_name("sql")


def query(postgres: str, name: str, **parameters: object) -> list[tuple[Any, ...]]:
    """The rows of `sql/NAME.sql`."""
    with psycopg.connect(postgres) as connection:
        text = (_FOLDER / f"{name}.sql").read_text(encoding="utf-8")
        return connection.execute(text.encode(), parameters or None).fetchall()
