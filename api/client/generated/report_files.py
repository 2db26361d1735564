"""ReportFiles of the API. Written by `python -m infra.client_code`."""

from __future__ import annotations

from datetime import datetime

import msgspec

from api.client.call import Call, at
from api.client.operations import Resource, S, listing, operation


class ReportFile(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A report that was made and is kept."""

    file_id: int
    schedule_id: str
    name: str
    media_type: str
    due_at: datetime
    made_at: datetime
    bytes: int


class ReportFiles(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A page of them, newest first."""

    files: list[ReportFile]
    next: str | None = None


class ReportFilesResource(Resource[S]):
    """Operations on report files."""

    def _list(self, *, after: str | None = None, limit: int | None = None) -> Call[ReportFiles]:
        """List reports that were made."""
        return Call(
            "GET", "/v1/report-files", ReportFiles, query={"after": after, "limit": limit}, reads=True
        )

    list = listing(_list, "files", ReportFile)

    @operation
    def download_report(self, file_id: str) -> Call[bytes]:
        """Take a report that was made."""
        return Call("GET", at("/v1/report-files/{}/content", file_id), bytes, reads=True)
