"""Statements of reports: sums of bookings, as questions are answered (the same role, the same bounds)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from api.stores.questions import SIDES, Statement
from api.stores.sql import statement


def spend(
    side: str | None,
    edges: Sequence[datetime],
    departments: Sequence[str] | None,
    own: Sequence[str] | None,
    category_of: str,
) -> Statement:
    """Of report_spend.sql. `side`: of SIDES; None: all together. `edges`: where parts begin, and the end."""
    sql = statement("report_spend").replace("/* side */", "''" if side is None else SIDES[side])
    asked = {
        "edges": list(edges),
        "since": edges[0],
        "until": edges[-1],
        "departments": None if departments is None else list(departments),
        "own": None if own is None else list(own),
        "category_of": category_of,
    }
    return Statement(sql, asked)


def accounts(since: datetime, until: datetime, departments: Sequence[str] | None) -> Statement:
    """Of report_accounts.sql."""
    asked = {
        "since": since,
        "until": until,
        "departments": None if departments is None else list(departments),
    }
    return Statement(statement("report_accounts"), asked)
