"""Waiting for the ledger sink to book what was decided."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Final

import psycopg

from infra.errors import SpendlogError

STALLED_S_MAX: Final = 60.0


def wait_booked(postgres: str, seqs: Mapping[int, int], on_wait: Callable[[int], None]) -> None:
    """Waits until the ledger has booked the decisions up to these (partition -> seq).

    Calls `on_wait` with how many are booked.

    Raises:
        SpendlogError: it did not move for `STALLED_S_MAX`.
    """
    before, moved_s = -1, time.monotonic()
    with psycopg.connect(postgres, autocommit=True) as connection:
        while True:
            rows = connection.execute("SELECT partition, next_seq FROM sink_position WHERE sink = 'ledger'")
            places: dict[int, int] = dict(rows.fetchall())
            booked = sum(places.values())
            on_wait(booked)
            if all(places.get(p, 0) > seq for p, seq in seqs.items()):
                return
            if booked != before:
                before, moved_s = booked, time.monotonic()
            elif time.monotonic() - moved_s > STALLED_S_MAX:
                raise SpendlogError(
                    f"the ledger sink has not moved for {STALLED_S_MAX:.0f} s. Its log says more"
                )
            time.sleep(0.05)
