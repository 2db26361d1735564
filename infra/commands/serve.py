"""`spendlog serve`: the HTTP API in the foreground, until Ctrl-C or SIGTERM; started again if it ends."""

from __future__ import annotations

import socket
from typing import Annotated

import typer

from api.api_settings import ApiSettings
from infra.running.commands import API
from infra.supervision import supervise
from schemas.settings import SettingError, read_settings

app = typer.Typer()


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for all.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="TCP port; 0 for a free one.")] = 8080,
) -> None:
    """Serve the HTTP API; its reference is at /docs."""
    read_settings(ApiSettings)
    place = ("--host", host, "--port", str(_listenable(host, port)))
    raise typer.Exit(supervise("the API", (*API, *place)))


def _listenable(host: str, port: int) -> int:
    """The port, or a free one for 0, for every start. Raises SettingError when nobody can listen there."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
            return int(trial.getsockname()[1])
    except OSError as error:
        raise SettingError(f"cannot listen on {host} port {port}: {error.strerror or error}") from None
