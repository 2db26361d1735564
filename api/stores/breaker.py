"""A circuit breaker: while a server is away, callers are told so at once instead of each waiting for it.

One slow answer opens nothing: only a try of the breaker's own does, and only such a try closes it again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import structlog

log = structlog.get_logger(__name__)

T = TypeVar("T")


class Breaker:
    """Closed: calls go through. Open: nobody calls, but for a ping now and then.

    Args:
        name: of the server, in log lines.
        ping: returns when the server has answered; raises what keeps it from that.
        ping_s: seconds that a ping may take.
        again_s: seconds between two pings while the server is away. After it has answered, no doubt is looked
            into for so long.
    """

    def __init__(
        self, name: str, ping: Callable[[], Coroutine[Any, Any, None]], *, ping_s: float, again_s: float
    ) -> None:
        self._name = name
        self._ping = ping
        self._ping_s = ping_s
        self._again_s = again_s
        self._asking: asyncio.Task[None] | None = None
        self._opened: asyncio.Future[str] | None = None

    @property
    def opened(self) -> asyncio.Future[str]:
        """Done while it is open; its result says why. Callers that wait for the server wait for this, too."""
        if self._opened is None:
            self._opened = asyncio.get_running_loop().create_future()
        return self._opened

    def doubt(self) -> None:
        """Somebody has waited for long or was turned away: find out whether the server is there."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask())

    async def close(self) -> None:
        """End its own tries."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait([self._asking])

    async def _ask(self) -> None:
        while (why := await self._silence()) is not None:
            if not self.opened.done():
                self.opened.set_result(why)
                log.warning(f"{self._name}_away", error=why, again_s=self._again_s)
            await asyncio.sleep(self._again_s)
        if self.opened.done():
            self._opened = None
            log.info(f"{self._name}_answers_again")
        await asyncio.sleep(self._again_s)

    async def _silence(self) -> str | None:
        """Why the server does not answer; None: it does."""
        try:
            await bounded(self._ping(), self._ping_s)
        except TimeoutError:
            return f"no answer within {self._ping_s} s"
        except Exception as error:  # noqa: BLE001  whatever keeps it from answering keeps callers from it, too
            return str(error).partition("\n")[0] or type(error).__name__
        return None


async def bounded(ask: Coroutine[Any, Any, T], seconds: float, *ends: asyncio.Future[Any]) -> T:
    """What `ask` gives within `seconds`, and before one of `ends` is done; else TimeoutError.

    As a task of its own, which is then cancelled and left behind: a client library that is cancelled asks the
    server to stop and waits for that, and a server that hangs does not answer that either.
    """
    task = asyncio.create_task(ask)
    task.add_done_callback(_seen)
    try:
        await asyncio.wait({task, *ends}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise TimeoutError
    finally:
        task.cancel()  # nothing, where it is done


def _seen(task: asyncio.Task[Any]) -> None:
    """What one that was left behind comes to is nobody's business any more."""
    if not task.cancelled():
        task.exception()
