"""`spendlog migrate`: brings the database schema up to date."""

from __future__ import annotations

import typer

from infra.migrate import migrate as apply
from infra.output import AsJson, print_json
from infra.settings import load_settings
from schemas.settings import SettingError

app = typer.Typer()


@app.command()
def migrate(as_json: AsJson = False) -> None:
    """Apply the migrations that SPENDLOG_POSTGRES lacks."""
    url = load_settings().postgres
    if url is None:
        raise SettingError("setting SPENDLOG_POSTGRES is missing: the database to migrate")
    applied = apply(url)
    if as_json:
        print_json({"applied": applied})
        return
    for name in applied:
        typer.echo(f"applied {name}")
    if not applied:
        typer.echo("up to date")
