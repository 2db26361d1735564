"""`spendlog bench`: the figures on this machine, all in one run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from infra.errors import SpendlogError
from infra.output import TextTable
from infra.processes.signals import termination_raises
from perf import bench as benches
from perf.decide import profiled
from perf.harness import FULL, QUICK, Scale
from perf.picture import draw
from perf.results import Figure

app = typer.Typer()

PICTURE = benches.REPOSITORY / "docs" / "pictures" / "bench.svg"


@app.command()
def bench(
    quick: Annotated[
        bool, typer.Option("--quick", help="Small and short: rough figures in a minute.")
    ] = False,
    only: Annotated[
        list[str] | None,
        typer.Option(help=f"One of {', '.join(benches.NAMES)}; may be repeated.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Where the figures go, as JSON.",
            show_default="perf/results/bench.json after a whole full run",
        ),
    ] = None,
    profile: Annotated[
        bool, typer.Option("--profile", help="Only show where the owner's time for an event goes.")
    ] = False,
) -> None:
    """Measure on a fresh embedded stack, and compare with what is asked and with row locks."""
    console = Console()
    scale = QUICK if quick else FULL
    if profile:
        typer.echo(profiled(scale))
        return
    names = only or list(benches.NAMES)
    unknown = sorted(set(names) - set(benches.NAMES))
    if unknown:
        raise SpendlogError(f"no bench is called {', '.join(unknown)}; there are {', '.join(benches.NAMES)}")
    report = _run(console, scale, names)
    _table(report.table).print(console)
    whole = not quick and set(names) == set(benches.NAMES)
    target = out or (benches.RESULTS if whole else None)
    if target is not None:
        benches.write(report, target)
        console.print(f"figures: {target}")
    if whole:
        _draw(console, report)


def _run(console: Console, scale: Scale, names: list[str]) -> benches.BenchRun:
    columns = (SpinnerColumn(finished_text="•"), TextColumn("{task.description}"), TimeElapsedColumn())
    with (
        termination_raises(),
        Progress(*columns, console=console, disable=not console.is_terminal) as display,
    ):
        tasks = {
            name: display.add_task(f"{name:<15}", total=1, start=False)
            for name in benches.NAMES
            if name in names
        }
        started: set[str] = set()

        def say(name: str, text: str) -> None:
            if name not in started:
                started.add(name)
                display.start_task(tasks[name])
            display.update(tasks[name], description=f"{name:<15} {text}")

        def done(name: str) -> None:
            display.update(tasks[name], description=f"{name:<15} done", completed=1)
            if not console.is_terminal:
                console.print(f"{name} done")

        return benches.run(scale, names, say, done)


def _table(rows: list[Figure]) -> TextTable:
    table = TextTable("bench", "what", "measured", "asked", "unit", left=2)
    for row in rows:
        asked = "" if row.goal is None else f"{'≥' if row.better == 'more' else '≤'} {row.goal:,.0f}"
        style = "" if row.met is None else "green" if row.met else "red"
        table.add(*(Text(one, style) for one in (row.bench, row.what, number(row.value), asked, row.unit)))
    return table


def number(value: float) -> str:
    """Three or more digits that mean something: 0.123, 12.3, 12,345."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def _draw(console: Console, report: benches.BenchRun) -> None:
    machine = report.machine
    caption = (
        f"{report.date:%Y-%m-%d}, {machine.cores} cores of {machine.cpu}, {machine.memory_gib:g} GiB; "
        "everything on this one machine. Red: what is asked."
    )
    try:
        draw(report.results, PICTURE, caption)
    except ImportError:
        console.print("no picture: matplotlib is not installed (it comes with the extra `dev`)")
    else:
        console.print(f"picture: {PICTURE}")
