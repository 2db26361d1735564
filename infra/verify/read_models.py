"""What the read models in PostgreSQL hold, and must hold by the log: table by table, key by key."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, LiteralString, NamedTuple

import msgspec

from infra.verify.leases import Lender, Treasury
from infra.verify.state import Budget, Department, DepartmentName, Payment
from schemas.administration import TREASURY
from schemas.controls import BudgetTerms, Calendar, Card, Policy
from schemas.reasons import DEPARTMENT

Key = tuple[Any, ...]
Row = tuple[Any, ...]
Levels = tuple[tuple[str, ...], ...]
Departments = Mapping[DepartmentName, Department]


def status(payment: Payment) -> str:
    """Where the payment is in its life, as `schemas.authorizations.Status` names it."""
    before = payment.earlier
    posted, refunded = before.posted + payment.posted, before.refunded + payment.refunded
    recovered = before.recovered + payment.recovered
    if posted:
        if before.disputed + payment.disputed > recovered:
            return "disputed"
        if refunded + recovered >= posted:
            return "refunded"
        return "partially_cleared" if payment.held else "cleared"
    if payment.held:
        return "partially_approved" if payment.in_part else "approved"
    if payment.authorized:
        return "expired" if payment.expired else "reversed"
    if payment.answered or before.answered:
        return "declined"
    if refunded:
        return "refunded"
    return "voided" if payment.voided or before.voided else "reversed"


def totals(payment: Payment) -> Row:
    """status, requested, authorized, held, posted, refunded, disputed."""
    before = payment.earlier
    return (
        status(payment),
        payment.requested,
        payment.authorized,
        payment.held,
        before.posted + payment.posted,
        before.refunded + payment.refunded,
        before.disputed + payment.disputed,
    )


def calendar_row(calendar: Calendar) -> Row:
    return calendar.period, calendar.time_zone, calendar.start_day, calendar.start_month


class Table(NamedTuple):
    """A read model. `statement` selects its key, `key` columns, and then what is compared."""

    statement: LiteralString
    key: int


#: By name. `Models` says the same of the log.
TABLES: Final = {
    "card_authorization": Table(
        """SELECT organization_id, department_id, authorization_id, status, requested, authorized, held,
            posted, refunded, disputed, coalesce(floor(extract(epoch FROM expires_at))::bigint, 0), seq,
            floor(extract(epoch FROM created_at))::bigint, cardholder, merchant_key, mcc, flagged, review,
            case_status, label, score
        FROM card_authorization""",
        3,
    ),
    "budget": Table(
        """SELECT organization_id, department_id, budget_id, level, subject, name, currency, limit_minor,
            tolerance_minor, calendar, time_zone, start_day::int, start_month::int, removed, seq,
            changed_by, floor(extract(epoch FROM changed_at))::bigint
        FROM budget""",
        3,
    ),
    "budget_increase": Table(
        """SELECT organization_id, department_id, budget_id, seq, amount,
            floor(extract(epoch FROM starts_at))::bigint, floor(extract(epoch FROM ends_at))::bigint
        FROM budget_increase""",
        4,
    ),
    "approval_request": Table(
        """SELECT organization_id, department_id, request_id, kind, budget_id, currency, amount,
            coalesce(floor(extract(epoch FROM starts_at))::bigint, 0),
            coalesce(floor(extract(epoch FROM ends_at))::bigint, 0),
            coalesce(floor(extract(epoch FROM lapses_at))::bigint, 0), levels::text, budget::text, card::text,
            asked_by, reason, approved_by, on_behalf_of, refused_by, refused_on_behalf_of, refusal_reason,
            status, seq
        FROM approval_request""",
        3,
    ),
    "delegation": Table(
        """SELECT organization_id, department_id, absent, delegate,
            floor(extract(epoch FROM starts_at))::bigint, floor(extract(epoch FROM until))::bigint,
            set_by, ended_by, seq
        FROM delegation""",
        3,
    ),
    "budget_period": Table(
        """SELECT organization_id, department_id, budget_id || '@' || period, posted_minor, held_minor,
            limit_minor
        FROM budget_period""",
        3,
    ),
    "limit_change": Table(
        """SELECT DISTINCT ON (organization_id, department_id, period) organization_id, department_id,
            'department@' || period, limit_minor
        FROM limit_change ORDER BY organization_id, department_id, period, seq DESC""",
        3,
    ),
    "policy_version": Table(
        "SELECT organization_id, department_id, version, policy::text, active FROM policy_version", 3
    ),
    "card": Table("SELECT organization_id, department_id, card_id, status, body::text FROM card", 3),
    "refund": Table(
        """SELECT organization_id, department_id, refund_id, authorization_id, amount, undone, seq
        FROM refund""",
        3,
    ),
    "dispute": Table(
        """SELECT organization_id, department_id, dispute_id, authorization_id, amount, provisional, status
        FROM dispute""",
        3,
    ),
    "company_cap": Table(
        """SELECT organization_id, limit_minor, calendar, time_zone, start_day::int, start_month::int,
            departments
        FROM company_cap""",
        1,
    ),
    "lease": Table("SELECT organization_id, department_id, period, side, leased_minor FROM lease", 4),
}


class Models:
    """All tables as the folds of all partitions have them. Rows are made when they are asked for."""

    def __init__(self, departments: Departments, treasuries: Mapping[Lender, Treasury]) -> None:
        self._departments = departments
        self._treasuries = treasuries
        self._leases = dict(self._all_leases())
        self._row: dict[str, Callable[[Key], Row | None]] = {
            "card_authorization": self._authorization,
            "budget": self._budget,
            "budget_increase": self._increase,
            "approval_request": self._request,
            "delegation": self._delegation,
            "budget_period": self._period,
            "limit_change": self._limit,
            "policy_version": self._policy,
            "card": self._card,
            "refund": self._refund,
            "dispute": self._dispute,
            "company_cap": self._cap,
            "lease": self._leases.get,
        }

    def row(self, table: str, key: Key) -> Row | None:
        """What the log says; None: there is no such thing."""
        return self._row[table](key)

    def keys(self, table: str) -> Iterator[Key]:
        """Of all rows that the table must have."""
        if table == "company_cap":
            yield from ((organization,) for organization, lender in self._treasuries if lender == TREASURY)
        elif table == "lease":
            yield from self._leases
        else:
            for name, department in self._departments.items():
                for key in _KEYS[table](department):
                    yield (*name, *key)

    def found(self, table: str, row: Row) -> Row:
        """A row of PostgreSQL, its JSON read."""
        if table == "policy_version":
            return msgspec.json.decode(row[0], type=Policy), row[1]
        if table == "approval_request":
            kinds = (Levels, BudgetTerms, Card)
            told = (
                None if text is None else msgspec.json.decode(text, type=kind)
                for text, kind in zip(row[7:10], kinds, strict=True)
            )
            return *row[:7], *told, *row[10:]
        return (row[0], msgspec.json.decode(row[1], type=Card)) if table == "card" else row

    # -- one function for each table

    def _authorization(self, key: Key) -> Row | None:
        department = self._departments.get(key[:2])
        payment = department.payments.get(key[2]) if department else None
        if payment is None:
            return None
        return (
            *totals(payment),
            payment.expires_s if payment.held else 0,
            payment.seq,
            payment.begun_s,
            *payment.about,
            payment.flagged,
            payment.review,
            payment.case,
            payment.label,
            payment.score,
        )

    def _budget(self, key: Key) -> Row | None:
        department = self._departments.get(key[:2])
        if department is None:
            return None
        gone = department.gone.get(key[2])
        budget = gone or department.budgets.get(key[2])
        if budget is None:
            return None
        return (
            *(budget.level, budget.subject, budget.name, department.currency, budget.limit, budget.tolerance),
            *calendar_row(budget.calendar),
            gone is not None,
            *budget.origin,
        )

    def _increase(self, key: Key) -> Row | None:
        department = self._departments.get(key[:2])
        return department.increases.get(key[2:]) if department else None

    def _request(self, key: Key) -> Row | None:
        department = self._departments.get(key[:2])
        request = department.requests.get(key[2]) if department else None
        if department is None or request is None:
            return None
        refused_by, refused_for = request.refused_by[-1] if request.refused_by else (None, None)
        approved_by = [who for who, _ in request.answers]
        on_behalf_of = ["" if who == whom else whom for who, whom in request.answers]
        return (
            *(request.kind, request.budget_id, department.currency, request.amount, *request.span),
            *(request.lapses_s, request.levels, request.budget, request.card),
            *(request.asked_by, request.reason, approved_by, on_behalf_of, refused_by),
            None if refused_for == refused_by else refused_for,
            *(request.refusal_reason, request.status, request.seq),
        )

    def _delegation(self, key: Key) -> Row | None:
        department = self._departments.get(key[:2])
        found = department.delegations.get(key[2]) if department else None
        if found is None:
            return None
        return found.delegate, found.starts_s, found.until_s, found.set_by, found.ended_by, found.seq

    def _period(self, key: Key) -> Row | None:
        department = self._departments.get(key[:2])
        totals = department.periods.get(key[2]) if department else None
        if totals is None or totals.told is None:
            return None
        return totals.posted, totals.held, totals.told

    def _limit(self, key: Key) -> Row | None:
        row = self._period(key)
        return None if row is None else row[2:]

    def _policy(self, key: Key) -> Row | None:
        department = self._departments.get(key[:2])
        version = key[2]
        policy = None if department is None else department.policies.get(version)
        if department is None or policy is None:
            return None
        return policy, department.policy_version == version

    def _card(self, key: Key) -> Row | None:
        department = self._departments.get(key[:2])
        card = department.cards.get(key[2]) if department else None
        return None if card is None else (card.status, card)

    def _refund(self, key: Key) -> Row | None:
        department = self._departments.get(key[:2])
        refund = department.refunds.get(key[2]) if department else None
        if refund is None:
            return None
        return refund.named, refund.amount, refund.undone, refund.seq

    def _dispute(self, key: Key) -> Row | None:
        department = self._departments.get(key[:2])
        dispute = department.disputes.get(key[2]) if department else None
        if dispute is None:
            return None
        return dispute.authorization_id, dispute.amount, dispute.provisional, dispute.outcome or "open"

    def _cap(self, key: Key) -> Row | None:
        treasury = self._treasuries.get((key[0], TREASURY))
        if treasury is None:
            return None
        return treasury.limit, *calendar_row(treasury.calendar), list(treasury.departments)

    def _all_leases(self) -> Iterator[tuple[Key, Row]]:
        for (organization, _), treasury in self._treasuries.items():
            for period, leases in treasury.leases.items():
                for name, leased in leases.items():
                    yield (organization, name, period, "treasury"), (leased,)
        for (organization, name), department in self._departments.items():
            for period, lease in department.leases.items():
                yield (organization, name, period, "department"), (lease,)


def _told(department: Department, prefix: str = "") -> Iterator[Key]:
    for charge, totals in department.periods.items():
        if totals.told is not None and charge.startswith(prefix):
            yield (charge,)


def _budget_ids(department: Department) -> Iterator[Key]:
    both: tuple[dict[str, Budget], ...] = (department.budgets, department.gone)
    yield from ((budget_id,) for budgets in both for budget_id in budgets)


_KEYS: Mapping[str, Callable[[Department], Iterator[Key]]] = {
    "card_authorization": lambda department: ((name,) for name in department.payments),
    "budget": _budget_ids,
    "budget_increase": lambda department: iter(department.increases),
    "approval_request": lambda department: ((request,) for request in department.requests),
    "delegation": lambda department: ((absent,) for absent in department.delegations),
    "budget_period": _told,
    "limit_change": lambda department: _told(department, f"{DEPARTMENT}@"),
    "policy_version": lambda department: ((version,) for version in department.policies),
    "card": lambda department: ((card,) for card in department.cards),
    "refund": lambda department: ((refund,) for refund in department.refunds),
    "dispute": lambda department: ((dispute,) for dispute in department.disputes),
}
