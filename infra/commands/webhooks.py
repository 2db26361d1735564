"""`spendlog webhooks`: the sender as a process, and endpoints and deliveries through the API."""

from __future__ import annotations

import typer

from infra.running.commands import SENDER
from infra.supervision import supervise

app = typer.Typer(no_args_is_help=True)


@app.callback()
def webhooks() -> None:
    """Webhooks: send them, and look after endpoints and deliveries."""


@app.command()
def run() -> None:
    """Send queued deliveries until Ctrl-C or SIGTERM. Several may run."""
    raise typer.Exit(supervise("the sender of webhooks", SENDER))
