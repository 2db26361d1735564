"""``spendlog``: the root of the command line. A sub-command's module is imported only when it is called."""

import os
import sys
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import typer
import typer.core
import typer.main

# To add a command NAME: write infra/commands/NAME.py with a typer `app`, and list it here with its help.
# An app with one command is that command; an app with several, or with a callback, is a group.
# What runs (workers, sinks, the API) stays in its own room; the module here only calls it.
COMMANDS = {
    "run": "Everything on this machine in the foreground, to work with.",
    "demo": "Play a story and a seeded stream through everything, or a real card export.",
    "story": "Play stories that are written down, and check every answer and the books.",
    "import": "Card exports: check a file, propose a mapping.",
    "stack": "The embedded Kafka, PostgreSQL and Valkey: up, down, status.",
    "status": "How it all stands: services, workers and sinks by partition.",
    "topics": "Declare the topics in Kafka: apply, diff.",
    "books": "Make the books anew from the log.",
    "migrate": "Bring the database schema up to date.",
    "keys": "API keys: make, list, revoke.",
    "people": "People who sign in: add, list, link, password, remove.",
    "worker": "Decide card events.",
    "sink": "Write decisions out: ledger, status, webhooks.",
    "feed": "Decisions as they are made, on a terminal.",
    "webhooks": "Webhooks: send them, and look after endpoints and deliveries.",
    "receipts": "Receipts: send, list, link to purchases.",
    "jobs": "Do what takes long or is due at a time; what waits, runs, was given up.",
    "ticker": "Let time pass for departments in which nothing happens.",
    "learn": "Fit models from labels, and publish them.",
    "cases": "Payments that somebody should look at: list, show, assign, decide.",
    "requests": "More of a budget, cards, budgets: ask, list, approve, refuse, delegate.",
    "score": "What thresholds on scores would have done.",
    "serve": "The REST API.",
    "events": "Card events: go on after some were lost.",
    "dead-letters": "What could not be used: list, show, reroute.",
    "show": "What the ledger says: budgets, policy, cards, an authorization, balances.",
    "ask": "A question in plain language about purchases and budgets.",
    "reports": "Reports: spend, trend, declines, budgets, forecast, month-end.",
    "chart": "The chart of accounts of exports: show, set, default.",
    "export": "The journal for other programs: beancount, hledger, CSV, OFX.",
    "policies": "A policy for the whole company: apply it, list who has it.",
    "split": "Share a department that outgrows its partition out to shards.",
    "reconcile": "A processor's settlement file against the books.",
    "reconciliations": "Settlement files, what is open in them; closed months.",
    "verify": "Prove the books against the log.",
    "replay": "Decide the log again, and compare byte for byte.",
    "evaluate": "Score labelled requests as a stream would, and compare.",
    "bench": "Measure the figures on this machine.",
}

_ELSEWHERE = {
    "import": "infra.commands.imports",  # a word of Python is no name of a module
    "evaluate": "perf.evaluation.command",
    "bench": "perf.command",  # infra does not know what measures it
}

# Set while a shell asks what could come next.
_COMPLETING = "_SPENDLOG_COMPLETE"

_ROOT_ONLY = {"install_completion", "show_completion"}


def _module(name: str) -> str:
    return _ELSEWHERE.get(name, f"infra.commands.{name.replace('-', '_')}")


class LazyGroup(typer.core.TyperGroup):
    """Lists the commands from the table above and imports the one that is called."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [name for name in COMMANDS if find_spec(_module(name))]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in self.list_commands(ctx):
            return None
        if cmd_name in self.commands:  # only its name and help are asked for
            return self.commands[cmd_name]
        app: typer.Typer = import_module(_module(cmd_name)).app
        app.rich_markup_mode = None  # plain help: no brackets eaten, no column cut, the same in a pipe
        command = typer.main.get_command(app)
        command.name = cmd_name
        command.params = [one for one in command.params if one.name not in _ROOT_ONLY]
        if isinstance(command, typer.core.TyperGroup):
            for one in command.commands.values():  # whole in the list, which else cuts at the width
                one.short_help = (one.help or "").partition("\n\n")[0]
        return command

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] not in COMMANDS:
            self.commands = self._named(ctx)  # for "did you mean"
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        self.commands = self._named(ctx)
        return super().shell_complete(ctx, incomplete)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        self.commands = self._named(ctx)
        super().format_help(ctx, formatter)

    def _named(self, ctx: Any) -> dict[str, Any]:
        names = self.list_commands(ctx)
        return {name: typer.core.TyperCommand(name=name, short_help=COMMANDS[name]) for name in names}


app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,  # main() prints what a person can act on; a defect keeps its traceback
    help="Company card spending as a stream: one owner decides, the log is the truth, the books balance.",
)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"spendlog {version('spendlog')}")
        raise typer.Exit


@app.callback()
def root(
    _version: bool = typer.Option(
        False, "--version", is_eager=True, callback=_print_version, help="Print the version and exit."
    ),
) -> None:
    """Company card spending as a stream: one owner decides, the log is the truth, the books balance."""


def main() -> None:
    """Runs the command line. Errors that a person can act on end it with one message and status 1."""
    from pydantic import ValidationError

    from infra.errors import SpendlogError
    from infra.processes.signals import Terminated
    from infra.stack_settings import one_line
    from schemas.settings import SettingError

    if _COMPLETING in os.environ:
        # The help of a candidate is folded at the width, and a shell takes each line for a candidate.
        os.environ["COLUMNS"] = "10000"
    try:
        app()
    except (SpendlogError, SettingError) as error:
        _fail(str(error))
    except ValidationError as error:
        line = one_line(error)
        if line is None:  # not about settings: a defect, with its traceback
            raise
        _fail(line)
    except Terminated as ended:
        sys.exit(f"ended by {ended}")


def _fail(message: str) -> None:
    sys.exit(f"error: {message}")


if __name__ == "__main__":
    main()
