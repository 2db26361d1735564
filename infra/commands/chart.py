"""`spendlog chart`: the chart of accounts that exports and the close of months go by, through the API."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from infra.commands.export import chart_of
from infra.output import AsJson, TextTable, print_json, visible
from infra.rest import connected

app = typer.Typer(no_args_is_help=True)

_MEMBERS: Final = ("account", "department_id", "category", "mcc", "name", "code")
IfMatch = Annotated[
    str | None,
    typer.Option(help="Only if it is still this one: the tag that `show` prints.", show_default=False),
]


@app.callback()
def chart() -> None:
    """The chart of accounts: which account of your books a booking goes to.

    Called through the API: SPENDLOG_API_URL and SPENDLOG_API_KEY name it and your key, with ledger:read and
    reports:write.
    """


@app.command()
def show(
    as_toml: Annotated[
        bool, typer.Option("--toml", help="As a file that `set` takes, to be changed and set.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show the chart in force, and where what no rule fits is booked."""
    with connected() as api:
        found = api.chart_of_accounts.read.answer()
    body: dict[str, Any] = found.json()
    rules = [{name: rule[name] for name in _MEMBERS if rule.get(name)} for rule in body["rules"]]
    if as_toml:
        # No text of these holds a quote or a backslash.
        for rule in rules:
            lines = [f'{name} = "{value}"' for name, value in rule.items()]
            typer.echo("\n".join(["[[accounts]]", *lines, ""]))
        return
    if as_json:
        print_json({**body, "etag": found.etag})
        return
    table = TextTable("booked on", "of department", "category", "code", "account", "number")
    for rule in rules:
        table.add(*(rule.get(name, "") for name in _MEMBERS))
    for each in body["otherwise"]:
        table.add(each["account"], "", "", "", each["name"], "")
    table.print()
    since = f"set by {body['changed_by']}" if body["changed_by"] else "nobody has set one"
    typer.echo(visible(f"{since}; its tag: {found.etag}"))


@app.command("set")
def set_(
    file: Annotated[Path, typer.Argument(help="TOML, tables [[accounts]]: docs/reports.md.")],
    if_match: IfMatch = None,
) -> None:
    """Set the chart from a file; all exports from now on go by it."""
    rules = chart_of(file)
    with connected() as api:
        found = api.chart_of_accounts.set.answer(rules=rules, if_match=if_match)
    typer.echo(f"{len(found.body.rules):,} rules are set; its tag: {found.etag}")


@app.command()
def default(if_match: IfMatch = None) -> None:
    """Go back to the default chart."""
    with connected() as api:
        found = api.chart_of_accounts.set.answer(rules=[], if_match=if_match)
    typer.echo(f"the default chart is in force; its tag: {found.etag}")
