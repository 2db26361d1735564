"""Lists of cases: filters to SQL that reads a page's rows from an index of cases alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, LiteralString, NamedTuple

import msgspec

from api.stores.payment_pages import NEWEST, OLDEST, ListOrder, PaymentPlace
from api.stores.postgres import Row
from api.stores.sql import statement
from schemas.authorizations import Authorization
from schemas.cases import CASE_STATUSES, CaseStatus
from schemas.event import Label

CaseOrder = Literal["newest", "oldest", "highest"]

_decode: Final = msgspec.json.Decoder(Authorization).decode


@dataclass(frozen=True, slots=True)
class CaseFilters:
    """None: of all. `departments`: only theirs. `assigned`: whether somebody looks into it."""

    status: CaseStatus | None = None
    departments: tuple[str, ...] | None = None
    assignee: str | None = None
    assigned: bool | None = None
    label: Label | None = None
    score_min: float | None = None


@dataclass(frozen=True, slots=True)
class Assignment:
    """Who looks into a case."""

    assignee: str
    assigned_by: str
    assigned_at: datetime


class FoundCase(NamedTuple):
    """A payment that somebody should look at, and who does."""

    payment: Authorization
    assignment: Assignment | None


_ASSIGNED: Final[LiteralString] = """EXISTS (
        SELECT 1
        FROM case_assignment AS s
        WHERE s.organization_id = a.organization_id AND s.authorization_id = a.authorization_id
            AND s.department_id = a.department_id)"""
_CONDITIONS: Final[dict[str, LiteralString]] = {
    "departments": "a.department_id = ANY(%(departments)s::text[])",
    "assignee": _ASSIGNED.replace(")", " AND s.assignee = %(assignee)s)"),
    "assigned": _ASSIGNED + " = %(assigned)s",
    "label": "a.label = %(label)s",
    "score_min": "a.score >= %(score_min)s",
}
_ORDERS: Final[dict[CaseOrder, ListOrder]] = {
    "newest": NEWEST,
    "oldest": OLDEST,
    "highest": ListOrder("score", down=True),
}


def case_page_sql(filters: CaseFilters, order: CaseOrder, after: PaymentPlace | None) -> LiteralString:
    """The statement of a page. Parameters: those of `case_parameters`, `organization_id`, `rows_max`."""
    by = _ORDERS[order]
    conditions: list[LiteralString] = [
        text for name, text in _CONDITIONS.items() if getattr(filters, name) is not None
    ]
    if after is not None:
        conditions.append(by.beyond("a"))
    return (
        statement("cases")
        .replace("/* conditions */", "".join(f" AND {text}" for text in conditions))
        .replace("/* order of found */", by.of("found"))
        .replace("/* order of one */", by.of("one"))
        .replace("/* order of a */", by.of("a"))
    )


def case_parameters(filters: CaseFilters, after: PaymentPlace | None) -> dict[str, Any]:
    """Those of `case_page_sql` that stand in the filters and the cursor."""
    given = {name: getattr(filters, name) for name in filters.__slots__ if name != "status"}
    given["statuses"] = list(CASE_STATUSES if filters.status is None else (filters.status,))
    if filters.departments is not None:
        given["departments"] = list(filters.departments)
    return given if after is None else given | after.parameters


def cases_of(rows: Sequence[Row]) -> list[FoundCase]:
    """Rows of cases.sql, or the one of case.sql."""
    return [FoundCase(_decode(row["body"]), _assignment(row)) for row in rows]


def _assignment(row: Row) -> Assignment | None:
    if row["assignee"] is None:
        return None
    at = datetime.fromisoformat(row["assigned_at"])
    return Assignment(row["assignee"], row["assigned_by"], at)
