"""A stock Faust agent with tables, as its documentation shows: the same requests, the same rules for them.

One message at a time, state in tables with a changelog, answers on a topic. Nothing fences a second owner,
and what is sent is not one with what is acknowledged: after a crash an answer may be missing or given twice.

Run as a program, it is that worker: `python -m perf.rivals.stock_faust KAFKA SOURCE TARGET FOLDER`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import faust
import msgspec

from perf.comparison import FAUST
from perf.contestant import Contestant
from perf.harness import Session
from perf.ours import IN_FLIGHT, behind_kafka
from perf.rounds import Durability, Round
from schemas.codec import decode_event
from schemas.events import AuthorizationRequested, BudgetSet


def contestants(session: Session) -> list[Contestant]:
    def play(durability: Durability, for_s: float) -> Round:
        return behind_kafka(session, "faust", durability, for_s, worker)

    conditions = f"{IN_FLIGHT:,} requests under way; at least once; no fence, no hash chain"
    return [Contestant("stock Faust agent with tables", FAUST, play, conditions, ("memory",))]


def worker(kafka: str, source: str, target: str) -> tuple[str, ...]:
    """The command line of the worker."""
    return (sys.executable, "-m", "perf.rivals.stock_faust", kafka, source, target)


class Rules:
    """Budget and repeats on two mappings, which may be Faust's tables: `budgets`, and `firsts` by event.

    Which authorizations there are is kept beside them, made anew from `firsts`: a write to a table is what
    costs most here.
    """

    def __init__(self, budgets: Any, firsts: Any) -> None:
        self._budgets, self._firsts = budgets, firsts
        self._authorizations: set[str] = set()

    def recover(self) -> None:
        """After the tables have been filled from their changelogs."""
        self._authorizations = {first["authorization"] for first in self._firsts.values()}

    def set_budget(self, event: BudgetSet) -> dict[str, Any]:
        budget = {"currency": event.limit.currency, "limit": event.limit.minor, "held": {}}
        self._budgets[event.key] = budget
        return {"event_id": event.event_id, "outcome": "accepted"}

    def decide(self, event: AuthorizationRequested) -> dict[str, Any]:
        """The answer: outcome, reason, and the numbers it was given for."""
        key, content = event.key, _content(event)
        name = f"{key}:{event.event_id}"
        first = self._firsts.get(name)
        if first is not None:
            if first["content"] != content:
                return _rejected(event, "exists_with_different_content")
            return {**first["answer"], "repeated": True}
        budget = self._budgets.get(key)
        if budget is None:
            return _rejected(event, "unknown_department")
        if budget["currency"] != event.amount.currency:
            return _rejected(event, "wrong_currency")
        authorization = f"{key}:{event.authorization_id}"
        if authorization in self._authorizations:
            return _rejected(event, "authorization_exists")
        period = f"{event.occurred_at:%Y-%m}"
        held, amount = budget["held"].get(period, 0), event.amount.minor
        answer = {"event_id": event.event_id, "outcome": "approved", "limit": budget["limit"], "held": held}
        if held + amount > budget["limit"]:
            answer |= {"outcome": "declined", "reason": "budget_exceeded"}
        else:
            self._budgets[key] = {**budget, "held": {**budget["held"], period: held + amount}}
        self._firsts[name] = {"content": content, "answer": answer, "authorization": authorization}
        self._authorizations.add(authorization)
        return answer


def _rejected(event: AuthorizationRequested, reason: str) -> dict[str, Any]:
    return {"event_id": event.event_id, "outcome": "rejected", "reason": reason}


def _content(event: AuthorizationRequested) -> list[Any]:
    merchant, amount = event.merchant, event.amount
    return [
        event.authorization_id,
        event.card_id,
        event.cardholder,
        merchant.name,
        merchant.mcc,
        merchant.country,
        amount.minor,
        amount.currency,
    ]


def create(kafka: str, source: str, target: str, folder: Path) -> faust.App:
    """The application, named as its source so that each round has tables of its own."""
    app = faust.App(
        f"{source}-stock",
        broker=f"kafka://{kafka}",
        store="memory://",
        topic_partitions=1,
        topic_replication_factor=1,
        datadir=str(folder),
        web_enabled=False,
        producer_linger_ms=5,
        producer_max_batch_size=1 << 20,
    )
    budgets, firsts = (app.Table(name, default=None, partitions=1) for name in ("budgets", "firsts"))
    answers = app.topic(target, value_serializer="raw", key_serializer="raw", partitions=1)
    rules = Rules(budgets, firsts)
    encode = msgspec.json.encode

    @firsts.on_recover
    async def recover() -> None:
        rules.recover()

    @app.agent(app.topic(source, value_serializer="raw", key_serializer="raw", partitions=1))
    async def decide(stream: Any) -> None:
        async for key, value in stream.items():
            event = decode_event(value)
            if isinstance(event, AuthorizationRequested):
                answer = rules.decide(event)
            elif isinstance(event, BudgetSet):
                answer = rules.set_budget(event)
            else:
                answer = {"event_id": event.event_id, "outcome": "accepted"}
            await answers.send(key=key, value=encode(answer))

    return app


def main(kafka: str, source: str, target: str) -> None:
    """Works until SIGTERM."""
    app = create(kafka, source, target, Path.cwd() / f"{source}-stock")
    faust.Worker(app, loglevel="warn").execute_from_commandline()


if __name__ == "__main__":
    main(*sys.argv[1:])
