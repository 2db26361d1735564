"""Valid stretches of the decision log: sealed, chained, with balances that follow from their effects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from schemas.codec import decode_decision, seal_decision
from schemas.decisions import (
    GENESIS_HASH,
    Balance,
    BudgetChanged,
    Contribution,
    Decision,
    Effects,
    HoldPlaced,
    HoldReleased,
    Posted,
    Refunded,
    Score,
)
from schemas.events import Merchant
from schemas.reasons import Outcome, Reason, ReasonCode
from sinks.core.chain import Record

PERIOD = "2026-11"
LIMIT = 10_000_000


class DecisionLog:
    """One partition's decisions, in order. Every method appends one and returns it."""

    def __init__(self, partition: int = 0, started: datetime | None = None) -> None:
        self.partition = partition
        self.values: list[bytes] = []
        self.decisions: list[Decision] = []
        self._hash = GENESIS_HASH
        self._started = started or datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
        self._held: dict[str, int] = {}
        self._totals: dict[str, list[int]] = {}  # department: posted, held

    def budget(self, department: str = "eng", limit: int = LIMIT) -> Decision:
        change = BudgetChanged(name=department.title(), limit=limit, time_zone="UTC")
        return self._append("budget.set", Outcome.ACCEPTED, department, None, limit, change)

    def approve(
        self, authorization: str, amount: int = 1000, department: str = "eng", **more: Any
    ) -> Decision:
        self._held[authorization] = self._held.get(authorization, 0) + amount
        hold = HoldPlaced(authorization_id=authorization, period=PERIOD, amount=amount)
        score = Score(value=0.125, model="usual", version="1", reasons=(Contribution("amount", 2.0, 0.5),))
        return self._append(
            "authorization.requested",
            Outcome.APPROVED,
            department,
            authorization,
            amount,
            hold,
            **{"score": score} | more,
        )

    def decline(self, authorization: str, amount: int = 1000, department: str = "eng") -> Decision:
        why = Reason(
            code=ReasonCode.BUDGET_EXCEEDED,
            subject=department,
            currency="USD",
            limit=LIMIT,
            posted=0,
            held=0,
            requested=amount,
        )
        return self._append(
            *("authorization.requested", Outcome.DECLINED, department, authorization, amount), reasons=(why,)
        )

    def reverse(self, authorization: str, department: str = "eng") -> Decision:
        return self._append(
            *("authorization.reversed", Outcome.ACCEPTED, department, authorization, None),
            *self._release(authorization, "reversal"),
        )

    def clear(self, authorization: str, amount: int = 1000, department: str = "eng") -> Decision:
        posting = Posted(authorization_id=authorization, period=PERIOD, amount=amount)
        released = self._release(authorization, "clearing")
        alerts = () if released else ("no_authorization",)
        return self._append(
            "clearing.presented",
            Outcome.ACCEPTED,
            department,
            authorization,
            amount,
            *released,
            posting,
            alerts=alerts,
        )

    def refund(self, authorization: str | None, amount: int = 100, department: str = "eng") -> Decision:
        effect = Refunded(period=PERIOD, amount=amount, authorization_id=authorization)
        return self._append("refund.presented", Outcome.ACCEPTED, department, authorization, amount, effect)

    def repeat(self, first: Decision) -> Decision:
        """The same event again."""
        assert first.event_type is not None
        assert first.department_id is not None
        return self._append(
            *(first.event_type, first.outcome, first.department_id, first.authorization_id, first.amount),
            duplicate_of=first.seq,
            balance=first.balance,
            event_id=first.event_id,
        )

    def unreadable(self) -> Decision:
        why = Reason(code=ReasonCode.UNDECODABLE, detail="not JSON")
        return self._seal(
            Decision(
                partition=self.partition,
                seq=len(self.values),
                source_offset=len(self.values),
                recorded_at=self._now(),
                outcome=Outcome.REJECTED,
                reasons=(why,),
                previous_hash=self._hash,
            )
        )

    def mixed(self, count: int, departments: int = 3) -> DecisionLog:
        """About `count` decisions of every kind; payments are cleared, reversed or left open."""
        for number in range(departments):
            self.budget(f"dept-{number}")
        number = 0
        while len(self.values) < count:
            department, name = f"dept-{number % departments}", f"a-{self.partition}-{number:06d}"
            approved = self.approve(name, 1000 + number, department)
            match number % 7:
                case 0:
                    self.clear(name, 900 + number, department)
                case 1:
                    self.reverse(name, department)
                case 2:
                    self.repeat(approved)
                case 3:
                    self.decline(f"{name}-no", 5, department)
                case 4:
                    self.clear(f"{name}-forced", 70, department)
                    self.refund(f"{name}-forced", 70, department)
                case 5:
                    self.unreadable()
                    self.refund(None, 3, department)
            if number >= 12:
                late = number - 12  # a clearing some batches after its request
                if late % 7 == 3:
                    self.clear(f"a-{self.partition}-{late:06d}", 1000 + late, f"dept-{late % departments}")
            number += 1
        return self

    def records(self, hole_every: int = 3) -> list[Record]:
        """As a consumer gets them: after every `hole_every` records an offset is a transaction marker's."""
        return [
            Record(self.partition, seq + seq // hole_every, value) for seq, value in enumerate(self.values)
        ]

    def _release(self, authorization: str, cause: Any) -> list[Effects]:
        held = self._held.pop(authorization, 0)
        if not held:
            return []
        return [HoldReleased(authorization_id=authorization, period=PERIOD, amount=held, cause=cause)]

    def _append(
        self,
        event_type: str,
        outcome: Outcome,
        department: str,
        authorization: str | None,
        amount: int | None,
        *effects: Effects,
        **more: Any,
    ) -> Decision:
        seq = len(self.values)
        fields: dict[str, Any] = {
            "event_id": f"evt-{self.partition}-{seq}",
            "organization_id": "techcorp",
            "card_id": f"card-{seq % 5}" if authorization else None,
            "merchant": Merchant(name="Café № 7", mcc="5812", country="US") if authorization else None,
            "currency": "USD",
            "balance": self._balance(department, effects),
        }
        return self._seal(
            Decision(
                partition=self.partition,
                seq=seq,
                source_offset=seq * 2,
                recorded_at=self._now(),
                occurred_at=self._now() - timedelta(milliseconds=5),
                outcome=outcome,
                event_type=event_type,
                department_id=department,
                authorization_id=authorization,
                amount=amount,
                effects=effects,
                previous_hash=self._hash,
                **fields | more,
            )
        )

    def _balance(self, department: str, effects: Sequence[Effects]) -> Balance:
        totals = self._totals.setdefault(department, [0, 0])
        for effect in effects:
            match effect:
                case HoldPlaced(amount=amount):
                    totals[1] += amount
                case HoldReleased(amount=amount):
                    totals[1] -= amount
                case Posted(amount=amount):
                    totals[0] += amount
                case Refunded(amount=amount):
                    totals[0] -= amount
        return Balance(PERIOD, LIMIT, totals[0], totals[1])

    def _now(self) -> datetime:
        return self._started + timedelta(milliseconds=len(self.values))

    def _seal(self, decision: Decision) -> Decision:
        value = seal_decision(decision)
        self._hash = decision.hash
        sealed = decode_decision(value)
        self.values.append(value)
        self.decisions.append(sealed)
        return sealed


def create_topic(kafka: str, topic: str, partitions: int) -> None:
    admin = AdminClient({"bootstrap.servers": kafka})
    for future in admin.create_topics([NewTopic(topic, partitions, 1)]).values():
        future.result(timeout=20)


def publish(kafka: str, topic: str, logs: Iterable[DecisionLog], batch: int = 100, start: int = 0) -> None:
    """Writes the decisions from `start` on, as the owner does: in transactions, some aborted first."""
    for log in logs:
        producer = Producer(
            {"bootstrap.servers": kafka, "transactional.id": f"{topic}-{log.partition}", "linger.ms": 1}
        )
        producer.init_transactions(20)
        for number, first in enumerate(range(start, len(log.values), batch)):
            values = log.values[first : first + batch]
            if number % 3 == 1:
                _transaction(producer, topic, log.partition, values[: batch // 2], commit=False)
            _transaction(producer, topic, log.partition, values, commit=True)


@contextmanager
def open_producer(kafka: str, topic: str, partition: int) -> Iterator[Callable[[bytes], None]]:
    """A function that commits one value at a time."""
    producer = Producer(
        {"bootstrap.servers": kafka, "transactional.id": f"{topic}-{partition}", "linger.ms": 0}
    )
    producer.init_transactions(20)
    yield lambda value: _transaction(producer, topic, partition, [value], commit=True)


def _transaction(
    producer: Producer, topic: str, partition: int, values: Sequence[bytes], *, commit: bool
) -> None:
    producer.begin_transaction()
    for value in values:
        producer.produce(topic, value, partition=partition)
    producer.flush(20)
    if commit:
        producer.commit_transaction(20)
    else:
        producer.abort_transaction(20)
