"""Other Python processes for the tests of this folder."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil

from infra.stack_settings import load_settings

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 90


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Without the settings of this run's shell, but with its cache of jars."""
    own = {
        "PATH": "/usr/bin:/bin:/usr/sbin:/sbin",
        "HOME": str(Path.home()),
        "COLUMNS": "200",
        "PYTHONPATH": str(ROOT),
    }
    settings = load_settings()
    return own | {"SPENDLOG_CACHE": str(settings.cache), "SPENDLOG_MAVEN": settings.maven} | dict(extra or {})


def spendlog(
    *arguments: str | Path, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs the command line to its end."""
    return subprocess.run(
        [sys.executable, "-m", "infra.cli", *map(str, arguments)],
        env=environment(env),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )


@contextmanager
def python(*arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
    """Another Python process for a ``with`` block, with its standard output and error as pipes."""
    with subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def services_of(folder: Path) -> set[str]:
    """Names of the living processes that work below this folder: the services of its stack."""
    found = set()
    for process in psutil.process_iter(["name", "cwd", "status"]):
        below = Path(process.info["cwd"] or "/").is_relative_to(folder)
        if below and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.add(process.info["name"])
    return found
