"""`spendlog books`: make the books anew from the log."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from infra.database import required_postgres
from infra.output import AsJson, print_json
from infra.rebuild import LostDecision, rebuild
from infra.stack_settings import required_kafka
from schemas.money import Money
from schemas.settings import masked

app = typer.Typer(no_args_is_help=True, help="The books: make them anew from the log.")


@app.callback()
def books() -> None:
    """The books: make them anew from the log."""


@app.command("rebuild")
def rebuild_(
    into: Annotated[
        str,
        typer.Argument(
            envvar="SPENDLOG_POSTGRES_NEW",
            help="URL of another database; made if it is missing.",
            show_default=False,
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Fill another database with all that the log has, and tell what the present books have beyond it.

    For books that are ahead of a log which lost its end: nothing that is booked is taken away. What no log
    tells comes along, once: people, keys, endpoints, receipts, the audit log. May be repeated.
    """
    made = rebuild(required_kafka(), required_postgres("the books that there are"), into)
    if as_json:
        print_json({"partitions": [asdict(one) for one in made.partitions], "carried": made.carried})
        return
    for one in made.partitions:
        lost = f"; the present books have {one.lost:,} that the log does not:" if one.lost else ""
        typer.echo(f"partition {one.partition}: {one.booked:,} decisions booked{lost}")
        for decision in one.first_lost:
            typer.echo(f"  {_line(decision)}")
        if one.lost > len(one.first_lost):
            typer.echo(f"  and {one.lost - len(one.first_lost):,} more")
    if made.carried is None:
        typer.echo("people, keys and all else that no log tells were carried over before, and not once more")
    for table, count in (made.carried or {}).items():
        typer.echo(f"carried over: {count:,} of {table}")
    typer.echo(
        f"now start sinks and API with SPENDLOG_POSTGRES={masked(into)}; the present books stay as they are"
    )


def _line(lost: LostDecision) -> str:
    amount = ""
    if lost.amount is not None and lost.currency is not None:
        amount = f"{Money(lost.amount, lost.currency).decimal()} {lost.currency}"
    words = (lost.position, lost.department, lost.event_type, lost.outcome, lost.authorization_id, amount)
    return "  ".join(word for word in words if word)
