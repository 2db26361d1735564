"""Whether a log holds: what the verifier says of it and of the ledger's rows that follow from it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence

from infra.verify.bookings import Booking
from infra.verify.leases import Leases, all_departments
from infra.verify.partition import PartitionCheck
from infra.verify.records import LedgerRow, Record, TransferRow
from infra.verify.report import Report
from schemas.chain import Chain
from schemas.decisions import Decision
from sinks.ledger.bookings import Bookkeeper

#: Leases come from outside here, which only owners may send: the verifier is right to say so.
FORGED = "O11"
Reading = Callable[[], Iterable[Record]]


def verified(partitions: Sequence[tuple[int, Reading, Reading]]) -> dict[str, list[str]]:
    """What is wrong, by oracle: a few examples of each. Partitions with their card events and decisions."""
    report = Report()
    leases = Leases(report)
    checks = []
    for partition, events, decisions in partitions:
        check = PartitionCheck(partition, len(partitions), report, leases)
        for _ in check.run(
            events(),
            decisions(),
            _rows(counted(partition, decisions())),
            _transfers(counted(partition, decisions())),
        ):
            pass
        checks.append(check)
    leases.finish(all_departments(check.departments for check in checks))
    return {id_: one.examples for id_, one in report.oracles.items() if one.violations and id_ != FORGED}


def counted(partition: int, records: Iterable[Record]) -> Iterator[tuple[bytes, Decision]]:
    """The decisions that count, by the rule; what is corrupt is the verifier's to find."""
    chain = Chain(partition)
    for record in records:
        decision = chain.follow(record.offset, record.value, record.stamp)
        if decision is not None:
            yield record.value or b"", decision


def _rows(decisions: Iterable[tuple[bytes, Decision]]) -> Iterator[LedgerRow]:
    for value, found in decisions:
        digest = hashlib.sha256(value).digest()
        yield LedgerRow(
            found.seq, found.source_offset, found.event_id, found.outcome.value, found.hash, digest
        )


def _transfers(decisions: Iterable[tuple[bytes, Decision]]) -> Iterator[TransferRow]:
    keeper = Bookkeeper()
    for _, decision in decisions:
        for row in keeper.transfers([decision]):
            booking = Booking(
                *(row.n, row.leg, row.authorization_id, row.layer, row.kind),
                *(row.debit_account, row.credit_account, row.amount, row.currency, row.period),
                row.compensates_seq,
            )
            yield TransferRow(row.seq, booking)
