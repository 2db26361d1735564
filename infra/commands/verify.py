"""`spendlog verify`: the oracles over the log and the books. Status 1 when one is false."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from infra.output import AsJson, TextTable, print_json
from infra.stack_settings import load_settings
from infra.verify import Report
from infra.verify import verify as check
from schemas.settings import SettingError

app = typer.Typer()


@app.command()
def verify(
    as_json: AsJson = False,
    drain: Annotated[
        float, typer.Option(min=0, help="Seconds to wait for what is sent but not booked yet.")
    ] = 30.0,
) -> None:
    """Prove the books against the log: reads both as a whole, changes nothing."""
    settings = load_settings()
    if settings.kafka is None or settings.postgres is None:
        missing = "SPENDLOG_KAFKA" if settings.kafka is None else "SPENDLOG_POSTGRES"
        raise SettingError(
            f"setting {missing} is missing; `spendlog stack status --json` shows the embedded ones"
        )
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as display:
        bar = display.add_task("decisions checked", total=None)
        report = check(
            settings.kafka,
            settings.postgres,
            settings.redis,
            drain_s=drain,
            progress=lambda count, total: display.update(bar, completed=count, total=total),
        )
    if as_json:
        print_json(report.as_json())
    else:
        show(report, Console())
    raise typer.Exit(0 if report.ok else 1)


def show(report: Report, console: Console) -> None:
    """The table for a person, and what is wrong below it."""
    table = TextTable("oracle", "claim", "checked", "verdict", left=2)
    for oracle in report.oracles.values():
        verdict = Text("ok", "green") if oracle.ok else Text(f"{oracle.violations:,} violated", "bold red")
        table.add(oracle.id, oracle.title, f"{oracle.checked:,}", verdict)
    table.print(console)
    for oracle in report.oracles.values():
        for line in (*oracle.notes, *oracle.examples):
            style = "dim" if line in oracle.notes else "red"
            console.print(f"  [{style}]{oracle.id}: {escape(line)}[/]", soft_wrap=True, highlight=False)
    console.print(
        f"{report.decisions:,} decisions in {report.took_s:.1f} s. O5 (byte for byte the same) is `spendlog "
        "replay`; O7 (what clients were told) and O10 (secrets) need more than log and books: they are tests",
        style="dim",
        soft_wrap=True,
    )
