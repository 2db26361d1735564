"""`spendlog worker`: Faust's own worker command, started again whenever it crashes."""

from __future__ import annotations

from typing import Annotated

import typer

from infra.running.commands import WORKER
from infra.supervision import supervise
from streams.stream_settings import StreamSettings

app = typer.Typer()


@app.command()
def worker(
    instance: Annotated[
        str | None,
        typer.Option(help="Name of this worker, unique in its group.", show_default="HOST-worker"),
    ] = None,
) -> None:
    """Decide card events in the foreground, until Ctrl-C or SIGTERM."""
    StreamSettings()  # a wrong setting is told here in one line, before anything starts
    env = {} if instance is None else {"SPENDLOG_WORKER_INSTANCE": instance}
    raise typer.Exit(supervise("the worker", (*WORKER, "-l", "info"), env))
