"""`spendlog requests ...`: what people ask for, answers to it, and who answers for whom, by the API."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

import typer

from api.client import Client, Money, Undecided
from api.client.call import given
from infra.errors import SpendlogError
from infra.imports.amounts import minor_units
from infra.imports.mapping import Amount
from infra.output import AsJson, TextTable, print_json, visible
from infra.rest import connected
from schemas.money import exponent

app = typer.Typer(no_args_is_help=True)

PAGE = 100
_PLAIN = Amount(thousands=",")


class KindChoice(StrEnum):
    """What is asked for."""

    INCREASE = "increase"
    CARD = "card"
    BUDGET = "budget"


class StatusChoice(StrEnum):
    """How far requests are that are listed."""

    WAITING = "waiting"
    APPROVED = "approved"
    REFUSED = "refused"
    LAPSED = "lapsed"


class PeriodChoice(StrEnum):
    """How often a limit begins anew."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"
    LIFETIME = "lifetime"


RequestId = Annotated[str, typer.Argument(metavar="REQUEST", help="The request's id.", show_default=False)]
Department = Annotated[str, typer.Option(help="In which department.", show_default=False)]
MaybeDepartment = Annotated[
    str | None, typer.Option(help="Of which department, where several have the id.", show_default=False)
]
Wanted = Annotated[str, typer.Argument(metavar="AMOUNT", help="How much: 1,250.00.", show_default=False)]
Currency = Annotated[str, typer.Argument(help="Of which currency: USD.", show_default=False)]
Because = Annotated[str | None, typer.Option("--reason", help="Why, in words.", show_default=False)]
Named = Annotated[
    str | None,
    typer.Option("--id", help="The id that the request gets; made, if absent.", show_default=False),
]
Zone = Annotated[str, typer.Option("--zone", help="In which time zone a period begins.")]
Each = Annotated[PeriodChoice, typer.Option("--each", help="How often the limit begins anew.")]


@app.callback()
def requests() -> None:
    """Requests for increases, cards and budgets: who asks, who answers, and who stands in for whom."""


# -- looked at


@app.command("list")
def list_(
    status: Annotated[StatusChoice | None, typer.Option(help="Only these.", show_default=False)] = None,
    kind: Annotated[KindChoice | None, typer.Option(help="Only of this kind.", show_default=False)] = None,
    department: Annotated[
        str | None, typer.Option(help="Only of this department.", show_default=False)
    ] = None,
    asked_by: Annotated[
        str | None, typer.Option("--asked-by", help="Only what this one asked for.", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="So many.")] = PAGE,
    as_json: AsJson = False,
) -> None:
    """List requests, with whom each waits for."""
    with connected() as api:
        page = api.requests.list.answer(
            status=None if status is None else status.value,
            kind=None if kind is None else kind.value,
            department_id=department,
            asked_by=asked_by,
            limit=limit,
        )
    found = page.json()
    if as_json:
        print_json(found)
        return
    table = TextTable("request", "department", "asks for", "amount", "asked by", "stands", "lapses")
    for one in found["requests"]:
        waiting = one["status"] == "waiting"
        table.add(
            *(one["request_id"], one["department_id"], _what(one), _money(one["amount"]), one["asked_by"]),
            *(_stands(one), (one["lapses_at"] or "") if waiting else ""),
        )
    table.print()
    if found["next"] is not None:
        typer.echo(f"there are more; these are the first {limit:,}", err=True)


@app.command()
def show(request: RequestId, department: MaybeDepartment = None, as_json: AsJson = False) -> None:
    """Show a request: its levels, and who has answered it for whom."""
    with connected() as api:
        one = api.requests.read.answer(request, department_id=department).json()
    if as_json:
        print_json(one)
        return
    table = TextTable("request", one["request_id"], header=False)
    table.add("department", one["department_id"])
    table.add("asks for", _what(one))
    table.add("amount", _money(one["amount"]))
    table.add("asked by", one["asked_by"])
    if one["reason"] is not None:
        table.add("reason", one["reason"])
    table.add("stands", _stands(one))
    for number, level in enumerate(one["levels"], start=1):
        table.add(f"level {number}", _level(one, number, level))
    for absent, delegate in sorted(one["stand_ins"].items()):
        table.add("away", f"{absent}; {delegate} answers meanwhile")
    if one["refusal_reason"] is not None:
        table.add("because", one["refusal_reason"])
    if one["status"] == "waiting" and one["lapses_at"] is not None:
        table.add("lapses", one["lapses_at"])
    table.print()


# -- asked for


@app.command()
def increase(
    amount: Wanted,
    currency: Currency,
    department: Department,
    until: Annotated[str, typer.Option(help="Until when: 2026-12-31T23:00:00Z.", show_default=False)],
    since: Annotated[
        str | None, typer.Option("--from", help="From when on; once approved, if absent.", show_default=False)
    ] = None,
    budget: Annotated[str, typer.Option(help="Of which budget, by its id.")] = "department",
    reason: Because = None,
    request_id: Named = None,
    as_json: AsJson = False,
) -> None:
    """Ask for more of a budget for a while."""
    name = request_id or _new_id()
    with _deciding(name) as api:
        answer = api.increase_requests.create.answer(
            department_id=department,
            request_id=name,
            amount=Money(_minor(amount, currency), currency),
            starts_at=since,
            ends_at=until,
            budget_id=budget,
            reason=reason,
        )
    _told(answer.json(), f"{visible(name)} is asked for", as_json)


@app.command()
def card(
    limit: Wanted,
    currency: Currency,
    department: Department,
    card_id: Annotated[str, typer.Option("--card", help="The new card's id.", show_default=False)],
    employee: Annotated[str | None, typer.Option(help="Whose it will be.", show_default=False)] = None,
    team: Annotated[str | None, typer.Option(help="Of which team.", show_default=False)] = None,
    single_use: Annotated[bool, typer.Option("--single-use", help="For one payment.")] = False,
    each: Each = PeriodChoice.MONTH,
    zone: Zone = "UTC",
    reason: Because = None,
    request_id: Named = None,
    as_json: AsJson = False,
) -> None:
    """Ask for a new card, which may spend so much in each period."""
    name = request_id or _new_id()
    wanted = given(card_id=card_id, employee=employee, team=team, single_use=single_use or None)
    with _deciding(name) as api:
        answer = api.requests.create_card.answer(
            department_id=department,
            request_id=name,
            card=wanted,
            limit=Money(_minor(limit, currency), currency),
            period=each.value,
            time_zone=zone,
            reason=reason,
        )
    _told(answer.json(), f"{visible(name)} is asked for", as_json)


@app.command()
def budget(
    limit: Wanted,
    currency: Currency,
    department: Department,
    title: Annotated[str, typer.Option("--name", help="What the budget is called.", show_default=False)],
    team: Annotated[
        str | None, typer.Option(help="For this team; the department's own, if absent.", show_default=False)
    ] = None,
    each: Each = PeriodChoice.MONTH,
    zone: Zone = "UTC",
    reason: Because = None,
    request_id: Named = None,
    as_json: AsJson = False,
) -> None:
    """Ask for a budget, or for another limit of one that is there."""
    name = request_id or _new_id()
    with _deciding(name) as api:
        answer = api.requests.create_budget.answer(
            department_id=department,
            request_id=name,
            name=title,
            limit={"minor": _minor(limit, currency), "currency": currency},
            level=None if team is None else "team",
            subject=team,
            period=each.value,
            time_zone=zone,
            reason=reason,
        )
    _told(answer.json(), f"{visible(name)} is asked for", as_json)


# -- answered


@app.command()
def approve(request: RequestId, department: MaybeDepartment = None, as_json: AsJson = False) -> None:
    """Approve a request at the level it has reached, for yourself or for whom you stand in for."""
    with _deciding(request) as api:
        of = department or api.requests.read(request).department_id
        answer = api.requests.approve.answer(request, department_id=of)
    _told(answer.json(), f"{visible(request)} is approved at its level", as_json)


@app.command()
def refuse(
    request: RequestId,
    department: MaybeDepartment = None,
    reason: Because = None,
    as_json: AsJson = False,
) -> None:
    """Refuse a request, or take back your own."""
    with _deciding(request) as api:
        of = department or api.requests.read(request).department_id
        answer = api.requests.refuse.answer(request, department_id=of, reason=reason)
    _told(answer.json(), f"{visible(request)} is refused", as_json)


# -- away


@app.command()
def delegations(
    department: Annotated[
        str | None, typer.Option(help="Only of this department.", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="So many.")] = PAGE,
    as_json: AsJson = False,
) -> None:
    """List who answers for whom, now or later."""
    with connected() as api:
        found = api.delegations.list.answer(department_id=department, limit=limit).json()
    if as_json:
        print_json(found)
        return
    table = TextTable("away", "department", "answers meanwhile", "from", "until", "said by")
    names = ("absent", "department_id", "delegate", "starts_at", "until", "set_by")
    for one in found["delegations"]:
        table.add(*(one[name] for name in names))
    table.print()
    if found["next"] is not None:
        typer.echo(f"there are more; these are the first {limit:,}", err=True)


@app.command()
def delegate(
    absent: Annotated[str, typer.Argument(help="Who is away.", show_default=False)],
    to: Annotated[str, typer.Argument(help="Who answers meanwhile.", show_default=False)],
    department: Department,
    until: Annotated[str, typer.Option(help="Until when: 2026-12-31T23:00:00Z.", show_default=False)],
    since: Annotated[
        str | None, typer.Option("--from", help="From when on; at once, if absent.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say who answers requests for somebody while he is away."""
    with _deciding(absent) as api:
        answer = api.delegations.set.answer(
            department_id=department, absent=absent, delegate=to, until=until, starts_at=since
        )
    _told(answer.json(), f"{visible(to)} answers for {visible(absent)} until {visible(until)}", as_json)


@app.command()
def back(
    absent: Annotated[str, typer.Argument(help="Who is back.", show_default=False)],
    department: Department,
    as_json: AsJson = False,
) -> None:
    """Say that somebody is back: nobody answers for him any more."""
    with _deciding(absent) as api:
        answer = api.delegations.end.answer(absent, department_id=department)
    _told(answer.json(), f"nobody answers for {visible(absent)} any more", as_json)


# -- in words


@contextmanager
def _deciding(name: str) -> Iterator[Client]:
    """Raises SpendlogError where the owner has not answered in time: it may have been decided since."""
    with connected() as api:
        try:
            yield api
        except Undecided:
            raise SpendlogError(
                f"{name} is not decided yet; look again with `spendlog requests list`"
            ) from None


def _told(decision: dict[str, Any], words: str, as_json: bool) -> None:
    if as_json:
        print_json(decision)
    else:
        typer.echo(f"{words} (position {decision['position']})")


def _new_id() -> str:
    return f"req_{secrets.token_hex(6)}"


def _minor(text: str, currency: str) -> int:
    """Raises SpendlogError: it is no amount of that currency."""
    try:
        return minor_units(text, currency, _PLAIN)
    except ValueError as error:
        raise SpendlogError(f"AMOUNT CURRENCY: {error}") from None


def _money(amount: dict[str, Any]) -> str:
    return f"{Decimal(amount['minor']).scaleb(-exponent(amount['currency'])):,f} {amount['currency']}"


def _what(one: dict[str, Any]) -> str:
    """`card card_9 for Ada`, `budget team:platform`, `more of department until ...`."""
    if (card := one["card"]) is not None:
        return f"card {card['card_id']}" + (f" for {card['employee']}" if card["employee"] else "")
    if one["budget"] is not None:
        return f"budget {one['budget_id']}"
    return f"more of {one['budget_id']} until {one['ends_at']}"


def _stands(one: dict[str, Any]) -> str:
    """How far it is, and whom it waits for."""
    if one["status"] == "refused":
        return f"refused by {one['refused_by']}"
    if one["status"] != "waiting":
        return str(one["status"])
    level = f"level {len(one['approved_by']) + 1} of {len(one['levels'])}"
    return f"waits for {', '.join(one['waits_for'] or []) or 'anybody else'}, {level}"


def _level(one: dict[str, Any], number: int, names: list[str]) -> str:
    if number > len(one["approved_by"]):
        return f"not yet: {', '.join(names) or 'anybody else'}"
    approver, absent = one["approved_by"][number - 1], one["on_behalf_of"][number - 1]
    return f"approved by {approver}" + (f" for {absent}" if absent else "")
