"""`spendlog replay`: decide the log again. Status 1 when a decision comes out otherwise."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from infra.output import AsJson, TextTable, print_json
from infra.replay import Replay
from infra.replay import replay as decide_again
from infra.stack_settings import load_settings
from schemas.settings import SettingError

app = typer.Typer()


@app.command()
def replay(
    rescore: Annotated[
        bool, typer.Option("--rescore", help="Make the scores anew as well, not only the decisions.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Decide every card event again and compare byte for byte: reads Kafka alone, changes nothing."""
    settings = load_settings()
    if settings.kafka is None:
        raise SettingError(
            "setting SPENDLOG_KAFKA is missing; `spendlog stack status --json` shows the embedded one"
        )
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.completed:,.0f} decisions"), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as display:
        bar = display.add_task("", total=None)
        found = decide_again(
            settings.kafka, rescore=rescore, progress=lambda count: display.update(bar, completed=count)
        )
    if as_json:
        print_json(_as_json(found))
    else:
        show(found, Console())
    raise typer.Exit(1 if found.differences else 0)


def show(found: Replay, console: Console) -> None:
    """The table for a person, and the first difference of each partition below it."""
    table = TextTable("partition", "decided again", "only folded", "verdict", left=0)
    for one in found.partitions:
        verdict = Text("the same bytes", "green") if one.difference is None else Text("differs", "bold red")
        if one.gone:
            verdict = Text(
                f"not decided again: the first {one.gone:,} decisions are gone by retention", "yellow"
            )
        table.add(f"{one.partition}", f"{one.decided:,}", f"{one.folded:,}", verdict)
    table.print(console)
    for partition, seq, offset, why in found.differences:
        line = escape(f"decision {partition}/{seq} on card event {offset}: {why}")
        console.print(f"  [red]{line}[/]", soft_wrap=True, highlight=False)
    rate = found.decided / found.took_s if found.took_s else 0.0
    console.print(
        f"{found.decided:,} decisions made again in {found.took_s:.1f} s, {rate:,.0f}/s", style="dim"
    )


def _as_json(found: Replay) -> dict[str, object]:
    return {
        "ok": not found.differences,
        "took_s": round(found.took_s, 3),
        "partitions": [
            {
                "partition": one.partition,
                "decided": one.decided,
                "folded": one.folded,
                "gone": one.gone,
                "difference": one.difference and one.difference._asdict(),
            }
            for one in found.partitions
        ],
    }
