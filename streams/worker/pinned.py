"""The versions of Faust and aiokafka whose private names this folder uses; other ones end the start."""

from __future__ import annotations

from importlib.metadata import version

PINNED = {"faust-streaming": "0.15.3", "aiokafka": "0.14.0"}

_WHAT_TO_CHECK = """\
Check what it takes from inside: Consumer.perform_seek, resume_partitions and resume_flow, and in
which order a rebalance calls them; AIOKafkaConsumerThread._fetch_records; of aiokafka
Fetcher._records, _create_fetch_waiter and fetched_records, FetchResult._partition_records and
PartitionRecords._consumer_record (streams/fetched.py), its subscriptions' _position, its
consumer's _isolation_level. Then run tests/streams and `make test-faults`, and change PINNED"""


def check_pinned() -> None:
    """Raises RuntimeError where another version is installed, with what to check before `PINNED` follows."""
    for package, wanted in PINNED.items():
        if (found := version(package)) != wanted:
            written = f"{package} {found} is installed, but streams/worker/frames.py was written for {wanted}"
            raise RuntimeError(f"{written}. {' '.join(_WHAT_TO_CHECK.split())}")
