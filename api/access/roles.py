"""Who may do what: one table, role by permission, with how far each reaches. Closed where nothing stands.

The permissions are the scopes of keys. A key reaches its whole organization; a person as far as his role and
his departments. docs/access.md shows this table; it is generated from here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import IntEnum, StrEnum
from typing import Final

from api.access.keys import Scope

#: Where those who run the system are members: no department is in it, and no money.
OPERATORS: Final = "_operators"


class Role(StrEnum):
    """What a person is in an organization; the order is that of rank, lowest first."""

    EMPLOYEE = "employee"
    AUDITOR = "auditor"
    FINANCE_MANAGER = "finance_manager"
    ORG_ADMIN = "org_admin"
    SYSTEM_ADMIN = "system_admin"


class Reach(IntEnum):
    """How far a permission goes. A wider one includes the narrower."""

    OWN = 1  # his cards, his purchases, his requests
    DEPARTMENTS = 2  # those that his membership names; a finance manager without any has them all
    ORGANIZATION = 3


_S = Scope
_OWN, _DEPARTMENTS, _ALL = Reach.OWN, Reach.DEPARTMENTS, Reach.ORGANIZATION

_READS: Final = {
    _S.AUTHORIZATIONS_READ: _ALL,
    _S.CASES_READ: _ALL,
    _S.RECEIPTS_READ: _ALL,
    _S.BUDGETS_READ: _ALL,
    _S.POLICIES_READ: _ALL,
    _S.CARDS_READ: _ALL,
    _S.LEDGER_READ: _ALL,
    _S.RECONCILIATIONS_READ: _ALL,
    _S.FEED_READ: _ALL,
}

TABLE: Final[Mapping[Role, Mapping[Scope, Reach]]] = {
    Role.EMPLOYEE: {
        _S.ACCOUNT: _OWN,
        _S.AUTHORIZATIONS_READ: _OWN,
        _S.RECEIPTS_READ: _OWN,
        _S.RECEIPTS_WRITE: _OWN,
        _S.CARDS_READ: _OWN,
        _S.BUDGETS_REQUEST: _OWN,
    },
    Role.AUDITOR: {
        _S.ACCOUNT: _OWN,
        **_READS,
        _S.PEOPLE_READ: _ALL,
        _S.KEYS_READ: _ALL,
        _S.WEBHOOKS_READ: _ALL,
        _S.AUDIT_READ: _ALL,
    },
    Role.FINANCE_MANAGER: {
        _S.ACCOUNT: _OWN,
        **dict.fromkeys(_READS, _DEPARTMENTS),
        _S.RECONCILIATIONS_WRITE: _DEPARTMENTS,
        _S.REPORTS_WRITE: _DEPARTMENTS,
        _S.CASES_WRITE: _DEPARTMENTS,
        _S.RECEIPTS_WRITE: _DEPARTMENTS,
        _S.BUDGETS_WRITE: _DEPARTMENTS,
        _S.BUDGETS_REQUEST: _DEPARTMENTS,
        _S.BUDGETS_APPROVE: _DEPARTMENTS,
        _S.CARDS_WRITE: _DEPARTMENTS,
        _S.POLICIES_WRITE: _DEPARTMENTS,
    },
    Role.ORG_ADMIN: {
        _S.ACCOUNT: _OWN,
        **_READS,
        _S.CASES_WRITE: _ALL,
        _S.RECEIPTS_WRITE: _ALL,
        _S.BUDGETS_WRITE: _ALL,
        _S.BUDGETS_REQUEST: _ALL,
        _S.BUDGETS_APPROVE: _ALL,
        _S.CARDS_WRITE: _ALL,
        _S.POLICIES_WRITE: _ALL,
        _S.CAPS_WRITE: _ALL,
        _S.LEDGER_CORRECT: _ALL,
        _S.RECONCILIATIONS_WRITE: _ALL,
        _S.REPORTS_WRITE: _ALL,
        _S.AUTHORIZATIONS_WRITE: _ALL,
        _S.SIMULATIONS_WRITE: _ALL,
        _S.PEOPLE_READ: _ALL,
        _S.PEOPLE_WRITE: _ALL,
        _S.KEYS_READ: _ALL,
        _S.KEYS_WRITE: _ALL,
        _S.WEBHOOKS_READ: _ALL,
        _S.WEBHOOKS_WRITE: _ALL,
        _S.AUDIT_READ: _ALL,
    },
    Role.SYSTEM_ADMIN: {
        _S.ACCOUNT: _OWN,
        _S.SYSTEM_READ: _ALL,
        _S.SYSTEM_WRITE: _ALL,
        _S.PEOPLE_READ: _ALL,
        _S.PEOPLE_WRITE: _ALL,
        _S.AUDIT_READ: _ALL,
    },
}

TITLES: Final[Mapping[Role, str]] = {
    Role.EMPLOYEE: "Employee",
    Role.AUDITOR: "Auditor",
    Role.FINANCE_MANAGER: "Finance Manager",
    Role.ORG_ADMIN: "Org Admin",
    Role.SYSTEM_ADMIN: "System Admin",
}


def fits(role: Role, organization_id: str) -> bool:
    """Whether there can be such a member: System Admins are among the operators, and nobody else is."""
    return (role is Role.SYSTEM_ADMIN) == (organization_id == OPERATORS)


def may_give(giver: frozenset[str], role: Role) -> bool:
    """Whether somebody with these permissions may make somebody a `role`, or take it from him: nothing above
    his own. One's own account everybody has, and a key none."""
    return giver | {Scope.ACCOUNT} >= TABLE[role].keys()


def permissions_of(role: str | None, scopes: Iterable[str] | None) -> frozenset[str]:
    """Of a person with this role, or of a key with these scopes; none, where there is neither."""
    return frozenset(TABLE[Role(role)]) if role is not None else frozenset(scopes or ())


def highest(organization_id: str) -> Role:
    """The role above all others of an organization."""
    return Role.SYSTEM_ADMIN if organization_id == OPERATORS else Role.ORG_ADMIN


def reaches(role: Role, departments: frozenset[str]) -> Mapping[Scope, Reach]:
    """The row of a role for a member with these departments."""
    if role is Role.FINANCE_MANAGER and not departments:
        return {scope: _ALL if reach is _DEPARTMENTS else reach for scope, reach in TABLE[role].items()}
    return TABLE[role]
