"""The tables of webhooks: endpoints and deliveries of one organization at a time."""

from __future__ import annotations

from typing import Any

from api.stores.pace import views_away
from api.stores.postgres import Postgres, PostgresAway, Row
from api.stores.sql import statement


class WebhookTables:
    """Runs the statements `webhook_*.sql`, each a transaction of its own."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def ask(self, name: str, **asked: Any) -> Row | None:
        """The row of `webhook_NAME.sql`. Raises Problem 503 where PostgreSQL does not answer."""
        try:
            return await self._postgres.row(statement(f"webhook_{name}"), asked)
        except PostgresAway as away:
            raise views_away({"postgresql": str(away)}) from None
