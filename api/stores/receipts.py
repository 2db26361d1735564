"""The tables of receipts and their files, of one organization at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, LiteralString

from api.stores.pace import views_away
from api.stores.postgres import QUERY_TIMEOUT_S, REPORT_TIMEOUT_S, Postgres, PostgresAway, Row
from api.stores.sql import statement


@dataclass(frozen=True, slots=True)
class ReceiptReach:
    """Whose receipts are seen: all, or those that name one of `own`, or belong to one of `departments`."""

    everything: bool
    own: tuple[str, ...] = ()
    departments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReceiptFilters:
    """None: of all. `before`: time and id of the last one of the page before."""

    receipt_id: str | None = None
    status: str | None = None
    employee: str | None = None
    department_id: str | None = None
    authorization_id: str | None = None
    before: tuple[datetime, str] | None = None


_HOLDER: Final[LiteralString] = """(a.card_id = ANY(ARRAY(
                SELECT card_id FROM card WHERE organization_id = %(organization_id)s AND employee = {0}))
            OR a.cardholder = {0}) AND coalesce((
                SELECT c.employee FROM card AS c
                WHERE c.organization_id = %(organization_id)s AND c.department_id = a.department_id
                    AND c.card_id = a.card_id), a.cardholder) = {0}"""


_AFTER: Final[LiteralString] = """
        AND a.created_at >= %(after_at)s::timestamptz - make_interval(days => p.days) - interval '1 day'
        AND (a.created_at + make_interval(days => p.days), a.authorization_id, a.department_id)
            > (%(after_at)s, %(after_id)s, %(after_department)s)"""


def missing_sql(
    name: str, reach: ReceiptReach, employee: str | None = None, *, after: bool = False
) -> LiteralString:
    """`name`.sql with what is within `reach`, a branch for each way to reach it.

    Somebody's purchases are those on his cards, and those in whose message he was the cardholder on a card
    that is nobody's. Parameters: those of `ReceiptTables.missing`.
    """
    ways: list[LiteralString] = [""]
    if not reach.everything:
        ways = ["AND a.department_id = ANY(%(departments)s::text[])"] if reach.departments else []
        ways.append(f"AND {_HOLDER.format('ANY(%(own)s::text[])')}")
    more: LiteralString = _AFTER if after else ""
    if employee is not None:
        more += f" AND {_HOLDER.format('%(employee)s')}"
    branches = [
        statement("receipts_missing_branch").replace("/* conditions */", f" {way}{more}") for way in ways
    ]
    return statement(name).replace("/* branches */", " UNION ".join(branches))


class ReceiptTables:
    """What only reads, and what keeps files; changes are made in a transaction that tells of them."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def page(
        self, organization_id: str, reach: ReceiptReach, filters: ReceiptFilters, rows_max: int
    ) -> list[Row]:
        """Rows of receipts.sql. Raises Problem 503."""
        before_at, before_id = filters.before or (None, None)
        row = await self._ask(
            "receipts",
            QUERY_TIMEOUT_S,
            organization_id=organization_id,
            everything=reach.everything,
            own=list(reach.own),
            departments=list(reach.departments),
            receipt_id=filters.receipt_id,
            status=filters.status,
            employee=filters.employee,
            department_id=filters.department_id,
            authorization_id=filters.authorization_id,
            before_at=before_at,
            before_id=before_id,
            rows_max=rows_max,
        )
        found: list[Row] = [] if row is None else row["receipts"]
        return found

    async def missing(
        self,
        organization_id: str,
        reach: ReceiptReach,
        *,
        employee: str | None = None,
        after: tuple[datetime, str, str] | None = None,
        rows_max: int,
    ) -> list[Row]:
        """Rows of receipts_missing.sql. Raises Problem 503."""
        after_at, after_id, after_department = after or (None, None, None)
        row = await self._ask_missing(
            "receipts_missing",
            reach,
            employee,
            organization_id=organization_id,
            after_at=after_at,
            after_id=after_id,
            after_department=after_department,
            rows_max=rows_max,
        )
        found: list[Row] = [] if row is None else row["missing"]
        return found

    async def missing_count(self, organization_id: str, reach: ReceiptReach, *, rows_max: int) -> int:
        """How many are missing; `rows_max`: so many, or more. Raises Problem 503."""
        row = await self._ask_missing(
            "receipts_missing_count", reach, None, organization_id=organization_id, rows_max=rows_max
        )
        return 0 if row is None else min(rows_max, int(row["missing"]))

    async def policies(self, organization_id: str) -> list[Row]:
        """Rows of receipt_policies.sql. Raises Problem 503."""
        row = await self._ask("receipt_policies", QUERY_TIMEOUT_S, organization_id=organization_id)
        found: list[Row] = [] if row is None else row["policies"]
        return found

    async def content(self, organization_id: str, receipt_id: str) -> tuple[bytes, str] | None:
        """The file and its type. Raises Problem 503."""
        asked = {"organization_id": organization_id, "receipt_id": receipt_id}
        row = await self._ask("receipt_content", REPORT_TIMEOUT_S, **asked)
        return None if row is None else (bytes(row["content"]), row["media_type"])

    async def keep(
        self, organization_id: str, *, sha256: str, media_type: str, pages: int, content: bytes
    ) -> None:
        """A file; nothing if it is there already. Raises Problem 503."""
        await self._ask(
            "receipt_file_keep",
            REPORT_TIMEOUT_S,
            organization_id=organization_id,
            sha256=sha256,
            media_type=media_type,
            pages=pages,
            content=content,
        )

    async def _ask_missing(
        self, name: str, reach: ReceiptReach, employee: str | None, **asked: Any
    ) -> Row | None:
        """Planned for what is asked: a plan made for all would read the table."""
        reached = {"own": list(reach.own), "departments": list(reach.departments), "employee": employee}
        try:
            return await self._postgres.row(
                missing_sql(name, reach, employee, after=asked.get("after_at") is not None),
                {**asked, **reached},
                timeout_s=REPORT_TIMEOUT_S,
                prepare=False,
            )
        except PostgresAway as away:
            raise views_away({"postgresql": str(away)}) from None

    async def _ask(self, name: str, timeout_s: float, **asked: Any) -> Row | None:
        try:
            return await self._postgres.row(statement(name), asked, timeout_s=timeout_s)
        except PostgresAway as away:
            raise views_away({"postgresql": str(away)}) from None
