"""Rows of the ledger's statements to what is shown: for the API and for the command line alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from api.models.base import MoneyOut
from api.models.budgets import BudgetListOut, BudgetOut, CalendarOut
from api.models.controls import CardListOut, CardOut, PolicyListOut, PolicyOut
from api.models.increases import IncreaseRequestListOut, IncreaseRequestOut
from api.models.ledger import (
    AccountOut,
    AccountsOut,
    BalancesOut,
    PeriodBalanceOut,
    TrialBalanceOut,
    TrialLineOut,
)
from schemas.controls import Card
from schemas.defaults import default_policy
from schemas.ids import Position

Row = Mapping[str, Any]

_card_decoder = msgspec.json.Decoder(Card)


def budget_out(row: Row) -> BudgetOut:
    """A member of `budgets` of budgets.sql."""

    def of(minor: int) -> MoneyOut:
        return MoneyOut(minor=minor, currency=row["currency"])

    limit, posted, held = row["period_limit_minor"], row["posted_minor"], row["held_minor"]
    return BudgetOut(
        organization_id=row["organization_id"],
        department_id=row["department_id"],
        budget_id=row["budget_id"],
        level=row["level"],
        subject=row["subject"],
        name=row["name"],
        time_zone=row["time_zone"],
        currency=row["currency"],
        calendar=CalendarOut(
            period=row["calendar"],
            time_zone=row["time_zone"],
            start_day=row["start_day"],
            start_month=row["start_month"],
        ),
        period=row["period"],
        limit=of(limit),
        tolerance=of(row["tolerance_minor"]),
        posted=of(posted),
        held=of(held),
        available=of(limit - max(0, posted) - held),
        removed=row["removed"],
        position=str(Position(row["partition"], row["last_seq"])),
    )


def budgets_out(row: Row) -> BudgetListOut:
    """The row of budgets.sql."""
    return BudgetListOut(budgets=[budget_out(found) for found in row["budgets"]])


def policies_out(organization_id: str, department_id: str, row: Row) -> PolicyListOut:
    """The row of policies.sql. A department to which nothing was said has the default policy."""
    found = [_policy_out(organization_id, department_id, policy) for policy in row["policies"]]
    if not found:
        found = [
            PolicyOut(
                organization_id=organization_id,
                department_id=department_id,
                version=0,
                in_force=True,
                policy=msgspec.to_builtins(default_policy(row["currency"])),
                drafted_at=None,
                activated_at=None,
                position=None,
            )
        ]
    return PolicyListOut(policies=found)


def _policy_out(organization_id: str, department_id: str, row: Row) -> PolicyOut:
    seq = max((seq for seq in (row["drafted_seq"], row["activated_seq"]) if seq is not None), default=None)
    return PolicyOut(
        organization_id=organization_id,
        department_id=department_id,
        version=row["version"],
        in_force=row["active"],
        policy=msgspec.json.decode(row["policy"]),
        drafted_at=row["drafted_at"],
        activated_at=row["activated_at"],
        position=None if seq is None else str(Position(row["partition"], seq)),
    )


def cards_out(organization_id: str, department_id: str, row: Row, *, page: int) -> CardListOut:
    """The row of cards.sql, which was asked for one card more than `page`."""
    found = [card_out(organization_id, department_id, card) for card in row["cards"]]
    more = len(found) > page
    return CardListOut(cards=found[:page], next=found[page - 1].card_id if more else None)


def card_out(organization_id: str, department_id: str, row: Row) -> CardOut:
    """A member of `cards` of cards.sql."""
    card = _card_decoder.decode(row["body"])
    return CardOut(
        organization_id=organization_id,
        department_id=department_id,
        card_id=card.card_id,
        status=card.status,
        employee=card.employee,
        team=card.team,
        expires_on=card.expires_on,
        single_use=card.single_use,
        locked_to=card.locked_to,
        lock_to_first=card.lock_to_first,
        position=str(Position(row["partition"], row["seq"])),
    )


def requests_out(organization_id: str, department_id: str, row: Row, *, page: int) -> IncreaseRequestListOut:
    """The row of increases.sql, which was asked for one request more than `page`."""
    found = [request_out(organization_id, department_id, request) for request in row["requests"]]
    more = len(found) > page
    return IncreaseRequestListOut(requests=found[:page], next=found[page - 1].request_id if more else None)


def request_out(organization_id: str, department_id: str, row: Row) -> IncreaseRequestOut:
    """A member of `requests` of increases.sql."""
    levels, approved_by = row["levels"], row["approved_by"]
    return IncreaseRequestOut(
        organization_id=organization_id,
        department_id=department_id,
        request_id=row["request_id"],
        budget_id=row["budget_id"],
        status=row["status"],
        amount=MoneyOut(minor=row["amount"], currency=row["currency"]),
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        asked_by=row["asked_by"],
        asked_at=row["asked_at"],
        reason=row["reason"],
        levels=levels,
        approved_by=approved_by,
        waits_for=levels[len(approved_by)] if row["status"] == "waiting" else None,
        refused_by=row["refused_by"],
        refusal_reason=row["refusal_reason"],
        closed_at=row["closed_at"],
        position=str(Position(row["partition"], row["seq"])),
    )


def balances_out(organization_id: str, department_id: str, row: Row, up_to: int | None = None) -> BalancesOut:
    """The row of balances.sql or balances_then.sql; `up_to`: the decision that was asked for."""

    def of(minor: int) -> MoneyOut:
        return MoneyOut(minor=minor, currency=row["currency"])

    return BalancesOut(
        organization_id=organization_id,
        department_id=department_id,
        periods=[
            PeriodBalanceOut(
                period=period["period"],
                limit=of(period["limit_minor"]),
                pending=of(period["pending"]),
                posted=of(period["posted"]),
                available=of(period["available"]),
            )
            for period in row["periods"]
        ],
        position=_place(row, up_to),
    )


def accounts_out(organization_id: str, department_id: str, row: Row, up_to: int | None = None) -> AccountsOut:
    """The row of accounts.sql; `up_to`: the decision that was asked for."""
    return AccountsOut(
        organization_id=organization_id,
        department_id=department_id,
        accounts=[
            AccountOut(
                account=account["account"],
                layer=account["layer"],
                balance=MoneyOut(minor=account["balance"], currency=account["currency"]),
                entries=account["entries"],
            )
            for account in row["accounts"]
        ],
        position=_place(row, up_to),
    )


def _place(row: Row, up_to: int | None) -> str | None:
    """Where the department's partition was in the ledger, or the decision that was asked for."""
    next_seq = row["own_next_seq"]
    if row["partition"] is None or not next_seq:
        return None
    return str(Position(row["partition"], next_seq - 1 if up_to is None else min(up_to, next_seq - 1)))


def trial_balance_out(organization_id: str, row: Row) -> TrialBalanceOut:
    """The row of trial_balance.sql."""
    lines = [
        TrialLineOut(
            currency=line["currency"],
            layer=line["layer"],
            total=MoneyOut(minor=line["total"], currency=line["currency"]),
            entries=line["entries"],
        )
        for line in row["lines"]
    ]
    return TrialBalanceOut(
        organization_id=organization_id,
        balanced=all(line.total.minor == 0 and line.layer != "not opened" for line in lines),
        lines=lines,
    )
