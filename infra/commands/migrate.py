"""`spendlog migrate`: brings the database schema up to date."""

from __future__ import annotations

import typer

from infra.database import required_postgres
from infra.migrate import migrate as apply
from infra.output import AsJson, print_json

app = typer.Typer()


@app.command()
def migrate(as_json: AsJson = False) -> None:
    """Apply the migrations that SPENDLOG_POSTGRES lacks."""
    applied = apply(required_postgres("the database to migrate"))
    if as_json:
        print_json({"applied": applied})
        return
    for name in applied:
        typer.echo(f"applied {name}")
    if not applied:
        typer.echo("up to date")
