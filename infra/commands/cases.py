"""`spendlog cases list|show|assign|decide`: payments that somebody should look at, by the API."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

import typer

from api.client import Undecided
from infra.errors import SpendlogError
from infra.output import AsJson, TextTable, print_json, visible
from infra.rest import connected
from schemas.money import exponent

app = typer.Typer(no_args_is_help=True)

PAGE = 100


class CaseChoice(StrEnum):
    """CaseChoice cases are listed."""

    OPEN = "open"
    DECIDED = "decided"
    ALL = "all"


class CaseFinding(StrEnum):
    """What was found."""

    FRAUD = "fraud"
    LEGITIMATE = "legitimate"
    UNSURE = "unsure"


CaseId = Annotated[str, typer.Argument(help="The case's id: that of its payment.", show_default=False)]
Department = Annotated[
    str | None, typer.Option(help="Of which department, where several have the id.", show_default=False)
]


@app.callback()
def cases() -> None:
    """Payments that the model flagged, or that a rule wants looked at."""


@app.command("list")
def list_(
    status: Annotated[CaseChoice, typer.Option(help="Only these.")] = CaseChoice.OPEN,
    department: Annotated[
        str | None, typer.Option(help="Only of this department.", show_default=False)
    ] = None,
    assignee: Annotated[str | None, typer.Option(help="Only those of this one.", show_default=False)] = None,
    unassigned: Annotated[bool, typer.Option("--unassigned", help="Only those of nobody.")] = False,
    score: Annotated[
        float | None,
        typer.Option("--score", min=0, max=1, help="Only from this score on.", show_default=False),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="So many.")] = PAGE,
    as_json: AsJson = False,
) -> None:
    """List cases, the highest score first."""
    with connected() as api:
        page = api.cases.list.answer(
            status=None if status is CaseChoice.ALL else status.value,
            department_id=department,
            assignee=assignee,
            assigned=False if unassigned else None,
            score_min=score,
            order="highest",
            limit=limit,
        )
    found = page.json()
    if as_json:
        print_json(found)
        return
    table = TextTable("case", "department", "amount", "score", "merchant", "why", "stands", "looked into by")
    for one in found["cases"]:
        merchant, assigned = one["merchant"], one["assignment"]
        score_shown = "" if one["score"] is None else f"{one['score']['value']:.3f}"
        table.add(
            *(one["case_id"], one["department_id"], _money(one["amount"]), score_shown),
            *("" if merchant is None else merchant["name"], _why(one), _stands(one)),
            "" if assigned is None else assigned["assignee"],
        )
    table.print()
    if found["next"] is not None:
        typer.echo(f"there are more; these are the first {limit:,}", err=True)


@app.command()
def show(case: CaseId, department: Department = None, as_json: AsJson = False) -> None:
    """Show a case: why somebody should look at it, and what was found."""
    with connected() as api:
        one = api.cases.read.answer(case, department_id=department).json()
    if as_json:
        print_json(one)
        return
    merchant = one["merchant"]
    table = TextTable("case", one["case_id"], header=False)
    table.add("department", one["department_id"])
    table.add("stands", _stands(one))
    table.add("amount", _money(one["amount"]))
    table.add("payment", f"{one['payment_status']}, {one['created_at']}")
    for name in ("card_id", "cardholder"):
        table.add(name.removesuffix("_id"), one[name] or "")
    table.add("merchant", "" if merchant is None else f"{merchant['name']} {merchant['mcc'] or ''}")
    if (scored := one["score"]) is not None:
        table.add("score", f"{scored['value']:.3f} by {scored['model']} {scored['version']}")
        for part in scored["reasons"]:
            table.add("  because", f"{part['words']} ({part['weight']:+.2f})")
    for review in one["reviews"]:
        table.add("a rule says", review["message"])
    if (assigned := one["assignment"]) is not None:
        table.add("looked into by", assigned["assignee"])
    table.print()


@app.command()
def assign(
    case: CaseId,
    to: Annotated[
        str | None, typer.Argument(metavar="[E-MAIL]", help="Nobody, if absent.", show_default=False)
    ] = None,
    department: Department = None,
) -> None:
    """Name who looks into a case."""
    with connected() as api:
        assigned = api.cases.assign(case, assignee=to, department_id=department).assignment
    typer.echo(f"{visible(case)} is looked into by {assigned.assignee if assigned else 'nobody'}")


@app.command()
def decide(
    case: CaseId,
    finding: Annotated[CaseFinding, typer.Argument(help="What was found.", show_default=False)],
    department: Department = None,
) -> None:
    """Decide a case: models learn from it, no money moves."""
    with connected() as api:
        try:
            decided = api.cases.decide(case, label=finding.value, department_id=department)
        except Undecided:
            raise SpendlogError(f"{case} is not decided yet; look again with `spendlog cases show`") from None
    typer.echo(f"{visible(case)} is decided: {finding.value} (position {decided.position})")


def _why(one: dict[str, Any]) -> str:
    """The first reason, in words."""
    scored = one["score"]
    if one["flagged"] and scored is not None and scored["reasons"]:
        return str(scored["reasons"][0]["words"])
    return str(one["reviews"][0]["message"]) if one["reviews"] else ""


def _stands(one: dict[str, Any]) -> str:
    label = one["label"]
    if one["status"] == "open":
        return "open again" if one["reopened"] else "open"
    return f"{label['label']} by {label['actor'] or label['source']}"


def _money(amount: dict[str, Any]) -> str:
    return f"{Decimal(amount['minor']).scaleb(-exponent(amount['currency'])):,f} {amount['currency']}"
