"""`--help` of every command: each default and every word is there, whatever the width."""

from __future__ import annotations

import importlib

import pytest
import typer.main
from typer.core import TyperGroup
from typer.testing import CliRunner

from infra.cli import COMMANDS, _module, app
from tests.infra.support import spendlog

ROOT_GROUP = typer.main.get_command(app)


def every_command() -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = [()]
    for name in COMMANDS:
        sub = importlib.import_module(_module(name)).app
        command = typer.main.get_command(sub)
        found.append((name,))
        if isinstance(command, TyperGroup):
            found += [(name, one) for one in command.commands]
    return found


def words(text: str) -> str:
    """Without spaces and line ends: also a hyphen may end a line."""
    return "".join(text.split())


def command_of(path: tuple[str, ...]) -> object:
    command = ROOT_GROUP
    for name in path:
        assert isinstance(command, TyperGroup)
        with command.make_context("spendlog", [], resilient_parsing=True) as context:
            found = command.get_command(context, name)
        assert found is not None
        command = found
    return command


@pytest.mark.parametrize("path", every_command(), ids=" ".join)
@pytest.mark.parametrize("width", [80, 200])
def test_help_shows_every_word_and_default(path: tuple[str, ...], width: int) -> None:
    done = CliRunner().invoke(
        app, [*path, "--help"], env={"COLUMNS": str(width), "TERMINAL_WIDTH": str(width)}
    )
    assert done.exit_code == 0, done.output
    said = words(done.output)
    assert "…" not in said
    assert "\x1b" not in done.output
    assert max(map(len, done.output.splitlines())) <= max(width, 80)
    command = command_of(path)
    for option in command.params:  # type: ignore[attr-defined]
        if option.param_type_name != "option":
            continue
        assert option.opts[0] in said
        if getattr(option, "help", None):
            assert words(option.help) in said
        shown = option.show_default
        if isinstance(shown, str):
            assert words(f"default: ({shown})") in said
        elif option.default not in (None, False, ()) and shown is not False and not option.is_flag:
            assert words(f"default: {option.default}") in said, option.name
    if isinstance(command, TyperGroup) and path:
        for one in command.commands.values():
            assert words((one.help or "").partition("\n\n")[0]) in said, one.name


PRINTS_DATA = {
    *(("show", name) for name in ("budgets", "requests", "policy", "cards", "authorization", "balances")),
    *(("show", name) for name in ("accounts", "trial-balance")),
    *(("keys", name) for name in ("create", "list", "revoke", "sealing")),
    *(("policies", name) for name in ("apply", "list")),
    *(("topics", name) for name in ("diff", "apply")),
    *(("stack", name) for name in ("up", "status")),
    *(("dead-letters", name) for name in ("list", "show", "reroute")),
    *(("import", "check"), ("events", "continue"), ("status",), ("ask",)),
    *((name,) for name in ("migrate", "verify", "replay", "story")),
}


@pytest.mark.parametrize("path", sorted(PRINTS_DATA), ids=" ".join)
def test_what_prints_data_prints_json_too(path: tuple[str, ...]) -> None:
    options = [name for option in command_of(path).params for name in option.opts]  # type: ignore[attr-defined]
    assert "--json" in options


def test_every_command_of_show_and_keys_is_among_them() -> None:
    groups = {"show", "keys", "policies", "topics"}
    assert {path for path in every_command() if len(path) == 2 and path[0] in groups} <= PRINTS_DATA


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("stak",), "Did you mean 'stack'"),
        (("shwo",), "Did you mean 'show'"),
        (("keys", "lst"), "Did you mean 'list'"),
        (("show", "budget", "a/b"), "Did you mean 'budgets'"),
        (("stack", "up", "--rest"), "--reset"),
        (("keys", "create"), "--organization"),
        (("show", "budgets"), "ORGANIZATION/DEPARTMENT"),
    ],
)
def test_a_wrong_word_ends_with_status_2_and_says_what_is_near(arguments: tuple[str, ...], says: str) -> None:
    done = CliRunner().invoke(app, list(arguments))
    assert done.exit_code == 2
    assert says in done.stderr
    assert done.stdout == ""


def test_without_arguments_it_shows_its_help() -> None:
    done = spendlog()
    assert "Usage: " in done.stdout + done.stderr
    assert done.returncode == 2
