"""The audit log: what people and keys changed and what they were refused; who, from where, before and after.

A change in PostgreSQL and its record are one transaction (`Audit.change`). What is decided in the log has its
truth there: its record names the position and is written after the answer, as refusals are (`Audit.later`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Final, TypeVar

from api.access.backlog import Backlog
from api.access.trail import AuditEntry, State, Trail
from api.stores.postgres import Postgres, Row, Transaction
from api.stores.sql import statement
from api.stores.tenant import TENANT

#: Whose acts those on the command line are: it asks for no name.
COMMAND_LINE: Final = "command line"

T = TypeVar("T")


class Changeset:
    """A transaction: its statements, and what is told of them at its end."""

    def __init__(self, transaction: Transaction, trail: Trail) -> None:
        self._transaction = transaction
        self._trail = trail
        self.entries: list[AuditEntry] = []

    async def row(self, name: str, /, **asked: Any) -> Row | None:
        """The first row of the statement `name`."""
        return await self._transaction.row(statement(name), asked)

    def tell(
        self,
        resource: str,
        *,
        before: State | None = None,
        after: State | None = None,
        by: Trail | None = None,
    ) -> None:
        """`resource`: the path of what was changed; `by`: another than who began the transaction."""
        self.entries.append(
            AuditEntry(trail=by or self._trail, resource=resource, before=before, after=after)
        )


class Audit:
    """Writes the audit log of all organizations."""

    def __init__(self, postgres: Postgres, patience: float = 1.0) -> None:
        """`patience`: see `Backlog`."""
        self._postgres = postgres
        self.later = Backlog(self._append, self._whose, patience=patience)

    async def change(self, trail: Trail, work: Callable[[Changeset], Awaitable[T]]) -> T:
        """What `work` gives; it and its records are written together or not at all.

        Raises:
            PostgresAway, Unstorable: nothing was written. What `work` raises, too.
        """
        TENANT.set(trail.organization_id)

        async def both(transaction: Transaction) -> T:
            changes = Changeset(transaction, trail)
            result = await work(changes)
            for entry in changes.entries:
                await transaction.row(statement("audit_append"), {"record": entry.text()})
            return result

        return await self._postgres.transact(both)

    async def _append(self, organization_id: str, entries: list[AuditEntry]) -> None:
        TENANT.set(organization_id)

        async def append(transaction: Transaction) -> None:
            for entry in entries:
                await transaction.row(statement("audit_append"), {"record": entry.text()})

        await self._postgres.transact(append)

    async def _whose(self, entry: AuditEntry, key_sha256: bytes) -> AuditEntry | None:
        """The entry with the name of an ended key; None: no key has ever had this hash."""
        row = await self._postgres.row(statement("find_ended_key"), {"sha256": key_sha256})
        if row is None:
            return None
        who = {"organization_id": row["organization_id"], "actor": row["actor"], "actor_id": row["id"]}
        return replace(entry, trail=replace(entry.trail, **who))


def tell_now(
    connection: Any,
    organization_id: str,
    action: str,
    resource: str,
    *,
    before: State | None = None,
    after: State | None = None,
) -> None:
    """The same for a command, at the end of its own transaction."""
    trail = Trail(organization_id=organization_id, action=action, actor=COMMAND_LINE)
    entry = AuditEntry(trail=trail, resource=resource, before=before, after=after)
    connection.execute("SELECT set_config('spendlog.organization', %s, true)", [organization_id])
    connection.execute(statement("audit_append"), {"record": entry.text()})
