"""All that only the ledger's tables have: budgets, policies, cards, balances, single decisions."""

from __future__ import annotations

from typing import Any, LiteralString

from api.http.problems import Problem
from api.stores.pace import Beyond, LookAgain, reached, view_behind, views_away
from api.stores.postgres import QUERY_TIMEOUT_S, Postgres, PostgresAway, Row
from api.stores.sql import statement
from schemas.ids import Position


class LedgerReads:
    """Runs the statements of `api/stores/sql` that give one row whose `next_seq` says where the ledger is.

    Position and rows in one statement, so in one snapshot: what it says is as new as it says.
    """

    def __init__(self, postgres: Postgres, beyond: Beyond) -> None:
        self._postgres = postgres
        self._beyond = beyond

    async def find(
        self,
        name: str,
        position: Position | None = None,
        *,
        wait_s: float,
        timeout_s: float = QUERY_TIMEOUT_S,
        **asked: Any,
    ) -> Row:
        """The row of `name`.sql for the parameters `asked`, at or after `position`. The rest as in `run`."""
        return await self.run(statement(name), position, wait_s=wait_s, timeout_s=timeout_s, asked=asked)

    async def run(
        self,
        sql: LiteralString,
        position: Position | None = None,
        *,
        wait_s: float,
        timeout_s: float = QUERY_TIMEOUT_S,
        prepare: bool | None = None,
        reader: str | None = None,
        asked: Row,
    ) -> Row:
        """The row of `sql` for the parameters `asked`, at or after `position`.

        `prepare`, `reader`: see `Postgres.row`. `timeout_s`: of one look; `wait_s`: until it is there.

        Raises:
            Problem: 503, PostgreSQL does not answer, or has not reached the position within `wait_s`.
        """
        pace = LookAgain(wait_s)
        parameters = {**asked, "partition": position.partition if position else None}
        while True:
            away, next_seq = "", None
            try:
                row = await self._postgres.row(
                    sql, parameters, timeout_s=timeout_s, prepare=prepare, reader=reader
                )
            except PostgresAway as error:
                away = str(error)
            else:
                assert row is not None
                next_seq = row["next_seq"]
                if reached(position, next_seq):
                    return row
            if not await pace.again():
                break
        if away or position is None:
            raise views_away({"postgresql": away})
        raise view_behind(position, {"postgresql": next_seq}, self._beyond)

    async def known(self, name: str, position: Position, *, wait_s: float, **asked: Any) -> Row | None:
        """The same; None instead of a problem, for those who can go on without."""
        try:
            return await self.find(name, position, wait_s=wait_s, **asked)
        except Problem:
            return None
