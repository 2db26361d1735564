"""What an operator watches of the ticker; served when SPENDLOG_TICKER_METRICS_PORT is set."""

from __future__ import annotations

from prometheus_client import Counter

_ticks = Counter("spendlog_ticker_ticks", "departments' clocks ticked")
_looks = Counter("spendlog_ticker_looks", "times it was looked for what is due")
_ticker_retries = Counter("spendlog_ticker_retries", "times PostgreSQL or Kafka did not answer the ticker")


class TickerMetrics:
    """The metrics of the ticker."""

    def __init__(self) -> None:
        self.retries = _ticker_retries

    def looked(self, ticks: int) -> None:
        _looks.inc()
        _ticks.inc(ticks)
