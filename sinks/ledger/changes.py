"""What a batch changes in the read models, gathered before anything is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from schemas.decisions import Balance, Decision
from sinks.ledger.rows.common import Names
from sinks.ledger.rows.requests import ApprovedRow, ClosedRow, DelegationRow, RequestRow, TakenBackRow
from sinks.ledger.rows.sums import (
    AskedRow,
    CapRow,
    DisputeRow,
    LeaseKey,
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
    RemovedRow,
)


@dataclass(slots=True)
class Changes:
    """By key where the last counts or amounts add up, in log order where each is a row of its own.

    `limits_known`: limits of the departments' own budgets as stored, by organization, department and period;
    `limits_now`: those that the batch changes. `ended`: budgets that were removed, also where the batch sets
    them again; their stored increases end with the first removal.
    """

    limits_known: Mapping[Names, int] = field(default_factory=dict)
    limits_now: dict[Names, int] = field(default_factory=dict)
    limits: list[LimitRow] = field(default_factory=list)
    periods: dict[tuple[str, str, str, str], tuple[Balance, Decision]] = field(default_factory=dict)
    budgets: dict[Names, BudgetRow] = field(default_factory=dict)
    removed: dict[Names, RemovedRow] = field(default_factory=dict)
    ended: dict[Names, RemovedRow] = field(default_factory=dict)
    increases: list[IncreaseRow] = field(default_factory=list)
    requests: dict[Names, RequestRow] = field(default_factory=dict)
    approved: list[ApprovedRow] = field(default_factory=list)
    closed: dict[Names, ClosedRow] = field(default_factory=dict)
    delegations: dict[Names, DelegationRow] = field(default_factory=dict)
    taken_back: dict[Names, TakenBackRow] = field(default_factory=dict)
    policies: dict[tuple[str, str, int], PolicyRow] = field(default_factory=dict)
    activated: dict[tuple[str, str, int], ActivationRow] = field(default_factory=dict)
    cards: dict[Names, CardRow] = field(default_factory=dict)
    refunds: dict[Names, RefundRow] = field(default_factory=dict)
    undone: dict[Names, UndoneRow] = field(default_factory=dict)
    disputes: dict[Names, DisputeRow] = field(default_factory=dict)
    resolved: dict[Names, ResolvedRow] = field(default_factory=dict)
    caps: dict[str, CapRow] = field(default_factory=dict)
    leases: dict[LeaseKey, LeaseRow] = field(default_factory=dict)
    asked: dict[LeaseKey, AskedRow] = field(default_factory=dict)

    def period_rows(self) -> list[PeriodRow]:
        return [
            PeriodRow(*key, balance.limit, balance.posted, balance.held, decision.partition, decision.seq)
            for key, (balance, decision) in self.periods.items()
        ]
