"""A card export instead of story and stream: what was read, what became of it, what is listed."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.markup import escape

from infra.demo import books, summary
from infra.demo.checks import Checks
from infra.demo.player import ExportPlayer, Result
from infra.imports.mapping import Mapping
from infra.imports.reading import Reading, read_export, require_rows, write_listed
from infra.output import TextTable
from infra.running.log import DecisionWatch, end_offsets
from infra.running.system import RunningSystem, wait_until_booked
from schemas.topics import DEAD_LETTERS

LISTED_MAX: Final = 10


@dataclass(frozen=True, slots=True)
class Export:
    """What to play, and how. `reject_file` None: in the data folder."""

    path: Path
    mapping: Mapping
    budget_factor: float = 1.25
    limit_rows: int | None = None
    reject_file: Path | None = None


def play_export(export: Export, system: RunningSystem, console: Console, checks: Checks) -> None:
    """Reads the file, plays it, prints what became of it.

    Raises:
        SpendlogError: the file or the reject file cannot be used, or the system stalls.
    """
    console.rule(f"[bold]{escape(export.path.name)}", align="left")
    reject_file = export.reject_file or system.data_dir / "rejects.csv"
    started_s = time.monotonic()
    with console.status("reading"):
        reading = read_export(export.path, export.mapping, export.limit_rows)
        write_listed(reject_file, export.path, export.mapping, reading, {})
    _show_reading(reading, time.monotonic() - started_s, console)
    require_rows(export.path, reading)
    dead_letters_from = end_offsets(system.endpoints.kafka, DEAD_LETTERS.name)
    player = ExportPlayer(reading.rows, export.mapping.time.zone, export.budget_factor, system)
    with DecisionWatch(system.endpoints.kafka, player.decided) as watch:
        started_s = time.monotonic()
        player.play(watch, console)
        played_s = time.monotonic() - started_s
        booked_s = wait_until_booked(system, watch, console)
        events = watch.count
    result = player.result
    write_listed(reject_file, export.path, export.mapping, reading, {**result.held, **result.rejected})
    _show(export, system, player, console, checks, dead_letters_from)
    _show_refunds(player, console)
    _check_rows(result, reading, reject_file, console, checks)
    summary.check_books(checks, system)
    summary.check_log(console, checks, system)
    console.rule("[bold]Speed, here and now", align="left")
    rows = len(reading.rows)
    console.print(
        f"  {rows:,} rows as {events:,} events in {played_s:.1f} s: {rows / played_s:,.0f} rows/s, "
        f"{events / played_s:,.0f} decisions/s; the last booking {booked_s:.1f} s later",
        highlight=False,
    )


def _show_reading(reading: Reading, took_s: float, console: Console) -> None:
    console.print(
        f"✓ read: {len(reading.rows):,} usable rows, {len(reading.listed):,} not, in {took_s:.1f} s",
        highlight=False,
    )
    for text in first_of(reading.whereabouts()):
        console.print(f"    {text}", style="dim", highlight=False, soft_wrap=True)
    for kind, count in reading.kinds.most_common():
        console.print(f"  {count:>8,} × {escape(kind)}", highlight=False, soft_wrap=True)
    _list(reading.listed, "", console)


def first_of(texts: Iterable[str]) -> list[str]:
    """The first `LISTED_MAX`, and how many more there are."""
    found = list(texts)
    more = len(found) - LISTED_MAX
    return found[:LISTED_MAX] + ([f"and {more:,} more"] if more > 0 else [])


def _list(reasons: dict[int, str], what: str, console: Console) -> None:
    for text in first_of(f"{what}line {line}: {reason}" for line, reason in sorted(reasons.items())):
        console.print(f"    {escape(text)}", style="dim", highlight=False, soft_wrap=True)


def _show(
    export: Export,
    system: RunningSystem,
    player: ExportPlayer,
    console: Console,
    checks: Checks,
    dead_letters_from: dict[int, int],
) -> None:
    dead_letters = summary.dead_letters_since(system.endpoints.kafka, dead_letters_from)
    summary.show_decisions(console, player.tally, dead_letters, checks)
    summary.show_flagged(console, player.tally)
    summary.show_bookings(console, system)
    console.rule(
        f"[bold]Declines by department, budget = {export.budget_factor:g} × mean of the 3 months before",
        align="left",
    )
    table = TextTable("department", "requests", "declined", "share", "declined amount", left=1)
    requests = declines = 0
    for organization in player.organizations:
        for name, asked, declined, minor, currency in books.query(
            system.endpoints.postgres, "declines", organization=organization
        ):
            requests, declines = requests + asked, declines + declined
            amount = summary.money(minor, currency) if minor else ""
            table.add(name, f"{asked:,}", f"{declined:,}", f"{declined / asked:.1%}", amount)
    table.add("all", f"{requests:,}", f"{declines:,}", f"{declines / max(requests, 1):.1%}", "")
    table.print(console)


def _show_refunds(player: ExportPlayer, console: Console) -> None:
    unlinked = player.links.unlinked
    if not player.result.linked and not unlinked:
        return
    why = "; ".join(f"{count:,} not: {reason}" for reason, count in unlinked.most_common())
    console.print(
        f"  refunds: {player.result.linked:,} linked to their purchase" + (f", {why}" if why else ""),
        highlight=False,
        soft_wrap=True,
    )


def _check_rows(
    result: Result, reading: Reading, reject_file: Path, console: Console, checks: Checks
) -> None:
    account, unusable = reading.account, len(reading.listed)
    checks.expect(
        "every row is decided or listed",
        account.rows == result.decided + len(result.rejected) + unusable,
        f"{account.rows:,} rows = {result.decided:,} decided + {len(result.rejected):,} refused + "
        f"{unusable:,} unusable",
    )
    checks.expect(
        "only approved requests were cleared, and every clearing was taken or is listed",
        not result.missing,
        "; ".join(result.missing[:3])
        or f"{result.cleared:,} clearings" + (f", {len(result.held):,} listed" if result.held else ""),
    )
    _list(result.rejected, "refused: ", console)
    _list(result.held, "", console)
    for (department, currency), minor in sorted(result.held_minor.items()):
        console.print(
            f"  still held for {escape(department)}: {summary.money(minor, currency)}, "
            "whose clearings were refused",
            highlight=False,
            soft_wrap=True,
        )
    if listed := unusable + len(result.rejected) + len(result.held):
        console.print(f"  {listed:,} rows are in {reject_file}", soft_wrap=True, highlight=False)
