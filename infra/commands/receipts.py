"""`spendlog receipts upload|list|show|link|unlink|remove`: receipts, by the API."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from api.client import ProblemError
from infra.errors import SpendlogError
from infra.output import AsJson, TextTable, print_json, visible
from infra.rest import connected, told
from schemas.money import Money

app = typer.Typer(no_args_is_help=True)

PAGE = 100


class ReceiptChoice(StrEnum):
    """How a receipt may stand."""

    WAITING = "waiting"
    UNREADABLE = "unreadable"
    UNMATCHED = "unmatched"
    SUGGESTED = "suggested"
    MATCHED = "matched"


ReceiptId = Annotated[str, typer.Argument(help="The receipt's id, rcp_...", show_default=False)]


@app.callback()
def receipts() -> None:
    """Receipts: send, list, link to purchases. Scopes are receipts:read and receipts:write."""


@app.command()
def upload(
    files: Annotated[
        list[Path],
        typer.Argument(help="JPEG, PNG, WebP or PDF.", exists=True, dir_okay=False, show_default=False),
    ],
    employee: Annotated[
        str | None, typer.Option(help="Whose they are; absent: anybody's.", show_default=False)
    ] = None,
    transaction: Annotated[
        str | None,
        typer.Option(help="The purchase that they are of; absent: it is looked for.", show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Send receipts. The same file again is the same receipt. Exits with 1 if one was refused; the others
    are kept."""
    kept, refused = [], []
    with connected() as api:
        for file in files:
            try:
                sent = api.receipts.upload.answer(
                    (file.name, file.read_bytes()), employee=employee, authorization_id=transaction
                )
            except ProblemError as problem:
                if problem.status not in (413, 422):
                    raise
                refused.append(f"{visible(str(file))}: {told(problem, api.url)}")
            else:
                kept.append((file, sent.status, sent.json()))
    if as_json:
        print_json([found for _, _, found in kept])
    else:
        for file, status, found in kept:
            again = "" if status == 201 else "  (sent before)"
            typer.echo(f"{found['receipt_id']}  {found['status']}  {visible(file.name)}{again}")
    if refused:
        raise SpendlogError("\n".join(refused))


@app.command("list")
def list_(
    status: Annotated[ReceiptChoice | None, typer.Option(help="Only these.", show_default=False)] = None,
    employee: Annotated[str | None, typer.Option(help="Only this one's.", show_default=False)] = None,
    transaction: Annotated[
        str | None, typer.Option(help="Only of this purchase.", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="The newest so many.")] = PAGE,
    as_json: AsJson = False,
) -> None:
    """List receipts, newest first."""
    with connected() as api:
        page = api.receipts.list.answer(
            status=None if status is None else status.value,
            employee=employee,
            authorization_id=transaction,
            limit=limit,
        )
    found = page.json()
    if as_json:
        print_json(found)
        return
    table = TextTable("receipt", "status", "total", "day", "merchant", "transaction", "sent by", "file")
    for one in found["receipts"]:
        read = one["reading"] or {}
        table.add(
            one["receipt_id"],
            one["status"],
            _amount(read.get("total")),
            read.get("day") or "",
            read.get("merchant") or "",
            _transaction(one),
            one["uploaded_by"],
            one["file_name"],
        )
    table.print()


@app.command()
def show(receipt: ReceiptId) -> None:
    """All that is known of one, as JSON."""
    with connected() as api:
        print_json(api.receipts.read.answer(receipt).json())


@app.command()
def link(
    receipt: ReceiptId,
    transaction: Annotated[str, typer.Argument(help="The purchase that it is of.", show_default=False)],
    department: Annotated[
        str | None, typer.Option(help="Whose purchase, where several have the id.", show_default=False)
    ] = None,
) -> None:
    """Say which purchase it is of."""
    with connected() as api:
        linked = api.receipts.link.answer(receipt, authorization_id=transaction, department_id=department)
    typer.echo(_transaction(linked.json()))


@app.command()
def unlink(receipt: ReceiptId) -> None:
    """It is not of its purchase, or of none of those that are suggested."""
    with connected() as api:
        api.receipts.unlink(receipt)


@app.command()
def remove(receipt: ReceiptId) -> None:
    """Remove it for good, with its file."""
    with connected() as api:
        api.receipts.remove(receipt)


def _amount(money: Any) -> str:
    return "" if money is None else f"{Money(**money).decimal()} {money['currency']}"


def _transaction(found: Any) -> str:
    linked = found["transaction"]
    if linked is not None:
        differs = f", amount differs: {_amount(linked['differs'])}" if linked["differs"] else ""
        return f"{linked['department_id']}/{linked['authorization_id']}{differs}"
    return ", ".join(f"{one['authorization_id']}? ({one['points']})" for one in found["suggestions"])
