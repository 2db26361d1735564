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
from perf import document
from perf.decide import profiled
from perf.harness import FULL, QUICK, Scale
from perf.picture import draw
from perf.results import Figure

app = typer.Typer()

PICTURE = benches.REPOSITORY / "docs" / "pictures" / "bench.svg"
DOCUMENT = benches.REPOSITORY / "docs" / "performance.md"


@app.command()
def bench(
    quick: Annotated[
        bool, typer.Option("--quick", help="Small and short: rough figures in a minute.")
    ] = False,
    only: Annotated[
        list[str] | None,
        typer.Option(help=f"One of {', '.join(benches.ALL_NAMES)}; may be repeated.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Where the figures go, as JSON.",
            show_default="perf/results/bench.json after a whole full run on a quiet machine",
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the whole run that was stopped, part by part.")
    ] = False,
    profile: Annotated[
        bool, typer.Option("--profile", help="Only show where the owner's time for an event goes.")
    ] = False,
) -> None:
    """Measure on a fresh embedded stack, and compare with what is asked and with rivals, in turns."""
    console = Console()
    scale = QUICK if quick else FULL
    if profile:
        typer.echo(profiled(scale))
        return
    names = only or list(benches.NAMES)
    unknown = sorted(set(names) - set(benches.ALL_NAMES))
    if unknown:
        known = ", ".join(benches.ALL_NAMES)
        raise SpendlogError(f"no bench is called {', '.join(unknown)}; there are {known}")
    whole = not quick and set(names) == set(benches.NAMES)
    if resume and not whole:
        raise SpendlogError("only a whole run can be resumed: leave out --quick and --only")
    run = benches.resumed(benches.UNFINISHED, scale) if resume else benches.new_run(scale)
    _run(console, run, scale, names, out or (benches.UNFINISHED if whole else None))
    _table(run.table).print(console)
    for why in run.trial:
        console.print(f"a trial, not to be published: {why}")
    if out is not None:
        benches.write(run, out)
        console.print(f"figures: {out}")
    elif whole and not run.trial:
        _publish(console, run)
    elif names == ["growth"] and not quick:
        benches.write(run, benches.GROWTH)
        console.print(
            f"figures: {benches.GROWTH}; `python -m perf.growth.sizing` puts them into docs/sizing.md"
        )


def _run(console: Console, run: benches.BenchRun, scale: Scale, names: list[str], kept: Path | None) -> None:
    columns = (SpinnerColumn(finished_text="•"), TextColumn("{task.description}"), TimeElapsedColumn())
    with (
        termination_raises(),
        Progress(*columns, console=console, disable=not console.is_terminal) as display,
    ):
        parts = benches.parts(names)
        tasks = {part: display.add_task(f"{part:<15}", total=1, start=False) for part in parts}
        started: set[str] = set()

        def say(part: str, text: str) -> None:
            if part not in started:
                started.add(part)
                display.start_task(tasks[part])
            display.update(tasks[part], description=f"{part:<15} {text}")

        def done(part: str) -> None:
            display.update(tasks[part], description=f"{part:<15} done", completed=1)
            if not console.is_terminal:
                console.print(f"{part} done")

        def keep(run: benches.BenchRun) -> None:
            if kept is not None:
                benches.write(run, kept)

        benches.run(run, scale, names, benches.BenchWatch(say, done, keep))


def _publish(console: Console, run: benches.BenchRun) -> None:
    """The figures, the pictures, and the tables in the documents: only of a whole run on a quiet machine."""
    benches.write(run, benches.RESULTS)
    benches.forget_unfinished()
    document.put(DOCUMENT, run)
    console.print(f"figures: {benches.RESULTS} and {DOCUMENT}")
    _draw(console, run)


def _table(rows: list[Figure]) -> TextTable:
    table = TextTable("bench", "what", "measured", "asked", "unit", left=2)
    for row in rows:
        asked = "" if row.goal is None else f"{'≥' if row.better == 'more' else '≤'} {row.goal:,g}"
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
