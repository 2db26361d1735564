"""Statements of reports: sums of bookings, as questions are answered (the same role, the same bounds)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, LiteralString

from api.stores.questions import SIDES, Statement
from api.stores.sql import statement

#: By department the bookings alone are read: then PostgreSQL leaves out what is joined and not asked for.
_SIDES: Final[dict[str, LiteralString]] = {**SIDES, "department": "t.department_id"}


def spend(
    side: str | None,
    edges: Sequence[datetime],
    departments: Sequence[str] | None,
    own: Sequence[str] | None,
    category_of: str,
    *,
    closing: bool = False,
) -> Statement:
    """Of report_spend.sql. `side`: of SIDES; None: all together. `edges`: where parts begin, and the end.
    `closing`: what came after a month was closed counts in the next one; else on its own day."""
    sql = statement("report_spend").replace("/* side */", "''" if side is None else _SIDES[side])
    sql = sql.replace("/* at */", _COUNTS if closing else _OWN_TIME)
    asked = {
        "edges": list(edges),
        "since": edges[0],
        "until": edges[-1],
        "departments": None if departments is None else list(departments),
        "own": None if own is None else list(own),
        "category_of": category_of,
    }
    return Statement(sql, asked)


_OWN_TIME: Final[LiteralString] = "coalesce(t.occurred_at, t.recorded_at)"
# From the end of the last closed month on nothing can have been moved.
_COUNTS: Final[LiteralString] = f"""CASE WHEN {_OWN_TIME} >= (SELECT coalesce(max(until), '-infinity')
    FROM period_close WHERE organization_id = %(organization_id)s) THEN {_OWN_TIME}
    ELSE accounting_time(t.organization_id, t.partition, t.seq, {_OWN_TIME}) END"""


def accounts(since: datetime, until: datetime, departments: Sequence[str] | None) -> Statement:
    """Of report_accounts.sql."""
    return _closing("report_accounts", since, until, departments)


def charted(since: datetime, until: datetime, departments: Sequence[str] | None) -> Statement:
    """Of report_chart.sql."""
    return _closing("report_chart", since, until, departments)


def _closing(name: str, since: datetime, until: datetime, departments: Sequence[str] | None) -> Statement:
    asked = {
        "since": since,
        "until": until,
        "departments": None if departments is None else list(departments),
    }
    return Statement(statement(name).replace("/* at */", _COUNTS), asked)
