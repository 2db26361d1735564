"""Lines at a story's end: what accounts and payments must show, and where they differ."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from infra.stories import values
from infra.stories.story import LedgerLine, PaymentLine
from infra.stories.tokens import WordReader
from schemas.authorizations import Authorization, Status
from schemas.money import Money

DEPARTMENT_ACCOUNTS: Final = ("encumbrance", "encumbrance-reserve", "card-spend", "fx-difference")
ORGANIZATION_ACCOUNTS: Final = ("card-payable", "provisional-credit")
TOTALS: Final = ("requested", "held", "posted", "refunded", "disputed")


def read_ledger(reader: WordReader, text: str, department: str | None) -> LedgerLine:
    """`ledger card-spend USD 400.00`: debits are above zero, credits below."""
    reader.need("ledger")
    account = reader.one_of((*DEPARTMENT_ACCOUNTS, *ORGANIZATION_ACCOUNTS), "an account")
    found = values.money(reader)
    _end(reader)
    return LedgerLine(reader.place, text, department or "", account, found.currency, found.minor)


def read_payment(reader: WordReader, text: str, department: str | None) -> PaymentLine:
    """`payment A1 cleared held 0.00 posted 400.00`: its status and any of its totals."""
    reader.need("payment")
    name = reader.text("a payment, such as A1")
    status = reader.one_of([status.value for status in Status], "a payment's status")
    totals: dict[str, Decimal] = {}
    while reader.peek() is not None:
        total = reader.one_of(TOTALS, "a total of the payment")
        totals[total] = values.number(reader)
    return PaymentLine(reader.place, text, department or "", name, status, totals)


def _end(reader: WordReader) -> None:
    if reader.peek() is not None:
        reader.fail(reader.next(""), "the end of the line")


def account_name(organization: str, line: LedgerLine) -> str:
    """As the chart of accounts has it (docs/architecture.md)."""
    if line.account in ORGANIZATION_ACCOUNTS:
        return f"organization:{organization}:{line.account}"
    return f"department:{organization}/{line.department}:{line.account}"


def ledger_difference(
    organization: str, line: LedgerLine, balances: Mapping[tuple[str, str], int]
) -> str | None:
    """What differs. `balances`: (account, currency) -> minor units, debits less credits."""
    name = account_name(organization, line)
    found = balances.get((name, line.currency), 0)
    if found == line.minor:
        return None
    shown = Decimal(found).scaleb(-values.digits(line.currency))
    return f"{name} stands at {line.currency} {shown}"


def payment_differences(line: PaymentLine, found: Authorization | None) -> list[str]:
    """What differs."""
    if found is None:
        return [f"payment {line.authorization_id} is not in the books"]
    different = []
    if found.status.value != line.status:
        different.append(f"its status is {found.status.value}")
    for total, expected in line.totals.items():
        minor: int = getattr(found, total)
        if minor != values.minor(expected, found.currency):
            shown = Money(abs(minor), found.currency).decimal()
            different.append(f"{total} is {'-' if minor < 0 else ''}{shown}")
    return different
