"""`spendlog ticker`: lets time pass for departments in which nothing happens, until Ctrl-C or SIGTERM."""

from __future__ import annotations

import typer

from infra.running.commands import TICKER
from infra.supervision import supervise

app = typer.Typer()


@app.command()
def ticker() -> None:
    """Write a clock event for each department in which a hold is due. Several may run."""
    raise typer.Exit(supervise("the ticker", TICKER))
