"""100,000 lines against as many bookings: each is found, and nothing of them is held by a process of ours."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import psycopg
import pytest

from api.stores.sql import statement
from infra.reconciliation.sending import spooled
from tests.reconciliation.books import ORGANIZATION, run_match
from tests.reconciliation.writing import HEADER, TODAY, mapping
from tests.sinks.conftest import query

COUNT = 100_000
_BOOKED = f"""
INSERT INTO account (name, layer, organization_id, department_id) VALUES
    ('department:{ORGANIZATION}/eng:card-spend', 'posted', '{ORGANIZATION}', 'eng'),
    ('organization:{ORGANIZATION}:card-payable', 'posted', '{ORGANIZATION}', NULL);
INSERT INTO decision (partition, seq, source_offset, recorded_at, occurred_at, organization_id, department_id,
    event_type, event_id, authorization_id, card_id, outcome, flagged, hash, record)
SELECT 0, n, n, '2026-11-21 12:00Z', '2026-11-21 12:00Z', '{ORGANIZATION}', 'eng', 'clearing.presented',
    'arn-' || n, 'a' || n, 'card-' || n % 50, 'accepted', false, repeat('0', 64),
    '{{}}'
FROM generate_series(1, {COUNT}) AS n;
INSERT INTO transfer (partition, seq, n, leg, organization_id, department_id, authorization_id, layer, kind,
    debit_account, credit_account, amount, currency, period, occurred_at, recorded_at)
SELECT 0, n, 0, 0, '{ORGANIZATION}', 'eng', 'a' || n, 'posted', 'clearing',
    'department:{ORGANIZATION}/eng:card-spend', 'organization:{ORGANIZATION}:card-payable', n, 'USD',
    '2026-11', '2026-11-21 12:00Z', '2026-11-21 12:00Z'
FROM generate_series(1, {COUNT}) AS n;
"""


@pytest.mark.faults
@pytest.mark.timeout(900)
def test_a_large_file_is_read_in_bounded_memory_and_matched(database: str, tmp_path: Path) -> None:
    with psycopg.connect(database) as connection:
        connection.execute(_BOOKED.encode())
    path = tmp_path / "large.csv"
    with path.open("w") as file:
        file.write(HEADER)
        for n in range(1, COUNT + 1):  # one in a hundred is a cent more, one in a thousand unknown
            arn = f"arn-{n}" if n % 1_000 else f"x-{n}"
            minor = n + (n % 100 == 1)
            amount = f"{minor // 100}.{minor % 100:02}"
            card = f"card-{n % 50}" if n % 1_000 else "unknown"
            file.write(f"{arn},,{card},Shop,2026-11-21,2026-11-22,{amount},USD\n")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with spooled(path, mapping(), TODAY, lambda lines: None) as found:
        declared = {
            "organization_id": ORGANIZATION, "file_id": "rec_large", "name": "large", "format": found.format,
            "digest": found.digest, "lines": found.lines, "account": "{}", "since": found.since,
            "until": found.until, "time_zone": "UTC", "days_max": 3, "replaces": None, "uploaded_by": "ada",
        }  # fmt: skip
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute(statement("reconciliation_declare"), declared)
            for body in found.batches():
                lines = body.removeprefix(b'{"lines":').removesuffix(b"}").decode()
                connection.execute(
                    statement("reconciliation_lines"),
                    {"organization_id": ORGANIZATION, "file_id": "rec_large", "lines": lines},
                )
            connection.execute("UPDATE settlement_file SET status = 'matching'")
    assert found.lines == COUNT
    if sys.platform == "linux":  # kilobytes there
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10
    assert run_match(database, "rec_large")
    results = query(
        database, "SELECT result, count(*)::int FROM settlement_item GROUP BY result ORDER BY result"
    )
    unknown, more = COUNT // 1_000, COUNT // 100
    assert results == [
        ("differs", more),
        ("matched", COUNT - more - unknown),
        ("missing_here", unknown),
        # A day later the file begins: what was booked the day before is not missing in it.
    ]
