"""Says who finds an error in the core: run as a program, where `streams` is a copy with the error in it.

Prints one word for each: `story` (an expectation of the scenarios and stories), `verifier` (what it says of
their logs), `histories` (random ones, which are only played where the others find nothing), and exits 1 if
anybody does; likewise where the core dies of the error.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import ClassVar

from hypothesis import Phase

import streams
from infra.stories import FILES, read_stories
from infra.stories.core import CoreRun
from tests.histories.machine import History
from tests.histories.referee import Difference
from tests.histories.test_machine import play
from tests.verify.played import FORGED, SCENARIOS, stories, verified

HISTORIES = 4_000


class Short(History):
    """Apart, so that these do not count for what the histories reach."""

    seen: ClassVar[Counter[str]] = Counter()


def finders() -> list[str]:
    found = ["story"] if wrong_lines() else []
    if any(not verified(worlds).ok for name, worlds in stories().items() if name != FORGED):
        found.append("verifier")
    if not found:
        try:
            play(HISTORIES, 0, Short, phases=(Phase.generate,))
        except Difference:
            found.append("histories")
    return found


def wrong_lines() -> list[str]:
    """What the scenarios and stories expect and do not get."""
    wrong = []
    for story in read_stories([SCENARIOS, FILES]):
        run = CoreRun()
        for line in story.lines:
            wrong += run.play(line)[1]
    return wrong


if __name__ == "__main__":
    sys.stdout.write(f"of {Path(streams.__file__).parent}\n")
    sys.stdout.flush()
    who = finders()
    sys.stdout.write(f"{' '.join(who) or 'nobody'}\n")
    sys.exit(bool(who))
