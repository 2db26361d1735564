"""What tells that a program of the system is there."""

from __future__ import annotations

from collections.abc import Iterable

import psycopg

from infra.processes.child import Child
from infra.processes.refs import ProcessError, log_tail


def require_alive(children: Iterable[Child]) -> None:
    """Raises ProcessError, with the tail of its log, when one of them has ended."""
    for child in children:
        if not child.alive():
            raise ProcessError(
                f"{child.name} ended with status {child.returncode}; its log {child.log} ends with\n"
                f"{log_tail(child.log)}"
            )


def ledger_stands(postgres: str, partitions: int) -> bool:
    """Whether the ledger sink has its place in every partition."""
    with psycopg.connect(postgres) as connection:
        row = connection.execute("SELECT count(*) FROM sink_position WHERE sink = 'ledger'").fetchone()
    return row is not None and row[0] >= partitions
