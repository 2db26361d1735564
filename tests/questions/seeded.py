"""The company of ledger.txt in a real database, as the core decides it and the ledger sink books it."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import psycopg

from infra.stories import read_stories
from infra.stories.core import CoreRun, Step
from sinks.ledger.sink import Ledger
from sinks.loop.chain import BEGINNING, DecisionRecord, read_run
from sinks.postgres import PostgresSession

FOLDER: Final = Path(__file__).parent
ORGANIZATION: Final = "techcorp"
#: Wednesday 18 November 2026, 13:00 in New York.
NOW: Final = datetime(2026, 11, 18, 18, 0, tzinfo=UTC)
PEOPLE: Final = {
    "alice@techcorp.com": "Alice Moreno",
    "bob@techcorp.com": "Bob Okafor",
    "grace@techcorp.com": "Grace Núñez",
    "alex.ames@techcorp.com": "Alex Ames",
    "alex.bell@techcorp.com": "Alex Bell",
    "carol@techcorp.com": "Carol Stein",
}


def played() -> CoreRun:
    """The story's run. Raises AssertionError where an answer is another than the text says."""
    return _run({})


def _run(values: dict[int, list[bytes]]) -> CoreRun:
    (story,) = read_stories([FOLDER / "ledger.txt"])

    def keep(step: Step) -> None:
        values.setdefault(step.decision.partition, []).append(step.value)

    run = CoreRun(keep)
    for line in story.lines:
        _, different = run.play(line)
        assert not different, f"line {line.place.line}: {different}"
    return run


def seed(database: str) -> CoreRun:
    """Books the story into the ledger of `database`; names of its people, too."""
    values: dict[int, list[bytes]] = defaultdict(list)
    run = _run(values)
    ledger = Ledger(PostgresSession(database, "spendlog_sink", "tests-questions"))
    ledger.places(frozenset(values))
    for partition, kept in values.items():
        records = [DecisionRecord(partition, offset, value) for offset, value in enumerate(kept)]
        read, broken = read_run(partition, BEGINNING, records)
        assert broken is None
        ledger.commit([read])
    ledger.close()
    with psycopg.connect(database, autocommit=True) as connection:
        for n, (email, name) in enumerate(PEOPLE.items()):
            connection.execute(
                "INSERT INTO person (person_id, email, name) VALUES (%s, %s, %s)", [f"usr_{n}", email, name]
            )
            connection.execute(
                "INSERT INTO membership (organization_id, person_id, role, employee_id)"
                " VALUES (%s, %s, 'employee', %s)",
                [ORGANIZATION, f"usr_{n}", email],
            )
    return run
