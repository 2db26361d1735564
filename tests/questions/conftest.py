"""The seeded company in a database of its own, and what somebody asks there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from api.questions.answer import AnswerOut
from api.questions.answering import Questions
from api.questions.parameters import Asker
from api.questions.parse import Understood, understood
from api.stores.ledger import LedgerReads
from api.stores.postgres import Postgres
from api.stores.questions import QuestionReads
from api.stores.tenant import TENANT
from infra.stories.core import CoreRun
from tests.api.support import new_database
from tests.patience import API_PATIENCE
from tests.questions.seeded import NOW, ORGANIZATION, seed


@dataclass
class Seeded:
    """The database, and the story's run that is booked in it."""

    database: str
    run: CoreRun
    loop: asyncio.Runner = field(default_factory=asyncio.Runner)

    def questions(self, asker: Asker | None = None, me: str | None = "carol@techcorp.com") -> Asked:
        return Asked(self, asker or Asker(ORGANIZATION), me)


class Asked:
    """Somebody's questions. One event loop and one pool for all of them."""

    def __init__(self, seeded: Seeded, asker: Asker, me: str | None) -> None:
        self._seeded = seeded
        self._asker = asker
        self.questions: Questions = seeded.loop.run(self._made(me))

    async def _made(self, me: str | None) -> Questions:
        TENANT.set(self._asker.organization_id)
        reads = QuestionReads(
            LedgerReads(await _pool(self._seeded), lambda _: False), self._asker.organization_id
        )
        return await Questions.of(reads, self._asker, me, NOW)

    def understood(self, text: str) -> Understood:
        return understood(text, self.questions.directory, self.questions.clock)

    def answer(self, text: str) -> AnswerOut:
        return self._seeded.loop.run(self._answer(self.understood(text)))

    async def _answer(self, found: Understood) -> AnswerOut:
        TENANT.set(self._asker.organization_id)
        return await self.questions.answer(found.query, found.corrected)


_POOLS: dict[str, Postgres] = {}


async def _pool(seeded: Seeded) -> Postgres:
    if seeded.database not in _POOLS:
        pool = _POOLS[seeded.database] = Postgres(
            seeded.database, connections_max=4, role="spendlog_api", patience=API_PATIENCE
        )
        await pool.open()
        await pool._pool.wait(30)
    return _POOLS[seeded.database]


@pytest.fixture(scope="package")
def seeded(stack: Any) -> Iterator[Seeded]:
    database = new_database(stack.postgres, "spendlog_questions_tests")
    found = Seeded(database, seed(database))
    yield found
    if (pool := _POOLS.pop(database, None)) is not None:
        found.loop.run(pool.close())
    found.loop.close()


@pytest.fixture(scope="package")
def carol(seeded: Seeded) -> Asked:
    """A finance manager, who sees all of the company."""
    return seeded.questions()


Asking = Callable[..., Asked]
