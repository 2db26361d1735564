"""`spendlog show ...`: what the ledger says of a department, from PostgreSQL, as the API shows it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
import typer
from pydantic import BaseModel

from api.http.paging import Page
from api.http.types import MoneyOut
from api.resources.authorizations.answer import authorization_out
from api.resources.budgets import budgets_out, clocks
from api.resources.cards.answer import CardListOut, cards_out
from api.resources.ledger import accounts_out, balances_out, trial_balance_out
from api.resources.policies import policies_out
from api.resources.requests import (
    UNFILTERED,
    ApprovalRequestListOut,
    ApprovalRequestOut,
    RequestStatus,
    request_out,
)
from api.stores.postgres import direct
from api.stores.sql import statement
from infra.database import required_postgres, understood
from infra.errors import SpendlogError
from infra.output import AsJson, TextTable
from schemas.authorizations import Authorization
from schemas.ids import Position
from schemas.money import Money

app = typer.Typer(no_args_is_help=True)

PAGE = 1000

Department = Annotated[str, typer.Argument(metavar="ORGANIZATION/DEPARTMENT", show_default=False)]


@app.callback()
def show() -> None:
    """What the ledger says: budgets, requests, policy, cards, an authorization, balances."""


@app.command()
def budgets(department: Department, as_json: AsJson = False) -> None:
    """All budgets, each with its current period."""
    where = _department(department)
    row = _read("budgets", where, budget_id=None, period=None, subjects=None, **clocks(datetime.now(UTC)))
    if not row["budgets"]:
        raise _unknown(department)
    found = budgets_out(row)
    table = TextTable("budget", "name", "period", "limit", "tolerance", "posted", "held", "available", left=3)
    for budget in found.budgets:
        figures = (budget.limit, budget.tolerance, budget.posted, budget.held, budget.available)
        table.add(budget.budget_id, budget.name, budget.period, *map(_money, figures))
    _print(found, table, as_json)


@app.command()
def requests(
    department: Department,
    status: Annotated[
        RequestStatus | None, typer.Option(help="Only these; all, if absent.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Requests for increases, cards and budgets: who asked and why, who has answered, who may answer now."""
    where = _department(department)
    page = Page(None, PAGE)
    row = _read("requests", where, **_of_department(where, status=status, rows_max=page.rows_max))
    if not row["known"]:
        raise _unknown(department)
    rows, last = page.split(row["requests"])
    found = ApprovalRequestListOut(
        requests=[request_out(where[0], each) for each in rows],
        next=None if last is None else last["request_id"],
    )
    people = ("asked by", "approved by", "refused by", "waits for")
    table = TextTable("request", "for", "status", "amount", *people)
    for request in found.requests:
        waits = "" if request.waits_for is None else ", ".join(request.waits_for) or "anybody else"
        table.add(
            *(request.request_id, _wanted(request), request.status, _money(request.amount)),
            *(_because(request.asked_by, request.reason), ", ".join(request.approved_by)),
            *(_because(request.refused_by or "", request.refusal_reason), waits),
        )
    _print(found, table, as_json)
    _more(found.next)


def _of_department(where: tuple[str, str], **asked: Any) -> dict[str, Any]:
    given = {name: value for name, value in UNFILTERED.items() if name != "departments"}
    return {**given, "after_department": where[1], **asked}


def _wanted(request: ApprovalRequestOut) -> str:
    """What it is about: the budget, or the card."""
    return request.budget_id if request.card is None else f"card {request.card.card_id}"


@app.command()
def policy(
    department: Department,
    versions: Annotated[bool, typer.Option("--versions", help="All versions, newest first.")] = False,
    as_json: AsJson = False,
) -> None:
    """The rules in force, or all versions."""
    where = _department(department)
    row = _read("policies", where, only_active=not versions, rows_max=100)
    if not row["known"]:
        raise _unknown(department)
    found = policies_out(*where, row)
    table = TextTable("version", "", "rule", "id", "says")
    for version in found.policies:
        state = (
            "in force" if version.in_force else "draft" if version.activated_at is None else "was in force"
        )
        for rule in version.policy.get("rules", []) or [{}]:
            table.add(str(version.version), state, *_rule(rule))
    _print(found, table, as_json)


@app.command()
def cards(department: Department, as_json: AsJson = False) -> None:
    """Registered cards."""
    where = _department(department)
    page = Page(None, PAGE)
    filters = dict.fromkeys(("card_id", "status", "employee", "team", "after", "after_department"))
    row = _read("cards", where, **filters, rows_max=page.rows_max)
    if not row["known"]:
        raise _unknown(department)
    listed, last = page.split(cards_out(row))
    found = CardListOut(cards=list(listed), next=None if last is None else last.card_id)
    table = TextTable("card", "status", "employee", "team", "valid until", "merchant")
    for card in found.cards:
        merchant = card.locked_to or ("its first" if card.lock_to_first else "")
        table.add(
            *(card.card_id, card.status, card.employee or "", card.team or ""),
            *(str(card.expires_on or ""), merchant),
        )
    _print(found, table, as_json)
    _more(found.next)


@app.command()
def authorization(
    name: Annotated[str, typer.Argument(metavar="ORGANIZATION/DEPARTMENT/ID", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """One payment with all its totals."""
    organization_id, department_id, authorization_id = _parts(name, "ORGANIZATION/DEPARTMENT/ID")
    row = _read("authorization", (organization_id, department_id), authorization_id=authorization_id)
    if row["body"] is None:
        raise SpendlogError(f"there is no authorization {name!r} in the ledger")
    found = authorization_out(msgspec.json.decode(row["body"], type=Authorization))
    table = TextTable("authorization", found.authorization_id)
    table.add("status", found.status.value)
    for member, value in found:
        if isinstance(value, MoneyOut):
            table.add(member, _money(value))
    for member in ("card_id", "cardholder", "rate", "occurred_at", "expires_at", "response_code", "position"):
        if (value := getattr(found, member)) is not None:
            table.add(member, str(value))
    for reason in (*found.reasons, *found.reviews):
        table.add(reason.code, reason.message)
    for alert in found.alerts:
        table.add("alert", alert)
    _print(found, table, as_json)


@app.command()
def balances(
    department: Department,
    recorded_by: Annotated[
        datetime | None, typer.Option(help="As the log knew it at this time (UTC).", show_default=False)
    ] = None,
    occurred_by: Annotated[
        datetime | None, typer.Option(help="As it was at this time (UTC).", show_default=False)
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option(metavar="PARTITION:SEQ", help="As it was after this decision.", show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Pending, posted and available of each period, now or as they were."""
    where = _department(department)
    at = _position(as_of)
    past: dict[str, Any] = {}
    if recorded_by or occurred_by or at:
        past = {"recorded_by": _utc(recorded_by), "occurred_by": _utc(occurred_by)}
        past["up_to"] = at.seq if at else None
    row = _read("balances_then" if past else "balances", where, **past)
    if row["currency"] is None:
        raise _unknown(department)
    if at is not None and row["partition"] != at.partition:
        raise SpendlogError(f"{department} has its decisions in partition {row['partition']}")
    found = balances_out(*where, row, at.seq if at else None)
    table = TextTable("period", "limit", "pending", "posted", "available", left=1)
    for period in found.periods:
        figures = (period.limit, period.pending, period.posted, period.available)
        table.add(period.period, *map(_money, figures))
    _print(found, table, as_json)


@app.command()
def accounts(department: Department, as_json: AsJson = False) -> None:
    """The department's accounts: debits less credits."""
    where = _department(department)
    row = _read("accounts", where, recorded_by=None, occurred_by=None, up_to=None)
    if row["partition"] is None:
        raise _unknown(department)
    found = accounts_out(*where, row)
    table = TextTable("account", "layer", "balance", "entries", left=2)
    for account in found.accounts:
        table.add(account.account, account.layer, _money(account.balance), f"{account.entries:,}")
    _print(found, table, as_json)


@app.command("trial-balance")
def trial_balance(
    organization: Annotated[str, typer.Argument(show_default=False)], as_json: AsJson = False
) -> None:
    """All entries added up, by currency and layer; status 1 unless each total is 0."""
    found = trial_balance_out(organization, _read("trial_balance", (organization, "")))
    table = TextTable("currency", "layer", "total", "entries", left=2)
    for line in found.lines:
        table.add(line.currency, line.layer, _money(line.total), f"{line.entries:,}")
    _print(found, table, as_json)
    raise typer.Exit(0 if found.balanced else 1)


# -- parts


def _read(name: str, where: tuple[str, str], **asked: Any) -> Mapping[str, Any]:
    """The row of a statement of `api.stores.sql`."""
    organization, department = where
    whose = {"organization_id": organization, "department_id": department, "departments": [department]}
    parameters = {**whose, "partition": None, **asked}
    with understood(), direct(_postgres()) as connection:
        row = connection.execute(statement(name), parameters).fetchone()
    assert row is not None
    return row


def _postgres() -> str:
    return required_postgres("the database that has the ledger")


def _department(name: str) -> tuple[str, str]:
    organization, department = _parts(name, "ORGANIZATION/DEPARTMENT")
    return organization, department


def _parts(name: str, pattern: str) -> list[str]:
    """`name` at its slashes, as many parts as `pattern` has. Raises SpendlogError where one is missing."""
    count = pattern.count("/")
    parts = name.split("/", count)
    if len(parts) <= count or not all(parts):
        raise SpendlogError(f"{name!r} does not read {pattern}")
    return parts


def _position(text: str | None) -> Position | None:
    try:
        return None if text is None else Position.parse(text)
    except ValueError as error:
        raise SpendlogError(str(error)) from None


def _utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment


def _unknown(department: str) -> SpendlogError:
    return SpendlogError(f"there is no department {department!r} in the ledger")


def _money(money: MoneyOut) -> str:
    shown = f"{Money(abs(money.minor), money.currency).decimal():,} {money.currency}"
    return f"-{shown}" if money.minor < 0 else shown


def _because(who: str, reason: str | None) -> str:
    return f"{who}: {reason}" if reason else who


def _more(following: str | None) -> None:
    if following is not None:
        typer.echo(f"only the first {PAGE} are shown; the API has all, page by page", err=True)


def _rule(rule: Mapping[str, Any]) -> tuple[str, str, str]:
    if not rule:
        return "", "", "no rules"
    rest = {name: value for name, value in rule.items() if name not in ("rule", "rule_id")}
    return rule["rule"], rule["rule_id"], json.dumps(rest, ensure_ascii=False)


def _print(found: BaseModel, table: TextTable, as_json: bool) -> None:
    if as_json:
        typer.echo(found.model_dump_json(indent=2))
    else:
        table.print()
