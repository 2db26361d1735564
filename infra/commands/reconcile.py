"""`spendlog reconcile FILE`: a processor's settlement file against the books."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from infra.errors import SpendlogError
from infra.imports.mapping import read_mapping
from infra.imports.propose import propose
from infra.output import AsJson, print_json, visible
from infra.reconciliation.sending import Spooled, send_file, spooled
from infra.rest import connected
from schemas.card_numbers import masked

app = typer.Typer()

LISTED_MAX = 10


FirstDay = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], help="First day covered; else the first line's.", show_default=False),
]
LastDay = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], help="Last day covered; else the last line's.", show_default=False),
]


@app.command()
def reconcile(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="The settlement file.", show_default=False)
    ],
    mapping: Annotated[
        Path | None,
        typer.Option(help="Which column means what (TOML), for CSV and workbooks.", show_default=False),
    ] = None,
    since: FirstDay = None,
    until: LastDay = None,
    zone: Annotated[
        str | None,
        typer.Option(help="Time zone of its days; else the mapping's, or UTC.", show_default=False),
    ] = None,
    days: Annotated[int, typer.Option(min=0, max=31, help="Days between a line and its booking.")] = 3,
    replaces: Annotated[
        str | None, typer.Option(help="The file that this one corrects, rec_...", show_default=False)
    ] = None,
    proposed: Annotated[
        bool, typer.Option("--propose", help="Print a mapping for this table, and send nothing.")
    ] = False,
    check: Annotated[bool, typer.Option("--check", help="Read it, and send nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Match a processor's settlement file with what the ledger settled. Status 1 while something is open.

    Read are CSV and workbooks by a mapping, camt.053 and camt.054, batches of ISO 8583, OFX.

    It calls the API: SPENDLOG_API_URL and SPENDLOG_API_KEY name it and your key, whose scopes are
    reconciliations:read and reconciliations:write. Card numbers do not leave this machine.
    """
    if proposed:
        typer.echo(propose(file, settlement=True), nl=False)
        return
    by = None if mapping is None else read_mapping(mapping, departments=False)
    with _progress() as bar, spooled(file, by, datetime.now(UTC).date(), bar.read) as found:
        if check:
            _tell_read(found, as_json)
            raise typer.Exit(1 if found.refused else 0)
        told: dict[str, Any] = {
            **_covered(found, since, until),
            "name": masked(file.name)[:200],
            "time_zone": zone or (by.time.zone if by else "UTC"),
            "days_max": days,
            "replaces": replaces,
        }
        with connected() as api:
            bar.total(found.lines)
            done = send_file(api, found, told, bar.sent)
    if as_json:
        print_json(done)
    else:
        _tell_matched(done, found)
    raise typer.Exit(1 if done["open"] else 0)


def _covered(found: Spooled, since: datetime | None, until: datetime | None) -> dict[str, str]:
    """Raises SpendlogError: nobody says which days the file covers."""
    first, last = since.date() if since else found.since, until.date() if until else found.until
    if first is None or last is None:
        raise SpendlogError(f"no line can be used; the first: {found.refused[0].reason}")
    return {"since": str(first), "until": str(last)}


class _Bar:
    """How many lines were read, then sent."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("read", total=None)

    def read(self, lines: int) -> None:
        if lines % 500 == 0:
            self._progress.update(self._task, completed=lines)

    def total(self, lines: int) -> None:
        self._progress.update(self._task, completed=lines, total=lines)
        self._task = self._progress.add_task("sent", total=lines)

    def sent(self, lines: int) -> None:
        self._progress.update(self._task, completed=lines)


@contextmanager
def _progress() -> Iterator[_Bar]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield _Bar(progress)


def _tell_read(found: Spooled, as_json: bool) -> None:
    if as_json:
        refused = [{"line": one.line, "reason": one.reason} for one in found.refused]
        print_json(
            {"format": found.format, "lines": found.lines, "account": found.account, "refused": refused}
        )
        return
    typer.echo(f"{found.format}: {found.used:,} of {found.lines:,} lines can be used")
    _tell_account(found)


def _tell_account(found: Spooled) -> None:
    typer.echo("  " + ", ".join(f"{count:,} {name}" for name, count in found.account.items()))
    for one in found.refused[:LISTED_MAX]:
        typer.echo(visible(f"  line {one.line}: {one.reason}"))
    if len(found.refused) > LISTED_MAX:
        typer.echo(f"  and {found.lines - found.used - LISTED_MAX:,} more")


def _tell_matched(done: dict[str, Any], found: Spooled) -> None:
    typer.echo(f"{done['file_id']}: {done['lines']:,} lines of {done['since']} to {done['until']}")
    _tell_account(found)
    for name, count in done["results"].items():
        typer.echo(f"  {count:>9,} {name.replace('_', ' ')}")
    if done["open"]:
        typer.echo(f"{done['open']:,} open: `spendlog reconciliations items {done['file_id']} --open`")
    else:
        typer.echo("nothing is open")
