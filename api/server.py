"""The HTTP server around the application."""

from __future__ import annotations

import contextlib
import gc
import socket
import sys
from functools import partial
from urllib.parse import urlsplit

import structlog
import uvicorn

from api.api_settings import ApiSettings
from api.app import BODY_BYTES_MAX, create_app
from api.asking.beside import NOTHING_BESIDE, Beside
from api.http.busy import Door
from api.http.connections import Connection, Limits
from api.metrics import Metrics
from schemas.settings import masked

log = structlog.get_logger(__name__)

# Longer than any request: 2 s of waiting and some for a slow caller.
SHUTDOWN_S_MAX = 5
# A full collection looks at all that lives: with routes, types and modules 220,000 objects and 130 ms, each
# second under load. What was made before the first request never dies, so it is taken out; the rest mostly
# dies by itself, so full turns may be rare, and the small ones short.
GC_THRESHOLDS = (2_000, 10, 100)
# Of the process's open files: for Kafka, PostgreSQL, Redis, the interpreter's own.
FILES_KEPT = 200


def serve(
    settings: ApiSettings,
    *,
    host: str = "127.0.0.1",
    port: int = 8080,
    beside: Beside = NOTHING_BESIDE,
) -> None:
    """Serves until SIGINT or SIGTERM; running requests are answered first. `beside`: see `create_app`."""
    log.info(
        "serving",
        host=host,
        port=port,
        kafka=masked(settings.kafka),
        postgres=_place(settings.postgres),
        redis=_place(settings.redis),
    )
    gc.set_threshold(*GC_THRESHOLDS)
    with contextlib.suppress(KeyboardInterrupt):
        Server(config(settings, host=host, port=port, beside=beside)).run()


class Server(uvicorn.Server):
    """One whose collector leaves alone what was made before the first request."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        gc.collect()
        gc.freeze()


def _place(url: str) -> str:
    """Host, port and database of a URL: no user and no password."""
    parts = urlsplit(url)
    return f"{parts.netloc.rpartition('@')[2]}{parts.path}"


def _files_max() -> int:
    """How many files this process may have open."""
    if sys.platform == "win32":
        return 8_192
    import resource

    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def config(settings: ApiSettings, *, host: str, port: int, beside: Beside = NOTHING_BESIDE) -> uvicorn.Config:
    metrics = Metrics()
    door = Door(flight_max=settings.api_waiters_max)
    limits = Limits(
        door,
        metrics,
        body_bytes_max=BODY_BYTES_MAX,
        connections_max=min(settings.api_connections_max, _files_max() - FILES_KEPT),
        per_address_max=settings.api_connections_per_address_max,
        head_s=settings.api_head_s_max,
        body_s=settings.api_body_s_max,
    )
    return uvicorn.Config(
        create_app(settings, metrics=metrics, door=door, beside=beside),
        http=partial(Connection, limits=limits),  # type: ignore[arg-type]  # uvicorn only calls it
        ws="none",
        host=host,
        port=port,
        access_log=False,  # the metrics count by route; a line for each request would be work for nobody
        log_level="warning",
        server_header=False,
        proxy_headers=False,  # nothing here asks who a proxy says the client is, so nobody can lie about it
        timeout_keep_alive=75,
        timeout_graceful_shutdown=SHUTDOWN_S_MAX,
        limit_concurrency=None,
        backlog=2048,
    )
