"""`python -m streams worker`: Faust's own command line with this application."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from contextlib import suppress
from typing import NoReturn

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaConnectionError

from schemas.exits import ExitStatus
from schemas.kafka import kafka_address
from schemas.settings import SettingError, masked, read_settings
from streams.cluster import aiokafka_options
from streams.kafka_log import Names
from streams.stream_settings import StreamSettings
from streams.turns import GC_THRESHOLDS
from streams.worker.app import configure_logging, create_app


async def count_partitions(bootstrap: str, topic: str) -> int:
    """How many partitions a topic has; 0 when there is no such topic."""
    admin = AIOKafkaAdminClient(**aiokafka_options(bootstrap))
    await admin.start()
    try:
        described = await admin.describe_topics([topic])
        return len(described[0]["partitions"])
    finally:
        await admin.close()


def stop(why: str, status: int = ExitStatus.KAFKA_AWAY) -> NoReturn:
    """End with one line."""
    sys.stderr.write(f"error: {why}\n")
    sys.exit(status)


def use_uvloop() -> None:
    """Where there is one for the platform: an eighth less of the worker's time, and answers sooner."""
    with suppress(ImportError):
        import uvloop

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())


def main() -> None:
    os.umask(0o077)  # Faust's data folder is for its owner only
    configure_logging()
    gc.set_threshold(*GC_THRESHOLDS)
    try:
        settings = read_settings(StreamSettings)
    except SettingError as error:
        stop(str(error), ExitStatus.WRONG_SETTING)
    # Over TLS a take-over took 30 s on it, against 0.3 s on the loop of asyncio: they close late there.
    if not kafka_address(settings.kafka).encrypted:
        use_uvloop()
    names = Names.prefixed(settings.topic_prefix)
    try:
        partitions = asyncio.run(count_partitions(settings.kafka, names.card_events))
    except KafkaConnectionError as error:
        stop(f"Kafka at {masked(settings.kafka)} (SPENDLOG_KAFKA) does not answer: {error}")
    if not partitions:
        stop(f"there is no topic {names.card_events}: run `spendlog topics apply` first")
    if "worker" in sys.argv and "--with-web" not in sys.argv:
        # Faust's command opens an unprotected port on all interfaces unless told otherwise.
        sys.argv.append("--without-web")
    create_app(settings, names, partitions).main()


if __name__ == "__main__":
    main()
