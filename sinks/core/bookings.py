"""Decision to double entry: each effect that moves money is one transfer, balanced by construction.

Holds are encumbrances in the pending layer; what is settled is in the posted layer. Nothing is netted and
nothing is computed twice: the amounts are the effects' own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Final, Literal, NamedTuple

from schemas.decisions import BudgetChanged, Decision, Effect, HoldPlaced, HoldReleased, Posted, Refunded
from sinks.errors import InvariantBroken

Layer = Literal["pending", "posted"]
Kind = Literal["hold", "release", "clearing", "refund"]


class Transfer(NamedTuple):
    """A row of table `transfer`, its columns in this order. `amount`: minor units of `currency`, above 0."""

    partition: int
    seq: int
    n: int
    organization_id: str
    department_id: str
    authorization_id: str | None
    layer: Layer
    kind: Kind
    debit_account: str
    credit_account: str
    amount: int
    currency: str
    period: str
    occurred_at: datetime | None
    recorded_at: datetime


class Account(NamedTuple):
    """A row of table `account`. `department_id` None: it belongs to the whole organization."""

    name: str
    layer: Layer
    organization_id: str
    department_id: str | None


class Accounts(NamedTuple):
    """The names of one department's accounts."""

    encumbrance: str
    encumbrance_reserve: str
    card_spend: str
    card_payable: str


def accounts_of(organization_id: str, department_id: str) -> Accounts:
    department = f"department:{organization_id}/{department_id}"
    return Accounts(
        encumbrance=f"{department}:encumbrance",
        encumbrance_reserve=f"{department}:encumbrance-reserve",
        card_spend=f"{department}:card-spend",
        card_payable=f"organization:{organization_id}:card-payable",
    )


def chart_of(organization_id: str, department_id: str) -> Iterator[Account]:
    """The accounts that a department's transfers name."""
    names = accounts_of(organization_id, department_id)
    yield Account(names.encumbrance, "pending", organization_id, department_id)
    yield Account(names.encumbrance_reserve, "pending", organization_id, department_id)
    yield Account(names.card_spend, "posted", organization_id, department_id)
    yield Account(names.card_payable, "posted", organization_id, None)


class Rule(NamedTuple):
    """How one kind of effect is booked; `debit` and `credit` are indices into `Accounts`."""

    layer: Layer
    kind: Kind
    debit: int
    credit: int


_ENCUMBRANCE, _RESERVE, _CARD_SPEND, _CARD_PAYABLE = range(len(Accounts._fields))

# By type and not by match: 0.3 us saved for each effect, of 1.5 in a decision. None: no money moves.
RULES: Final[Mapping[type[Effect], Rule | None]] = {
    BudgetChanged: None,
    HoldPlaced: Rule("pending", "hold", _ENCUMBRANCE, _RESERVE),
    HoldReleased: Rule("pending", "release", _RESERVE, _ENCUMBRANCE),
    Posted: Rule("posted", "clearing", _CARD_SPEND, _CARD_PAYABLE),
    Refunded: Rule("posted", "refund", _CARD_PAYABLE, _CARD_SPEND),
}


class Bookkeeper:
    """Transfers of many decisions; remembers account names, which are the same in most of them."""

    def __init__(self) -> None:
        self._accounts: dict[tuple[str, str], Accounts] = {}

    def transfers(self, decisions: Iterable[Decision]) -> list[Transfer]:
        """Raises InvariantBroken where an effect lacks what a booking needs."""
        rows: list[Transfer] = []
        for decision in decisions:
            if decision.effects:
                self._book(decision, rows)
        return rows

    def _book(self, decision: Decision, rows: list[Transfer]) -> None:
        organization, department = decision.organization_id, decision.department_id
        currency = decision.currency
        if organization is None or department is None or currency is None:
            raise InvariantBroken(
                f"decision {decision.position}: effects without organization, department or currency"
            )
        names = self._names(organization, department)
        for n, effect in enumerate(decision.effects):
            rule = RULES[type(effect)]
            if rule is None or isinstance(effect, BudgetChanged):
                continue
            layer, kind, debit, credit = rule
            if effect.amount <= 0:
                raise InvariantBroken(f"decision {decision.position}: effect {n} moves {effect.amount}")
            row = (
                decision.partition,
                decision.seq,
                n,
                organization,
                department,
                effect.authorization_id,
                layer,
                kind,
                names[debit],
                names[credit],
                effect.amount,
                currency,
                effect.period,
                decision.occurred_at,
                decision.recorded_at,
            )
            rows.append(tuple.__new__(Transfer, row))  # half the time of Transfer(*row)

    def _names(self, organization: str, department: str) -> Accounts:
        key = (organization, department)
        names = self._accounts.get(key)
        if names is None:
            names = self._accounts[key] = accounts_of(organization, department)
        return names
