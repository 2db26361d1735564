"""A sealed and chained stretch of one partition's decisions, with balances that follow from its effects."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from schemas.codec import decode_decision, seal_decision
from schemas.decisions import GENESIS_HASH, Balance, Decision
from schemas.defaults import default_policy
from schemas.effects import (
    Charges,
    DepartmentOpened,
    DisputeClosed,
    Effects,
    FxDifference,
    HoldPlaced,
    HoldReleased,
    Posted,
    PostingUndone,
    Refunded,
    RefundUndone,
)
from schemas.events import Merchant
from schemas.reasons import Outcome, Reason, ReasonCode
from sinks.loop.chain import DecisionRecord

PERIOD = "2026-11"
CHARGES = (f"department@{PERIOD}",)
LIMIT = 10_000_000
HOLD_DAYS = 7
Cause = Literal["reversal", "timeout", "clearing", "expiry", "advice"]


class SealedLog:
    """Appends decisions; what they hold and post is added up for the balances of those that follow."""

    def __init__(self, partition: int = 0, started: datetime | None = None) -> None:
        self.partition = partition
        self.values: list[bytes] = []
        self.decisions: list[Decision] = []
        self.limit = LIMIT
        self._hash = GENESIS_HASH
        self._started = started or datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
        self.opens_with = default_policy("USD")
        self._opened: set[str] = set()
        self._held: dict[str, tuple[int, Charges]] = {}
        self._totals: dict[tuple[str, str], list[int]] = {}  # department, charge: posted, held

    # -- what changes nothing

    def repeat(self, first: Decision) -> Decision:
        """The same event again."""
        assert first.event_type is not None
        assert first.department_id is not None
        return self.append(
            *(first.event_type, first.outcome, first.department_id, first.authorization_id, first.amount),
            duplicate_of=first.seq,
            balances=(),
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

    def records(self, hole_every: int = 3) -> list[DecisionRecord]:
        """As a consumer gets them: after every `hole_every` records an offset is a transaction marker's."""
        return [
            DecisionRecord(self.partition, seq + seq // hole_every, value)
            for seq, value in enumerate(self.values)
        ]

    # -- parts

    def _opens(self, department: str) -> tuple[Effects, ...]:
        """With a department's first budget, as the core does."""
        new = department not in self._opened
        self._opened.add(department)
        return (DepartmentOpened(policy=self.opens_with),) if new else ()

    def _hold(
        self, authorization: str, amount: int, charges: Charges, expires_at: datetime | None
    ) -> HoldPlaced:
        held = self._held.get(authorization, (0, charges))[0]
        self._held[authorization] = (held + amount, charges)
        return HoldPlaced(
            authorization_id=authorization,
            charges=charges,
            amount=amount,
            expires_at=expires_at or self._now() + timedelta(days=HOLD_DAYS),
        )

    def _release(self, authorization: str, cause: Cause, amount: int | None = None) -> list[HoldReleased]:
        held, charges = self._held.pop(authorization, (0, CHARGES))
        if not held:
            return []
        released = held if amount is None else amount
        if released < held:
            self._held[authorization] = (held - released, charges)
        return [HoldReleased(authorization_id=authorization, charges=charges, amount=released, cause=cause)]

    def append(
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
        moved = self._move(department, effects)
        fields: dict[str, Any] = {
            "event_id": f"evt-{self.partition}-{seq}",
            "organization_id": "techcorp",
            "card_id": f"card-{seq % 5}" if authorization else None,
            "merchant": Merchant(name="Café № 7", mcc="5812", country="US") if authorization else None,
            "currency": "USD",
            "occurred_at": self._now() - timedelta(milliseconds=5),
            "balances": self._balances(department, moved or CHARGES, self.limit),
        }
        return self._seal(
            Decision(
                partition=self.partition,
                seq=seq,
                source_offset=seq * 2,
                recorded_at=self._now(),
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

    def _move(self, department: str, effects: tuple[Effects, ...]) -> Charges:
        """Adds up what moved; returns the charges in which it did."""
        moved: dict[str, None] = {}
        for effect in effects:
            posted = held = 0
            match effect:
                case HoldPlaced():
                    held = effect.amount
                case HoldReleased():
                    held = -effect.amount
                case Posted() | RefundUndone():
                    posted = effect.amount
                case FxDifference():
                    posted = effect.amount if effect.direction == "loss" else -effect.amount
                case PostingUndone():
                    posted = -effect.amount - effect.fx
                case Refunded():
                    posted = -effect.amount
                case DisputeClosed(outcome="won"):
                    posted = -effect.amount
                case _:
                    continue
            for charge in effect.charges:
                totals = self._totals.setdefault((department, charge), [0, 0])
                totals[0] += posted
                totals[1] += held
                moved[charge] = None
        return tuple(moved)

    def _balances(self, department: str, charges: Charges, limit: int) -> tuple[Balance, ...]:
        found = []
        for charge in charges:
            budget, _, period = charge.rpartition("@")
            posted, held = self._totals.get((department, charge), (0, 0))
            found.append(Balance(budget, period, limit, posted, held))
        return tuple(found)

    def _now(self) -> datetime:
        return self._started + timedelta(milliseconds=len(self.values))

    def _seal(self, decision: Decision) -> Decision:
        value = seal_decision(decision)
        self._hash = decision.hash
        sealed = decode_decision(value)
        self.values.append(value)
        self.decisions.append(sealed)
        return sealed
