"""The Faust application: consumption, assignment and supervision. The safety argument is the owner's.

Faust assigns partitions and carries frames; each partition's `Owner` decides. Any exception ends the
process at once: a new one takes over from the log.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import sys
from typing import Any

import faust
import structlog
from aiokafka.errors import KafkaError
from faust.types import TP
from prometheus_client import start_http_server

from streams import metrics
from streams.core.state import Department
from streams.frames import (
    POLL_RECORDS_MAX,
    Arrived,
    FrameSchema,
    FrameTransport,
)
from streams.kafka_log import KafkaLog, Names, ReplayIncomplete
from streams.log import InvariantBroken
from streams.model import new_model
from streams.owner import Owner
from streams.settings import StreamSettings
from streams.tables import budget_view

log = structlog.get_logger()

CRASHED = 70  # EX_SOFTWARE: take over again from the log
# Frames waiting for one owner. More would only be memory: a frame is up to POLL_RECORDS_MAX records.
FRAMES_WAITING_MAX = 8
# One transaction's records: large enough to make its two round trips cheap, small enough to answer soon.
TRANSACTION_RECORDS_MAX = 5_000
PUBLISH_EVERY_S = 0.2
COMMIT_EVERY_S = 5.0
# A broker that comes back without its last records says nothing. A look takes about 5 ms a partition.
CHECK_EVERY_S = 10.0


def crash(error: BaseException, **where: Any) -> None:
    """End the process now. No clean-up: what is in memory may not be what was committed."""
    log.critical("worker_crashed", error=repr(error), **where, exc_info=error)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(CRASHED)


class Desk:
    """The owners of this worker's partitions, and the task that feeds each."""

    def __init__(
        self, app: faust.App, settings: StreamSettings, names: Names, partitions: int, budgets: Any
    ) -> None:
        self._app = app
        self._settings = settings
        self._names = names
        self._partitions = partitions
        self._budgets = budgets
        self._unpublished: dict[str, tuple[int, bytes]] = {}
        self._owners: dict[int, Owner] = {}
        self._queues: dict[int, asyncio.Queue[Arrived]] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._closing = False

    async def arrived(self, partition: int, arrived: Arrived) -> None:
        """Queue a frame for its owner; waits while the owner is `FRAMES_WAITING_MAX` behind."""
        queue = self._queues.get(partition)
        if queue is None:
            arrived.event.ack()  # revoked while it was on its way: its next owner reads it again
            return
        await queue.put(arrived)

    async def assigned(self) -> None:
        """Faust has finished a rebalance: take over what is new, let go of what is gone."""
        try:
            partitions = {tp.partition for tp in self._assignment()}
            for partition in set(self._owners) - partitions:
                await self._let_go(partition)
            for partition in sorted(partitions - set(self._owners)):
                if not self._closing:
                    await self._take_over(partition)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001  whatever it was, only the log knows what holds
            crash(error, during="takeover")

    def _assignment(self) -> set[TP]:
        return {tp for tp in self._app.consumer.assignment() if tp.topic == self._names.card_events}

    async def _take_over(self, partition: int) -> None:
        started = asyncio.get_running_loop().time()
        owner = Owner(
            partition,
            self._partitions,
            KafkaLog(self._settings.kafka, partition, self._partitions, self._names),
            lambda: new_model(self._settings.scoring),
            lambda changed: self._publish(partition, changed),
            self._settings.snapshot_decisions,
        )
        # A replay makes only what stays: collecting in between finds nothing, and later need not look again.
        gc.disable()
        try:
            position = await owner.take_over()
        finally:
            gc.enable()
            gc.freeze()
        self.seat(owner)
        took_s = asyncio.get_running_loop().time() - started
        log.info(
            "partition_taken_over",
            partition=partition,
            position=position,
            seq=owner.state.seq,
            replayed=owner.replayed,
            took_s=round(took_s, 3),
        )
        metrics.replayed.inc(owner.replayed)

    def seat(self, owner: Owner) -> None:
        """From here on the frames of its partition go to this owner, who has taken it over."""
        partition = owner.state.partition
        self._owners[partition] = owner
        self._queues[partition] = asyncio.Queue(FRAMES_WAITING_MAX)
        self._tasks[partition] = asyncio.create_task(self._run(partition), name=f"owner-{partition}")

    async def _let_go(self, partition: int) -> None:
        self._tasks.pop(partition).cancel()
        queue = self._queues.pop(partition)
        # Who waits for room here must not wait for ever: the other partitions' frames are behind it.
        while not queue.empty():
            queue.get_nowait()
        owner = self._owners.pop(partition)
        await owner.close()
        log.info("partition_let_go", partition=partition, seq=owner.state.seq)

    async def close(self) -> None:
        """Stop deciding and release the producers; an open transaction is aborted by the next owner."""
        self._closing = True
        for partition in list(self._owners):
            await self._let_go(partition)

    def positions(self) -> dict[TP, int]:
        """The offset that each owner here has to read next."""
        return {TP(self._names.card_events, p): owner.position for p, owner in self._owners.items()}

    async def _run(self, partition: int) -> None:
        """Decide frames as they come, as many as wait in one transaction."""
        queue, owner = self._queues[partition], self._owners[partition]
        try:
            while True:
                batch = [await queue.get()]
                records = len(batch[0].frame.records)
                while not queue.empty() and records < TRANSACTION_RECORDS_MAX:
                    batch.append(queue.get_nowait())
                    records += len(batch[-1].frame.records)
                decisions = await owner.decide(arrived.frame for arrived in batch)
                for arrived in batch:
                    arrived.event.ack()
                metrics.count(decisions)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001  whatever it was, only the log knows what holds
            crash(error, partition=partition)

    def _publish(self, partition: int, changed: dict[str, Department]) -> None:
        """Note what changed for the Faust table, a view: what it holds is never read back to decide."""
        for key, department in changed.items():
            self._unpublished[key] = (partition, budget_view(department))

    async def publish(self) -> None:
        """Show what changed in the Faust table, `PUBLISH_EVERY_S`: one message for each department."""
        changed, self._unpublished = self._unpublished, {}
        for key, (partition, value) in changed.items():
            self._budgets.data[key] = value
            self._budgets.send_changelog(partition, key, value)

    async def commit(self) -> None:
        """Tell the group where its partitions are, for lag monitors: who takes over asks the log."""
        if self._owners and not self._app.rebalancing:
            await self._app.consumer._commit(self.positions())  # type: ignore[attr-defined]

    async def check(self) -> None:
        """End the process when card events that were decided are no longer what the broker holds."""
        for partition, owner in list(self._owners.items()):
            try:
                await owner.check_events()
            except InvariantBroken as broken:
                crash(broken, partition=partition)
            except (KafkaError, ReplayIncomplete) as away:
                log.warning("card_events_unchecked", partition=partition, why=repr(away))


def create_app(settings: StreamSettings, names: Names, partitions: int) -> faust.App:
    """The worker's application. `partitions`: how many the card events have."""
    app = faust.App(
        settings.worker_group,
        broker=f"kafka://{settings.kafka.replace(',', ';kafka://')}",
        store="memory://",
        datadir=str(settings.worker_data),
        consumer_group_instance_id=settings.worker_instance,
        broker_session_timeout=settings.session_timeout_s,
        broker_heartbeat_interval=settings.session_timeout_s / 4,
        broker_max_poll_records=POLL_RECORDS_MAX,
        broker_commit_interval=2.8,
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
    budgets.on_recover(desk.assigned)
    app.transport = FrameTransport(app, frozenset({names.card_events}), desk.positions)

    @app.agent(channel, name="department-budgets")
    async def department_budgets(stream: Any) -> None:
        async for event in stream.noack().events():
            await desk.arrived(event.message.partition, Arrived(event.value, event))

    @app.timer(PUBLISH_EVERY_S)  # type: ignore[untyped-decorator]
    async def publish() -> None:
        await desk.publish()

    @app.timer(COMMIT_EVERY_S)  # type: ignore[untyped-decorator]
    async def commit() -> None:
        await desk.commit()

    @app.timer(CHECK_EVERY_S)  # type: ignore[untyped-decorator]
    async def check() -> None:
        await desk.check()

    async def close(*_: Any, **__: Any) -> None:
        await desk.close()

    app.on_before_shutdown.connect(close)

    @app.task  # type: ignore[untyped-decorator]
    async def serve_metrics() -> None:
        if settings.metrics_port:
            start_http_server(settings.metrics_port)

    return app


def configure_logging() -> None:
    """Events of this project go through the standard logging that Faust sets up, as key=value."""
    # Its debug records, several for each request, were a twelfth of the worker's time though nobody saw them.
    logging.getLogger("aiokafka").setLevel(logging.INFO)
    structlog.configure(
        processors=[
            structlog.stdlib.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(key_order=["event"], drop_missing=True),
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
