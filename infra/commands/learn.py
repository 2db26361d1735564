"""`spendlog learn`: fits models from labels and publishes them, until Ctrl-C or SIGTERM."""

from __future__ import annotations

import typer

from infra.running.commands import LEARNER
from infra.supervision import supervise

app = typer.Typer()


@app.command()
def learn() -> None:
    """Learn from the labels in the log, and publish models that score from their place in the log on."""
    raise typer.Exit(supervise("the learner", LEARNER))
