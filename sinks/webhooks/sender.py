"""Sending what is due at one endpoint: a job of the queue, until nothing is left or its turn is over.

One job an endpoint, so a slow or dead one costs a place among hundreds and nothing else, and its backlog does
not stand in the queue. Within it lanes go side by side, and each lane in the order of the log.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import structlog
from standardwebhooks.webhooks import Webhook

from schemas.backoff import Backoff
from sinks.webhooks.deliveries import AttemptOutcome, Deliveries, DueDelivery, Standing, Target
from sinks.webhooks.metrics import SenderMetrics
from sinks.webhooks.post import Attempt, Poster

log = structlog.get_logger()

LANES_AT_ONCE: Final = 8  # requests to one endpoint at one time
ROUND_ROWS: Final = 32  # recorded together: so many may be sent twice when the sender is killed
TURN_S: Final = 20.0  # then the others, if more endpoints have something than may be sent to at once
#: Seconds until the next attempt: 13 of them in three days.
RETRIES_S: Final = (5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 28_800, 43_200)
JITTER: Final = 0.1
#: After so many failures in a row that say that it is away, an endpoint rests, and is then tried with one.
FAILURES_MAX: Final = 5
REST: Final = Backoff(5.0, 300.0)


class Sender:
    """`pause_after_s`: without one success; then people must look at it."""

    def __init__(self, deliveries: Deliveries, poster: Poster, *, pause_after_s: float) -> None:
        self._deliveries = deliveries
        self._poster = poster
        self._pause_after_s = pause_after_s
        self._metrics = SenderMetrics()
        self.stopping = False

    async def send(self, organization_id: str, endpoint_id: str) -> None:
        """Until nothing is due, or the endpoint rests, is paused, or was removed."""
        turn_ends_s = time.monotonic() + TURN_S
        while await self._round(organization_id, endpoint_id):
            if self.stopping or time.monotonic() > turn_ends_s:
                await self._deliveries.wake(organization_id, endpoint_id)
                return

    async def _round(self, organization_id: str, endpoint_id: str) -> bool:
        """Whether there may be more."""
        target = await self._deliveries.target(organization_id, endpoint_id)
        if target is None or not target.is_active or target.rests:
            return False
        probes = target.failures >= FAILURES_MAX
        rows_max = 1 if probes else ROUND_ROWS
        due = await self._deliveries.due(organization_id, endpoint_id, rows_max, least_tried=probes)
        if not due:
            return False
        attempts = await self._attempts(target, due)
        standing = self._standing(target, [attempt for _, attempt in attempts])
        outcomes = [outcome_of(delivery, attempt) for delivery, attempt in attempts]
        await self._deliveries.record(organization_id, endpoint_id, outcomes, standing)
        for _, attempt in attempts:
            self._metrics.tried(attempt)
        self._tell(endpoint_id, standing, attempts[-1][1])
        return standing.paused_because is None and standing.rest_s is None

    async def _attempts(
        self, target: Target, due: Sequence[DueDelivery]
    ) -> list[tuple[DueDelivery, Attempt]]:
        """In the order in which they ended. Once it turns out to be away, the others are left out."""
        free = asyncio.Semaphore(LANES_AT_ONCE)
        ended: list[tuple[DueDelivery, Attempt]] = []
        failures = target.failures
        stops = False

        async def attempt(delivery: DueDelivery) -> None:
            nonlocal failures, stops
            async with free:
                if stops:  # another task has said so
                    return
                tried = await self._poster.post(
                    target.url, headers_of(target, delivery), delivery.body.encode()
                )
            ended.append((delivery, tried))
            failures = failures + 1 if tried.is_away else 0 if tried.error is None else failures
            if failures >= FAILURES_MAX or tried.is_gone:
                stops = True

        async with asyncio.TaskGroup() as group:
            for delivery in due:
                group.create_task(attempt(delivery))
        return ended

    def _standing(self, target: Target, attempts: Sequence[Attempt]) -> Standing:
        failures, succeeded = target.failures, False
        for attempt in attempts:
            if attempt.error is None:
                failures, succeeded = 0, True
            elif attempt.is_away:
                failures += 1
        because = None
        if any(attempt.is_gone for attempt in attempts):
            because = "it answered 410 Gone"
        elif not succeeded and (target.failing_s or 0.0) > self._pause_after_s:
            hours = (target.failing_s or 0.0) / 3_600
            because = f"it has taken nothing for {hours:.0f} hours; the last try: {attempts[-1].error}"
        rest_s = REST.wait_s(failures - FAILURES_MAX + 1) if failures >= FAILURES_MAX else None
        is_failing = not succeeded
        return Standing(is_failing, failures, rest_s, because)

    def _tell(self, endpoint_id: str, standing: Standing, last: Attempt) -> None:
        if standing.paused_because is not None:
            log.warning("endpoint_paused", endpoint=endpoint_id, why=standing.paused_because)
        elif standing.rest_s is not None:
            log.warning("endpoint_rests", endpoint=endpoint_id, why=last.error, rest_s=standing.rest_s)


def headers_of(target: Target, delivery: DueDelivery) -> dict[str, str]:
    """Of Standard Webhooks 1.0: signed with every secret that is valid now."""
    now = datetime.now(UTC)
    signatures = [Webhook(secret).sign(delivery.event_id, now, delivery.body) for secret in target.secrets]
    return {
        "Content-Type": "application/json",
        "Accept-Encoding": "identity",
        "User-Agent": "spendlog-webhooks/1",
        "webhook-id": delivery.event_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def outcome_of(delivery: DueDelivery, attempt: Attempt) -> AttemptOutcome:
    wait_s = 0.0
    if attempt.error is not None:
        planned_s = RETRIES_S[min(delivery.attempts, len(RETRIES_S) - 1)]
        wait_s = max(planned_s * random.uniform(1 - JITTER, 1 + JITTER), attempt.retry_after_s or 0.0)
    return AttemptOutcome(
        delivery.event_id, attempt.took_ms, attempt.status_code, attempt.error, attempt.answer, wait_s
    )
