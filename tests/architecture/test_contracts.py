"""Each contract of pyproject.toml speaks when its law is broken: what cannot fail holds nothing."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
#: Contract (how its name begins) -> a module, and the import that it may not have.
BROKEN = {
    "Rooms:": ("infra/cli.py", "import perf.bench"),
    "Door: faust and aiokafka": ("sinks/loop/kafka.py", "import aiokafka"),
    "In streams:": ("streams/core/calendar.py", "import streams.turns"),
    "Door: faust in streams": ("streams/turns.py", "import faust"),
    "Door: river": ("streams/model.py", "import river"),
    "Door: what fits models": ("streams/model.py", "import lightgbm"),
    "Door: what reads pictures": ("api/receipts/door.py", "import rapidocr"),
    "Decisions need no client": ("streams/log.py", "import psycopg"),
    "The core is pure": ("streams/core/calendar.py", "import time"),
    "State is the fold of effects": ("streams/core/apply/budgets.py", "import streams.core.plans"),
    "The default policy": ("sinks/ledger/controls.py", "import schemas.defaults"),
    "The verifier shares only the schemas": ("infra/verify/rates.py", "import streams.core.rates"),
    "Door: psycopg and redis in api": ("api/asking/submit.py", "import redis"),
    "Door: confluent_kafka in api": ("api/http/paths.py", "import confluent_kafka"),
    "In sinks:": ("sinks/loop/consumer.py", "import sinks.status.feed"),
    "Door: psycopg in sinks": ("sinks/ledger/read_models.py", "import psycopg"),
    "The client of the API": ("api/client/call.py", "import schemas.backoff"),
    "In api:": ("api/log/follow.py", "import api.resources.budgets"),
}


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Contract -> KEPT or BROKEN, in a copy of the house in which each law is broken once."""
    copy = tmp_path_factory.mktemp("house")
    for room in CONFIG["root_packages"]:
        shutil.copytree(ROOT / room, copy / room, ignore=_all_but_python)
    shutil.copy(ROOT / "pyproject.toml", copy)
    for module, line in BROKEN.values():
        with (copy / module).open("a") as out:
            out.write(f"\n{line}\n")
    command = [
        sys.executable,
        "-c",
        "from importlinter.cli import lint_imports_command as go; go()",
        "--no-cache",
    ]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1, done.stdout + done.stderr
    said = " ".join(done.stdout.split())
    return {
        name: verdict
        for name in (contract["name"] for contract in CONFIG["contracts"])
        for verdict in re.findall(re.escape(name) + r" (KEPT|BROKEN)", said)
    }


def _all_but_python(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if "." in name and not name.endswith(".py")]


def test_every_contract_is_broken_here_once() -> None:
    names = [contract["name"] for contract in CONFIG["contracts"]]
    assert len(names) == len(BROKEN)
    for start in BROKEN:
        assert sum(name.startswith(start) for name in names) == 1, start


@pytest.mark.parametrize("start", BROKEN)
def test_a_broken_law_is_found(verdicts: dict[str, str], start: str) -> None:
    (verdict,) = [verdict for name, verdict in verdicts.items() if name.startswith(start)]
    assert verdict == "BROKEN"
