"""The API's description by the strict rules of redocly: `python -m infra.openapi_lint` (`make lint-api`).

Needs Node with npm; the linter is installed once, into the user's cache folder, without its scripts.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from platformdirs import user_cache_path

from infra.client_code import described

VERSION: Final = "2.77.0"
#: All that redocly recommends, and what it only warns of is an error.
RULES: Final = "recommended-strict"
INSTALL_S_MAX: Final = 300
LINT_S_MAX: Final = 300


class NoLinter(Exception):
    """The message says what is missing."""


def installed(folder: Path | None = None) -> Path:
    """The linter's program, installed into `folder` unless it is there. Raises NoLinter."""
    folder = folder or user_cache_path("spendlog") / f"redocly-{VERSION}"
    program = folder / "node_modules" / ".bin" / "redocly"
    if program.exists():
        return program
    npm = shutil.which("npm")
    if npm is None:
        raise NoLinter("npm is needed (Debian: npm)")
    folder.mkdir(parents=True, exist_ok=True)
    command = [npm, "install", "--prefix", str(folder), "--ignore-scripts", "--no-audit", "--no-fund"]
    try:
        done = subprocess.run(
            [*command, f"@redocly/cli@{VERSION}"], capture_output=True, text=True, timeout=INSTALL_S_MAX
        )
    except subprocess.TimeoutExpired:
        raise NoLinter(f"npm installed nothing in {INSTALL_S_MAX} s") from None
    if done.returncode or not program.exists():
        raise NoLinter(f"npm could not install it: {done.stderr.strip()[-500:]}")
    return program


def linted(program: Path, description: Any) -> tuple[bool, str]:
    """Whether the linter shows nothing, and what it says."""
    with TemporaryDirectory() as folder:
        (Path(folder) / "openapi.json").write_text(json.dumps(description))
        quiet = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true", "NO_COLOR": "1"}
        done = subprocess.run(
            [str(program), "lint", "--extends", RULES, "openapi.json"],
            cwd=folder,
            env={**os.environ, **quiet},
            capture_output=True,
            text=True,
            timeout=LINT_S_MAX,
        )
    return done.returncode == 0, f"{done.stdout}{done.stderr}".strip()


def main() -> int:
    try:
        good, words = linted(installed(), described())
    except NoLinter as missing:
        good, words = False, str(missing)
    sys.stdout.write(f"{words}\n")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
