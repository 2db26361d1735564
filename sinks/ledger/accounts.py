"""The chart of accounts: their names, and whose they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from schemas.bookings import Layer


class Account(NamedTuple):
    """A row of table `account`. `department_id` None: it belongs to the whole organization."""

    name: str
    layer: Layer
    organization_id: str
    department_id: str | None


class Accounts(NamedTuple):
    """The names of the accounts that one department's transfers may name."""

    encumbrance: str
    encumbrance_reserve: str
    card_spend: str
    fx_difference: str
    card_payable: str
    provisional_credit: str


def accounts_of(organization_id: str, department_id: str) -> Accounts:
    department = f"department:{organization_id}/{department_id}"
    organization = f"organization:{organization_id}"
    return Accounts(
        encumbrance=f"{department}:encumbrance",
        encumbrance_reserve=f"{department}:encumbrance-reserve",
        card_spend=f"{department}:card-spend",
        fx_difference=f"{department}:fx-difference",
        card_payable=f"{organization}:card-payable",
        provisional_credit=f"{organization}:provisional-credit",
    )


def chart_of(organization_id: str, department_id: str) -> Iterator[Account]:
    """The accounts of `accounts_of`, as rows."""
    names = accounts_of(organization_id, department_id)
    yield Account(names.encumbrance, "pending", organization_id, department_id)
    yield Account(names.encumbrance_reserve, "pending", organization_id, department_id)
    yield Account(names.card_spend, "posted", organization_id, department_id)
    yield Account(names.fx_difference, "posted", organization_id, department_id)
    yield Account(names.card_payable, "posted", organization_id, None)
    yield Account(names.provisional_credit, "posted", organization_id, None)
