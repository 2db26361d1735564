"""The tables of reconciliation: settlement files and their items, closed months; of one organization."""

from __future__ import annotations

from typing import Any

from api.stores.pace import views_away
from api.stores.postgres import QUERY_TIMEOUT_S, REPORT_TIMEOUT_S, Postgres, PostgresAway, Row
from api.stores.sql import statement


class ReconciliationTables:
    """Runs the statements `reconciliation_*.sql` that read, and those of periods."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def ask(self, name: str, *, long: bool = False, **asked: Any) -> Row:
        """The row of NAME.sql, which always has one. `long`: it may read many rows.

        Raises:
            Problem: 503 where PostgreSQL does not answer.
        """
        try:
            timeout_s = REPORT_TIMEOUT_S if long else QUERY_TIMEOUT_S
            row = await self._postgres.row(statement(name), asked, timeout_s=timeout_s)
        except PostgresAway as away:
            raise views_away({"postgresql": str(away)}) from None
        return row or {}
