"""`spendlog reconciliations`: settlement files, what is open in them, and months that are closed."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any
from urllib.parse import quote

import typer

from infra.output import AsJson, TextTable, print_json
from infra.reconciliation.sending import PATH, get, put
from infra.rest import connected
from schemas.money import exponent

app = typer.Typer(no_args_is_help=True)

FileId = Annotated[str, typer.Argument(help="The file's id, rec_...", show_default=False)]
Limit = Annotated[int, typer.Option(min=1, max=1_000, help="How many.")]


@app.callback()
def reconciliations() -> None:
    """Settlement files that were matched (`spendlog reconcile` sends one), and closed months.

    SPENDLOG_API_URL and SPENDLOG_API_KEY name the API and your key, whose scopes are reconciliations:read
    and reconciliations:write.
    """


@app.command("list")
def list_(limit: Limit = 100, as_json: AsJson = False) -> None:
    """List settlement files, newest first."""
    with connected() as api:
        found = get(api, PATH, limit=limit)
    if as_json:
        print_json(found)
        return
    table = TextTable("file", "name", "status", "days", "lines", "open", left=4)
    for one in found["reconciliations"]:
        days = f"{one['since']} to {one['until']}"
        table.add(one["file_id"], one["name"], one["status"], days, str(one["lines"]), str(one["open"]))
    table.print()


@app.command()
def items(
    file_id: FileId,
    is_open: Annotated[bool, typer.Option("--open", help="Only what is open.")] = False,
    result: Annotated[
        str | None, typer.Option(help="Only these: differs, missing_here, ...", show_default=False)
    ] = None,
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """List the lines of a file, and the bookings that it lacks."""
    with connected() as api:
        found = get(
            api,
            f"{PATH}/{quote(file_id, safe='')}/items",
            open="true" if is_open else None,
            result=result,
            limit=limit,
        )
    if as_json:
        print_json(found)
        return
    table = TextTable("n", "line", "result", "file says", "booked", "day", "reference", "merchant", left=8)
    for one in found["items"]:
        what = one["resolution"] or " ".join([one["result"] or "", *one["differences"]])
        table.add(
            str(one["n"]),
            str(one["number"] or "-"),
            what,
            _money(one["amount"], one["refund"]),
            _money(one["booked"], None),
            one["day"] or "-",
            one["reference"] or one["authorization_id"] or "-",
            one["merchant"] or one["unreadable"] or "-",
        )
    table.print()


@app.command()
def resolve(
    file_id: FileId,
    n: Annotated[int, typer.Argument(min=1, help="The item's number.", show_default=False)],
    action: Annotated[
        str,
        typer.Argument(help="accept, post (what the books lack), reverse, or repost.", show_default=False),
    ],
    reason: Annotated[str, typer.Option(help="For who asks later.", show_default=False)],
    department: Annotated[str | None, typer.Option(help="Whose money it is.", show_default=False)] = None,
    card: Annotated[str | None, typer.Option(help="Of what is posted.", show_default=False)] = None,
    as_json: AsJson = False,
) -> None:
    """Say what becomes of an open item; money moves by events in the log. Status 1 if it is still open."""
    body = {"action": action, "reason": reason, "department_id": department, "card_id": card}
    with connected() as api:
        done = put(api, f"{PATH}/{quote(file_id, safe='')}/items/{n}/resolution", body)
    if as_json:
        print_json(done)
    else:
        typer.echo(
            "still open: the log has not answered in time, say it again"
            if done["open"]
            else done["resolution"]
        )
    raise typer.Exit(1 if done["open"] else 0)


@app.command()
def close(
    period: Annotated[str, typer.Argument(help="The month, 2026-11.", show_default=False)],
    reason: Annotated[str, typer.Option(help="For who asks later.", show_default=False)],
    zone: Annotated[
        str | None, typer.Option(help="Whose month it is; else the organization's.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Close a month: what comes later, whatever day it is of, counts in the next. It stays closed."""
    with connected() as api:
        done = put(api, f"/v1/closed-periods/{quote(period, safe='')}", {"reason": reason, "time_zone": zone})
    if as_json:
        print_json(done)
        return
    typer.echo(f"{done['period']} is closed, by {done['closed_by']}")
    table = TextTable("department", "kind", "amount", "transfers", left=2)
    for one in done["totals"]:
        table.add(one["department_id"], one["kind"], _money(one["amount"], None), str(one["transfers"]))
    table.print()


def _money(found: dict[str, Any] | None, refund: bool | None) -> str:
    if found is None:
        return "-"
    amount = Decimal(found["minor"]).scaleb(-exponent(found["currency"]))
    return f"{'-' if refund else ''}{amount:,f} {found['currency']}"
