"""`spendlog dead-letters`: what could not be used, and sending on what came the wrong way."""

import json
from collections import Counter
from typing import Annotated

import typer

from infra import dead_letters
from infra.stack_settings import required_kafka

app = typer.Typer(no_args_is_help=True, help="What could not be used.")


@app.command("list")
def list_(
    as_json: Annotated[bool, typer.Option("--json", help="One document instead of lines of JSON.")] = False,
) -> None:
    """Each with its reason and place, as lines of JSON; counts by reason at the end, on stderr."""
    counts: Counter[str] = Counter()
    letters = []
    sent_on = dead_letters.rerouted(required_kafka())
    for letter in dead_letters.read(required_kafka()):
        counts[letter.reason] += 1
        shown = {
            "id": letter.id,
            "rerouted": letter.id in sent_on,
            "reason": letter.reason,
            "detail": letter.detail,
            "topic": letter.topic,
            "partition": letter.partition,
            "offset": letter.offset,
            "key": None if letter.key is None else letter.key.decode(errors="backslashreplace"),
            "bytes": None if letter.value is None else len(letter.value),
        }
        if as_json:
            letters.append(shown)
        else:
            typer.echo(json.dumps(shown))
    if as_json:
        typer.echo(json.dumps({"dead_letters": letters}, indent=2))
    typer.echo(", ".join(f"{reason}: {count}" for reason, count in counts.most_common()) or "none", err=True)


@app.command()
def show(
    id_: Annotated[str, typer.Argument(metavar="ID", help="partition:offset, as `list` shows it.")],
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of text.")] = False,
) -> None:
    """One letter whole: why, where from, and its bytes as text and in hex."""
    letter = dead_letters.find(required_kafka(), id_)
    shown: dict[str, str | int | None] = {
        "id": letter.id,
        "reason": letter.reason,
        "detail": letter.detail,
        "topic": letter.topic,
    }
    for name, value in (("key", letter.key), ("value", letter.value)):
        shown[f"{name}_bytes"] = None if value is None else len(value)
        shown[f"{name}_text"] = None if value is None else value.decode(errors="backslashreplace")
        shown[f"{name}_hex"] = None if value is None else value.hex()
    if as_json:
        typer.echo(json.dumps(shown, indent=2))
    else:
        for name, what in shown.items():
            typer.echo(f"{name}: {'none' if what is None else what}")


@app.command()
def reroute(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Also those that were sent on before.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of text.")] = False,
) -> None:
    """Send events that were on the wrong partition to their own; each once."""
    if not yes:
        typer.confirm("Send all events that were rejected as wrong_partition again?", abort=True)
    sent = dead_letters.reroute(required_kafka(), again=again)
    typer.echo(json.dumps({"sent": sent}) if as_json else f"{sent} sent")
