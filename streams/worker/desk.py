"""Faust's side of the owners: its assignment and seeks, its table as a view, and the group's offsets."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import faust
import structlog
from aiokafka.errors import KafkaError
from faust.types import TP

from schemas.standing import Report, encode_report, utc
from streams.core.state import Department
from streams.kafka_log import KafkaLog, Names
from streams.log import TopicMissing
from streams.lookups import Lookups
from streams.model import new_model
from streams.owner import Owner
from streams.stream_settings import StreamSettings
from streams.turns import Turns
from streams.worker.owners import Owners
from streams.worker.standstill import remedy_of
from streams.worker.tables import budget_view

log = structlog.get_logger()

REPORT_S_MAX = 4.0


class Desk:
    """Faust's side of the owners: its assignment and seeks, its table as a view, and the group's offsets."""

    def __init__(
        self, app: faust.App, settings: StreamSettings, names: Names, partitions: int, budgets: Any
    ) -> None:
        self._app = app
        self._settings = settings
        self._names = names
        self._partitions = partitions
        self._budgets = budgets
        self._turns = Turns()
        self._unpublished: dict[str, tuple[int, bytes]] = {}
        self._lookups = Lookups(settings.kafka)
        self._missing: dict[str, float] = {}  # topics, and since when
        self.owners = Owners(self, self._new_owner, settings.session_timeout_s)

    def _new_owner(self, partition: int) -> Owner:
        return Owner(
            partition,
            self._partitions,
            KafkaLog(self._settings.kafka, partition, self._partitions, self._names, self._lookups),
            lambda: new_model(self._settings.scoring),
            lambda changed: self._publish(partition, changed),
            self._settings.snapshot_decisions,
            card_numbers_refused=self._settings.card_numbers == "refuse",
            turns=self._turns,
        )

    def assigned(self) -> set[int]:
        """The partitions of the card events that Faust has now."""
        return {tp.partition for tp in self._app.consumer.assignment() if tp.topic == self._names.card_events}

    async def seek(self, partition: int, position: int) -> None:
        """Have the partition delivered from `position` on; between rebalances, which seek themselves."""
        consumer: Any = self._app.consumer
        if consumer.flow_active and not self._app.rebalancing and partition in self.assigned():
            await consumer.seek_wait({TP(self._names.card_events, partition): position})

    def arrived(self, event: Any) -> None:
        """Hand a frame over; Faust's acknowledgements are off, so its event is done with at once."""
        self.owners.arrived(event.message.partition, event.value)
        event.ack()

    def positions(self) -> dict[TP, int]:
        """The offset that each owner here has to read next."""
        return {TP(self._names.card_events, p): at for p, at in self.owners.positions().items()}

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
        positions = self.positions()
        if positions and not self._app.rebalancing:
            try:
                consumer: Any = self._app.consumer
                await consumer.hint(positions)
            except Exception as error:  # noqa: BLE001  a hint that is refused ends nobody
                log.info("hint_refused", why=repr(error))

    async def check(self) -> None:
        """Look whether the topics are there, and the card events still those that were decided."""
        try:
            missing = await self._lookups.missing(self._names.needed)
        except KafkaError as away:
            log.warning("topics_unchecked", why=repr(away))
            return  # who does not answer this answers nothing else
        for topic in sorted(missing - self._missing.keys()):
            log.error("topic_missing", topic=topic, what_to_do=remedy_of(TopicMissing(topic), 0))
        self._missing = {topic: self._missing.get(topic, time.time()) for topic in missing}
        await self.owners.check()

    async def close(self) -> None:
        """Let go of all partitions."""
        await self.owners.close()
        await self._lookups.close()

    def _reports(self) -> list[Report]:
        """Of the partitions here; without card events nobody has one, so everybody tells that of all."""
        process, topic = self._settings.worker_instance, self._names.card_events
        since = self._missing.get(topic)
        if since is None:
            return self.owners.reports(process)
        now, why = utc(time.time()), TopicMissing(topic)
        return [
            Report(
                "worker",
                partition,
                process,
                "standing_still",
                now,
                since=utc(since),
                why=str(why),
                remedy=remedy_of(why, partition),
            )
            for partition in range(self._partitions)
        ]

    async def report(self) -> None:
        """Tell people how each partition stands (`schemas.standing`)."""
        try:
            async with asyncio.timeout(REPORT_S_MAX):
                for report in self._reports():
                    await self._app.producer.send(
                        self._names.status, report.key, encode_report(report), report.partition, None, None
                    )
        except Exception as error:  # noqa: BLE001  a report that is refused ends nobody
            log.info("report_refused", why=repr(error))
