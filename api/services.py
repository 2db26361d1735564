"""What the routes use, made once for each process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from fastapi import Request

from api.access.audit import Audit
from api.access.keyring import Keyring
from api.access.mail import Mail
from api.access.passwords import Passwords
from api.access.sessions import Sessions
from api.access.sign_on.enter import SignOnTerms, SingleSignOn
from api.access.sign_on.sealed_secrets import Seal
from api.api_settings import ApiSettings
from api.asking.beside import NOTHING_BESIDE, Beside
from api.asking.deadline import Deadlines, Missed, ToldMemory
from api.asking.idempotency import KEY_REUSED, IdempotencyMemory, Use, content_of
from api.asking.rollout import PolicyRollouts
from api.asking.submit import Answered, Pending, Submissions
from api.http.preferences import Wait
from api.http.problems import Problem
from api.log.dead_letters import DeadLetterReader
from api.log.follow import DecisionTail
from api.log.produce import KafkaEventLog
from api.log.pulse import Pulse
from api.log.standing import Standings
from api.metrics import Metrics
from api.receipts.door import ReceiptDoor
from api.receipts.scanner import FileScanner
from api.stores.allowances import Allowances
from api.stores.attempts import Attempts
from api.stores.authorizations import AuthorizationReads, PostgresView, RedisView
from api.stores.feed import Feed
from api.stores.kept import KeptReadings
from api.stores.ledger import LedgerReads
from api.stores.postgres import Postgres
from api.stores.receipts import ReceiptTables
from api.stores.reconciliations import ReconciliationTables
from api.stores.redis import Redis
from api.stores.transactions import TransactionReads
from api.stores.tries import SignInTries
from api.stores.webhooks import WebhookTables
from schemas.events import AuthorizationRequested, Event
from schemas.ids import Position

# The whole of a request must end by 2 s; an acknowledgement that takes longer than this will not matter.
ACK_S_MAX = 1.9
#: Of a caller who says nothing of it.
WAIT_S = 2.0

BEYOND_S = 0.5
LAST_LOOK_S = 0.05  # of a read's time: to look once more, and to say where the views are

T = TypeVar("T")
Check = Callable[[], Awaitable[None]]


@dataclass(slots=True)
class Services:
    """The open connections of one API process and what is built on them."""

    settings: ApiSettings
    metrics: Metrics
    postgres: Postgres
    redis: Redis
    events: KafkaEventLog
    tail: DecisionTail
    standings: Standings
    audit: Audit
    allowances: Allowances
    keyring: Keyring
    passwords: Passwords
    sessions: Sessions
    attempts: Attempts
    mail: Mail
    tries: SignInTries
    sign_on: SingleSignOn
    memory: IdempotencyMemory
    submissions: Submissions
    deadlines: Deadlines
    rollouts: PolicyRollouts
    authorizations: AuthorizationReads
    ledger: LedgerReads
    question_directories: KeptReadings[Any]
    transactions: TransactionReads
    webhooks: WebhookTables
    receipts: ReceiptTables
    receipt_door: ReceiptDoor
    scanner: FileScanner
    reconciliations: ReconciliationTables
    feed: Feed
    pulse: Pulse
    dead_letters: DeadLetterReader
    beside: Beside

    @classmethod
    def make(cls, settings: ApiSettings, metrics: Metrics, beside: Beside = NOTHING_BESIDE) -> Services:
        """Builds all of it and connects nothing. Needs a running event loop."""
        postgres = _postgres(settings)
        patience = settings.api_patience
        redis = Redis(
            settings.redis, metrics, connections_max=settings.api_redis_connections, patience=patience
        )
        ack_s_max = min(ACK_S_MAX, settings.api_wait_s_max) * patience
        events = KafkaEventLog(settings.kafka, delivery_timeout_s=ack_s_max, patience=patience)
        tail = DecisionTail(settings.kafka, waiters_max=settings.api_waiters_max)
        pulse = Pulse(lambda: tail.written)
        metrics.on_decided = pulse.waited
        submissions = Submissions(events, tail, metrics, ack_s_max=ack_s_max)
        authorizations = AuthorizationReads((RedisView(redis), PostgresView(postgres)), tail.beyond)
        ledger = LedgerReads(postgres, tail.beyond)
        passwords, tries = Passwords(), SignInTries(redis)
        audit = Audit(postgres, patience)
        attempts = Attempts(redis, per_address_max=settings.api_sign_ins_per_address_max)
        idle_s, absolute_s = settings.api_session_idle_s, settings.api_session_s
        sessions = Sessions(
            *(postgres, audit, attempts, passwords),
            idle_s=idle_s,
            absolute_s=absolute_s,
            fresh_s=settings.api_key_fresh_s,
        )
        return cls(
            settings=settings,
            metrics=metrics,
            postgres=postgres,
            redis=redis,
            events=events,
            tail=tail,
            standings=Standings(settings.kafka, settings.status_topic, patience),
            audit=audit,
            allowances=_allowances(settings, redis),
            keyring=Keyring(postgres, fresh_s=settings.api_key_fresh_s, stale_s=settings.api_key_stale_s),
            passwords=passwords,
            sessions=sessions,
            attempts=attempts,
            mail=Mail(settings.api_smtp, settings.api_mail_from, settings.api_public_url),
            tries=tries,
            sign_on=SingleSignOn(postgres, audit, sessions, attempts, tries, sign_on_terms(settings)),
            memory=IdempotencyMemory(redis),
            submissions=submissions,
            deadlines=Deadlines(submissions, ToldMemory(redis), authorizations, ledger, metrics),
            rollouts=PolicyRollouts(submissions, ledger),
            authorizations=authorizations,
            ledger=ledger,
            question_directories=KeptReadings(),
            transactions=TransactionReads(ledger),
            webhooks=WebhookTables(postgres),
            receipts=ReceiptTables(postgres),
            receipt_door=ReceiptDoor(),
            scanner=FileScanner(settings.api_scanner),
            reconciliations=ReconciliationTables(postgres),
            feed=Feed(settings.redis),
            pulse=pulse,
            dead_letters=DeadLetterReader(settings.kafka, patience=patience),
            beside=beside,
        )

    async def start(self) -> None:
        """Begins to connect and returns."""
        await self.postgres.open()
        self.events.start()
        self.tail.start()
        self.audit.later.start()
        self.allowances.start()
        self.feed.start()
        self.pulse.start()

    async def close(self) -> None:
        """After the last request: what was written is sent, or its senders were told that it is uncertain."""
        await self.sign_on.aclose()
        await self.audit.later.close()
        await self.allowances.close()
        await self.pulse.close()
        await asyncio.gather(
            asyncio.to_thread(self.events.close),
            asyncio.to_thread(self.tail.close),
            self.standings.close(),
            self.feed.close(),
            self.postgres.close(),
            self.redis.close(),
        )

    def reading(self, wait: Wait, position: Position | None, *, since: float) -> float:
        """Seconds from now that a read may wait for a view: for a position 2 in all, unless the caller says
        otherwise."""
        default_s = WAIT_S if position else 0.0
        wait_s = wait.seconds(default_s, self.settings.api_wait_s_max - LAST_LOOK_S)
        left_s = max(0.0, since + wait_s - asyncio.get_running_loop().time())
        # What nobody can have been told will not come soon; the tail needs a moment to see the newest.
        return min(left_s, BEYOND_S) if position and self.tail.beyond(position) else left_s

    def deciding(self, wait: Wait) -> float:
        """Seconds that a caller waits for a decision."""
        return wait.seconds(WAIT_S, self.settings.api_wait_s_max)

    async def submit(
        self, event: Event, wait: Wait, *, since: float, check: Check | None = None
    ) -> Answered | Pending:
        """Claims the idempotency key, writes the event and waits for its decision.

        `since`: see `since_of`; `check`: see `claimed`. A claim is given back where nothing was written.
        Raises Problem.
        """
        wait_s = self.deciding(wait)
        use, result = await self.claimed(
            event.event_id,
            content_of(event),
            lambda: self.submissions.submit(event, wait_s=wait_s, since=since),
            check,
        )
        if isinstance(result, Pending) and use is Use.REPEAT and wait_s > 0:
            return replace(result, repeated=True)
        return result

    async def submit_or_decline(
        self, event: AuthorizationRequested, wait: Wait, *, since: float
    ) -> Answered | Missed | Pending:
        """The same; without a decision in time the request is undone (see `api.asking.deadline`)."""
        wait_s = self.deciding(wait)
        _, result = await self.claimed(
            event.event_id,
            content_of(event),
            lambda: self.deadlines.submit(event, wait_s=wait_s, since=since),
        )
        return result

    async def claimed(
        self,
        event_id: str,
        content: str,
        submit: Callable[[], Awaitable[T]],
        check: Check | None = None,
    ) -> tuple[Use, T]:
        """What `submit` gives, with the idempotency key of `event_id` claimed for `content`.

        `check`: raises the Problem for which a first use is not written; a repeat is not asked.
        A first claim is given back where nothing was written, or where the log says that the key was used
        for another request: the memory had forgotten that one, and must not refuse its repeats.
        """
        use = await self.memory.claim(event_id, content)
        unwritten = True
        try:
            if check is not None and use is not Use.REPEAT:
                await check()
            unwritten = False
            return use, await submit()
        except Problem as problem:
            if use is Use.FIRST and (unwritten or problem.status_code == 503 or problem.code == KEY_REUSED):
                await self.memory.release(event_id)
            raise


def sign_on_terms(settings: ApiSettings) -> SignOnTerms:
    return SignOnTerms(
        public_url=settings.api_public_url.rstrip("/"),
        local=settings.api_sso_allow_local,
        seal=Seal([key.get_secret_value() for key in settings.api_sealing_keys]),
        name_servers=settings.api_name_servers,
    )


def since_of(request: Request) -> float:
    """The loop's time from which this request's 2 s run: when its first byte came, or a little earlier
    (`api.http.middleware`)."""
    since: float = request.state.since
    return since


def services_of(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


def _postgres(settings: ApiSettings) -> Postgres:
    return Postgres(
        settings.postgres,
        connections_max=settings.api_postgres_connections,
        role=None if settings.api_role == "none" else settings.api_role,
        patience=settings.api_patience,
    )


def _allowances(settings: ApiSettings, redis: Redis) -> Allowances:
    return Allowances(
        redis,
        keys=settings.api_rate_limit,
        people=settings.api_rate_limit_people,
        others=settings.api_rate_limits,
    )
