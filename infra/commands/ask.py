"""`spendlog ask "..."`: a question in plain language, answered by the API."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

import typer

from infra.output import AsJson, TextTable, print_json, visible
from infra.rest import connected
from schemas.money import exponent

app = typer.Typer()


@app.command()
def ask(
    question: Annotated[
        str, typer.Argument(help="For example: travel over 500 in Sales last quarter by merchant.")
    ],
    as_json: AsJson = False,
) -> None:
    """Answer a question about purchases and budgets: a number and a table. It changes nothing."""
    with connected() as api:
        answer = api.questions.ask.answer(question=question).json()
    if as_json:
        print_json(answer)
        return
    typer.echo(visible(answer["sentence"]))
    for one in answer["corrected"]:
        typer.echo(visible(f"“{one['word']}” was taken for “{one['taken_for']}”"), err=True)
    typer.echo(visible(answer["headline"]))
    columns = answer["columns"]
    if not answer["rows"] or not any(column["kind"] in ("text", "time") for column in columns):
        return
    left = next((n for n, one in enumerate(columns) if one["kind"] not in ("text", "time")), len(columns))
    after = [n for n, one in enumerate(columns) if n > left and one["kind"] in ("text", "time")]
    order = [*range(left), *after, *(n for n in range(left, len(columns)) if n not in after)]
    table = TextTable(*(columns[n]["name"] for n in order), left=left + len(after))
    for row in answer["rows"]:
        table.add(*(_text(row[n]) for n in order))
    table.print()


def _text(cell: Any) -> str:
    if isinstance(cell, dict):
        amount = Decimal(cell["minor"]).scaleb(-exponent(cell["currency"]))
        return f"{amount:,f} {cell['currency']}"
    return "" if cell is None else str(cell)
