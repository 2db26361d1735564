"""JournalExports of the API. Written by `python -m infra.client_code`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from api.client.call import Call, given
from api.client.operations import Resource, S, operation


class JournalExportsResource(Resource[S]):
    """Operations on journal exports."""

    @operation
    def export_journal(
        self,
        *,
        format: str,
        since: str | None = None,
        until: str | None = None,
        department_id: str | None = None,
        chart: Sequence[Mapping[str, Any]] | None = None,
        wait: int | None = None,
        position: str | None = None,
    ) -> Call[str]:
        """Export the journal."""
        return Call(
            "POST",
            "/v1/journal-exports",
            str,
            body=given(format=format, since=since, until=until, department_id=department_id, chart=chart),
            wait=wait,
            position=position,
        )
