"""What an operator watches of the webhook sender; served when SPENDLOG_WEBHOOKS_METRICS_PORT is set."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

from sinks.webhooks.post import Attempt

_attempts = Counter("spendlog_webhook_attempts", "deliveries tried", ["result"])
_seconds = Histogram(
    "spendlog_webhook_attempt_seconds",
    "from the first byte to the end of the answer",
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)


class SenderMetrics:
    """Of all endpoints together: how many there are is nobody's label."""

    def tried(self, attempt: Attempt) -> None:
        taken, away = attempt.error is None, attempt.is_away
        _attempts.labels("delivered" if taken else "no_answer" if away else "refused").inc()
        _seconds.observe(attempt.took_ms / 1000)
