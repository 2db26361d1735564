"""`spendlog reports`: reports, shown or fetched from the API into a file."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer

from api.reports.report import ReportKind
from infra.errors import SpendlogError
from infra.output import AsJson, TextTable, print_json, visible
from infra.rest import connected
from schemas.money import exponent

app = typer.Typer(no_args_is_help=True)


@app.callback()
def reports() -> None:
    """Reports: sums of bookings, as far as your key reaches.

    Called through the API: SPENDLOG_API_URL and SPENDLOG_API_KEY name it and your key.
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
    path = f"/v1/reports/{report.value}"
    params = {"period": period, "first": first, "last": last}
    given = {name: value for name, value in params.items() if value is not None}
    if out is not None:
        kind = out.suffix.removeprefix(".").lower()
        if kind not in ("csv", "xlsx"):
            raise SpendlogError(f"{out} ends with neither .csv nor .xlsx, so its format is not known")
        with connected() as api:
            length = api.fetch("GET", path, out, params={**given, "format": kind})
        typer.echo(f"{out}: {length:,} bytes")
        return
    with connected() as api:
        found = api.get(path, **given)
    if as_json:
        print_json(found)
        return
    typer.echo(visible(f"{found['title']}, {found['first']} to {found['last']}, {found['time_zone']}"))
    for section in found["sections"]:
        _print(section)


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
