"""Whether requirements.lock keeps the time frame of SECURITY.md: `python -m infra.lock_age [--days 30]`.

What pyproject.toml allows is resolved once more, by uv, with what had been published so many days ago. A
version in the lock that is older than that one is late: the mended one could be had for so long.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

ROOT: Final = Path(__file__).parents[1]
DAYS: Final = 30  # SECURITY.md, Libraries
RESOLVE_S_MAX: Final = 600
_PIN: Final = re.compile(r"^([a-z0-9][a-z0-9._-]*)==([^\s;\\]+)", re.MULTILINE)


def asked_for(project: Mapping[str, Any]) -> list[str]:
    """What pyproject.toml's table `project` asks for, `dev` too, without lower bounds: one that was raised
    lately would ask for what had not been published then."""
    given = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    return [str(_without_floor(Requirement(one))) for one in given]


def _without_floor(one: Requirement) -> Requirement:
    kept = [
        f"<={part.version}" if part.operator == "==" else str(part)
        for part in one.specifier
        if part.operator not in (">=", ">")
    ]
    one.specifier = SpecifierSet(",".join(kept))
    return one


def pins(text: str) -> dict[str, Version]:
    """Name -> its version in a lock; of several for several systems the newest."""
    found: dict[str, Version] = {}
    for name, version in _PIN.findall(text):
        found[name] = max(Version(version), found.get(name, Version("0")))
    return found


def late(locked: Mapping[str, Version], due: Mapping[str, Version]) -> list[str]:
    """A line for each that is older than it must be; what only one of the two has is left out."""
    return [
        f"{name} {version}, and {due[name]} could have been"
        for name, version in sorted(locked.items())
        if name in due and version < due[name]
    ]


def resolved(asked: Iterable[str], until: datetime) -> dict[str, Version]:
    """With what had been published until then. Raises RuntimeError with uv's words."""
    command = [
        *(sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal", "--python-version", "3.11"),
        *("--no-header", "--no-annotate", "--exclude-newer", f"{until:%Y-%m-%dT%H:%M:%SZ}", "-"),
    ]
    done = subprocess.run(
        command, input="\n".join(asked), capture_output=True, text=True, timeout=RESOLVE_S_MAX
    )
    if done.returncode:
        raise RuntimeError(done.stderr.strip())
    return pins(done.stdout)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--days", type=int, default=DAYS)
    days = parser.parse_args(arguments).days
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    due = resolved(asked_for(project), datetime.now(UTC) - timedelta(days=days))
    locked = pins((ROOT / "requirements.lock").read_text())
    lines = [f"locked is {line} for {days} days" for line in late(locked, due)]
    compared = len(locked.keys() & due.keys())
    for line in lines or [f"none of {compared} libraries is behind what could be had {days} days ago"]:
        sys.stdout.write(f"{line}\n")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
