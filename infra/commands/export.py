"""`spendlog export`: what other programs read, fetched from the API into a file."""

from __future__ import annotations

import tomllib
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from infra.errors import SpendlogError
from infra.rest import connected, fetched
from infra.texts import read_text

app = typer.Typer(no_args_is_help=True)


class JournalFileFormat(StrEnum):
    """Formats of a journal."""

    BEANCOUNT = "beancount"
    HLEDGER = "hledger"
    CSV = "csv"
    OFX = "ofx"


@app.callback()
def export() -> None:
    """Exports for other programs: the journal.

    Called through the API: SPENDLOG_API_URL and SPENDLOG_API_KEY name it and your key, with ledger:read.
    """


@app.command()
def journal(
    out: Annotated[Path, typer.Argument(help="The file to write.", show_default=False)],
    format: Annotated[JournalFileFormat, typer.Option(help="What reads it.")] = JournalFileFormat.BEANCOUNT,
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Recorded from this day on, UTC.")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Recorded before this day, UTC.")
    ] = None,
    department: Annotated[str | None, typer.Option(help="Only of this one.")] = None,
    chart: Annotated[
        Path | None,
        typer.Option(
            help="Another chart of accounts than the organization's: TOML, docs/reports.md.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Write every settled booking as beancount, hledger, double-entry CSV or OFX."""
    with connected() as api:
        wanted = api.ledger.export_journal.call(
            format=format.value,
            chart=None if chart is None else chart_of(chart),
            department_id=department,
            since=_midnight(since),
            until=_midnight(until),
        )
        length = fetched(api, wanted, out)
    typer.echo(f"{out}: {length:,} bytes")


def _midnight(day: datetime | None) -> str | None:
    return None if day is None else f"{day:%Y-%m-%d}T00:00:00Z"


def chart_of(path: Path) -> list[dict[str, Any]]:
    """The rules of a file with tables [[accounts]]; the API checks them. Raises SpendlogError."""
    try:
        found = tomllib.loads(read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise SpendlogError(f"{path} is not TOML: {error}") from None
    rules = found.pop("accounts", None)
    if not isinstance(rules, list) or found:
        beyond = f", and not {', '.join(found)}" if found else ""
        raise SpendlogError(f"{path} must have tables [[accounts]]{beyond}: docs/reports.md has an example")
    return rules
