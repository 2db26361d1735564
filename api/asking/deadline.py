"""`on_timeout: decline`: no decision in time is answered "declined", and that stays true.

Before the caller is told so, Kafka has acknowledged a reversal with cause `timeout` that names the request.
Whichever of the two comes first in the log, nothing of it is left held, and no other request is touched, be
it of the same authorization (docs/rules.md). The reversal's id is derived from the request's, so writing it
twice is harmless.

Two handlers of one key agree in Redis on what is told, decision or deadline, before either tells it. A repeat
is told the same again. What holds:

* Nobody is told "declined, 91" unless the reversal is in the log; where it is not, the answer is 202.
* After "declined, 91" no repeat is told "approved": Redis remembers for a day, and where it does not (older,
  flushed, away) the ledger is asked whether the reversal was decided, at the repeat's own position. Where
  neither answers in time, the answer is 202.
* Whatever is told about one key, another key's request stands as it was answered, also under the same
  `authorization_id`.

What does not:

* A repeat of a request that was answered "approved", sent again while no decisions are made, while Redis has
  forgotten the first answer AND no view shows the payment, is taken for a first use: reversed and told 91.
* Two requests with one key at the same moment while Redis is away may be told differently, if the decision
  comes just between their deadlines. The reversal counts.
* Where the reversal was not acknowledged and the answer was 202, a look-up may show "approved" until a repeat
  undoes it.
* After a flush of Redis the repeat of a request that after its deadline was declined by the rules, or refused
  because its `authorization_id` was another's, is told so instead of 91.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

import structlog

from api.asking.idempotency import KEY_REUSED
from api.asking.submit import Answered, Pending, Rejection, Submissions
from api.http.problems import Problem
from api.metrics import Metrics
from api.stores.authorizations import AuthorizationReads, Which
from api.stores.ledger import LedgerReads
from api.stores.redis import Client, Redis, RedisAway
from schemas.authorizations import Authorization
from schemas.codec import decode_decision
from schemas.events import AuthorizationRequested, AuthorizationReversed
from schemas.ids import Position

log = structlog.get_logger(__name__)

# Of the wait, for what comes after the deadline: two answers of Redis (0.2 s at worst, then it is left
# alone), a look into the views, and Kafka's acknowledgement (5 ms where it is well).
REVERSAL_S = 0.45
LOOK_S_MAX = 0.15
KEEP_S = 86_400
SUFFIX = "-deadline"


class Told(StrEnum):
    """What the callers of one key are told."""

    DECISION = "decision"
    DEADLINE = "deadline"


@dataclass(frozen=True, slots=True)
class Missed:
    """No decision in time; the reversal is in the log. `replayed`: a caller was told so before."""

    replayed: bool


class ToldMemory:
    """Redis: event id -> Told. The first who says it wins."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def read(self, event_id: str) -> Told | None:
        """None: nothing is known, or Redis is away."""

        async def get(client: Client) -> Told | None:
            found = await client.get(_name(event_id))
            return Told(found.decode()) if isinstance(found, bytes) else None

        try:
            return await self._redis.call(get)
        except RedisAway:
            return None

    async def agree(self, event_id: str, mine: Told) -> Told:
        """What is told from now on: `mine`, unless something else was agreed before (or Redis is away)."""
        try:
            before = await self._redis.claim(_name(event_id), mine.value, keep_s=KEEP_S)
        except RedisAway:
            return mine
        return mine if before is None else Told(before.decode())


def _name(event_id: str) -> str:
    return f"spendlog:told:{event_id}"


def reversal_of(event: AuthorizationRequested, now: datetime) -> AuthorizationReversed:
    """The timeout of a request: the same, but for its time, whoever makes it."""
    return AuthorizationReversed(
        event_id=f"{event.event_id}-reversal",
        organization_id=event.organization_id,
        department_id=event.department_id,
        occurred_at=max(event.occurred_at, now),
        authorization_id=event.authorization_id,
        cause="timeout",
        request_id=event.event_id,
    )


class Deadlines:
    """Submits requests whose caller wants "declined" rather than "not known"."""

    def __init__(
        self,
        submissions: Submissions,
        told: ToldMemory,
        authorizations: AuthorizationReads,
        ledger: LedgerReads,
        metrics: Metrics,
    ) -> None:
        self._submissions = submissions
        self._told = told
        self._authorizations = authorizations
        self._ledger = ledger
        self._metrics = metrics

    async def submit(
        self, event: AuthorizationRequested, *, wait_s: float, since: float
    ) -> Answered | Missed | Pending:
        """The decision until REVERSAL_S before the wait of `wait_s` from loop time `since` ends; else Missed.

        Raises:
            Problem: as `Submissions.submit`.
        """
        until = since + wait_s
        patience_s = max(0.0, wait_s - REVERSAL_S)
        try:
            result = await self._submissions.submit(
                event, wait_s=patience_s, since=since, ack_s_max=patience_s
            )
        except Rejection as rejection:
            return await self._rejected(event, rejection, until)
        match result:
            case Answered():
                return await self._answered(event, result, until)
            case Pending():
                return await self._unanswered(event, result, until)

    async def _rejected(self, event: AuthorizationRequested, rejection: Rejection, until: float) -> Missed:
        """Missed, if that was told before the log refused the request. Raises `rejection` otherwise."""
        if rejection.code != KEY_REUSED and await self._told.read(event.event_id) is Told.DEADLINE:
            missed = await self._reverse(event, until, replayed=True)
            if missed is not None:
                return missed
        raise rejection

    async def _answered(
        self, event: AuthorizationRequested, answer: Answered, until: float
    ) -> Answered | Missed | Pending:
        if answer.replayed:
            told = await self._told.read(event.event_id)
            if told is None and answer.decision.granted:
                told = await self._told_in_log(event, answer, until)
                if told is None:
                    return Pending(recorded=True)
            if told is Told.DECISION:
                return answer
            mine = told or Told.DECISION
        else:
            mine = Told.DECISION
        if await self._told.agree(event.event_id, mine) is Told.DECISION:
            return answer
        return await self._reverse(event, until, replayed=True) or Pending(recorded=True)

    async def _unanswered(
        self, event: AuthorizationRequested, pending: Pending, until: float
    ) -> Missed | Pending:
        told = await self._told.read(event.event_id)
        known = told is not None
        if told is None:
            if await self._was_answered(event):
                return pending
            told = await self._told.agree(event.event_id, Told.DEADLINE)
        if told is Told.DECISION:
            return pending
        return await self._reverse(event, until, replayed=known) or pending

    async def _reverse(self, event: AuthorizationRequested, until: float, *, replayed: bool) -> Missed | None:
        """Missed, once the reversal is in the log; None: it may not be."""
        if not await self._submissions.record(reversal_of(event, datetime.now(UTC)), until=until):
            return None
        self._metrics.deadlines_missed.inc()
        return Missed(replayed)

    async def _told_in_log(
        self, event: AuthorizationRequested, answer: Answered, until: float
    ) -> Told | None:
        """What the log says was told, for a repeat that Redis does not know; None: the ledger is not there.

        A reversal came before the repeat, or it is none of those whose callers were told before it.
        """
        try:
            async with asyncio.timeout_at(until):
                row = await self._ledger.known(
                    "timed_out",
                    answer.decision.position,
                    wait_s=max(0.0, until - asyncio.get_running_loop().time() - LOOK_S_MAX),
                    first_seq=answer.first.seq,
                    organization_id=event.organization_id,
                    department_id=event.department_id,
                    authorization_id=event.authorization_id,
                    reversal_id=reversal_of(event, event.occurred_at).event_id,
                )
        except TimeoutError:
            return None
        if row is None:
            return None
        return Told.DEADLINE if row["timed_out"] else Told.DECISION

    async def _was_answered(self, event: AuthorizationRequested) -> bool:
        """Whether a view shows an answer to this request, or may: then this is no first use of its id."""
        which = Which(event.organization_id, event.authorization_id, event.department_id)
        found: Authorization | None = None
        try:
            async with asyncio.timeout(LOOK_S_MAX):
                found = await self._authorizations.find(which, None, wait_s=0)
                if found is None or found.decided_seq is None:
                    return False
                return await self._is_answer(event, Position(found.partition, found.decided_seq))
        except (TimeoutError, Problem):
            return found is not None

    async def _is_answer(self, event: AuthorizationRequested, position: Position) -> bool:
        """Whether the decision is about `event`; also where the ledger does not say what it is about."""
        row = await self._ledger.known("first_decision", position, wait_s=0, seq=position.seq)
        if row is None or row["record"] is None:
            return True
        decision = decode_decision(row["record"].encode())
        return decision.event_id == event.event_id or decision.event_type != event.type
