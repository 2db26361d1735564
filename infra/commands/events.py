"""`spendlog events`: go on where card events were lost."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated, Any

import typer

from infra import continuation
from infra.stack_settings import required_kafka

app = typer.Typer(no_args_is_help=True, help="Card events: go on after some were lost.")


@app.callback()
def events() -> None:
    """Card events: go on after some were lost."""


@app.command("continue")
def continue_(
    partition: Annotated[int, typer.Option(min=0, help="The partition that stands still.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without, only say what would be done.")] = False,
    wait: Annotated[
        float, typer.Option(min=0, help="Seconds to wait until what was sent again is decided.")
    ] = 60.0,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of text.")] = False,
) -> None:
    """Close the gap that a broker left which lost decided card events, with a proof.

    Status 1: what was sent again is not decided yet.
    """
    kafka = required_kafka()
    gap = continuation.examine(kafka, partition)
    told: dict[str, Any] = {
        **{name: value for name, value in asdict(gap).items() if name != "undecided"},
        "undecided": len(gap.undecided),
        "fillers": gap.fillers,
        "closed": gap.closed,
    }
    lines = [
        f"partition {partition}: decided up to offset {gap.position}, card events {gap.first} to {gap.end}",
        f"  {gap.kept:,} are the ones that were decided; of {gap.gone:,} decisions the card event is gone",
        f"  {len(gap.undecided):,} were sent since and are not decided; {gap.fillers:,} offsets are missing",
    ]
    decided = True
    if gap.closed:
        lines.append("there is no gap: nothing to do")
    elif not yes:
        lines.append(
            f"--yes fills the missing offsets, sends the {len(gap.undecided):,} again, and deletes all card "
            f"events below offset {gap.position}; the decisions on them stay"
        )
    else:
        done = continuation.close(kafka, gap)
        if done.last_sent is not None:
            decided = continuation.wait_decided(kafka, partition, done.last_sent, wait)
        told |= {**asdict(done), "closed": True, "decided": decided}
        lines.append(
            f"closed: {done.fillers:,} filled, {done.sent_again:,} sent again, "
            + ("all of them decided" if decided else f"not decided after {wait:.0f} s: is a worker running?")
        )
    typer.echo(json.dumps(told, indent=2) if as_json else "\n".join(lines))
    raise typer.Exit(0 if decided else 1)
