"""The HTTP server around the application."""

from __future__ import annotations

import contextlib
from urllib.parse import urlsplit

import structlog
import uvicorn

from api.app import create_app
from api.settings import Settings

log = structlog.get_logger(__name__)

# Longer than any request: 2 s of waiting and some for a slow caller.
SHUTDOWN_S_MAX = 5


def serve(settings: Settings, *, host: str = "127.0.0.1", port: int = 8080) -> None:
    """Serves until SIGINT or SIGTERM; running requests are answered first."""
    log.info(
        "serving",
        host=host,
        port=port,
        kafka=settings.kafka,
        postgres=_place(settings.postgres),
        redis=_place(settings.redis),
    )
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config(settings, host=host, port=port)).run()


def _place(url: str) -> str:
    """Host, port and database of a URL: no user and no password."""
    parts = urlsplit(url)
    return f"{parts.netloc.rpartition('@')[2]}{parts.path}"


def config(settings: Settings, *, host: str, port: int) -> uvicorn.Config:
    return uvicorn.Config(
        create_app(settings),
        host=host,
        port=port,
        access_log=False,  # the metrics count by route; a line for each request would be work for nobody
        log_level="warning",
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=SHUTDOWN_S_MAX,
        limit_concurrency=None,
        backlog=2048,
    )
