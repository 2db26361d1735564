"""Which partition a key belongs to: Kafka's default partitioner, murmur2.

librdkafka hashes with CRC32 unless told `partitioner=murmur2_random`; both sides must agree, or one
department has two budgets.
"""

from __future__ import annotations

from typing import Final

#: The setting that makes producers built on librdkafka agree with `partition_of`.
PARTITIONER: Final = "murmur2_random"


def murmur2(data: bytes) -> int:
    """32-bit murmur2 with Kafka's seed (org.apache.kafka.common.utils.Utils.murmur2), unsigned."""
    m = 0x5BD1E995
    length = len(data)
    h = (0x9747B28C ^ length) & 0xFFFFFFFF
    for i in range(0, length - length % 4, 4):
        k = int.from_bytes(data[i : i + 4], "little") * m & 0xFFFFFFFF
        k = (k ^ (k >> 24)) * m & 0xFFFFFFFF
        h = (h * m & 0xFFFFFFFF) ^ k
    tail = data[length - length % 4 :]
    if tail:
        h = (h ^ int.from_bytes(tail, "little")) * m & 0xFFFFFFFF
    h = (h ^ (h >> 13)) * m & 0xFFFFFFFF
    return h ^ (h >> 15)


def partition_of(key: bytes, partitions: int) -> int:
    """The partition, 0..partitions-1, on which every event with this key must be."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions
