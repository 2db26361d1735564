"""The ledger's rows: one for each decision (O2), and the transfers that its effects ask for (O6)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from infra.verify.bookings import bookings
from infra.verify.records import LedgerRow, Peek, TransferRow
from infra.verify.report import Report
from schemas.decisions import Decision

Place = tuple[int, int, int]  # seq, effect, leg


class Ledger:
    """One partition's rows, read once, in the order of the log.

    `accounts`: (account, currency) -> debits less credits of all transfers that the effects ask for.
    """

    def __init__(
        self, partition: int, report: Report, rows: Iterable[LedgerRow], transfers: Iterable[TransferRow]
    ) -> None:
        self.accounts: dict[tuple[str, str], int] = {}
        self._partition = partition
        self._o2, self._o6 = report["O2"], report["O6"]
        self._rows, self._transfers = Peek(rows), Peek(transfers)

    def look(self, decision: Decision, value: bytes) -> None:
        """At the next decision; `value`: its record's."""
        self._check_row(decision, value)
        self._check_transfers(decision)

    def finish(self) -> None:
        """After the last decision."""
        for row in self._rows:
            self._o2.violated(f"ledger row {self._partition}:{row.seq} is not in the log")
        for transfer in self._transfers:
            self._o6.violated(f"transfer {self._name(_place(transfer))} follows from no decision")

    def _check_row(self, decision: Decision, value: bytes) -> None:
        at, rows = f"{decision.partition}:{decision.seq}", self._rows
        while rows.head is not None and rows.head.seq < decision.seq:
            self._o2.violated(
                f"ledger row {self._partition}:{next(rows).seq} is not in the log", of_nobody=True
            )
        if rows.head is None or rows.head.seq != decision.seq:
            self._o2.violated(f"decision {at} is not in the ledger")
            return
        row = next(rows)
        logged = (decision.source_offset, decision.event_id, decision.outcome.value, decision.hash)
        same_id = row.event_id == decision.event_id or "\0" in (decision.event_id or "")
        if (row.source_offset, row.outcome, row.hash) != (logged[0], logged[2], logged[3]) or not same_id:
            self._o2.violated(f"ledger row {at} is {row[1:5]}, the log says {logged}")
        if row.record_sha256 != hashlib.sha256(value).digest():
            self._o2.violated(f"ledger row {at} does not hold the decision's bytes")

    def _check_transfers(self, decision: Decision) -> None:
        booked = self._transfers
        for wanted in bookings(decision):
            self._add(wanted.debit, wanted.currency, wanted.amount)
            self._add(wanted.credit, wanted.currency, -wanted.amount)
            self._o6.checked += 1
            place = (decision.seq, wanted.n, wanted.leg)
            while booked.head is not None and _place(booked.head) < place:
                self._o6.violated(
                    f"transfer {self._name(_place(next(booked)))} follows from no decision", of_nobody=True
                )
            if booked.head is None or _place(booked.head) != place:
                self._o6.violated(f"transfer {self._name(place)} is missing: {wanted}")
                continue
            found = next(booked).booking
            if found != wanted and "\0" not in (wanted.authorization_id or ""):
                self._o6.violated(f"transfer {self._name(place)} is {found}, but must be {wanted}")

    def _add(self, account: str, currency: str, amount: int) -> None:
        key = (account, currency)
        self.accounts[key] = self.accounts.get(key, 0) + amount

    def _name(self, place: Place) -> str:
        seq, n, leg = place
        return f"{self._partition}:{seq}/{n}" + (f".{leg}" if leg else "")


def _place(transfer: TransferRow) -> Place:
    return transfer.seq, transfer.booking.n, transfer.booking.leg
