"""An event in, its decision out, within a bound, and never an answer that later turns out untrue."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import structlog

from api.asking.idempotency import KEY_REUSED
from api.http.preferences import POSITION_HEADER
from api.http.problems import Problem
from api.log.follow import DecisionSource, TooManyWaiters
from api.log.produce import DeliveryUncertain, EventLog, LogAway
from api.metrics import Metrics
from schemas.decisions import Decision
from schemas.events import Event
from schemas.ids import Position
from schemas.reasons import CONFLICTS, Outcome, ReasonCode, sentence

log = structlog.get_logger(__name__)

# Less is not enough for Kafka's acknowledgement where all is well: what nobody can answer is not written.
ACK_S_MIN = 0.05
RETRY_AFTER = {"Retry-After": "1"}


@dataclass(frozen=True, slots=True)
class Answered:
    """The decision about this request's own record."""

    decision: Decision

    @property
    def first(self) -> Position:
        """Where the event was decided the first time."""
        seq = self.decision.duplicate_of
        return Position(self.decision.partition, self.decision.seq if seq is None else seq)

    @property
    def replayed(self) -> bool:
        return self.decision.duplicate_of is not None


@dataclass(frozen=True, slots=True)
class Pending:
    """No decision yet. `recorded`: Kafka has the event, so it will be decided; else that is not known.

    `repeated`: its key was used before for the same request, and this one has waited for its decision, too.
    """

    recorded: bool
    repeated: bool = False


class Submissions:
    """Writes events and waits for what becomes of them."""

    def __init__(
        self, events: EventLog, decisions: DecisionSource, metrics: Metrics, *, ack_s_max: float
    ) -> None:
        self._events = events
        self._decisions = decisions
        self._metrics = metrics
        self._ack_s_max = ack_s_max

    async def submit(
        self, event: Event, *, wait_s: float, since: float, ack_s_max: float | None = None
    ) -> Answered | Pending:
        """Waits up to `wait_s` from loop time `since`; for Kafka's acknowledgement alone up to `ack_s_max`.

        Raises:
            Problem: 503, only where nothing was written and nothing will be; and the one that a rejection is.
        """
        if (away := self._decisions.away) is not None:
            raise _away("decisions_unavailable", f"The decision log cannot be read: {away}")
        if (why := self._decisions.stopped_for(event.key)) is not None:
            raise _away("decisions_unavailable", f"Decisions of this department cannot be told: {why}")
        ack_s_max = self._ack_s_max if ack_s_max is None else ack_s_max
        if asyncio.get_running_loop().time() > since + max(wait_s, ack_s_max) - ACK_S_MIN:
            raise _away("too_late", "The request took too long to get here, or this process is too busy")
        try:
            waiter = self._decisions.expect(event.event_id)
        except TooManyWaiters as error:
            raise _away("too_many_waiting", f"Too many requests at this time: {error}") from None
        try:
            written = self._events.append(event)
            try:
                # Also who does not want to wait is told whether the event is safe: a few milliseconds.
                async with asyncio.timeout_at(since + max(wait_s, ack_s_max)):
                    waiter.written(await written)
            except (TimeoutError, DeliveryUncertain) as error:
                log.warning(
                    "delivery_uncertain", event_id=event.event_id, error=str(error) or "no answer in time"
                )
                return Pending(recorded=False)
            async with asyncio.timeout_at(since + wait_s):
                decision = await waiter.decision()
        except LogAway as error:
            raise _away("log_unavailable", f"Kafka is away: {error}") from None
        except TimeoutError:
            return Pending(recorded=True)
        finally:
            self._decisions.forget(waiter)
        self._metrics.decided(asyncio.get_running_loop().time() - since)
        if decision.outcome is Outcome.REJECTED:
            raise Rejection(decision)
        return Answered(decision)

    async def record(self, event: Event, *, until: float) -> bool:
        """Writes an event whose decision nobody waits for. True: Kafka has it, by loop time `until`."""
        try:
            async with asyncio.timeout_at(until):
                await self._events.append(event)
        except (LogAway, DeliveryUncertain, TimeoutError) as error:
            log.warning("not_recorded", event_id=event.event_id, error=str(error) or "no answer in time")
            return False
        return True


def _away(code: str, detail: str) -> Problem:
    words = f"{detail}. Nothing was written; try again with the same Idempotency-Key."
    return Problem(503, code, words, headers=RETRY_AFTER)


# An id that the sender gave is already that of something else. What differs from that is 422: the event is
# well-formed, and the department's state does not allow it.
_TAKEN = frozenset(
    {
        ReasonCode.AUTHORIZATION_EXISTS,
        ReasonCode.REFUND_EXISTS,
        ReasonCode.DISPUTE_EXISTS,
        ReasonCode.REQUEST_EXISTS,
    }
)


class Rejection(Problem):
    """The problem that a rejected event is to its sender."""

    def __init__(self, decision: Decision) -> None:
        reason = decision.reasons[0]
        status, code = 422, reason.code.value
        if reason.code is ReasonCode.UNKNOWN_DEPARTMENT:
            status = 404
        elif reason.code in _TAKEN:
            status = 409
        elif reason.code in CONFLICTS:
            code = KEY_REUSED
        position = str(decision.position)
        super().__init__(
            status,
            code,
            sentence(reason),
            headers={POSITION_HEADER: position},
            reason=reason.code.value,
            position=position,
        )
        self.decision = decision
