"""The command line of each program, by this Python: bare, as a supervisor runs them, and as a person does."""

from __future__ import annotations

import sys
from typing import Final

Command = tuple[str, ...]

#: Without a supervisor, for whoever is one, or wants to see them die.
WORKER: Final[Command] = (sys.executable, "-m", "streams", "worker")
SINKS: Final[Command] = (sys.executable, "-m", "sinks")
LEARNER: Final[Command] = (sys.executable, "-m", "infra.learning")
TICKER: Final[Command] = (sys.executable, "-m", "infra.ticker")
SENDER: Final[Command] = (sys.executable, "-m", "sinks.webhooks")
JOBS: Final[Command] = (sys.executable, "-m", "infra.jobs")
API: Final[Command] = (sys.executable, "-m", "infra.serving")


def spendlog(*words: str) -> Command:
    """`spendlog WORDS`; programs that run for long are started again when they end."""
    return (sys.executable, "-m", "infra.cli", *words)
