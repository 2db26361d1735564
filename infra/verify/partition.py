"""The oracles over one partition: three streams side by side, in one pass and in little memory.

Card events, decisions and the ledger's rows all come in the order of the log, so each is read once and
nothing but totals, payments and 17 bytes for each decision is kept.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, TypeVar

import msgspec

from infra.verify.fold import Booking, Fold
from infra.verify.report import Report
from schemas.codec import BrokenChain, check_seal, decode_decision
from schemas.decisions import GENESIS_HASH, Decision
from schemas.reasons import Outcome

T = TypeVar("T")


class Record(NamedTuple):
    """A record of a topic."""

    offset: int
    value: bytes | None


class LedgerRow(NamedTuple):
    """A row of `decision`. `record_sha256`: of its column `record`."""

    seq: int
    source_offset: int
    event_id: str | None
    outcome: str
    hash: str
    record_sha256: bytes


class TransferRow(NamedTuple):
    """A row of `transfer`, its `n` inside `booking`."""

    seq: int
    booking: Booking


class _EventHead(msgspec.Struct, gc=False):
    """As much of a card event as a decision repeats."""

    type: str = ""
    event_id: str | None = None
    organization_id: str | None = None
    department_id: str | None = None
    authorization_id: str | None = None
    amount: Any = None
    limit: Any = None


_decode_head = msgspec.json.Decoder(_EventHead).decode


class _Peek(Iterator[T]):
    """An iterator whose next item can be looked at."""

    def __init__(self, items: Iterable[T]) -> None:
        self._items = iter(items)
        self.head: T | None = next(self._items, None)

    def __next__(self) -> T:
        if self.head is None:
            raise StopIteration
        found, self.head = self.head, next(self._items, None)
        return found


class PartitionCheck:
    """Checks one partition. `fold` is its state when `run` has returned."""

    def __init__(self, partition: int, report: Report) -> None:
        self.partition = partition
        self.fold = Fold()
        self.count = 0
        self._report = report
        self._hash = GENESIS_HASH
        self._source_offset = -1
        self._ids = array("q")  # by seq: hash of the event id, 0 where there is none
        self._outcomes: list[Outcome] = []  # by seq; the members are shared, so 8 bytes each
        self._decided: dict[int, int] = {}  # hash of an event id that took effect -> seq

    def run(
        self,
        events: Iterable[Record],
        decisions: Iterable[Record],
        rows: Iterable[LedgerRow],
        transfers: Iterable[TransferRow],
    ) -> Iterator[int]:
        """Yields how many decisions it has checked, now and then. Every event must have its decision."""
        waiting = _Peek(events)
        ledger, booked = _Peek(rows), _Peek(transfers)
        for record in decisions:
            decision = self._read(record)
            if decision is None:
                continue
            self._check_order(decision)
            self._check_event(decision, waiting)
            self._check_row(decision, record.value or b"", ledger)
            self._check_ids(decision)
            self._apply(decision)
            self._check_transfers(decision, booked)
            self.count += 1
            if self.count % 1000 == 0:
                yield self.count
        o2, o6 = self._report["O2"], self._report["O6"]
        for event in waiting:
            o2.checked += 1
            o2.violated(f"card event {self.partition}@{event.offset} has no decision")
        for row in ledger:
            o2.violated(f"ledger row {self.partition}:{row.seq} is not in the log")
        for transfer in booked:
            o6.violated(f"transfer {self._name(transfer)} follows from no decision")
        yield self.count

    # -- each of these looks at one decision

    def _read(self, record: Record) -> Decision | None:
        """Decodes it and checks its seal and its place in the chain (O9)."""
        chain = self._report["O9"]
        chain.checked += 1
        at = f"{self.partition}@{record.offset}"
        if record.value is None:
            chain.violated(f"decision record {at} has no value")
            return None
        try:
            decision = decode_decision(record.value)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            chain.violated(f"decision record {at} cannot be read: {str(error)[:200]}")
            return None
        try:
            check_seal(record.value, decision, self._hash)
        except BrokenChain as broken:
            chain.violated(str(broken))
        self._hash = decision.hash
        return decision

    def _check_order(self, decision: Decision) -> None:
        at = f"{decision.partition}:{decision.seq}"
        gapless, ordered = self._report["O3"], self._report["O8"]
        gapless.checked += 1
        expected = len(self._ids)
        if decision.partition != self.partition:
            gapless.violated(f"decision {at} lies on partition {self.partition}")
        if decision.seq != expected:
            gapless.violated(f"decision {at} where {self.partition}:{expected} must be")
        # Go on from what is there, so that one gap is told once; what is missing has no id and no outcome.
        while len(self._ids) < decision.seq:
            self._ids.append(0)
            self._outcomes.append(Outcome.REJECTED)
        ordered.checked += 1
        if decision.source_offset <= self._source_offset:
            ordered.violated(
                f"decision {at} of card event {decision.source_offset} after that of {self._source_offset}"
            )
        self._source_offset = decision.source_offset

    def _check_event(self, decision: Decision, events: _Peek[Record]) -> None:
        """One card event for this decision, and no event left out before it (O2)."""
        oracle = self._report["O2"]
        at = f"{decision.partition}:{decision.seq}"
        while events.head is not None and events.head.offset < decision.source_offset:
            oracle.checked += 1
            oracle.violated(f"card event {self.partition}@{next(events).offset} has no decision")
        oracle.checked += 1
        if events.head is None or events.head.offset != decision.source_offset:
            oracle.violated(
                f"decision {at} is of card event {self.partition}@{decision.source_offset}, "
                "which is not there or was decided before"
            )
            return
        difference = _differs(next(events).value, decision)
        if difference:
            oracle.violated(f"decision {at} is not of its card event: {difference}")

    def _check_row(self, decision: Decision, value: bytes, rows: _Peek[LedgerRow]) -> None:
        oracle = self._report["O2"]
        at = f"{decision.partition}:{decision.seq}"
        while rows.head is not None and rows.head.seq < decision.seq:
            oracle.violated(f"ledger row {self.partition}:{next(rows).seq} is not in the log")
        if rows.head is None or rows.head.seq != decision.seq:
            oracle.violated(f"decision {at} is not in the ledger")
            return
        row = next(rows)
        logged = (decision.source_offset, decision.event_id, decision.outcome.value, decision.hash)
        same_id = row.event_id == decision.event_id or "\0" in (decision.event_id or "")
        if (row.source_offset, row.outcome, row.hash) != (logged[0], logged[2], logged[3]) or not same_id:
            oracle.violated(f"ledger row {at} is {row[1:5]}, the log says {logged}")
        if row.record_sha256 != hashlib.sha256(value).digest():
            oracle.violated(f"ledger row {at} does not hold the decision's bytes")

    def _check_ids(self, decision: Decision) -> None:
        """One final decision for each id, repeats answered as the first time (O3)."""
        oracle = self._report["O3"]
        at = f"{decision.partition}:{decision.seq}"
        key = 0
        if decision.event_id is not None:
            # 64 bits, new in each run: of a million ids two meet once in 37 million runs.
            key = hash((decision.organization_id, decision.department_id, decision.event_id)) or 1
        first = decision.duplicate_of
        if first is not None:
            if (
                first >= decision.seq
                or self._ids[first] != key
                or self._outcomes[first] is not decision.outcome
            ):
                oracle.violated(f"decision {at} repeats {self.partition}:{first}, which was another answer")
            if decision.effects:
                oracle.violated(f"decision {at} is a repeat and moves money again")
        elif decision.outcome is not Outcome.REJECTED:
            before = self._decided.setdefault(key, decision.seq)
            if before != decision.seq:
                oracle.violated(
                    f"event {decision.event_id} was decided at {self.partition}:{before} and at {at}"
                )
            self._check_authorization(decision, at)
        if decision.seq == len(self._ids):
            self._ids.append(key)
            self._outcomes.append(decision.outcome)

    def _check_authorization(self, decision: Decision, at: str) -> None:
        if decision.event_type != "authorization.requested":
            return
        name = (decision.organization_id or "", decision.department_id or "", decision.authorization_id or "")
        before = self.fold.payments.get(name)
        if before is not None and before.outcome is not None:
            self._report["O3"].violated(f"authorization {'/'.join(name)} has a second final decision, {at}")

    def _apply(self, decision: Decision) -> None:
        """Fold it; then its approval must be within the limit (O4) and its balance the fold's own (O6)."""
        if decision.outcome is Outcome.REJECTED or decision.duplicate_of is not None:
            if decision.effects:
                self._report["O6"].violated(
                    f"decision {decision.position} moves money, but is no first answer"
                )
            return
        self.fold.apply(decision)
        balance = decision.balance
        department = (decision.organization_id or "", decision.department_id or "")
        budget = self.fold.budgets.get(department)
        oracle = self._report["O6"]
        if balance is not None:
            totals = self.fold.months[*department, balance.period]
            oracle.checked += 1
            if (totals.posted, totals.held) != (balance.posted, balance.held):
                oracle.violated(
                    f"decision {decision.position} says posted {balance.posted}, held {balance.held}; its "
                    f"effects add up to {totals.posted}, {totals.held}"
                )
        if decision.outcome is Outcome.APPROVED:
            self._check_limit(decision, department, -1 if budget is None else budget.limit)

    def _check_limit(self, decision: Decision, department: tuple[str, str], limit: int) -> None:
        oracle = self._report["O4"]
        oracle.checked += 1
        for effect in decision.effects:
            totals = self.fold.months.get((*department, getattr(effect, "period", "")))
            used = totals.posted + totals.held if totals else 0
            if used > limit:
                oracle.violated(
                    f"approval {decision.position} ({decision.authorization_id}) takes "
                    f"{'/'.join(department)} to {used} of {limit} minor units"
                )
        if not decision.effects:
            oracle.violated(f"approval {decision.position} ({decision.authorization_id}) holds nothing")

    def _check_transfers(self, decision: Decision, booked: _Peek[TransferRow]) -> None:
        oracle = self._report["O6"]
        for wanted in self.fold.bookings(decision):
            oracle.checked += 1
            place = (decision.seq, wanted.n)
            while booked.head is not None and (booked.head.seq, booked.head.booking.n) < place:
                oracle.violated(f"transfer {self._name(next(booked))} follows from no decision")
            name = f"{self.partition}:{decision.seq}/{wanted.n}"
            if booked.head is None or (booked.head.seq, booked.head.booking.n) != place:
                oracle.violated(f"transfer {name} is missing: {wanted}")
                continue
            found = next(booked).booking
            if found != wanted and "\0" not in (wanted.authorization_id or ""):
                oracle.violated(f"transfer {name} is {found}, but must be {wanted}")

    def _name(self, transfer: TransferRow) -> str:
        return f"{self.partition}:{transfer.seq}/{transfer.booking.n}"


def _differs(value: bytes | None, decision: Decision) -> str | None:
    """What in the decision does not repeat its card event; None when all does."""
    try:
        event = _decode_head(value or b"")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        event = None
    if decision.event_id is None:
        return None if decision.outcome is Outcome.REJECTED else "an event without id took effect"
    if event is None:
        return "the event cannot be read"
    told = (
        decision.event_type,
        decision.event_id,
        decision.organization_id,
        decision.department_id,
        decision.authorization_id,
    )
    sent = (event.type, event.event_id, event.organization_id, event.department_id, event.authorization_id)
    if told != sent:
        return f"{sent} became {told}"
    money = event.limit if event.type == "budget.set" else event.amount
    if (
        decision.outcome is not Outcome.REJECTED
        and isinstance(money, dict)
        and money.get("minor") != decision.amount
    ):
        return f"amount {money.get('minor')} became {decision.amount}"
    return None
