"""A settlement file by what is in it: which reader reads it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Final

from infra.errors import SpendlogError
from infra.imports.mapping import Mapping
from infra.reconciliation.camt import open_camt
from infra.reconciliation.iso8583_batch import looks_like_batch, open_batch
from infra.reconciliation.lines import FileFormat, SettlementFile
from infra.reconciliation.ofx import open_ofx
from infra.reconciliation.settlement_tables import open_settlement_table
from infra.texts import mark_of

_START_BYTES: Final = 4096
FORMATS: Final = "CSV or a workbook (with a mapping), camt.053, camt.054, ISO 8583 or OFX"


def format_of(start: bytes) -> FileFormat:
    """By the first bytes, never by the name; what is nothing else is a table, whose reader looks closer."""
    mark, encoding = mark_of(start) or (b"", "utf-8")
    head = start[len(mark) :].decode(encoding, "replace").lstrip()[:_START_BYTES].upper()
    if head.startswith(("OFXHEADER", "<OFX", "<?OFX")) or (head.startswith("<?XML") and "<?OFX" in head):
        return "ofx"
    if head.startswith(("<?XML", "<!DOCTYPE DOCUMENT", "<DOCUMENT")) or (
        head.startswith("<") and "URN:ISO:STD:ISO:20022" in head
    ):
        return "camt"
    return "iso8583" if looks_like_batch(start) else "csv"


def is_table(path: Path) -> bool:
    """Whether it is read by a mapping. Raises OSError."""
    with path.open("rb") as file:
        return format_of(file.read(_START_BYTES)) == "csv"


@contextmanager
def open_settlement(path: Path, mapping: Mapping | None, today: date) -> Iterator[SettlementFile]:
    """The file's lines, each once and in its order; what cannot be used comes with its place and reason.

    Raises:
        SpendlogError: it cannot be read as a whole, also while lines are taken: then nothing of it counts.
    """
    try:
        with path.open("rb") as file:
            start = file.read(_START_BYTES)
    except OSError as error:
        raise SpendlogError(f"{path} cannot be read: {error.strerror}") from None
    if not start:
        raise SpendlogError(f"{path} is empty")
    match format_of(start):
        case "camt":
            opened = open_camt(path)
        case "ofx":
            opened = open_ofx(path)
        case "iso8583":
            opened = open_batch(path, today)
        case "csv":
            if mapping is None:
                raise SpendlogError(
                    f"{path} is a table, and no mapping says which column is what: `spendlog reconcile "
                    f"{path.name} --propose` prints one. Read are {FORMATS}"
                )
            opened = open_settlement_table(path, mapping)
    with opened as settlement:
        yield settlement
