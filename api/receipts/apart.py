"""A file is looked at in a process of its own, bounded in time,
memory and CPU: whatever it does to the decoders."""

from __future__ import annotations

import asyncio
import sys
from typing import Final

#: Decisions on card payments have the machine first.
NICE: Final = 10


async def run_apart(module: str, content: bytes, *arguments: str, timeout_s: float) -> bytes | None:
    """What `python -m MODULE ARGUMENTS` makes of `content`; None: it broke, or took too long."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(timeout_s):
            out, _ = await child.communicate(content)
    except TimeoutError:
        return None
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    return out if child.returncode == 0 else None


def bound(*, memory_bytes: int, cpu_s: int) -> None:
    """What such a process may take, said by itself at its start."""
    if sys.platform == "win32":
        return
    import os
    import resource

    os.nice(NICE)
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
