"""Jobs that somebody who runs the database asks for by hand."""

from __future__ import annotations

from typing import Any, Final, LiteralString

import psycopg

_PROVE: Final[LiteralString] = "SELECT job_put(NULL, 'verification', 'check', 'now', '{}')"


def ask_proof(connection: psycopg.Connection[Any]) -> int:
    """Has the books proved; the job's number. One waits at most."""
    row = connection.execute(_PROVE).fetchone()
    assert row is not None
    return int(row[0])
