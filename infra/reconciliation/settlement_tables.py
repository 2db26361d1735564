"""Settlement files that are tables (CSV, workbooks), by the mapping that card exports have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zoneinfo import ZoneInfo

from infra.imports.mapping import Mapping
from infra.imports.row import Row, Unusable
from infra.imports.rows import open_rows
from infra.imports.table import LineCount
from infra.reconciliation.lines import SettlementFile, SettlementLine


@contextmanager
def open_settlement_table(path: Path, mapping: Mapping) -> Iterator[SettlementFile]:
    """Its rows; a mapping without departments serves. Raises SpendlogError: it cannot be read as a whole."""
    with open_rows(path, mapping, ids_repeat=True) as (table, rows):
        account: Counter[str] = Counter()
        yield SettlementFile("csv", _lines(rows, mapping, table.account, account), account)


def _lines(
    rows: Iterator[Row | Unusable], mapping: Mapping, lines: LineCount, account: Counter[str]
) -> Iterator[SettlementLine | Unusable]:
    zone = ZoneInfo(mapping.time.zone)
    columns = mapping.columns
    for row in rows:
        if isinstance(row, Unusable):
            account["refused"] += 1
            yield Unusable(row.line, row.reason)  # its fields as they stand are not for keeping
            continue
        account["used"] += 1
        yield SettlementLine(
            number=row.line,
            refund=row.refund,
            minor=row.minor,
            currency=row.currency,
            day=row.posted_at.astimezone(zone).date(),
            bought=row.at.astimezone(zone).date() if columns.posted is not None else None,
            reference=row.id if columns.row_id is not None else None,
            authorization=row.authorization,
            card=_there(row.card),
            merchant=_there(row.merchant),
        )
    account["header"] = lines.header
    account["skipped"] = lines.skipped + lines.sep
    account["blank"] = lines.blank
    # A row over several lines is one line of the settlement: the others are named, so that all is accounted.
    account["continued"] = lines.in_rows - lines.rows


def _there(text: str) -> str | None:
    """None for what infra.imports.mapping.without_departments says where a row says nothing."""
    return None if text == "-" else text
