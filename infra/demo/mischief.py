"""What should not be sent, and how it is rejected: broken, misplaced and contradictory records."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from infra.demo.spending import SPAN, DepartmentSums, PlannedEvent
from schemas.codec import encode_event
from schemas.events import AuthorizationRequested, Merchant
from schemas.money import PositiveMoney
from schemas.partitions import partition_of
from schemas.reasons import ReasonCode


class World(Protocol):
    """What it is planted in."""

    rng: random.Random
    start: datetime
    partitions: int
    desks: list[DepartmentSums]
    planned: list[PlannedEvent]

    def later(self, at: datetime, act: Callable[[datetime], None]) -> None: ...

    def new_id(self, kind: str) -> str: ...


class Mischief:
    """Plants records that must be rejected."""

    def __init__(self, world: World) -> None:
        self._world = world

    def plan(self, events: int) -> None:
        """Some of each kind among `events`."""
        kinds = (
            self._broken_json,
            self._unknown_version,
            self._wrong_partition,
            self._negative_amount,
            self._unknown_department,
            self._id_conflict,
            self._second_request,
        )
        each = max(1, events // 1000)
        for kind in kinds:
            for _ in range(each):
                desk = self._world.rng.choice(self._world.desks)
                at = self._world.start + timedelta(days=self._world.rng.uniform(3, SPAN.days * 0.8))
                self._world.later(at.replace(microsecond=0), lambda at, kind=kind, desk=desk: kind(at, desk))  # type: ignore[misc]

    def _sample(self, at: datetime, desk: DepartmentSums) -> AuthorizationRequested:
        return AuthorizationRequested(
            event_id=self._world.new_id("odd"),
            organization_id=desk.organization,
            department_id=desk.office.id,
            occurred_at=at,
            authorization_id=self._world.new_id("oddauth"),
            card_id=desk.cards[0].id,
            amount=PositiveMoney(100, desk.office.currency),
            merchant=Merchant(name="Staples", mcc="5943"),
        )

    def _reject(
        self, desk: DepartmentSums, value: bytes, reason: ReasonCode, *, partition: int | None = None
    ) -> None:
        at = desk.partition if partition is None else partition
        self._world.planned.append(PlannedEvent(at, desk.key, value, "rejected", reason.value))

    def _broken_json(self, at: datetime, desk: DepartmentSums) -> None:
        self._reject(desk, encode_event(self._sample(at, desk))[:-20], ReasonCode.UNDECODABLE)

    def _unknown_version(self, at: datetime, desk: DepartmentSums) -> None:
        self._reject(desk, self._with(at, desk, version=2), ReasonCode.UNSUPPORTED_VERSION)

    def _negative_amount(self, at: datetime, desk: DepartmentSums) -> None:
        amount = {"minor": -500, "currency": desk.office.currency}
        self._reject(desk, self._with(at, desk, amount=amount), ReasonCode.INVALID_EVENT)

    def _with(self, at: datetime, desk: DepartmentSums, **members: object) -> bytes:
        return msgspec.json.encode({**msgspec.to_builtins(self._sample(at, desk)), **members})

    def _wrong_partition(self, at: datetime, desk: DepartmentSums) -> None:
        if self._world.partitions > 1:
            elsewhere = (desk.partition + 1) % self._world.partitions
            value = encode_event(self._sample(at, desk))
            self._reject(desk, value, ReasonCode.WRONG_PARTITION, partition=elsewhere)

    def _unknown_department(self, at: datetime, desk: DepartmentSums) -> None:
        event = msgspec.structs.replace(self._sample(at, desk), department_id="nobody")
        key = event.key.encode()
        partition = partition_of(key, self._world.partitions)
        reason = ReasonCode.UNKNOWN_DEPARTMENT.value
        self._world.planned.append(PlannedEvent(partition, key, encode_event(event), "rejected", reason))

    def _id_conflict(self, at: datetime, desk: DepartmentSums) -> None:
        """A known event id with another amount."""
        for event, _, _ in reversed(desk.recent):
            if isinstance(event, AuthorizationRequested):
                amount = PositiveMoney(event.amount.minor + 1, event.amount.currency)
                other = msgspec.structs.replace(event, amount=amount)
                self._reject(desk, encode_event(other), ReasonCode.EXISTS_WITH_DIFFERENT_AMOUNT)
                return

    def _second_request(self, at: datetime, desk: DepartmentSums) -> None:
        """A known authorization under a new event id."""
        for event, _, _ in reversed(desk.recent):
            if isinstance(event, AuthorizationRequested):
                other = msgspec.structs.replace(event, event_id=self._world.new_id("odd"))
                self._reject(desk, encode_event(other), ReasonCode.AUTHORIZATION_EXISTS)
                return
