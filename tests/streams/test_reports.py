"""What a worker says of its partitions, read as `spendlog status` reads it."""

from __future__ import annotations

import pytest
from confluent_kafka.admin import AdminClient

from infra import topics
from infra.status import PartitionStatus, system_status
from tests.streams.events import DEPARTMENTS, budget, requests
from tests.streams.line import PARTITIONS, Line

OFTEN = """
import streams.worker.app
streams.worker.app.REPORT_EVERY_S = streams.worker.app.CHECK_EVERY_S = 0.5
streams.worker.app.METADATA_MS_MAX = 1_000
"""
# Partition 1 cannot be taken over.
BROKEN = f"""{OFTEN}
from streams.log import ReplayIncomplete
from streams.owner import Owner
take_over = Owner.take_over

async def refuse(owner):
    if owner.state.partition == 1:
        raise ReplayIncomplete("decisions[1] holds 5..9, but must be read from 0")
    return await take_over(owner)

Owner.take_over = refuse
"""


def workers(line: Line) -> dict[int, PartitionStatus]:
    found = system_status(line.kafka, None, None, line.prefix)
    return {one.partition: one for one in found.partitions if one.part == "worker"}


def states(found: dict[int, PartitionStatus]) -> set[str]:
    return {one.state for one in found.values()}


def test_a_partition_that_stands_still_is_seen_from_outside_and_goes_on_with_the_next_start(
    line: Line,
) -> None:
    line.until(lambda: bool(found := workers(line)) and states(found) == {"unknown"}, 10.0)
    line.send(budget(department) for department in DEPARTMENTS)
    line.send(requests(100))
    broken = line.worker("w1", patch=BROKEN)

    def stands_still() -> bool:
        found = workers(line)
        return (found[0].state, found[1].state) == ("working", "standing_still") and found[0].lag == 0

    line.until(stands_still, 40.0)
    still = workers(line)[1]
    assert still.process == "w1"
    assert still.why == "decisions[1] holds 5..9, but must be read from 0"
    assert still.remedy is not None and "restore the decision log" in still.remedy
    assert still.since is not None
    assert (still.position, still.lag) == (None, None), "who has not taken over knows no position"
    assert workers(line)[0].progress_s is not None

    assert broken.terminate() == 0
    line.worker("w1", patch=OFTEN)
    line.until(lambda: all((one.state, one.lag) == ("working", 0) for one in workers(line).values()), 40.0)


@pytest.mark.parametrize(
    ("topic", "remedy", "again"),
    [
        ("decisions", "restore {topic} from a backup", "working"),
        ("card_events", "restore {topic}, or make it with `spendlog topics apply`", "standing_still"),
        pytest.param("snapshots", "`spendlog topics apply`", "working", marks=pytest.mark.faults),
        pytest.param("dead_letters", "`spendlog topics apply`", "working", marks=pytest.mark.faults),
    ],
)
def test_a_topic_that_is_deleted_under_a_living_worker_is_told_with_what_to_do(
    line: Line, topic: str, remedy: str, again: str
) -> None:
    """Without card events a worker has no partitions, and a producer would wait for its topic for ever."""
    name = getattr(line.names, topic)
    line.send(budget(department) for department in DEPARTMENTS)
    line.send(requests(100))
    worker = line.worker("w1", patch=OFTEN)
    line.until(lambda: states(workers(line)) == {"working"}, 40.0)
    admin = AdminClient({"bootstrap.servers": line.kafka})
    admin.delete_topics([name])[name].result(30.0)
    if topic != "card_events":
        line.send(requests(10, first=1_000))

    def told() -> bool:
        found = list(workers(line).values())
        return len(found) == PARTITIONS and all(one.why == f"there is no topic {name}" for one in found)

    line.until(told, 60.0)
    assert all(remedy.format(topic=name) in (one.remedy or "") for one in workers(line).values())
    assert system_status(line.kafka, None, None, line.prefix).missing_topics == [name]

    topics.apply(line.kafka, PARTITIONS, prefix=line.prefix)
    line.until(lambda: states(workers(line)) == {again} and not told(), 90.0)
    if topic == "card_events":  # one partition finds it out after the other
        line.until(
            lambda: all("spendlog events continue" in (one.remedy or "") for one in workers(line).values()),
            90.0,
        )
    said = worker.output()
    assert worker.alive(), said
    assert f"event='topic_missing' topic='{name}'" in said
    for trouble in ("owner_not_closed", "never retrieved", "overlapping"):
        assert trouble not in said
