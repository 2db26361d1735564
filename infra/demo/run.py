"""The demo from its first step to its last."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from rich.console import Console

from api.client import Client
from infra.demo import summary
from infra.demo.checks import Checks
from infra.demo.export import Export, play_export
from infra.demo.generator import generate
from infra.demo.misuse import MonthWatch, plan, play_month
from infra.demo.story import StoryCaller, tell
from infra.demo.stream import StreamPlayer
from infra.demo.tour import Tour
from infra.running.log import DecisionWatch, end_offsets
from infra.running.system import RunningSystem, running_system, wait_until_booked
from infra.stack_settings import load_settings
from schemas.decisions import Decision
from schemas.topics import DEAD_LETTERS

_WATCH_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What the command line chose. `export`: a card export to play instead of story and stream."""

    events: int = 5_000
    seed: int = 1
    keep: bool = False
    data: Path | None = None
    port: int | None = None
    serve: bool = False
    export: Export | None = None


def run(options: DemoOptions, console: Console) -> bool:
    """Plays the demo; True when every check holds. Whatever it started has ended when it returns.

    Raises:
        SpendlogError: something could not be started, died, or stalled.
    """
    settings = load_settings()
    # A folder of its own: it is emptied at each start, and `.spendlog` may hold a stack that somebody uses.
    data_dir = options.data or settings.data.with_name(f"{settings.data.name}-demo")
    started_s = time.monotonic()
    checks = Checks()
    with running_system(settings, data_dir, keep=options.keep, port=options.port, console=console) as system:
        console.print(f"  all of it runs, {time.monotonic() - started_s:.1f} s", highlight=False)
        if options.export is None:
            _story_and_stream(options, system, console, checks)
        else:
            play_export(options.export, system, console, checks)
        system.require_alive()
        summary.show_checks(console, checks)
        summary.show_next(console, system, serving=options.serve)
        verdict = "[bold red]some checks failed[/]" if checks.failed else "[bold green]all checks hold[/]"
        console.print(f"{verdict}, {time.monotonic() - started_s:.1f} s", highlight=False)
        if options.serve:
            _serve(system, console, None if options.export else Tour(system))
        console.print("ending", style="dim")
    return not checks.failed


def _story_and_stream(options: DemoOptions, system: RunningSystem, console: Console, checks: Checks) -> None:
    kafka = system.endpoints.kafka
    dead_letters_from = end_offsets(kafka, DEAD_LETTERS.name)
    player = StreamPlayer(kafka, system.require_alive, console)
    now = datetime.now(UTC).replace(microsecond=0)
    month = MonthWatch(system.organization, plan(system.organization, now))

    def decided(decision: Decision, read_s: float) -> None:
        if not month.hears(decision):
            player.decided(decision, read_s)

    with DecisionWatch(kafka, decided) as watch:
        with Client(system.api, system.key) as client:
            tell(StoryCaller(client, system.organization), console, checks)
        console.rule(f"[bold]{options.events:,} card events, seed {options.seed}", align="left")
        planned = generate(options.seed, options.events, now, partitions=system.partitions, tag=system.tag)
        played = player.play(planned, watch)
        play_month(system, watch, month, console, checks)
        booked_s = wait_until_booked(system, watch, console)
    checks.expect(
        "each event is decided as the generator's own sums say",
        not played.wrong,
        "; ".join(played.wrong[:3]) or f"{len(planned):,} events",
    )
    summary.show_decisions(
        console, player.tally, summary.dead_letters_since(kafka, dead_letters_from), checks
    )
    summary.show_flagged(console, player.tally, played)
    summary.show_bookings(console, system)
    summary.check_books(checks, system)
    summary.check_log(console, checks, system)
    summary.show_speed(console, played, booked_s)


def _serve(system: RunningSystem, console: Console, tour: Tour | None) -> None:
    """Until Ctrl-C."""
    try:
        if tour is not None:
            tour.begin(console)
        console.print("[bold]serving; Ctrl-C ends everything[/]")
        while True:
            time.sleep(_WATCH_S)
            system.require_alive()
            if tour is not None:
                tour.step()
    except KeyboardInterrupt:
        console.print()
