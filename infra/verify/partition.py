"""The oracles over one partition: three streams side by side, in one pass and in little memory.

Card events, decisions and the ledger's rows all come in the order of the log, so each is read once and
nothing but totals, payments and about 50 bytes for each decision is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

import msgspec

from infra.verify.balances import Balances
from infra.verify.fold import Fold, clock_s
from infra.verify.ids import Ids
from infra.verify.lapses import Lapses
from infra.verify.leases import Leases
from infra.verify.ledger import Ledger
from infra.verify.lending import Lending
from infra.verify.limits import Limits
from infra.verify.records import KEPT_BY_BOOKS, LedgerRow, Peek, Record, Sent, TransferRow, difference, read
from infra.verify.rejections import Rejections
from infra.verify.remembered import Remembered
from infra.verify.report import Report
from infra.verify.requests import RequestLapses
from infra.verify.rulings import Rulings
from infra.verify.state import Department, DepartmentName, Payment
from infra.verify.timeouts import timeout_of, timeout_told
from infra.verify.wanted import wanted_moves
from schemas.chain import Chain, NotNext
from schemas.codec import decode_decision
from schemas.decisions import Decision
from schemas.events import CardEvent
from schemas.reasons import Outcome


class PartitionCheck:
    """Checks one partition of so many. `fold` and `accounts` are its state when `run` has returned.

    `leases` is the same for all partitions, and finished by whoever made it.
    """

    def __init__(self, partition: int, partitions: int, report: Report, leases: Leases) -> None:
        self.partition = partition
        self.fold = Fold()
        self.accounts: dict[tuple[str, str], int] = {}
        self.count = 0
        self._first_event = self._gone = 0
        self._report = report
        self._chain = Chain(partition)
        self._source_offset = -1
        self._ids = Ids(partition, report)
        self._rejections = Rejections(partition, partitions, report, self._ids, self.fold)
        self._limits = Limits(report)
        self._lapses = Lapses(report)
        self._request_lapses = RequestLapses(report)
        self._balances = Balances(report)
        self.rulings = Rulings(report)
        self._remembered = Remembered(report)
        self._lending = Lending(report)
        self._leases = leases

    @property
    def departments(self) -> dict[DepartmentName, Department]:
        return self.fold.departments

    def run(
        self,
        events: Iterable[Record],
        decisions: Iterable[Record],
        rows: Iterable[LedgerRow],
        transfers: Iterable[TransferRow],
        first_event: int = 0,
    ) -> Iterator[int]:
        """Yields how many decisions it has checked, now and then. Every event must have its decision.

        `first_event`: the offset that the card events begin at; what lay before was deleted by rule.
        """
        self._first_event = first_event
        waiting = Peek(events)
        ledger = Ledger(self.partition, self._report, rows, transfers)
        for record in decisions:
            decision = self._read(record)
            if decision is None:
                continue
            self._check_order(decision)
            sent = self._check_event(decision, waiting)
            with self._report.about(decision.organization_id):
                self.judge(decision, sent)
                ledger.look(decision, record.value or b"")
            self.count += 1
            if self.count % 1000 == 0:
                yield self.count
        oracle = self._report["O2"]
        if self._chain.void:
            void = f"{self._chain.void:,} records of replaced owners are void by rule"
            self._report["O9"].notes.append(f"partition {self.partition}: {void}")
        if self._gone:
            oracle.notes.append(
                f"partition {self.partition}: card events begin at offset {first_event}; the {self._gone:,} "
                "decisions on those before are checked without them"
            )
        for event in waiting:
            oracle.checked += 1
            oracle.violated(f"card event {self.partition}@{event.offset} has no decision")
        ledger.finish()
        self.accounts = ledger.accounts
        self._balances.finish(self.departments)
        yield self.count

    def judge(self, decision: Decision, sent: Sent | None) -> None:
        """The next decision, by the rules and all that was decided before. `sent` None: its event is gone."""
        name = (decision.organization_id or "", decision.department_id or "")
        department = self.departments.get(name)
        if sent is not None:
            self._rejections.look(decision, sent, department, self._leases.treasuries)
        self._ids.look(decision, self._known(decision), department)
        self._apply(decision, sent.event if sent is not None else None)

    # -- each of these looks at one decision

    def _read(self, record: Record) -> Decision | None:
        """The next decision (O9), in the words of every reader; None: it is none.

        The others stop here. An auditor looks on, from what can be read of it.
        """
        oracle = self._report["O9"]
        try:
            decision = self._follow_log(record)
            oracle.checked += decision is not None
            return decision
        except NotNext as found:
            kept = record.offset == KEPT_BY_BOOKS
            where = "in the ledger" if kept else f"offset {record.offset}"
            oracle.checked += 1
            oracle.violated(f"partition {self.partition} {where}: {found}")
        try:
            decision = decode_decision(record.value or b"")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        self._chain.advance(decision)
        return decision

    def _follow_log(self, record: Record) -> Decision | None:
        """By the rule. What the ledger kept counted when it was booked, under a claim that is gone."""
        if record.offset != KEPT_BY_BOOKS:
            return self._chain.follow(record.offset, record.value, record.stamp)
        kept = Chain(self.partition, self._chain.seq, self._chain.last_hash)
        decision = kept.follow(record.offset, record.value, None)
        self._chain = Chain(self.partition, kept.seq, kept.last_hash, in_force=None)
        return decision

    def look_beyond(self, records: Iterable[Record]) -> None:
        """At the first decision that the ledger does not have: most often none, or one on its way."""
        checked = self._report["O9"].checked
        for record in records:
            self._read(record)
            if self._report["O9"].checked > checked:
                return

    def _check_order(self, decision: Decision) -> None:
        """Decisions come in the order of their events (O8)."""
        oracle = self._report["O8"]
        oracle.checked += 1
        if decision.source_offset <= self._source_offset:
            oracle.violated(
                f"decision {decision.partition}:{decision.seq} of card event {decision.source_offset} after "
                f"that of {self._source_offset}"
            )
        self._source_offset = decision.source_offset

    def _check_event(self, decision: Decision, events: Peek[Record]) -> Sent | None:
        """One card event for this decision, and no event left out before it (O2); returns it, None: gone."""
        oracle = self._report["O2"]
        at = f"{decision.partition}:{decision.seq}"
        while events.head is not None and events.head.offset < decision.source_offset:
            oracle.checked += 1
            oracle.violated(f"card event {self.partition}@{next(events).offset} has no decision")
        oracle.checked += 1
        if decision.source_offset < self._first_event:
            self._gone += 1
            return None
        if events.head is None or events.head.offset != decision.source_offset:
            oracle.violated(
                f"decision {at} is of card event {self.partition}@{decision.source_offset}, "
                "which is not there or was decided before"
            )
            return None
        sent = read(next(events))
        wrong = difference(sent.event, decision)
        if wrong:
            oracle.violated(f"decision {at} is not of its card event: {wrong}")
        return sent

    def _known(self, decision: Decision) -> Payment | None:
        """The decision's payment as its owner knew it."""
        name = (decision.organization_id or "", decision.department_id or "")
        department = self.departments.get(name)
        if department is None or decision.authorization_id is None:
            return None
        return department.known(decision.authorization_id)

    def _apply(self, decision: Decision, event: CardEvent | None) -> None:
        """Fold it, and look: limits (O4), balances (O6), leases (O11), lapses (O12), answers (O13, O17)."""
        if decision.outcome is Outcome.REJECTED or decision.duplicate_of is not None:
            if decision.effects:
                self._report["O6"].violated(
                    f"decision {decision.position} moves money, but is no first answer"
                )
            self._leases.refuse(decision)
            return
        try:
            self._follow(decision, event)
        except (LookupError, ValueError) as error:
            # A calendar that is none, a period without label: told like any other lie.
            self._report["O6"].violated(f"decision {decision.position} cannot be followed: {error!r}")

    def _follow(self, decision: Decision, event: CardEvent | None) -> None:
        known = self._known(decision)
        department = self.fold.department(decision)
        if decision.source_offset < self._first_event:
            timeout = timeout_told(decision)
        else:
            timeout = timeout_of(event, department, known, partial(self._ids.seq_of, decision))
        now_s = max(department.clock_s, clock_s(decision))
        moves = wanted_moves(event, decision, department, known, timeout, self.fold.postings, now_s)
        self._lending.before(decision, department)
        self._lapses.before(decision, department)
        self._request_lapses.before(decision, department)
        self.rulings.before(decision, known)
        self._remembered.before(decision, department, known)
        wrong = self.fold.apply(decision)
        self._lapses.after(decision, department, known)
        self._limits.look(decision, department, known, self.fold.newly_charged)
        self._balances.look(decision, department, wrong, timeout, moves)
        self._lending.after(decision, department, event, self._leases.treasuries)
        self._leases.look(decision, department)
        self._remembered.after(decision, department, self.rulings.usage(decision))
        self.rulings.after(decision, department, event)
