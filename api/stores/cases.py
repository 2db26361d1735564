"""Lists of cases: filters to SQL that reads a page's rows from an index of cases alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, LiteralString, NamedTuple

import msgspec

from api.stores.postgres import Row
from api.stores.sql import statement
from schemas.authorizations import Authorization
from schemas.cases import CASE_STATUSES, CaseStatus
from schemas.event import Label

CaseOrder = Literal["newest", "oldest", "highest"]

_decode: Final = msgspec.json.Decoder(Authorization).decode


class CaseKey(NamedTuple):
    """Where a page ended: `at` is the time or the score that the list is ordered by."""

    at: datetime | float
    authorization_id: str
    department_id: str


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
# Column, direction, and what comes after the last row.
_WAYS: Final[dict[CaseOrder, tuple[LiteralString, LiteralString, LiteralString]]] = {
    "newest": ("created_at", "DESC", "<"),
    "oldest": ("created_at", "ASC", ">"),
    "highest": ("score", "DESC", "<"),
}


def case_page_sql(filters: CaseFilters, order: CaseOrder, after: CaseKey | None) -> LiteralString:
    """The statement of a page. Parameters: those of `case_parameters`, `organization_id`, `rows_max`."""
    column, direction, beyond = _WAYS[order]
    conditions: list[LiteralString] = [
        text for name, text in _CONDITIONS.items() if getattr(filters, name) is not None
    ]
    if after is not None:
        conditions.append(
            f"(a.{column}, a.authorization_id, a.department_id) {beyond} "
            "(%(after_at)s, %(after_id)s, %(after_department)s)"
        )

    def ordered(table: LiteralString) -> LiteralString:
        columns: tuple[LiteralString, ...] = (column, "authorization_id", "department_id")
        return ", ".join(f"{table}.{name} {direction}" for name in columns)

    return (
        statement("cases")
        .replace("/* conditions */", "".join(f" AND {text}" for text in conditions))
        .replace("/* order of found */", ordered("found"))
        .replace("/* order of one */", ordered("one"))
        .replace("/* order of a */", ordered("a"))
    )


def case_parameters(filters: CaseFilters, after: CaseKey | None) -> dict[str, Any]:
    """Those of `case_page_sql` that stand in the filters and the cursor."""
    given = {name: getattr(filters, name) for name in filters.__slots__ if name != "status"}
    given["statuses"] = list(CASE_STATUSES if filters.status is None else (filters.status,))
    if filters.departments is not None:
        given["departments"] = list(filters.departments)
    if after is not None:
        given |= {
            "after_at": after.at,
            "after_id": after.authorization_id,
            "after_department": after.department_id,
        }
    return given


def cases_of(rows: Sequence[Row]) -> list[FoundCase]:
    """Rows of cases.sql, or the one of case.sql."""
    return [FoundCase(_decode(row["body"]), _assignment(row)) for row in rows]


def _assignment(row: Row) -> Assignment | None:
    if row["assignee"] is None:
        return None
    at = datetime.fromisoformat(row["assigned_at"])
    return Assignment(row["assignee"], row["assigned_by"], at)
