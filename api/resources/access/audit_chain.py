"""Whether an organization's audit log is whole, computed by PostgreSQL; `spendlog verify` computes, too."""

from __future__ import annotations

from typing import Final, NamedTuple

from api.services import Services
from api.stores.postgres import REPORT_TIMEOUT_S
from api.stores.sql import statement

#: The newest that are looked at; their hashes cover all that stands before them.
RECORDS_MAX: Final = 10_000


class AuditChain(NamedTuple):
    """`checked`: records; `broken`: the newest that does not follow from the one before it, None: all do.

    `whole`: whether the chain ends where it is known to end. `hash`: of the last record, hexadecimal.
    """

    checked: int
    broken: int | None
    whole: bool
    hash: str


async def chain_of(services: Services, organization_id: str) -> AuditChain:
    """Raises PostgresAway."""
    row = await services.postgres.row(
        statement("audit_chain"),
        {"organization_id": organization_id, "rows_max": RECORDS_MAX},
        timeout_s=REPORT_TIMEOUT_S,
    )
    assert row is not None
    return AuditChain(row["checked"], row["broken"], row["whole"], row["hash"])
