"""How each program of the system is started, and what tells that it is there."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Final

import psycopg

from infra.processes.child import Child
from infra.processes.refs import ProcessError, log_tail

Command = tuple[str, ...]

#: Without a supervisor, for whoever wants to see them die.
WORKER: Final[Command] = (sys.executable, "-m", "streams", "worker")
SINKS: Final[Command] = (sys.executable, "-m", "sinks")
API: Final[Command] = (sys.executable, "-m", "api")


def spendlog(*words: str) -> Command:
    """`spendlog WORDS`, by this Python; programs that run for long are started again when they end."""
    return (sys.executable, "-m", "infra.cli", *words)


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
