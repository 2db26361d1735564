"""Writes the golden logs of today's version of decisions. Once: they are never written again.

What is new since then has logs of its own beside them: `python -m tests.golden.write labels.txt` plays that
scenario into `labels.ndjson`, once.

The stories are played in the core, and of them the fewest are kept that say all there is to say: each effect
with and without each of its members, each reason, review, alert, outcome and event.
"""

from __future__ import annotations

import asyncio
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from infra.stories import FILES, read_stories
from infra.stories.core import CoreRun, Step
from schemas.codec import decode_decision
from schemas.decisions import DECISION_VERSION, Decision
from tests.golden.logs import DEFAULTS, ROOT, STATES, defaults, state_hashes
from tests.simulation.histories import history
from tests.simulation.world import Cluster, Steps, run_owner

SCENARIOS = Path(__file__).parents[1] / "scenarios"
#: Seeds of random histories beside the stories: with repeats, poison and a company's cap, scored.
SEEDS, LENGTH = (0, 1), 90
#: In which all is forgotten that may be.
ALWAYS = "memory.txt"

Log = list[bytes]


def main() -> None:
    folder = ROOT / f"v{DECISION_VERSION}"
    if len(sys.argv) == 2:
        add(folder, sys.argv[1])
        return
    if folder.exists():
        sys.exit(
            f"{folder} exists. Golden logs are written once: where today's code does not fold them to their "
            f"states, it is wrong. A change of what decisions mean is a new DECISION_VERSION."
        )
    written = {"stories.ndjson": list(chosen(played())), "histories.ndjson": list(histories())}
    folder.mkdir()
    for name, logs in written.items():
        (folder / name).write_bytes(b"".join(value + b"\n" for log in logs for value in log))
    states = {name: [state_hashes(log) for log in logs] for name, logs in written.items()}
    for name, content in ((STATES, states), (DEFAULTS, defaults())):
        pretty = msgspec.json.format(msgspec.json.encode(content, order="sorted"), indent=2)
        (folder / name).write_bytes(pretty + b"\n")


def add(folder: Path, scenario: str) -> None:
    """The logs of one scenario, and their states beside those of the others."""
    target = folder / Path(scenario).with_suffix(".ndjson").name
    if target.exists():
        sys.exit(f"{target} exists. Golden logs are written once.")
    logs = [log for file, played_logs in played() if Path(file).name == scenario for log in played_logs]
    states = msgspec.json.decode((folder / STATES).read_bytes())
    states[target.name] = [state_hashes(log) for log in logs]
    target.write_bytes(b"".join(value + b"\n" for log in logs for value in log))
    pretty = msgspec.json.format(msgspec.json.encode(states, order="sorted"), indent=2)
    (folder / STATES).write_bytes(pretty + b"\n")


def played() -> Iterator[tuple[str, list[Log]]]:
    """Each story's file, and its logs, one for each partition in it."""
    for story in read_stories([SCENARIOS, FILES]):
        logs: defaultdict[int, Log] = defaultdict(list)

        def keep(step: Step, logs: defaultdict[int, Log] = logs) -> None:
            logs[step.decision.partition].append(step.value)

        run = CoreRun(on_step=keep)
        for line in story.lines:
            run.play(line)
        yield story.place.file, list(logs.values())


def chosen(stories: Iterator[tuple[str, list[Log]]]) -> Iterator[Log]:
    """Those that say all: always the one that adds most for its bytes."""
    left = []
    for file, logs in stories:
        left.append((logs, {*(one for log in logs for one in features(log)), file == ALWAYS}))
    missing = set().union(*(has for _, has in left))
    while missing:
        best = max(left, key=lambda one: len(one[1] & missing) / sum(len(v) for log in one[0] for v in log))
        left.remove(best)
        missing -= best[1]
        yield from best[0]


def features(log: Log) -> Iterator[Any]:
    """What the log has that the golden ones must have at least once."""
    for value in log:
        yield from said(decode_decision(value))


def said(decision: Decision) -> Iterator[Any]:
    """An event with its outcome, reasons, reviews, alerts, and its effects with their members."""
    yield "event", decision.event_type, decision.outcome
    yield from (("reason", one.code) for one in decision.reasons)
    yield from (("review", one.code) for one in decision.reviews)
    yield from (("shadow", one.code) for one in decision.shadows)
    yield from (("alert", one) for one in decision.alerts)
    yield from shapes(decision)


def shapes(decision: Decision) -> Iterator[tuple[str, str, bool]]:
    """Each effect with each of its members that may be left out, and whether it is. A boolean: its value."""
    for effect in decision.effects:
        kind = type(effect).__name__
        yield kind, "", True
        for member in msgspec.structs.fields(effect):
            value = getattr(effect, member.name)
            if isinstance(value, bool):
                yield kind, member.name, value
            elif not member.required:
                yield kind, member.name, value != member.default


def histories() -> Iterator[Log]:
    for seed in SEEDS:
        cluster = Cluster(history(seed, LENGTH))
        asyncio.run(run_owner(cluster, Steps(), frame_records=7))
        yield cluster.decisions


if __name__ == "__main__":
    main()
