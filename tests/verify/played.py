"""What the core decides in all scenarios and stories, as logs with books."""

from __future__ import annotations

from collections import defaultdict
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

from infra.stories import FILES, read_stories
from infra.stories.build import Sent
from infra.stories.core import PARTITIONS as STORIES_PARTITIONS
from infra.stories.core import CoreRun
from infra.stories.story import Line
from infra.verify.leases import Leases, all_departments
from infra.verify.records import Record
from infra.verify.report import Report
from schemas.codec import seal_decision
from schemas.decisions import Decision
from tests.verify.logs import World

# Its second grant is the story's own, not the treasury's: there O11 is right to speak.
FORGED = "a grant that is sent twice counts once"
SCENARIOS = Path(__file__).parents[1] / "scenarios"


def add(world: World, key: bytes | None, value: bytes | None, decision: Decision) -> None:
    """One more card event with its decision; nothing is sealed or booked yet."""
    world.events.append(Record(decision.source_offset, value, key))
    world.values.append(seal_decision(decision))
    world.decisions.append(decision)


class Worlds(defaultdict[int, World]):
    def __missing__(self, partition: int) -> World:
        self[partition] = world = World(partition, STORIES_PARTITIONS)
        return world


class Recorded(CoreRun):
    """A story whose records are kept as on the log."""

    worlds: ClassVar[Worlds]

    def _decide(self, line: Line, record: Sent) -> Decision:
        decision = super()._decide(line, record)
        add(self.worlds[record.partition], record.key, record.value, decision)
        return decision


@lru_cache
def stories() -> dict[str, Worlds]:
    """The logs of all scenarios and stories, by name."""
    found = {}
    for story in read_stories([SCENARIOS, FILES]):
        Recorded.worlds = found[story.name] = Worlds()
        run = Recorded()
        for line in story.lines:
            run.play(line)
        for world in found[story.name].values():
            world.seal()
            world.book()
    return found


def verified(worlds: Worlds, gone: float = 0.0) -> Report:
    """`gone`: which part of the card events reached their retention."""
    report = Report()
    leases = Leases(report)
    checks = [
        world.check_into(report, leases, int(gone * (world.events[-1].offset + 1)))
        for world in worlds.values()
    ]
    leases.finish(all_departments(check.departments for check in checks))
    return report
