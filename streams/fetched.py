"""What aiokafka has fetched, made at once into what it is read for.

aiokafka makes a `ConsumerRecord` of eleven members of each record, of which three or four are wanted here:
that is more than half of what reading costs. This knows private names of aiokafka: see
`streams.worker.pinned`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Set
from typing import Any

from aiokafka import TopicPartition

#: Makes of a partition and one of its records, as it lies in its batch, what is handed out.
Make = Callable[[TopicPartition, Any], Any]


async def wait_fetched(fetcher: Any, wanted: Set[Any], wait_s: float) -> bool:
    """Whether something lies ready for a wanted partition, after `wait_s` at the latest.

    What was fetched for others, such as paused changelogs, stays there and is no reason to look again.

    Raises:
        KafkaError: it may not be read.
    """
    deadline = time.monotonic() + wait_s
    while not any(tp in fetcher._records for tp in wanted):
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            return False
        waiter = fetcher._create_fetch_waiter()
        await asyncio.wait([waiter], timeout=left_s)
        if not waiter.done():
            waiter.cancel()
            return False
        waiter.result()  # authorization errors
    return True


def make_of(fetcher: Any, tp: TopicPartition, make: Make) -> None:
    """Have what lies ready of a partition handed out as `make` makes it."""
    records = getattr(fetcher._records.get(tp), "_partition_records", None)
    if records is not None:  # None: an error, which is raised when it is its turn
        records._consumer_record = make
