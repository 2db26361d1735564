"""`spendlog feed`: decisions on a terminal, as they are made."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from infra.output import AsJson, visible
from infra.rest import connected
from schemas.money import Money

app = typer.Typer()


@app.command()
def feed(
    department: Annotated[str | None, typer.Option(help="Only of this one.")] = None,
    outcome: Annotated[str | None, typer.Option(help="Only these: declined, approved, ...")] = None,
    last: Annotated[str | None, typer.Option(help="Go on after the event with this id.")] = None,
    events: Annotated[int, typer.Option(min=0, help="End after so many; 0: never.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Show decisions as they are made, until Ctrl-C. After a break it goes on where it was."""
    with connected() as api:
        stream = api.listen(department_id=department, outcome=outcome, last_event_id=last)
        try:
            for number, event in enumerate(stream, 1):
                typer.echo(json.dumps({"id": event.id, **event.data}) if as_json else _line(event.data))
                if number == events:
                    break
        except KeyboardInterrupt:
            pass


def _line(data: dict[str, Any]) -> str:
    if "outcome" not in data:  # a gap
        return visible(str(data.get("detail", data)))
    money = ""
    if data.get("amount") is not None and data.get("currency"):
        money = str(Money(data["amount"], data["currency"]))
    words = [
        str(data.get("occurred_at", "")),
        str(data["outcome"]),
        str(data.get("event_type", "")),
        str(data.get("department", "")),
        str(data.get("authorization", "")),
        money,
        str(data.get("sentence", "")),
        data["position"],
    ]
    return visible("  ".join(word for word in words if word))
