"""`spendlog reports`: reports, shown or fetched from the API into a file."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, LiteralString, get_args

import typer

from api.client import Client
from api.client.generated.reports import Report
from api.client.operations import BoundOperation
from api.reports.making import PeriodWord
from api.reports.report import ReportKind
from infra.database import connected_to_postgres
from infra.errors import SpendlogError
from infra.output import AsJson, TextTable, print_json, visible
from infra.rest import connected, fetched
from schemas.money import exponent

app = typer.Typer(no_args_is_help=True)

_SCHEDULE: LiteralString = """
INSERT INTO report_schedule
    (organization_id, schedule_id, report, period, format, every, mail_to, next_at, starts_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (organization_id, schedule_id) DO UPDATE SET report = excluded.report, period = excluded.period,
    format = excluded.format, every = excluded.every, mail_to = excluded.mail_to, next_at = excluded.next_at,
    starts_at = excluded.starts_at
"""
_SCHEDULES: LiteralString = """
SELECT schedule_id, report, period, every, format, next_at AT TIME ZONE 'UTC', mail_to
FROM report_schedule WHERE organization_id = %s ORDER BY schedule_id
"""
_UNSCHEDULE: LiteralString = "DELETE FROM report_schedule WHERE organization_id = %s AND schedule_id = %s"
_FILES: LiteralString = """
SELECT file_id, schedule_id, name, made_at AT TIME ZONE 'UTC', octet_length(content)
FROM report_file WHERE organization_id = %s ORDER BY file_id DESC LIMIT 200
"""
_FILE: LiteralString = "SELECT content FROM report_file WHERE organization_id = %s AND file_id = %s"


class Every(StrEnum):
    """How often a report is made."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class FileFormat(StrEnum):
    """Of a report that is kept."""

    CSV = "csv"
    XLSX = "xlsx"


@app.callback()
def reports() -> None:
    """Reports: shown, scheduled, kept.

    `show` asks the API, as far as your key reaches (SPENDLOG_API_URL, SPENDLOG_API_KEY).
    The others are for who runs the database: SPENDLOG_POSTGRES.
    """


@app.command()
def show(
    report: Annotated[ReportKind, typer.Argument(help="Which one.", show_default=False)],
    period: Annotated[
        str, typer.Option(help="this_month, last_month, last_quarter, this_year ...")
    ] = "this_month",
    first: Annotated[str | None, typer.Option(help="The first day, with --last instead of a period.")] = None,
    last: Annotated[str | None, typer.Option(help="The last day.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Into this file: .csv or .xlsx.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show a report, or write it into a file."""
    if out is not None:
        kind = out.suffix.removeprefix(".").lower()
        if kind not in ("csv", "xlsx"):
            raise SpendlogError(f"{out} ends with neither .csv nor .xlsx, so its format is not known")
        with connected() as api:
            wanted = _read(api, report).call(period=period, first=first, last=last, format=kind)
            length = fetched(api, wanted, out)
        typer.echo(f"{out}: {length:,} bytes")
        return
    with connected() as api:
        found = _read(api, report).answer(period=period, first=first, last=last).json()
    if as_json:
        print_json(found)
        return
    typer.echo(visible(f"{found['title']}, {found['first']} to {found['last']}, {found['time_zone']}"))
    for section in found["sections"]:
        _print(section)


def _read(api: Client, report: ReportKind) -> BoundOperation[..., Report]:
    """The operation that reads it."""
    found: BoundOperation[..., Report] = getattr(api.reports, f"read_{report.value.replace('-', '_')}")
    return found


def _print(section: dict[str, Any]) -> None:
    typer.echo(visible(f"\n{section['title']}"))
    columns = section["columns"]
    left = next((n for n, one in enumerate(columns) if one["kind"] not in ("text", "time")), len(columns))
    table = TextTable(*(one["name"] for one in columns), left=left)
    for row in (*section["rows"], *section["totals"]):
        table.add(*(_text(cell, one["kind"]) for cell, one in zip(row, columns, strict=True)))
    table.print()


def _text(cell: Any, kind: str) -> str:
    if isinstance(cell, dict):
        return f"{Decimal(cell['minor']).scaleb(-exponent(cell['currency'])):,f} {cell['currency']}"
    if cell is None:
        return ""
    return f"{cell} %" if kind == "percent" else str(cell)


WHERE: Final = "libpq URL of the database that keeps schedules and their reports"
Organization = Annotated[str, typer.Option(help="Whose they are.", show_default=False)]
ScheduleName = Annotated[str, typer.Argument(help="Its name.", show_default=False)]


@app.command()
def schedule(
    name: ScheduleName,
    organization: Organization,
    report: Annotated[ReportKind, typer.Option(help="Which report.")] = ReportKind.SPEND,
    period: Annotated[
        str, typer.Option(help="As of when it is due: last_month, this_quarter ...")
    ] = "last_month",
    every: Annotated[Every, typer.Option(help="How often.")] = Every.MONTH,
    starts: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%dT%H:%M"], help="When first, UTC; at once, if absent.", show_default=False
        ),
    ] = None,
    format: Annotated[FileFormat, typer.Option(help="Of the file.")] = FileFormat.XLSX,
    mail: Annotated[list[str] | None, typer.Option(help="To this address, too. May be repeated.")] = None,
) -> None:
    """Have a report made by `spendlog jobs`, kept, and sent by mail where SPENDLOG_API_SMTP is set.

    A schedule of the same name is replaced. Needs SPENDLOG_POSTGRES.
    """
    if period not in get_args(PeriodWord):
        raise SpendlogError(f"--period {period} is none of {', '.join(get_args(PeriodWord))}")
    next_at = (starts or datetime.now(UTC)).replace(tzinfo=UTC)
    given = (
        organization,
        name,
        report.value,
        period,
        format.value,
        every.value,
        mail or [],
        next_at,
        next_at,
    )
    with connected_to_postgres(WHERE) as connection:
        connection.execute(_SCHEDULE, given)
    typer.echo(f"{name}: {report.value} of {period}, every {every.value} from {next_at:%Y-%m-%d %H:%M} UTC")


@app.command()
def schedules(organization: Organization, as_json: AsJson = False) -> None:
    """List the reports that are made by themselves."""
    with connected_to_postgres(WHERE) as connection:
        found = connection.execute(_SCHEDULES, [organization]).fetchall()
    names = ("schedule", "report", "period", "every", "format", "next", "mail")
    rows = [(*row[:5], f"{row[5]:%Y-%m-%d %H:%M}", ", ".join(row[6])) for row in found]
    _show(names, rows, as_json)


@app.command()
def unschedule(name: ScheduleName, organization: Organization) -> None:
    """Make a report no longer; those that were made stay."""
    with connected_to_postgres(WHERE) as connection:
        if connection.execute(_UNSCHEDULE, (organization, name)).rowcount == 0:
            raise SpendlogError(
                f"{organization} has no schedule {name}: `spendlog reports schedules` lists them"
            )
    typer.echo(f"{name} is made no longer")


@app.command()
def files(organization: Organization, as_json: AsJson = False) -> None:
    """List the reports that were made and are kept, newest first."""
    with connected_to_postgres(WHERE) as connection:
        found = connection.execute(_FILES, [organization]).fetchall()
    rows = [(str(row[0]), row[1], row[2], f"{row[3]:%Y-%m-%d %H:%M}", f"{row[4]:,}") for row in found]
    _show(("file", "schedule", "name", "made", "bytes"), rows, as_json)


@app.command()
def fetch(
    file: Annotated[int, typer.Argument(help="Its number, of `files`.", show_default=False)],
    out: Annotated[Path, typer.Argument(help="Where to write it.", show_default=False)],
    organization: Organization,
) -> None:
    """Write a report that is kept into a file."""
    with connected_to_postgres(WHERE) as connection:
        row = connection.execute(_FILE, (organization, file)).fetchone()
    if row is None:
        raise SpendlogError(f"{organization} has no report {file}: `spendlog reports files` lists them")
    try:
        out.write_bytes(row[0])
    except OSError as error:
        raise SpendlogError(f"{out} cannot be written: {error.strerror}") from None
    typer.echo(f"{out}: {len(row[0]):,} bytes")


def _show(names: Sequence[str], rows: Sequence[tuple[str, ...]], as_json: bool) -> None:
    if as_json:
        print_json([dict(zip(names, row, strict=True)) for row in rows])
        return
    table = TextTable(*names)
    for row in rows:
        table.add(*row)
    table.print()
