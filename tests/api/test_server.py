"""The server around the application."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import uvicorn

from api.server import Server
from infra.stack.tcp_ports import free_port


async def nothing(scope: Any, receive: Any, send: Any) -> None:
    """An application that nobody asks."""


def test_what_lives_before_the_first_request_is_no_work_for_the_collector() -> None:
    async def start() -> None:
        server = Server(uvicorn.Config(nothing, port=free_port(set()), lifespan="off", log_level="warning"))
        server.config.load()
        server.lifespan = server.config.lifespan_class(server.config)
        await server.startup()
        try:
            assert gc.get_freeze_count() > before + 10_000
        finally:
            await server.shutdown()

    before = gc.get_freeze_count()
    try:
        asyncio.run(start())
    finally:
        gc.unfreeze()
