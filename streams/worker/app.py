"""The Faust application: consumption, assignment and supervision. The safety argument is the owner's.

Faust assigns partitions and carries frames; `Owners` keeps one `Owner` for each partition, which decides.
"""

from __future__ import annotations

import logging
from typing import Any

import faust
import structlog
from prometheus_client import start_http_server

from schemas.log_repeats import limit_repeats
from schemas.standing import REPORT_EVERY_S
from streams.kafka_log import Names
from streams.stream_settings import StreamSettings
from streams.worker.broker import faust_options
from streams.worker.desk import Desk
from streams.worker.frames import POLL_RECORDS_MAX, FrameSchema, FrameTransport
from streams.worker.pinned import check_pinned

PUBLISH_EVERY_S = 0.2
COMMIT_EVERY_S = 5.0
# A broker that comes back without its last records says nothing. A look takes some round trips a partition.
CHECK_EVERY_S = 10.0
# Of a topic that is made anew its partitions are assigned so late; aiokafka's own is five minutes.
METADATA_MS_MAX = 10_000


def create_app(settings: StreamSettings, names: Names, partitions: int) -> faust.App:
    """The worker's application. `partitions`: how many the card events have."""
    check_pinned()
    app = faust.App(
        settings.worker_group,
        **faust_options(settings.kafka),
        store="memory://",
        datadir=str(settings.worker_data),
        consumer_group_instance_id=settings.worker_instance,
        broker_session_timeout=settings.session_timeout_s,
        broker_heartbeat_interval=settings.session_timeout_s / 4,
        broker_max_poll_records=POLL_RECORDS_MAX,
        broker_commit_interval=2.8,
        consumer_metadata_max_age_ms=METADATA_MS_MAX,
        consumer_max_fetch_size=4 * 1024 * 1024,
        consumer_auto_offset_reset="earliest",
        stream_buffer_maxsize=16,
        stream_wait_empty=False,
        stream_recovery_delay=0.0,
        topic_partitions=partitions,
        topic_replication_factor=settings.replication_factor,
        topic_disable_leader=True,
        web_enabled=False,
    )
    # Without Faust's acknowledgements: its bookkeeping of gaps between frames took a tenth of the worker.
    channel = app.topic(names.card_events, schema=FrameSchema(), acks=False)
    budgets = app.Table(
        "budgets",
        key_type=str,
        value_type=bytes,
        partitions=partitions,
        help="each department's budget, a view",
    )
    desk = Desk(app, settings, names, partitions, budgets)
    budgets.on_recover(desk.owners.assigned)
    app.transport = FrameTransport(app, names.card_events, desk.positions, desk.owners.full)

    @app.agent(channel, name="department-budgets")
    async def department_budgets(stream: Any) -> None:
        async for event in stream.noack().events():
            desk.arrived(event)

    _set_timers(app, desk)

    async def close(*_: Any, **__: Any) -> None:
        await desk.close()

    app.on_before_shutdown.connect(close)

    @app.task  # type: ignore[untyped-decorator]
    async def serve_metrics() -> None:
        if settings.metrics_port:
            start_http_server(settings.metrics_port)

    return app


def _set_timers(app: faust.App, desk: Desk) -> None:
    @app.timer(PUBLISH_EVERY_S)  # type: ignore[untyped-decorator]
    async def publish() -> None:
        await desk.publish()

    @app.timer(COMMIT_EVERY_S)  # type: ignore[untyped-decorator]
    async def commit() -> None:
        await desk.commit()

    @app.timer(REPORT_EVERY_S)  # type: ignore[untyped-decorator]
    async def report() -> None:
        await desk.report()

    @app.timer(CHECK_EVERY_S)  # type: ignore[untyped-decorator]
    async def check() -> None:
        await desk.check()


def configure_logging() -> None:
    """Events of this project go through the standard logging that Faust sets up, as key=value."""
    # Its debug records, several for each request, were a twelfth of the worker's time though nobody saw them.
    logging.getLogger("aiokafka").setLevel(logging.INFO)
    # Four lines for each look-up and replay.
    for name in ("consumer", "subscription_state"):
        logging.getLogger(f"aiokafka.consumer.{name}").setLevel(logging.WARNING)
    # While Kafka is away they say so a hundred times a second.
    limit_repeats("aiokafka", "faust", "mode")
    structlog.configure(
        processors=[
            structlog.stdlib.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(key_order=["event"], drop_missing=True),
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
