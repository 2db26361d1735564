"""A broker whose metadata comes late: a proxy that speaks enough of Kafka's protocol to hold it back.

It puts its own port in the place of the broker's in what it passes on, so that clients stay with it.
"""

from __future__ import annotations

import asyncio
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

METADATA, FIND_COORDINATOR = 3, 10


class SlowKafka:
    """Forwards `port` on 127.0.0.1 to the broker at `target`; metadata takes `delay_s` more."""

    def __init__(self, target: str) -> None:
        host, _, port = target.rpartition(":")
        self._target = (host, int(port))
        self.delay_s = 0.0
        self.delayed = 0
        self.port = 0

    async def serve(self) -> asyncio.Server:
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked: dict[int, int] = {}
        broker_reader, broker_writer = await asyncio.open_connection(*self._target)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._requests(reader, broker_writer, asked))
                both.create_task(self._responses(broker_reader, writer, asked))
        except* (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # one side has ended, or the test has
        finally:
            writer.close()
            broker_writer.close()

    async def _requests(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: dict[int, int]
    ) -> None:
        while True:
            frame = await _frame(reader)
            kind, _, correlation = struct.unpack(">hhi", frame[:8])
            asked[correlation] = kind
            writer.write(struct.pack(">i", len(frame)) + frame)
            await writer.drain()

    async def _responses(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: dict[int, int]
    ) -> None:
        host, port = self._target
        theirs, ours = (host.encode() + struct.pack(">i", number) for number in (port, self.port))
        while True:
            frame = await _frame(reader)
            kind = asked.pop(struct.unpack(">i", frame[:4])[0], None)
            if kind in (METADATA, FIND_COORDINATOR):
                frame = frame.replace(theirs, ours)
            if kind == METADATA and self.delay_s:
                await asyncio.sleep(self.delay_s)
                self.delayed += 1
            writer.write(struct.pack(">i", len(frame)) + frame)
            await writer.drain()


async def _frame(reader: asyncio.StreamReader) -> bytes:
    return await reader.readexactly(struct.unpack(">i", await reader.readexactly(4))[0])


@contextmanager
def slow_kafka(target: str) -> Iterator[SlowKafka]:
    """In a thread of its own."""
    proxy = SlowKafka(target)
    started, stop = threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def main() -> None:
        server = await proxy.serve()
        loops.append(asyncio.get_running_loop())
        started.set()
        await stop.wait()
        server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    thread = threading.Thread(target=asyncio.run, args=(main(),), name="slow-kafka")
    thread.start()
    assert started.wait(10)
    try:
        yield proxy
    finally:
        loops[0].call_soon_threadsafe(stop.set)
        thread.join(60)
