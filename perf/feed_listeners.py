"""How much 1,000 listeners of the live feed cost one API process: `python -m perf.feed_listeners`.

Prints its memory before and with them, and how long a decision takes to the last of them.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
import redis
from rich.console import Console

from infra.running.system import RunningSystem, running_system
from infra.stack_settings import load_settings
from schemas.cache import FEED

LISTENERS = 1_000
EVENTS = 50
_MIB = 1024 * 1024
Ear = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def main(listeners: int = LISTENERS) -> None:
    """Needs about 1,100 open files, here and in the API."""
    os.environ["SPENDLOG_API_CONNECTIONS_PER_ADDRESS_MAX"] = str(listeners + 100)
    with (
        tempfile.TemporaryDirectory() as folder,
        running_system(
            load_settings(), Path(folder), keep=False, port=None, console=Console(stderr=True)
        ) as system,
    ):
        asyncio.run(_measure(system, listeners))


def _api_mib(system: RunningSystem) -> float:
    """Of the API's own process, below its supervisor."""
    port = system.api.rpartition(":")[2]
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if "infra.serving" in words and port in words and "-m" in words and "infra.cli" not in words:
            return float(process.memory_info().rss) / _MIB
    raise LookupError("no API process")


async def _listen(system: RunningSystem, host: str, port: int) -> Ear:
    """Asks again while the API is busy with those who came before."""
    while True:
        reader, writer = await asyncio.open_connection(host, port)
        head = f"GET /v1/feed HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {system.key}\r\n\r\n"
        writer.write(head.encode())
        answer = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " in answer:
            await reader.readuntil(b"retry: 2000\n\n")
            return reader, writer
        if b" 503 " not in answer:
            raise SystemExit(answer.decode() + (await reader.read(2_000)).decode())
        writer.close()
        await asyncio.sleep(0.05)


async def _measure(system: RunningSystem, listeners: int) -> None:
    host, _, port = system.api.removeprefix("http://").partition(":")
    before = _api_mib(system)
    ears = [await _listen(system, host, int(port)) for _ in range(listeners)]
    idle = _api_mib(system)
    store = redis.Redis.from_url(system.endpoints.redis)
    decision = json.dumps({"outcome": "approved", "pad": "x" * 400})
    late_s = []
    for number in range(EVENTS):
        row: Any = {"position": f"0:{number}", "decision": decision}
        started_s = time.monotonic()
        store.xadd(FEED + system.organization, row)
        await asyncio.gather(*(reader.readuntil(b'x"}\n') for reader, _ in ears))
        late_s.append(time.monotonic() - started_s)
    with_events = _api_mib(system)
    late_s.sort()
    sys.stdout.write(
        f"{listeners} listeners: API {before:.0f} MiB before, {idle:.0f} idle, {with_events:.0f} after "
        f"{EVENTS} events; to the last listener p50 {late_s[len(late_s) // 2] * 1000:.0f} ms, "
        f"max {late_s[-1] * 1000:.0f} ms\n"
    )
    for _, writer in ears:
        writer.close()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
