"""Completion in real shells, as `--install-completion` leaves it for the next one that is started."""

from __future__ import annotations

import importlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main
from typer.core import TyperGroup

from api.access.keys import Scope
from infra.cli import COMMANDS, _module
from tests.infra.support import environment

BINARY = Path(sys.executable).parent / "spendlog"
# What bash does at TAB: the function that `complete -p` names, with the words and which of them is meant.
BASH = """
set -- {line}
[ -n "{last}" ] || set -- "$@" ""
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
eval "$(complete -p spendlog | sed 's/.*-F \\([^ ]*\\) spendlog/\\1 spendlog/')"
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def shell(name: str, home: Path, *arguments: str, **more: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    env = environment(
        {"HOME": str(home), "PATH": f"{BINARY.parent}:/usr/bin:/bin", "TERM": "dumb", "COLUMNS": "80", **more}
    )
    done = subprocess.run([found, *arguments], env=env, capture_output=True, text=True, timeout=60, cwd=home)
    return done.stdout


def installed(name: str, home: Path) -> None:
    told = shell(name, home, "-c", "spendlog --install-completion; true")
    assert f"{name} completion installed" in told


CANDIDATES = [
    ("spendlog st", {"story", "stack", "status"}),
    ("spendlog dead", {"dead-letters"}),
    ("spendlog stack ", {"up", "down", "status"}),
    ("spendlog keys re", {"revoke"}),
    ("spendlog verify --js", {"--json"}),
    ("spendlog keys create --org", {"--organization"}),
    ("spendlog keys create --scope ", {scope.value for scope in Scope}),
    ("spendlog keys create --organization acme --scope led", {"ledger:read", "ledger:correct"}),
    ("spendlog xyz", set()),
    ("spendlog story ", set()),  # a file: the shell's own
]


def test_bash_completes_commands_options_and_values(tmp_path: Path) -> None:
    installed("bash", tmp_path)
    for line, wanted in CANDIDATES:
        last = "" if line.endswith(" ") else "x"
        found = shell("bash", tmp_path, "-ic", BASH.format(line=line, last=last))
        assert set(found.split()) == wanted, line
    assert "-o default" in shell("bash", tmp_path, "-ic", "complete -p spendlog"), "files are the shell's"


def test_fish_completes_commands_options_and_values(tmp_path: Path) -> None:
    installed("fish", tmp_path)
    for line, wanted in CANDIDATES[:-2]:
        found = shell("fish", tmp_path, "-c", f"complete -C '{line}'")
        assert {one.partition("\t")[0] for one in found.splitlines()} == wanted, line
    (tmp_path / "story.txt").touch()
    assert "story.txt" in shell("fish", tmp_path, "-c", "complete -C 'spendlog story '")


# Typer's script takes the first TAB of a shell for loading itself, and completes from the second on.
ZSH = """
zmodload zsh/zpty
zpty -b z zsh -i
zpty -w z 'PS1=READY'
sleep 1
zpty -w -n z $'spendlog verify --js\\t'
for n in {1..150}; do
  zpty -r -t z part && print -rn -- "$part" && line+=$part
  [[ $line == *--js* ]] && (( n % 20 == 0 )) && zpty -w -n z $'\\t'
  [[ $line == *--js*on* ]] && break
  sleep 0.1
done
"""


def test_zsh_completes_a_line_as_it_is_typed(tmp_path: Path) -> None:
    installed("zsh", tmp_path)
    shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|[\x00-\x08]", "", shell("zsh", tmp_path, "-c", ZSH, TERM="vt100"))
    assert "spendlog verify --json" in shown


def groups() -> list[str]:
    apps = {name: typer.main.get_command(importlib.import_module(_module(name)).app) for name in COMMANDS}
    return [name for name, command in apps.items() if isinstance(command, TyperGroup)]


@pytest.mark.parametrize("name", groups())
def test_each_candidate_is_one_line_whatever_its_help_says(name: str, tmp_path: Path) -> None:
    """As fish reads them: the value, a tab, and the help."""
    command = typer.main.get_command(importlib.import_module(_module(name)).app)
    assert isinstance(command, TyperGroup)
    asked = {
        "_SPENDLOG_COMPLETE": "complete_fish",
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        "_TYPER_COMPLETE_ARGS": f"spendlog {name} ",
    }
    found = shell("sh", tmp_path, "-c", "spendlog", **asked, COLUMNS="40")
    assert {one.partition("\t")[0] for one in found.splitlines()} == set(command.commands)
