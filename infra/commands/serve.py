"""`spendlog serve`: the HTTP API in the foreground, until Ctrl-C or SIGTERM."""

from __future__ import annotations

from typing import Annotated

import typer

from api.logs import configure_logs
from api.server import serve as serve_api
from api.settings import SettingsError, load_settings
from infra.errors import SettingError

app = typer.Typer()


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for all.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="TCP port; 0 for a free one.")] = 8080,
) -> None:
    """Serve the HTTP API; its reference is at /docs."""
    try:
        settings = load_settings()
    except SettingsError as error:
        raise SettingError(str(error)) from None
    configure_logs()
    serve_api(settings, host=host, port=port)
