"""The suite bites: each small error that is planted in a copy of the core is found."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutations.errors import ERRORS, SAMPLE

ROOT = Path(__file__).parents[2]


def planted(error: str | None, where: Path) -> subprocess.CompletedProcess[str]:
    """Who finds the error, in a process that has the wrong core; None: the right one."""
    shutil.copytree(ROOT / "streams", where / "streams", ignore=shutil.ignore_patterns("__pycache__"))
    if error is not None:
        wrong = ERRORS[error]
        file = where / "streams" / "core" / wrong.file
        source = file.read_text(encoding="utf-8")
        assert source.count(wrong.text) == 1, f"{error}: {wrong.text!r} does not stand once in {wrong.file}"
        file.write_text(source.replace(wrong.text, wrong.instead), encoding="utf-8")
    # A process of its own: the wrong modules must be nobody else's. It starts in the copy, so finds it first.
    env = {**os.environ, "PYTHONPATH": f"{where}{os.pathsep}{ROOT}", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "tests.mutations.detect"]
    done = subprocess.run(
        command, cwd=where, env=env, capture_output=True, text=True, timeout=900, check=False
    )
    assert done.stdout.startswith(f"of {where / 'streams'}"), done.stderr[-2000:]
    return done


@pytest.mark.parametrize("error", SAMPLE)
def test_a_small_error_is_found(error: str, tmp_path: Path) -> None:
    assert planted(error, tmp_path).returncode == 1


def test_every_error_can_be_planted() -> None:
    for error, wrong in ERRORS.items():
        source = (ROOT / "streams" / "core" / wrong.file).read_text(encoding="utf-8")
        assert source.count(wrong.text) == 1, f"{error}: {wrong.text!r} does not stand once in {wrong.file}"


@pytest.mark.faults
@pytest.mark.timeout(1000)
def test_nothing_is_found_where_nothing_is_wrong(tmp_path: Path) -> None:
    done = planted(None, tmp_path)
    assert done.returncode == 0, done.stdout


@pytest.mark.faults
@pytest.mark.timeout(1000)
@pytest.mark.parametrize("error", sorted(ERRORS.keys() - set(SAMPLE)))
def test_every_small_error_is_found(error: str, tmp_path: Path) -> None:
    done = planted(error, tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr[-2000:]
