"""Rows of the read models: each column stands here alone.

Its name, its kind, and what of a decision or an effect it shows. Statements (`sinks.ledger.statements`) and
bounds (`sinks.ledger.bounds`) follow from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sinks.ledger.rows.requests import ClosedRow, DelegationRow, RequestRow, TakenBackRow
from sinks.ledger.rows.sums import (
    AskedRow,
    CapRow,
    DisputeRow,
    LeaseRow,
    LimitRow,
    PeriodRow,
    RefundRow,
    ResolvedRow,
    UndoneRow,
)
from sinks.ledger.rows.terms import (
    ActivationRow,
    BudgetRow,
    CardRow,
    IncreaseRow,
    PolicyRow,
)

#: Table -> the row types that write it; together they have its columns.
ROWS: Final[Mapping[str, tuple[type[tuple[Any, ...]], ...]]] = {
    "budget": (BudgetRow,),
    "budget_increase": (IncreaseRow,),
    "approval_request": (RequestRow, ClosedRow),
    "delegation": (DelegationRow, TakenBackRow),
    "budget_period": (PeriodRow,),
    "limit_change": (LimitRow,),
    "policy_version": (PolicyRow, ActivationRow),
    "card": (CardRow,),
    "refund": (RefundRow, UndoneRow),
    "dispute": (DisputeRow, ResolvedRow),
    "company_cap": (CapRow,),
    "lease": (LeaseRow, AskedRow),
}
