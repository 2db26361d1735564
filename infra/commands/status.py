"""`spendlog status`: how the whole system stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import typer
from msgspec import to_builtins
from rich.console import Console

from api.stores.jobs import QueueStanding
from infra.output import AsJson, TextTable, print_json
from infra.stack_settings import load_settings, required_kafka
from infra.status import PartitionStatus, SystemStatus, system_status
from schemas.exits import ExitStatus
from streams.stream_settings import StreamSettings

app = typer.Typer()


@app.command()
def status(as_json: AsJson = False) -> None:
    """Show services, and each partition with workers and sinks. Status 3 when one is away or stands still."""
    settings = load_settings()
    found = system_status(required_kafka(), settings.postgres, settings.redis, StreamSettings().topic_prefix)
    if as_json:
        print_json(_as_json(found))
    else:
        show(found)
    raise typer.Exit(0 if found.well else ExitStatus.NOT_RUNNING)


def _as_json(found: SystemStatus) -> dict[str, object]:
    def shown(one: PartitionStatus) -> dict[str, object]:
        return asdict(one) | {"since": None if one.since is None else one.since.isoformat()}

    return {
        "state": "well" if found.well else "not_well",
        "services": [asdict(service) for service in found.services],
        "missing_topics": found.missing_topics,
        "partitions": [shown(one) for one in found.partitions],
        "dead_letters": found.dead_letters,
        "queues": [to_builtins(queue) | {"stuck": queue.is_stuck} for queue in found.queues],
    }


def show(found: SystemStatus) -> None:
    """Tables for people, then each trouble in words."""
    console = Console(soft_wrap=True)
    services = TextTable("service", "state", "why")
    for service in found.services:
        services.add(service.name, "up" if service.why is None else "away", service.why)
    services.print(console)
    if found.partitions:
        table = TextTable("part", "partition", "state", "process", "position", "lag", "progress", left=4)
        for one in found.partitions:
            numbers = (one.position, one.lag, one.progress_s)
            position, lag, progress = ("" if number is None else f"{number:,}" for number in numbers)
            state = one.state.replace("_", " ")
            table.add(
                one.part,
                str(one.partition),
                state,
                one.process,
                position,
                lag,
                progress and f"{progress} s ago",
            )
        console.print()
        table.print(console)
    if found.missing_topics:
        told = f"there is no topic {', '.join(found.missing_topics)}"
        remedy = (
            "in a new system `spendlog topics apply`; else restore what was lost first, it makes empty ones"
        )
        console.print(f"\n{told}\n  what to do: {remedy}", markup=False, highlight=False)
    for one in found.partitions:
        if one.why is not None:
            since = "" if one.since is None else f" since {one.since:%Y-%m-%d %H:%M:%S} UTC"
            told = f"{one.part} {one.partition} {one.state.replace('_', ' ')}{since}: {one.why}"
            console.print(f"\n{told}\n  what to do: {one.remedy}", markup=False, highlight=False)
    if void := sum(one.void for one in found.partitions if one.part == "worker"):
        passed = f"\n{void:,} records of replaced owners were passed over: void by rule, nothing to do"
        console.print(passed, markup=False, highlight=False)
    if found.dead_letters:
        letters = f"\n{found.dead_letters:,} dead letters: `spendlog dead-letters list`"
        console.print(letters, markup=False, highlight=False)
    _show_queues(console, found.queues)


def _show_queues(console: Console, queues: Sequence[QueueStanding]) -> None:
    if not queues:
        return
    table = TextTable("queue", "due", "later", "running", "given up", left=1)
    for one in queues:
        numbers = (one.due, one.later, one.running, one.failed)
        table.add(one.queue, *(f"{number:,}" for number in numbers))
    console.print()
    table.print(console)
    for one in queues:
        if one.is_stuck:
            command = "spendlog webhooks run" if one.queue == "webhooks" else "spendlog jobs"
            told = f"queue {one.queue}: nobody has taken a job for {one.oldest_s:,.0f} s"
            console.print(f"\n{told}\n  what to do: start `{command}`", markup=False, highlight=False)
    if any(one.failed for one in queues):
        told = "jobs were given up: `spendlog jobs list --failed` says why, `... retry` tries one again"
        console.print(f"\n{told}", markup=False, highlight=False)
