"""`spendlog demo`: everything at once, to look at."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from infra.demo.export import Export
from infra.demo.run import DemoOptions, run
from infra.errors import SpendlogError
from infra.imports.mapping import read_mapping
from infra.imports.rows import read_header
from infra.processes.signals import termination_raises

app = typer.Typer()

# Where nothing says how wide the output is, a table must not be cut to 80 columns.
_WIDTH = 130


@app.command()
def demo(
    events: Annotated[int, typer.Option(min=20, max=1_000_000, help="How many events to generate.")] = 5_000,
    seed: Annotated[int, typer.Option(help="The same seed makes the same stream.")] = 1,
    end: Annotated[bool, typer.Option("--exit", help="End after the summary, also on a terminal.")] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="Go on with the data folder as it is; else it is emptied first.")
    ] = False,
    data: Annotated[
        Path | None,
        typer.Option(help="Data folder.", show_default="that of the stack, with -demo"),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65_535, help="The API's.", show_default="a free one"),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(help="Play this card export (CSV, gzip or XLSX) instead.", show_default=False),
    ] = None,
    mapping: Annotated[
        Path | None, typer.Option(help="Which column of the export means what (TOML).", show_default=False)
    ] = None,
    budget_factor: Annotated[
        float, typer.Option(min=0.01, max=1000, help="Budget = this × the mean of the three months before.")
    ] = 1.25,
    limit_rows: Annotated[
        int | None, typer.Option(min=1, help="Only the first rows of the export.", show_default=False)
    ] = None,
    reject_file: Annotated[
        Path | None,
        typer.Option(help="Rows that could not be used.", show_default="rejects.csv in the data folder"),
    ] = None,
) -> None:
    """Play a story and a seeded stream through everything, or a real card export."""
    export = None
    if file is not None:
        if mapping is None:
            raise SpendlogError(
                "--file needs --mapping; `spendlog import check FILE` proposes one, "
                "docs/imports.md explains it"
            )
        export = Export(file, read_mapping(mapping), budget_factor, limit_rows, reject_file)
        for kept in (file, mapping):
            if reject_file is not None and reject_file.exists() and reject_file.samefile(kept):
                raise SpendlogError(f"--reject-file {reject_file} would overwrite {kept}: name another")
        read_header(file, export.mapping)  # a wrong file is told before anything starts
    elif mapping is not None:
        raise SpendlogError("--mapping is for --file")
    console = Console(width=None if sys.stdout.isatty() else _WIDTH)
    serve = sys.stdout.isatty() and not end
    options = DemoOptions(
        events=events, seed=seed, keep=keep, data=data, port=port, serve=serve, export=export
    )
    with termination_raises():
        holds = run(options, console)
    raise typer.Exit(0 if holds else 1)
