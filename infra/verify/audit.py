"""The audit log's chains, computed anew: where one does not follow from what stands before it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any, Final, NamedTuple

from infra.verify.books import Books
from infra.verify.report import Oracle, Report

_BEGINNING: Final = bytes(32)


class AuditRow(NamedTuple):
    """A record: its place, what its hash covers, and the hash that stands there."""

    organization_id: str
    seq: int
    content: tuple[Any, ...]
    hash: bytes


class AuditEnd(NamedTuple):
    """Where a chain ends, as is kept apart from its records."""

    seq: int
    hash: bytes


def check_audit(books: Books, report: Report) -> None:
    """O16. It notes where chains end: who keeps that elsewhere sees it when a whole one is replaced."""
    oracle = report["O16"]
    heads = {organization: AuditEnd(seq, hash_) for organization, seq, hash_ in books.audit_heads()}
    rows = (AuditRow(row[0], row[1], row[:-1], row[-1]) for row in books.audit_records())
    ends: dict[str, AuditEnd] = {}

    def counted(found: Iterable[AuditRow]) -> Iterator[AuditRow]:
        for row in found:
            oracle.checked += 1
            yield row

    for organization, records in groupby(counted(rows), lambda row: row.organization_id):
        with report.about(organization):
            ends[organization] = _end(organization, records, report)
    for organization in heads.keys() | ends.keys():
        head = heads.get(organization, AuditEnd(0, _BEGINNING))
        end = ends.get(organization, AuditEnd(0, _BEGINNING))
        with report.about(organization):
            _compare_end(organization, head, end, oracle)
        if len(heads) <= 5:
            oracle.notes.append(f"the audit log of {organization} ends at {end.seq}, {end.hash.hex()}")


def _compare_end(organization: str, head: AuditEnd, end: AuditEnd, oracle: Oracle) -> None:
    if end.seq != head.seq:
        oracle.violated(
            f"audit log of {organization}: it ends at {end.seq}, and its head at {head.seq}: "
            f"{abs(head.seq - end.seq)} records at its end are "
            f"{'gone' if end.seq < head.seq else 'of somebody else'}"
        )
    elif end.hash != head.hash:
        oracle.violated(f"audit log of {organization}: its last hash at {end.seq} is not that of its head")


def _end(organization: str, records: Iterable[AuditRow], report: Report) -> AuditEnd:
    """Goes on from what stands there, so that one broken place is told once."""
    before = AuditEnd(0, _BEGINNING)
    for row in records:
        if row.seq != before.seq + 1:
            report["O16"].violated(
                f"audit log of {organization}: {row.seq} follows {before.seq}: what was between is gone"
            )
        elif hash_of(before.hash, row.content) != row.hash:
            report["O16"].violated(
                f"audit log of {organization}: the chain breaks at {row.seq}: its hash is not that of its "
                "content and of the hash before it"
            )
        before = AuditEnd(row.seq, row.hash)
    return before


def hash_of(before: bytes, content: tuple[Any, ...]) -> bytes:
    """SHA-256 of the hash before, and of the record as a JSON array as PostgreSQL writes it."""
    return hashlib.sha256(before + json.dumps(content, ensure_ascii=False).encode()).digest()
