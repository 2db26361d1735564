"""What an operator watches of a sink; served when SPENDLOG_SINK_METRICS_PORT is set."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import Counter, Gauge, Histogram

_decisions = Counter("spendlog_sink_decisions", "decisions stored", ["sink"])
_commits = Counter("spendlog_sink_commits", "batches stored", ["sink"])
_retries = Counter("spendlog_sink_retries", "times the store did not answer", ["sink"])
_moved = Counter("spendlog_sink_position_moved", "times another owner had written", ["sink"])
_void = Counter(
    "spendlog_sink_void_records", "records of owners who had been replaced, passed over by rule", ["sink"]
)
_stopped = Gauge(
    "spendlog_sink_partition_stopped",
    "1 while the partition stands still: see the log",
    ["sink", "partition"],
)
_lag = Gauge("spendlog_sink_lag_records", "offsets not stored yet, claims included", ["sink", "partition"])
_rows = Histogram(
    "spendlog_sink_batch_rows", "decisions in a batch", ["sink"], buckets=(1, 4, 16, 64, 256, 1024, 4096)
)
_seconds = Histogram(
    "spendlog_sink_commit_seconds",
    "time of one batch's transaction",
    ["sink"],
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5),
)


class SinkMetrics:
    """The metrics of the sink called `name`."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.retries = _retries.labels(name)
        self.moved = _moved.labels(name)
        self.void = _void.labels(name)
        self._decisions = _decisions.labels(name)
        self._commits = _commits.labels(name)
        self._rows = _rows.labels(name)
        self._seconds = _seconds.labels(name)

    def committed(self, rows: int, seconds: float) -> None:
        self._decisions.inc(rows)
        self._commits.inc()
        self._rows.observe(rows)
        self._seconds.observe(seconds)

    def lag(self, records: Mapping[int, int]) -> None:
        for partition, behind in records.items():
            _lag.labels(self._name, str(partition)).set(behind)

    def stopped(self, partition: int, is_stopped: bool) -> None:
        _stopped.labels(self._name, str(partition)).set(is_stopped)
