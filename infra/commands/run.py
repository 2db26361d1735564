"""`spendlog run`: everything in the foreground, to work with."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from infra.demo.summary import show_how_to_ask
from infra.processes.signals import termination_raises
from infra.running.system import running_system
from infra.stack.tcp_ports import free_port, is_free
from infra.stack_settings import load_settings

app = typer.Typer()

PORT = 8080
_WATCH_S = 0.5


@app.command()
def run(
    data: Annotated[
        Path | None,
        typer.Option(help="Data folder.", show_default="SPENDLOG_DATA, else .spendlog"),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65_535, help="The API's.", show_default="8080, else a free one"),
    ] = None,
    organization: Annotated[str, typer.Option(help="Whose API key is made.")] = "techcorp",
) -> None:
    """Start the services, worker, sinks, ticker, webhooks, jobs and API; Ctrl-C ends it all.

    What was there before goes on.

    For one machine. docs/operations.md says how the parts are started each for itself.
    """
    settings = load_settings()
    console = Console(soft_wrap=True)
    chosen = port or (PORT if is_free(PORT) else free_port(set()))
    with (
        termination_raises(),
        running_system(
            settings,
            data or settings.data,
            keep=True,
            port=chosen,
            console=console,
            organization=organization,
            complete=True,
        ) as system,
    ):
        show_how_to_ask(console, system)
        console.print("[bold]serving; Ctrl-C ends everything[/]")
        sys.stdout.flush()
        try:
            while True:
                time.sleep(_WATCH_S)
                system.require_alive()
        except KeyboardInterrupt:
            console.print("ending", style="dim")
