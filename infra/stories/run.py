"""`spendlog story`: stories through the whole pipeline, or in the pure core alone."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import psycopg
from rich.console import Console

from infra.replay import replay
from infra.running.booked import wait_booked
from infra.running.steps import counting
from infra.running.system import RunningSystem, running_system
from infra.stack_settings import load_settings
from infra.stories import show
from infra.stories.books import account_name, ledger_difference, payment_differences
from infra.stories.core import CoreRun
from infra.stories.pipeline import Pipeline, PlayedStory
from infra.stories.story import Story
from infra.verify import verify
from schemas.authorizations import Authorization

_ACCOUNTS = "SELECT account, currency, balance FROM account_balance WHERE account = ANY(%s)"
_PAYMENTS = """
SELECT a.organization_id, a.department_id, a.authorization_id, a.body::text
FROM card_authorization a
JOIN unnest(%s::text[], %s::text[], %s::text[]) AS k (organization_id, department_id, authorization_id)
    USING (organization_id, department_id, authorization_id)
"""


@dataclass(frozen=True, slots=True)
class StoryOptions:
    """What the command line chose. `core`: without any service."""

    core: bool = False
    keep: bool = False
    data: Path | None = None
    verify: bool = True


def run(stories: Sequence[Story], options: StoryOptions, console: Console) -> tuple[bool, list[PlayedStory]]:
    """Plays the stories and prints them; True when nothing differs, and what was played.

    Raises:
        SpendlogError: something could not be started, died, or stalled.
    """
    started_s = time.monotonic()
    if options.core:
        played, holds = [in_core(story) for story in stories], True
    else:
        played, holds = _through_the_system(stories, options, console)
    for one in played:
        show.story(console, one)
    show.summary(console, played, time.monotonic() - started_s)
    return holds and all(one.ok for one in played), played


def in_core(story: Story) -> PlayedStory:
    """The story in the pure core, its books computed."""
    core, played = CoreRun(), PlayedStory(story, "")
    for line in story.lines:
        decision, different = core.play(line)
        played.decisions.append(decision)
        played.differs(line.place.line, different)
    for number, found in core.books(story).items():
        played.differs(number, found)
    return played


def _through_the_system(
    stories: Sequence[Story], options: StoryOptions, console: Console
) -> tuple[list[PlayedStory], bool]:
    settings = load_settings()
    # A folder of its own: it is emptied at each start, and `.spendlog` may hold a stack that somebody uses.
    data_dir = options.data or settings.data.with_name(f"{settings.data.name}-story")
    with running_system(settings, data_dir, keep=options.keep, port=None, console=console) as system:
        played = through(system, stories, console)
        holds = not options.verify or _verified(system, console)
    alone = {id(one.story): one for one in (in_core(story) for story in stories if story.core_only)}
    told = {id(one.story): one for one in played} | alone
    return [told[id(story)] for story in stories], holds


def through(system: RunningSystem, stories: Iterable[Story], console: Console) -> list[PlayedStory]:
    """Plays all but the core-only stories through `system` and checks its books."""
    chosen = [story for story in stories if not story.core_only]
    pipeline = Pipeline(system.endpoints.kafka, system.partitions, system.require_alive)
    with counting(console, "stories", len(chosen), "played") as bar:
        played, seqs = pipeline.play(chosen, f"{int(time.time()):x}", bar.update)
    wait_booked(system.endpoints.postgres, seqs, lambda _: system.require_alive())
    check_books(system.endpoints.postgres, played)
    return played


def check_books(postgres: str, played: Sequence[PlayedStory]) -> None:
    """What `ledger` and `payment` lines say against PostgreSQL; differences go to each story."""
    names = [account_name(one.organization, line) for one in played for line in one.story.ledger]
    keys = [
        (one.organization, line.department, line.authorization_id)
        for one in played
        for line in one.story.payments
    ]
    with psycopg.connect(postgres) as connection:
        rows = connection.execute(_ACCOUNTS, (names,)).fetchall()
        balances: Mapping[tuple[str, str], int] = {(name, code): balance for name, code, balance in rows}
        columns = [list(column) for column in zip(*keys, strict=True)] or [[], [], []]
        payments = {
            (organization, department, name): msgspec.json.decode(body, type=Authorization)
            for organization, department, name, body in connection.execute(_PAYMENTS, columns)
        }
    for one in played:
        for line in one.story.ledger:
            difference = ledger_difference(one.organization, line, balances)
            one.differs(line.place.line, [difference] if difference else [])
        for payment in one.story.payments:
            found = payments.get((one.organization, payment.department, payment.authorization_id))
            one.differs(payment.place.line, payment_differences(payment, found))


def _verified(system: RunningSystem, console: Console) -> bool:
    """The verifier, which shares only the schemas with the core, and the core once more, over all of it."""
    endpoints = system.endpoints
    report = verify(endpoints.kafka, endpoints.postgres, endpoints.redis)
    show.verified(console, report)
    found = replay(endpoints.kafka)
    show.replayed(console, found)
    return report.ok and not found.differences


__all__ = ["StoryOptions", "check_books", "in_core", "run", "through"]
