"""`spendlog import check`: what a mapping makes of a card export, before anything is sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from infra.imports.check import as_document, described
from infra.imports.check import check as check_export
from infra.imports.mapping import read_mapping
from infra.imports.propose import propose

app = typer.Typer(no_args_is_help=True)

LISTED_MAX = 10


@app.callback()
def imports() -> None:
    """Card exports: CSV (also gzip), XLSX, XLS, XLSB, ODS. docs/imports.md explains the mapping."""


@app.command()
def check(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="The export.", show_default=False)
    ],
    mapping: Annotated[
        Path | None,
        typer.Option(help="Which column means what (TOML). Without it, one is proposed.", show_default=False),
    ] = None,
    rows: Annotated[int, typer.Option(min=1, help="How many rows to show.")] = 5,
    limit_rows: Annotated[
        int | None, typer.Option(min=1, help="Read only so many rows of the file.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of text.")] = False,
) -> None:
    """Show rows as they would be read, with warnings. Nothing is sent. Status 1 if no row can be used.

    Without --mapping a mapping is printed that can be kept: spendlog import check FILE > mapping.toml
    """
    if mapping is None:
        proposed = propose(file)
        if as_json:
            typer.echo(json.dumps({"mapping": proposed}, indent=2))
            return
        typer.echo(proposed, nl=False)
        typer.echo("next: keep that as a file, look at each CHECK, and run it with --mapping", err=True)
        return
    checked = check_export(file, read_mapping(mapping), limit_rows)
    reading = checked.reading
    if as_json:
        typer.echo(json.dumps(as_document(checked, rows), indent=2, ensure_ascii=False))
        raise typer.Exit(0 if reading.rows else 1)
    for text in described(reading, rows):
        typer.echo(text)
    typer.echo(f"\n{len(reading.rows):,} rows can be used, {len(reading.listed):,} cannot")
    for text in reading.whereabouts():
        typer.echo(f"  {text}")
    listed = sorted(reading.listed.items())
    for line, reason in listed[:LISTED_MAX]:
        typer.echo(f"  line {line}: {reason}")
    if len(listed) > LISTED_MAX:
        typer.echo(f"  and {len(listed) - LISTED_MAX:,} more:")
        for kind, count in reading.kinds.most_common(LISTED_MAX):
            typer.echo(f"  {count:>8,} × {kind}")
    for warning in checked.warnings:
        typer.echo(f"warning: {warning}")
    raise typer.Exit(0 if reading.rows else 1)
