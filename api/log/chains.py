"""Whether what is read from the log is what its owner wrote, partition by partition.

The tail follows the same rule as every reader (docs/decisions/0024): at the first record that does not
continue the log its partition stands still, and nothing of it is told. It is tried again, and goes on where
the log has the last decision that was read and nothing foreign after it.
"""

from __future__ import annotations

import time
from typing import Any

import structlog
from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from api.log.produce import quiet
from schemas.chain import Chain, NotNext, chain_after, chain_at
from schemas.claims import LogRecord, stamp_of

log = structlog.get_logger(__name__)

# Before a partition's end: one of them lies where its owner expected it, which nearly all do.
ANCHOR_OFFSETS = 50
TRY_AGAIN_S = 5.0
LOOK_S = 2.0  # at one record
#: The broker does not have the offset that is to be read next.
LOST = frozenset({KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE})


class Chains:
    """Of all partitions of `topic`. Used by the tail's thread alone, but for `stopped`, which any may read.

    `config`: of a consumer, for looks beside the tail's own.
    """

    def __init__(self, topic: str, config: dict[str, Any], try_again_s: float = TRY_AGAIN_S) -> None:
        self.stopped: dict[int, str] = {}
        self._topic = topic
        self._config = config | {"auto.offset.reset": "error", "enable.partition.eof": True}
        self._chains: dict[int, Chain] = {}
        self._try_again_s = try_again_s
        self._tried_s = 0.0

    def begin(self) -> None:
        """The log is read from other offsets from here on; what stands still keeps its place."""
        self._chains = {p: chain for p, chain in self._chains.items() if p in self.stopped}

    def follows(self, message: Message) -> bool:
        """Whether it is the next decision of its partition, which else stands still."""
        partition, offset, value = message.partition(), message.offset(), message.value()
        assert partition is not None and offset is not None
        if partition in self.stopped:
            return False
        error = message.error()
        if error is not None:
            if error.code() in LOST:
                self._stop(partition, f"offset {offset} is gone; {self._last(partition)}")
            return False
        try:
            chain = self._chains.get(partition)
            if chain is None:
                chain = self._chains[partition] = Chain.in_the_middle(partition)
            return chain.pass_over(offset, value, stamp_of(message.headers()))
        except NotNext as found:
            self._stop(partition, f"partition {partition} offset {offset}: {found}")
            return False

    def _last(self, partition: int) -> str:
        chain = self._chains.get(partition)
        if chain is None or not chain.seq:
            return f"no decision of partition {partition} was read"
        return f"decision {partition}:{chain.seq - 1} with hash {chain.last_hash[:12]} was read"

    def _stop(self, partition: int, why: str) -> None:
        if self.stopped.get(partition) != why:
            log.error("partition_stopped", partition=partition, detail=why)
        self.stopped = {**self.stopped, partition: why}  # a new one: others may be reading the old

    def try_again(self, consumer: Consumer) -> None:
        """Now and then: lets `consumer` go on where a partition that stands still is whole again."""
        now_s = time.monotonic()
        if not self.stopped or now_s - self._tried_s < self._try_again_s:
            return
        self._tried_s = now_s
        beside = Consumer(self._config, logger=quiet)
        try:
            for partition in list(self.stopped):
                offset = self._whole_from(beside, partition)
                if offset is not None:
                    consumer.seek(TopicPartition(self._topic, partition, offset))
                    log.info("partition_goes_on", partition=partition, offset=offset)
                    self.stopped = {p: why for p, why in self.stopped.items() if p != partition}
        finally:
            beside.close()

    def _whole_from(self, beside: Consumer, partition: int) -> int | None:
        """Where the log goes on after the last decision that was read; None: it does not."""
        low, high = beside.get_watermark_offsets(TopicPartition(self._topic, partition), timeout=LOOK_S)

        def first_from(offset: int) -> LogRecord | None:
            return self._first_from(beside, partition, offset) if offset < high else None

        chain = self._chains.get(partition)
        if chain is None or not chain.seq:  # the very first record was none, or gone
            found = first_from(max(low, high - ANCHOR_OFFSETS))
            self._chains.pop(partition, None)
            return high if found is None else found.offset if chain_at(partition, found) else None
        after = chain_after(chain, low, high, first_from)
        if after is None:
            self._stop(
                partition,
                f"{self._last(partition)}, but the log, {low} to {high}, does not have it: it lost its end, "
                "or was made anew. Restart this API once the books are right again (spendlog books rebuild)",
            )
            return None
        offset, here = after
        following = first_from(offset)
        if following is not None:
            try:
                here.copy().pass_over(*following)
            except NotNext as found_there:
                self._stop(partition, f"partition {partition} offset {following.offset}: {found_there}")
                return None
        self._chains[partition] = here
        return offset

    def _first_from(self, beside: Consumer, partition: int, offset: int) -> LogRecord | None:
        beside.assign([TopicPartition(self._topic, partition, offset)])
        until_s = time.monotonic() + LOOK_S
        while time.monotonic() < until_s:
            message = beside.poll(0.1)
            if message is None:
                continue
            if message.error() is not None:
                return None
            at = message.offset()
            assert at is not None
            return LogRecord(at, message.value(), stamp_of(message.headers()))
        return None
