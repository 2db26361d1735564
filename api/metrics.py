"""What Prometheus may know of this process."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

# Dense around what matters: 25 ms and 100 ms are the aims, 2 s is the bound.
_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 2.5, 5.0)


class Metrics:
    """One registry for each app, so that several apps may live in one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._requests = Counter(
            "spendlog_api_requests", "Answers by route template, method and status",
            ["route", "method", "status"], registry=self.registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "spendlog_api_request_seconds", "From the request's first byte to the answer's",
            ["route", "method"], buckets=_BUCKETS_S, registry=self.registry,
        )  # fmt: skip
        #: Told each time, beside the histogram.
        self.on_decided: Callable[[float], None] = lambda seconds: None
        self._children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._waited = Histogram(
            "spendlog_api_decision_wait_seconds", "From request to its decision, where it came in time",
            buckets=_BUCKETS_S, registry=self.registry,
        )  # fmt: skip
        self._refused = Counter(
            "spendlog_api_refusals", "Answers of the server instead of the application's, by code",
            ["code"], registry=self.registry,
        )  # fmt: skip
        self.deadlines_missed = Counter(
            "spendlog_api_deadlines_missed",
            "Requests that were declined because no decision came in time",
            registry=self.registry,
        )
        self.redis_failures = Counter(
            "spendlog_api_redis_failures", "Calls that went on without Redis", registry=self.registry
        )

    def refused(self, code: str) -> None:
        """By the server itself: no request came of it."""
        self._refused.labels(code).inc()

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        # Looking children up by their labels costs more than what they do.
        key = (route, method, status)
        found = self._children.get(key)
        if found is None:
            found = self._requests.labels(route, method, str(status)), self._seconds.labels(route, method)
            self._children[key] = found
        requests, duration = found
        requests.inc()
        duration.observe(seconds)

    def decided(self, seconds: float) -> None:
        self._waited.observe(seconds)
        self.on_decided(seconds)

    def gauge(self, name: str, words: str, value: Callable[[], float]) -> None:
        """A gauge that is read when it is asked for."""
        Gauge(f"spendlog_api_{name}", words, registry=self.registry).set_function(value)

    def text(self) -> bytes:
        return generate_latest(self.registry)
