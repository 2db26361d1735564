"""What the ledger would book for a history: balanced, and to the cent what the model knows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from schemas.decisions import Decision
from sinks.ledger.accounts import accounts_of
from sinks.ledger.bookings import Bookkeeper
from tests.model.book import Department
from tests.model.rules import Model


def wrong_books(model: Model, decisions: Iterable[Decision]) -> list[str]:
    """Accounts that do not hold what the model sums up; transfers that are none."""
    debits: Counter[str] = Counter()
    wrong = []
    for transfer in Bookkeeper().transfers(decisions):
        if transfer.amount <= 0 or transfer.debit_account == transfer.credit_account:
            wrong.append(f"no transfer: {transfer}")
        debits[transfer.debit_account] += transfer.amount
        debits[transfer.credit_account] -= transfer.amount
    expected: Counter[str] = Counter()
    for key, department in model.departments.items():
        accounts = accounts_of(*key.split("/"))
        held = sum(payment.held for payment in department.payments.values())
        expected[accounts.encumbrance] += held
        expected[accounts.encumbrance_reserve] -= held
        expected[accounts.provisional_credit] -= _credited(department)
        expected[accounts.card_spend] += _spent(department) - debits[accounts.fx_difference]
    return wrong + [
        f"{name} has {debits[name]}, not {amount}"
        for name, amount in expected.items()
        if debits[name] != amount
    ]


def _spent(department: Department) -> int:
    """Settled less refunds and won disputes."""
    posted = sum(payment.posted - department.won(payment) for payment in department.every_payment)
    return posted - sum(refund.left for refund in department.every_refund)


def _credited(department: Department) -> int:
    """Provisional credits of disputes that are open."""
    return sum(d.amount for d in department.every_dispute if d.provisional and d.outcome is None)
