"""`spendlog sink ledger|status|webhooks`: one sink in the foreground, until Ctrl-C or SIGTERM."""

from __future__ import annotations

import typer

from infra.running.commands import SINKS
from infra.supervision import supervise

app = typer.Typer(no_args_is_help=True)


@app.callback()
def sink() -> None:
    """From the decision log to PostgreSQL (ledger, webhooks) and Redis (status)."""


@app.command()
def ledger() -> None:
    """Book decisions into PostgreSQL."""
    raise typer.Exit(supervise("the ledger sink", (*SINKS, "ledger")))


@app.command()
def status() -> None:
    """Keep the status cache and the live feed in Redis."""
    raise typer.Exit(supervise("the status sink", (*SINKS, "status")))


@app.command()
def webhooks() -> None:
    """Queue deliveries for the endpoints of webhooks; `spendlog webhooks run` sends them."""
    raise typer.Exit(supervise("the webhook sink", (*SINKS, "webhooks")))
