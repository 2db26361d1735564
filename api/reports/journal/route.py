"""`POST /v1/journal-exports`: the journal as a file of another program."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, Literal

from fastapi import APIRouter
from pydantic import ConfigDict, Field
from starlette.responses import Response, StreamingResponse

from api.access.keys import Scope
from api.access.security import ReportRoute, needs
from api.http.preferences import MEMBERS_ONCE
from api.http.problems import invalid_request, responses
from api.http.types import DepartmentName, Input, Moment
from api.reports.journal import ofx
from api.reports.journal.chart import RULES_MAX, Chart, ChartRuleIn, faults_of
from api.reports.journal.charts import stored_rules
from api.reports.journal.formats import FORMATS, JournalFormat
from api.reports.journal.postings import JournalPosting, JournalReads
from api.resources.organization_paths import ReadingAll, invalid, read_responses
from api.stores.postgres import REPORT_TIMEOUT_S
from schemas.money import exponent

router = APIRouter(tags=["ledger"], route_class=ReportRoute)

ExportFormat = Literal["beancount", "hledger", "csv", "ofx"]


class JournalExportIn(Input):
    """Which entries, in which format, on which accounts."""

    model_config = ConfigDict(title="JournalExport")

    format: ExportFormat = Field(examples=["beancount"])
    since: Moment | None = Field(default=None, description="recorded at this time or later")
    until: Moment | None = Field(default=None, description="recorded before this time; none: now")
    department_id: DepartmentName | None = Field(default=None, description="only of this department")
    chart: list[ChartRuleIn] | None = Field(
        default=None,
        max_length=RULES_MAX,
        description="the accounts of the other books, the first that fits; none: the organization's chart",
    )


_FILE: Final[dict[str, Any]] = {"schema": {"type": "string"}}


@router.post(
    "/v1/journal-exports",
    summary="Export the journal",
    response_class=Response,
    dependencies=[MEMBERS_ONCE],
    openapi_extra=needs(Scope.LEDGER_READ),
    responses={
        **read_responses("The file."),
        **responses(413, 415),
        200: {
            "description": "The file, as an attachment.",
            "content": {"text/plain": _FILE, "text/csv": _FILE, ofx.MEDIA_TYPE: _FILE},
        },
    },
)
async def export_journal(reading: ReadingAll, body: JournalExportIn) -> Response:
    """Every booking of what is settled, in the order of the log: for beancount, hledger, as a double-entry
    CSV, or as a credit card's statement in OFX. Files whose times follow one on the other have each once.

    By the default chart purchases are on `Expenses:DEPARTMENT:CATEGORY`. It reads and changes nothing. A file
    for beancount or hledger that does not end with the number of its entries was cut off.
    """
    now = datetime.now(UTC)
    until = min(body.until or now, now)
    if body.since is not None and body.since > until:
        raise invalid("body.since", "empty_range", "is above until, or to come: nothing could fit")
    if body.chart is None:
        rules = await stored_rules(reading.services, reading.caller.organization_id)
    elif faults := faults_of(body.chart, "body.chart"):
        raise invalid_request(faults)
    else:
        rules = body.chart
    reads = JournalReads(reading, Chart(rules), body.department_id, body.since, until)
    return await exported(reads, body.format)


async def exported(reads: JournalReads, format: ExportFormat) -> Response:
    """Raises Problem: 422, too much for one OFX file; 503."""
    zone = await reads.time_zone()
    first = await reads.page(None)
    pages = reads.pages(first, zone)
    organization = reads.reading.caller.organization_id
    name = f"journal-{organization}-{reads.until.astimezone(zone):%Y-%m-%d}"
    if format == "ofx":
        content = ofx.ofx_of(organization, await _owing(pages), await _owed(reads), reads.until)
        return Response(content, media_type=ofx.MEDIA_TYPE, headers=_attached(f"{name}.ofx"))
    writer = FORMATS[format]()
    return StreamingResponse(
        _written(writer, organization, pages),
        media_type=writer.media_type,
        headers=_attached(f"{name}.{writer.extension}"),
    )


async def _written(
    writer: JournalFormat, organization_id: str, pages: AsyncIterator[list[JournalPosting]]
) -> AsyncIterator[bytes]:
    yield writer.head(organization_id)
    async for page in pages:
        yield writer.lines(page)
    yield writer.tail()


async def _owing(pages: AsyncIterator[list[JournalPosting]]) -> list[JournalPosting]:
    """Those that change what is owed for cards. Raises Problem 422."""
    found: list[JournalPosting] = []
    async for page in pages:
        found += [one for one in page if one.owes]
        if len(found) > ofx.ENTRIES_MAX:
            words = f"an OFX file holds {ofx.ENTRIES_MAX:,} entries at most; ask for a shorter time"
            raise invalid("body.format", "too_many_entries", words)
    return found


async def _owed(reads: JournalReads) -> Mapping[str, Decimal]:
    organization = reads.reading.caller.organization_id
    row = await reads.reading.find(
        "card_payable",
        timeout_s=REPORT_TIMEOUT_S,
        account=f"organization:{organization}:card-payable",
        department_id=reads.department_id,
        until=reads.until,
    )
    return {currency: Decimal(minor).scaleb(-exponent(currency)) for currency, minor in row["owed"].items()}


def _attached(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}
