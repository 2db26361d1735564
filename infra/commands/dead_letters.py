"""`spendlog dead-letters`: what could not be used, and sending on what came the wrong way."""

import json
from collections import Counter
from typing import Annotated

import typer

from infra import dead_letters
from infra.settings import required_kafka

app = typer.Typer(no_args_is_help=True, help="What could not be used.")


@app.command("list")
def list_() -> None:
    """Each with its reason and place, as lines of JSON; counts by reason at the end, on stderr."""
    counts: Counter[str] = Counter()
    for letter in dead_letters.read(required_kafka()):
        counts[letter.reason] += 1
        shown = {
            "reason": letter.reason,
            "detail": letter.detail,
            "topic": letter.topic,
            "partition": letter.partition,
            "offset": letter.offset,
            "key": None if letter.key is None else letter.key.decode(errors="backslashreplace"),
            "bytes": None if letter.value is None else len(letter.value),
        }
        typer.echo(json.dumps(shown))
    typer.echo(", ".join(f"{reason}: {count}" for reason, count in counts.most_common()) or "none", err=True)


@app.command()
def reroute(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Send events that were on the wrong partition to their own; harmless when repeated."""
    if not yes:
        typer.confirm("Send all events that were rejected as wrong_partition again?", abort=True)
    typer.echo(f"{dead_letters.reroute(required_kafka())} sent")
