"""`spendlog jobs`: does jobs until Ctrl-C or SIGTERM; and what waits, runs or was given up."""

from __future__ import annotations

from typing import Annotated, Final, LiteralString

import typer
from psycopg.rows import class_row

from api.stores.jobs import JobStanding
from infra.database import connected_to_postgres
from infra.errors import SpendlogError
from infra.jobs.asking import ask_proof
from infra.output import AsJson, TextTable, print_json
from infra.running.commands import JOBS
from infra.supervision import supervise

app = typer.Typer()

WHERE: Final = "libpq URL of the database whose jobs they are"
_LIST: LiteralString = "SELECT * FROM job_list(%s::text[], %s, %s)"
_RETRY: LiteralString = "SELECT job_retry(%s)"


@app.callback(invoke_without_command=True)
def jobs(context: typer.Context) -> None:
    """Do jobs: reports, upkeep and the like. Several may run.

    Without a further word until Ctrl-C or SIGTERM.
    """
    if context.invoked_subcommand is None:
        raise typer.Exit(supervise("the jobs", JOBS))


@app.command("list")
def list_(
    failed: Annotated[bool, typer.Option("--failed", help="Only those that were given up.")] = False,
    queue: Annotated[str | None, typer.Option(help="Only of this one.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="The newest so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List jobs that wait, run, or were given up, with how far they are and why they failed."""
    statuses = ["failed"] if failed else ["todo", "doing", "failed"]
    with (
        connected_to_postgres(WHERE) as connection,
        connection.cursor(row_factory=class_row(JobStanding)) as cursor,
    ):
        found = cursor.execute(_LIST, (statuses, queue, limit)).fetchall()
    if as_json:
        print_json([_as_json(one) for one in found])
        return
    table = TextTable("job", "task", "state", "organization", "progress", "failed", "at", "why")
    for one in found:
        table.add(
            str(one.job_id),
            one.task,
            _STATES[one.status],
            one.organization_id,
            progress_of(one),
            f"{one.failures + one.losses} x" if one.failures + one.losses else "",
            "" if one.at is None else f"{one.at:%Y-%m-%d %H:%M:%S}",
            one.error,
        )
    table.print()


@app.command()
def verify() -> None:
    """Have the books proved now, and what is found kept: the page Proof shows it."""
    with connected_to_postgres(WHERE) as connection:
        job = ask_proof(connection)
    typer.echo(f"job {job} proves the books; `spendlog jobs list --queue verification` says how far it is")


@app.command()
def retry(job: Annotated[int, typer.Argument(help="Its number, of `list`.", show_default=False)]) -> None:
    """Try a job once more that was given up."""
    with connected_to_postgres(WHERE) as connection:
        row = connection.execute(_RETRY, [job]).fetchone()
    if row is None or not row[0]:
        raise SpendlogError(
            f"job {job} was not given up: `spendlog jobs list --failed` shows those that were"
        )
    typer.echo(f"job {job} waits to be done")


_STATES: Final = {"todo": "waits", "doing": "runs", "failed": "given up"}


def progress_of(one: JobStanding) -> str:
    if one.total is None:
        return f"{one.done:,}" if one.done else ""
    return f"{one.done:,} of {one.total:,}"


def _as_json(one: JobStanding) -> dict[str, object]:
    at = None if one.at is None else one.at.isoformat()
    return {name: getattr(one, name) for name in one.__struct_fields__} | {"at": at}
