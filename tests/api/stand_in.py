"""TEST SUPPORT, not the worker: decides card events with the fewest rules that the API's tests need.

Writes decisions as the worker does (one transaction, sealed, with the `event_id` header), so the API reads
what it will read. The true rules, recovery and fencing are in `streams`, and tested there.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec
from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, Producer, TopicPartition

from api.events import quiet
from schemas.codec import UndecodableEvent, decode_event, fingerprint, seal_decision
from schemas.decisions import GENESIS_HASH, Balance, BudgetChanged, Decision, HoldPlaced
from schemas.events import AuthorizationRequested, BudgetSet, CardEvent
from schemas.reasons import Outcome, Reason, ReasonCode
from schemas.topics import CARD_EVENTS, DECISIONS


@dataclass
class _Department:
    budget: BudgetSet | None = None
    held: int = 0
    answers: dict[str, tuple[CardEvent, Decision]] = field(default_factory=dict)
    authorizations: set[str] = field(default_factory=set)


class StandInDecider(threading.Thread):
    """Decides all partitions of empty topics from their beginning. `running` cleared: it stops to decide."""

    def __init__(self, kafka: str) -> None:
        super().__init__(name="stand-in-decider", daemon=True)
        self.kafka = kafka
        self.running = threading.Event()
        self.running.set()
        self.error: BaseException | None = None
        self._stop_asked = threading.Event()
        self._departments: defaultdict[str, _Department] = defaultdict(_Department)
        self._next: defaultdict[int, tuple[int, str]] = defaultdict(lambda: (0, GENESIS_HASH))

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Nothing is decided inside; it catches up after."""
        self.running.clear()
        try:
            yield
        finally:
            self.running.set()

    def stop(self) -> None:
        self._stop_asked.set()
        self.running.set()
        self.join(10)

    def run(self) -> None:
        try:
            self._run()
        except BaseException as error:
            self.error = error
            raise

    def _run(self) -> None:
        consumer = Consumer(
            {
                "bootstrap.servers": self.kafka,
                "group.id": "stand-in",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "fetch.wait.max.ms": 10,
            },
            logger=quiet,
        )
        producer = Producer(
            {"bootstrap.servers": self.kafka, "transactional.id": "stand-in", "linger.ms": 0}, logger=quiet
        )
        producer.init_transactions(10)
        partitions = consumer.list_topics(CARD_EVENTS.name, timeout=5).topics[CARD_EVENTS.name].partitions
        consumer.assign([TopicPartition(CARD_EVENTS.name, p, OFFSET_BEGINNING) for p in partitions])
        while not self._stop_asked.is_set():
            first = consumer.poll(0.05)
            self.running.wait()
            batch = [] if first is None else [first, *consumer.consume(1000, timeout=0)]
            batch = [message for message in batch if message.error() is None]
            if batch and not self._stop_asked.is_set():
                self._decide_all(producer, batch)
        consumer.close()

    def _decide_all(self, producer: Producer, batch: list[Message]) -> None:
        producer.begin_transaction()
        for message in batch:
            event, decision = self._decide(message)
            value = seal_decision(decision)
            self._next[decision.partition] = (decision.seq + 1, decision.hash)
            producer.produce(
                DECISIONS.name,
                value,
                key=message.key(),
                partition=decision.partition,
                headers={"event_id": event.event_id.encode()} if event else None,
            )
        producer.commit_transaction(10)

    def _decide(self, message: Message) -> tuple[CardEvent | None, Decision]:
        partition, offset = message.partition(), message.offset()
        assert partition is not None
        assert offset is not None
        seq, previous = self._next[partition]
        blank = Decision(
            partition=partition,
            seq=seq,
            source_offset=offset,
            recorded_at=datetime.fromtimestamp(message.timestamp()[1] / 1000, UTC),
            outcome=Outcome.REJECTED,
            previous_hash=previous,
        )
        try:
            event = decode_event(message.value() or b"")
        except UndecodableEvent as error:
            return None, msgspec.structs.replace(
                blank, reasons=(Reason(code=error.code, detail=error.detail),)
            )
        return event, self._answer(_about(blank, event), event)

    def _answer(self, blank: Decision, event: CardEvent) -> Decision:
        department = self._departments[event.key]
        known = department.answers.get(event.event_id)
        if known is not None:
            return _again(blank, event, *known)
        answer = self._first(blank, event, department)
        if answer.outcome is not Outcome.REJECTED:
            department.answers[event.event_id] = (event, answer)
        return answer

    def _first(self, blank: Decision, event: CardEvent, department: _Department) -> Decision:
        match event:
            case BudgetSet():
                if department.budget and department.budget.limit.currency != event.limit.currency:
                    return _rejected(blank, ReasonCode.WRONG_CURRENCY, event.limit.currency)
                department.budget = event
                changed = BudgetChanged(name=event.name, limit=event.limit.minor, time_zone=event.time_zone)
                return msgspec.structs.replace(blank, outcome=Outcome.ACCEPTED, effects=(changed,))
            case AuthorizationRequested():
                return _request(blank, event, department)
            case _:
                return _rejected(blank, ReasonCode.UNKNOWN_AUTHORIZATION, "not known to the stand-in")


def _request(blank: Decision, event: AuthorizationRequested, department: _Department) -> Decision:
    budget, asked = department.budget, event.amount.minor
    if budget is None:
        return _rejected(blank, ReasonCode.UNKNOWN_DEPARTMENT, f"{event.key} has no budget")
    if event.authorization_id in department.authorizations:
        return _rejected(blank, ReasonCode.AUTHORIZATION_EXISTS, event.authorization_id)
    if budget.limit.currency != event.amount.currency:
        return _rejected(blank, ReasonCode.WRONG_CURRENCY, event.amount.currency)
    department.authorizations.add(event.authorization_id)
    period, limit = event.occurred_at.strftime("%Y-%m"), budget.limit.minor
    if department.held + asked > limit:
        reason = Reason(
            code=ReasonCode.BUDGET_EXCEEDED,
            subject=budget.name,
            currency=budget.limit.currency,
            limit=limit,
            posted=0,
            held=department.held,
            requested=asked,
        )
        balance = Balance(period, limit, 0, department.held)
        return msgspec.structs.replace(blank, outcome=Outcome.DECLINED, reasons=(reason,), balance=balance)
    department.held += asked
    hold = HoldPlaced(authorization_id=event.authorization_id, period=period, amount=asked)
    balance = Balance(period, limit, 0, department.held)
    return msgspec.structs.replace(blank, outcome=Outcome.APPROVED, effects=(hold,), balance=balance)


def _about(blank: Decision, event: CardEvent) -> Decision:
    fields = {
        "event_type": event.type,
        "event_id": event.event_id,
        "organization_id": event.organization_id,
        "department_id": event.department_id,
        "occurred_at": event.occurred_at,
        "fingerprint": fingerprint(event),
    }
    if isinstance(event, AuthorizationRequested):
        fields |= {
            "authorization_id": event.authorization_id,
            "card_id": event.card_id,
            "cardholder": event.cardholder,
            "merchant": event.merchant,
            "amount": event.amount.minor,
            "currency": event.amount.currency,
        }
    return msgspec.structs.replace(blank, **fields)


def _again(blank: Decision, event: CardEvent, before: CardEvent, answer: Decision) -> Decision:
    if event.type != before.type:
        return _rejected(blank, ReasonCode.EXISTS_WITH_DIFFERENT_TYPE, before.type)
    if getattr(event, "amount", None) != getattr(before, "amount", None):
        return _rejected(blank, ReasonCode.EXISTS_WITH_DIFFERENT_AMOUNT, "another amount")
    if fingerprint(event) != fingerprint(before):
        return _rejected(blank, ReasonCode.EXISTS_WITH_DIFFERENT_CONTENT, "another content")
    return msgspec.structs.replace(
        blank, outcome=answer.outcome, reasons=answer.reasons, duplicate_of=answer.seq
    )


def _rejected(blank: Decision, code: ReasonCode, detail: str) -> Decision:
    return msgspec.structs.replace(
        blank, outcome=Outcome.REJECTED, reasons=(Reason(code=code, detail=detail),)
    )
