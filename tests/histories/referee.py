"""Plays records through the core as through the log, and lets the verifier judge each decision at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import msgspec

from infra.verify.leases import Leases, Treasury
from infra.verify.partition import PartitionCheck
from infra.verify.records import Record as OfTopic
from infra.verify.records import difference, read
from infra.verify.report import Report
from infra.verify.state import Department, Payment
from infra.verify.usage import Usage
from schemas.administration import TREASURY
from schemas.codec import decode_decision, seal_decision
from schemas.decisions import Decision
from schemas.events import Event
from schemas.reasons import Outcome
from streams.core.apply.evolve import evolve
from streams.core.intake import Record, judge
from streams.core.messages import messages
from streams.core.state import Department as Live
from streams.core.state import PartitionState
from tests.verify.logs import ByName, World, violated


class Difference(AssertionError):
    """The verifier and the core do not agree, or an invariant does not hold."""


@dataclass(frozen=True)
class Line:
    """One record of the card events topic."""

    recorded_at: datetime
    key: bytes | None
    value: bytes | None


class Referee:
    """One partition. `pending`: events that owners have written to each other and that are not yet played.

    `restored` is folded from the decisions as they stand on the log; `thorough`: compare it after every
    record, not only at the end.
    """

    def __init__(self, partition: int, partitions: int, thorough: bool = False) -> None:
        self.partition, self.partitions = partition, partitions
        self.thorough = thorough
        self.live = PartitionState(partition)
        self.restored = PartitionState(partition)
        self.report = Report()
        self._leases = Leases(self.report)
        self.check = PartitionCheck(partition, partitions, self.report, self._leases)
        self.pending: list[Event] = []
        self.whole = True  # nothing was raised in the middle of a record
        self.played: list[tuple[Line, Decision]] = []

    # -- what the verifier knows

    def department(self, key: str) -> Department:
        """By its key; an empty one if it is unknown."""
        organization, _, name = key.partition("/")
        return self.check.departments.get((organization, name)) or Department(currency="?")

    def usage(self, key: str) -> Usage:
        organization, _, name = key.partition("/")
        return self.check.rulings.usages.get((organization, name)) or Usage()

    def treasury(self, organization: str) -> Treasury | None:
        return self._leases.treasuries.get((organization, TREASURY))

    def postings(self, key: str, authorization_id: str) -> list[int]:
        """The decisions that posted to the payment of this department."""
        organization, _, department = key.partition("/")
        of = self.check.fold.postings.of
        return [
            seq for seq in range(len(self.played)) if of(seq, (organization, department, authorization_id))
        ]

    # -- playing

    def play(self, line: Line) -> Decision:
        """Decides one record. Raises Difference with the whole history."""
        offset = len(self.played)
        self.whole = False
        record = Record(offset, line.recorded_at, line.key, line.value)
        try:
            decision = judge(self.live, record, self.partitions, ByName())
            sealed = seal_decision(decision)
            evolve(self.live, decision)
            evolve(self.restored, decode_decision(sealed))
        except Exception as error:  # whatever it is: shown with its history
            raise Difference(self.told([f"{line.value!r}:", f"the core raised {error!r}"])) from error
        self.played.append((line, decision))
        differences = self._judged(line, decision)
        if self.thorough:
            differences += self._fold()
        if differences:
            raise Difference(self.told(differences))
        self.whole = True
        self.pending += [event for event in messages(decision) if event.department_id != "ops"]
        return decision

    def _judged(self, line: Line, decision: Decision) -> list[str]:
        sent = read(OfTopic(decision.source_offset, line.value, line.key))
        other = difference(sent.event, decision)
        self.check.judge(decision, sent)
        differences = [] if other is None else [other]
        differences += [example for examples in violated(self.report).values() for example in examples]
        offset = len(self.played) - 1
        if decision.seq != offset or decision.source_offset != offset:
            differences.append(
                f"seq {decision.seq}, offset {decision.source_offset}: not one for each record"
            )
        if decision.organization_id is not None and decision.outcome is not Outcome.REJECTED:
            key = f"{decision.organization_id}/{decision.department_id}"
            differences += _totals(self.department(key), self.live.departments.get(key))
        return differences

    def end(self) -> None:
        """What is too dear to compare after each record: the fold, and the books."""
        if not self.whole:
            return
        world = World(self.partition, self.partitions)
        for line, decision in self.played:
            world.events.append(OfTopic(decision.source_offset, line.value, line.key))
            world.values.append(seal_decision(decision))
            world.decisions.append(decision)
        world.seal()
        world.book()
        found = violated(world.check()[0])
        # One partition of two is played, and messages between owners may be under way at the end.
        found.pop("O11", None)
        differences = self._fold() + [example for examples in found.values() for example in examples]
        if differences:
            raise Difference(self.told(differences))

    def _fold(self) -> list[str]:
        live, restored = msgspec.msgpack.encode(self.live), msgspec.msgpack.encode(self.restored)
        return [] if live == restored else ["the fold of the decisions is not the live state"]

    def told(self, differences: list[str]) -> str:
        """The history in a few words for each record, then what is different."""
        lines = [f"{number:3} {_told(*played)}" for number, played in enumerate(self.played)]
        return "\n".join(["", *lines, "", *differences])


def _totals(verified: Department, live: Live | None) -> list[str]:
    """Where the owner's totals are not what its decisions add up to, or not the sum of its open holds."""
    if live is None:
        return ["its department is known to the log only"]
    wrong = []
    for charge, period in live.periods.items():
        totals = verified.periods.get(charge)
        told = (totals.posted, totals.held) if totals else (0, 0)
        open_holds = sum(payment.held for payment in live.payments.values() if charge in payment.charges)
        if (period.posted, period.held) != told or period.held != open_holds:
            wrong.append(f"{charge}: {period.posted}, {period.held} with holds of {open_holds}; log: {told}")
    for name, payment in live.payments.items():
        known = verified.known(name) or Payment()
        has = (payment.held, payment.posted, payment.refunded, payment.disputed)
        sums = (known.held, known.posted, known.refunded, known.disputed)
        if has != sums:
            wrong.append(f"{name}: held, posted, refunded, disputed {has}; by the log: {sums}")
    return wrong


def _told(line: Line, decision: Decision) -> str:
    """One record and its decision in one line."""
    value = line.value or b""
    event = value.decode(errors="replace").replace('"organization_id":"acme",', "")
    if decision.duplicate_of is not None:
        result = f"again {decision.duplicate_of}"
    else:
        result = str(decision.outcome.value)
    said = [f"{reason.code.value} {reason.rule or ''}".strip() for reason in decision.reasons]
    said += [f"review {reason.code.value}" for reason in decision.reviews] + list(decision.alerts)
    moved = [f"{e.__struct_config__.tag} {getattr(e, 'amount', '')}".strip() for e in decision.effects]
    return f"{line.recorded_at:%m-%d %H:%M:%S} {event}\n      => {result} {said or ''} {moved or ''}"
