"""The demo's settlement files: what the month settled, with what one finds in such files."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from infra.demo import month
from infra.demo.settlement import MAPPING, write_files
from infra.imports.mapping import parse_mapping
from schemas.events import ClearingPresented, RefundPresented
from tests.reconciliation.writing import mapping, read

NOW = datetime(2026, 11, 28, 15, 30, tzinfo=UTC)


def test_they_hold_the_month_but_for_what_was_planted(tmp_path: Path) -> None:
    events = list(month.purchases("techcorp", NOW))
    files = write_files(tmp_path, events, NOW)
    assert parse_mapping(files.mapping.read_text(), "demo", departments=False) == mapping(MAPPING)
    week_ago = NOW.replace(hour=0, minute=0) - timedelta(days=7)
    settled = {
        event.event_id: event
        for event in events
        if isinstance(event, ClearingPresented | RefundPresented)
        and event.occurred_at < NOW.replace(hour=0, minute=0)
    }
    for file, of in (
        (files.sent, {name for name, one in settled.items() if one.occurred_at < week_ago}),
        (files.kept, {name for name, one in settled.items() if one.occurred_at >= week_ago}),
    ):
        lines, refused, _ = read(file, mapping(MAPPING), NOW.date())
        assert len(lines) > 5 and refused == []
        names = Counter(one.reference for one in lines)
        assert len(of - names.keys()) == 1  # one the processor did not settle
        assert len(names.keys() - of) == 1  # one that nobody asked for
        assert sorted(names.values())[-2:] == [1, 2]  # one twice
        differing = [
            one for one in lines if one.reference in of and one.minor != settled[one.reference].amount.minor
        ]
        assert [one.minor - settled[one.reference or ""].amount.minor for one in differing] == [500]
