"""``spendlog stack``: the embedded Kafka, PostgreSQL and Valkey."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from infra.output import TextTable, print_json
from infra.processes.signals import termination_raises
from infra.stack.endpoints import SERVICES, Endpoints, ServiceName
from infra.stack.record import StackRecord
from infra.stack.stack import OnProgress, Stack, StackOptions, stack_down
from infra.stack_settings import load_settings
from schemas.exits import ExitStatus
from schemas.settings import masked

app = typer.Typer(no_args_is_help=True, help="The embedded Kafka, PostgreSQL and Valkey.")

Data = Annotated[
    Path | None,
    typer.Option("--data", help="Data folder.", show_default="SPENDLOG_DATA, else .spendlog"),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for a program, passwords included.")]
_LABELS: dict[ServiceName, str] = {"kafka": "Apache Kafka", "postgres": "PostgreSQL", "redis": "Valkey"}
_WATCH_S = 0.5


@app.command()
def up(
    data: Data = None,
    reset: Annotated[
        bool, typer.Option("--reset", help="Delete everything in the data folder first.")
    ] = False,
    foreground: Annotated[bool, typer.Option("--foreground", help="Keep it until Ctrl-C.")] = False,
    kafka_port: Annotated[
        int | None, typer.Option(help="Kafka's TCP port.", show_default="a free one")
    ] = None,
    postgres_port: Annotated[
        int | None, typer.Option(help="PostgreSQL's TCP port.", show_default="a free one")
    ] = None,
    redis_port: Annotated[
        int | None, typer.Option(help="Valkey's TCP port.", show_default="a free one")
    ] = None,
    kafka_heap_mb: Annotated[int, typer.Option(help="Kafka's heap in MiB.")] = 512,
    kafka_full_jit: Annotated[
        bool, typer.Option("--kafka-full-jit", help="Optimising compiler, for long runs.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Start the services and return when they answer; they go on in the background."""
    settings = load_settings()
    data_dir = data or settings.data
    console = Console(stderr=True)
    if (running := _running(data_dir)) is not None:
        if running.services and not reset:
            console.print("already running")
            _show(running, as_json)
            return
        if reset:
            stack_down(data_dir)
    options = StackOptions(kafka_port, postgres_port, redis_port, kafka_heap_mb, kafka_full_jit)
    started_s = time.monotonic()
    with termination_raises(), progress(console) as report:
        stack = Stack(
            data_dir,
            settings=settings,
            options=options,
            mode="foreground" if foreground else "detached",
            reset=reset,
            on_progress=report,
        )
        stack.up()
    console.print(f"ready in {time.monotonic() - started_s:.1f} s")
    _keep(stack, console, foreground=foreground, as_json=as_json)


def _running(data_dir: Path) -> StackRecord | None:
    """What an `up` before left running there, where all of it still lives."""
    record = StackRecord.read(data_dir)
    whole = record is not None and record.services.keys() == record.living().keys()
    return record if record is not None and whole and record.mode == "detached" else None


def _keep(stack: Stack, console: Console, *, foreground: bool, as_json: bool) -> None:
    """Show it, then leave it running; in the foreground watch it until Ctrl-C, and end it."""
    try:
        with termination_raises():
            _show(StackRecord.read(stack.data_dir), as_json)
            if foreground:
                console.print("Ctrl-C ends it")
                while True:
                    time.sleep(_WATCH_S)
                    stack.require_alive()
    except KeyboardInterrupt:
        console.print("ending")
    finally:
        if foreground:
            stack.down()
        else:
            stack.leave_running()


@app.command()
def down(data: Data = None) -> None:
    """Stop exactly the processes that `stack up` started."""
    console = Console(stderr=True)
    data_dir = data or load_settings().data
    with progress(console) as report:
        stopped = stack_down(data_dir, report)
    console.print(f"stopped: {', '.join(stopped)}" if stopped else f"nothing was running in {data_dir}")


@app.command()
def status(data: Data = None, as_json: Json = False) -> None:
    """Show what runs and where. Status 0 when every service runs, else 3."""
    data_dir = data or load_settings().data
    record = StackRecord.read(data_dir)
    if data is None and (record is None or not record.living()):
        data_dir, record = _elsewhere(data_dir) or (data_dir, record)
    if not as_json:
        typer.echo(f"data folder {data_dir.absolute()}", err=True)
    _show(record, as_json)
    if record is None:
        typer.echo("a stack that runs in another folder: --data FOLDER", err=True)
    if record is None or record.services.keys() != record.living().keys():
        raise typer.Exit(ExitStatus.NOT_RUNNING)


def _elsewhere(data_dir: Path) -> tuple[Path, StackRecord] | None:
    """What runs in a folder beside the default one: of the demo, of stories."""
    for path in sorted(data_dir.parent.glob(f"{data_dir.name}-*/stack.json")):
        record = StackRecord.read(path.parent)
        if record is not None and record.living():
            return path.parent, record
    return None


@contextmanager
def progress(console: Console) -> Iterator[OnProgress]:
    """Draws one line for each service on a terminal; elsewhere prints only what is worth a line in a log."""
    columns = (SpinnerColumn(finished_text="•"), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as display:
        tasks = {name: display.add_task(f"{_LABELS[name]:<13}", total=1, visible=False) for name in SERVICES}

        def report(name: ServiceName, state: str) -> None:
            final = state.startswith(("ready", "stopped", "killed"))
            display.update(
                tasks[name],
                description=f"{_LABELS[name]:<13} {state}",
                completed=1 if final else 0,
                visible=True,
            )

        yield report


def _show(record: StackRecord | None, as_json: bool) -> None:
    if as_json:
        print_json(_as_json(record))
        return
    if record is None:
        typer.echo("down")
        return
    living = record.living()
    table = TextTable("service", "state", "process", "address")
    for name in SERVICES:
        service = record.services.get(name)
        state = "external" if service is None else "running" if name in living else "dead"
        table.add(
            _LABELS[name],
            state,
            str(service.process.pid) if service else "",
            masked(getattr(record.endpoints, name)),
        )
    table.print()


def _as_json(record: StackRecord | None) -> dict[str, object]:
    if record is None:
        return {"state": "down"}
    living = record.living()
    endpoints: Endpoints = record.endpoints
    return {
        "state": "running" if living.keys() == record.services.keys() else "degraded" if living else "down",
        "mode": record.mode,
        "services": {
            name: {
                "state": "external"
                if name not in record.services
                else "running"
                if name in living
                else "dead",
                "pid": record.services[name].process.pid if name in record.services else None,
                "address": getattr(endpoints, name),
            }
            for name in SERVICES
        },
        "environment": endpoints.environment(),
    }
