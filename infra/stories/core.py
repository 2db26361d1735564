"""Plays a story in the pure core, as it would run through the log: record, judge, seal, evolve."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from infra.stories.books import ledger_difference, payment_differences
from infra.stories.build import Named, Sent, event_of, sent
from infra.stories.expectations import differences
from infra.stories.story import Line, Story
from schemas.authorizations import Authorization, advance, touched_by
from schemas.codec import encode_event
from schemas.decisions import Decision
from schemas.event import Event
from schemas.partitions import partition_of
from schemas.reasons import Outcome
from sinks.ledger.bookings import Bookkeeper, Transfer
from streams.core.apply.evolve import evolve
from streams.core.intake import Record, judge
from streams.core.messages import messages
from streams.core.sealing import seal
from streams.core.state import PartitionState
from streams.model import TELLING
from streams.scoring import Scorer

ORGANIZATION: Final = "techcorp"
PARTITIONS: Final = 8
# A message may answer a message: a lease is asked for, others are asked to give back, it is granted.
MESSAGES_MAX: Final = 1_000


class Step(NamedTuple):
    """One decision of a story. `value`: as it stands on the topic. `state`: of its partition, after it."""

    decision: Decision
    value: bytes
    state: PartitionState


@dataclass(slots=True)
class CoreRun:
    """One story's own world. `on_step` sees each decision, those on messages between departments too."""

    on_step: Callable[[Step], None] = lambda _: None
    states: dict[int, PartitionState] = field(default_factory=dict)
    transfers: list[Transfer] = field(default_factory=list)
    payments: dict[tuple[str, str], Authorization] = field(default_factory=dict)
    _named: Named = field(default_factory=Named)
    _scorer: Scorer = field(default_factory=Scorer)
    _books: Bookkeeper = field(default_factory=Bookkeeper)

    def play(self, line: Line) -> tuple[Decision, list[str]]:
        """The line's decision, and what differs from what it expects."""
        event = event_of(line, ORGANIZATION, self._named)
        record = sent(line, event, ORGANIZATION, PARTITIONS)
        decision = self._decide(line, record)
        if line.name is not None and event is not None:
            self._named.events[line.name] = event
            self._named.decisions[line.name] = decision
        found = differences(line, decision)
        return decision, found + self._deliver(line, decision)

    def _decide(self, line: Line, record: Sent) -> Decision:
        partition, key, value = record
        state = self.states.setdefault(partition, PartitionState(partition))
        recorded_at = line.recorded_at or line.occurred_at
        read = Record(state.next_offset, recorded_at, key, value)
        decision, sealed = seal(judge(state, read, PARTITIONS, self._scorer))
        if decision.event_type in TELLING:
            self._scorer.hear(decision)
        self.states[partition] = evolve(state, decision)
        self._book(decision)
        self.on_step(Step(decision, sealed, self.states[partition]))
        return decision

    def _deliver(self, line: Line, decision: Decision) -> list[str]:
        """What departments and treasury tell each other because of this line, until they are silent."""
        waiting: deque[Event] = deque(messages(decision))
        different: list[str] = []
        for _ in range(MESSAGES_MAX):
            if not waiting:
                return different
            event = waiting.popleft()
            key = event.key.encode()
            answer = self._decide(line, Sent(partition_of(key, PARTITIONS), key, encode_event(event)))
            if answer.outcome is Outcome.REJECTED:
                different.append(message_refused(event, answer))
            waiting.extend(messages(answer))
        return [*different, f"departments and treasury are not silent after {MESSAGES_MAX} messages"]

    def _book(self, decision: Decision) -> None:
        self.transfers += self._books.transfers([decision])
        for name in touched_by(decision):
            at = decision.department_id or "", name
            after = advance(self.payments.get(at), decision, name)
            if after is not None:
                self.payments[at] = after

    def balances(self) -> dict[tuple[str, str], int]:
        """(account, currency) -> minor units, debits less credits."""
        balances: dict[tuple[str, str], int] = {}
        for transfer in self.transfers:
            for account, amount in (
                (transfer.debit_account, transfer.amount),
                (transfer.credit_account, -transfer.amount),
            ):
                at = account, transfer.currency
                balances[at] = balances.get(at, 0) + amount
        return balances

    def books(self, story: Story) -> Mapping[int, list[str]]:
        """What differs at the end: number of a `ledger` or `payment` line in its file -> differences."""
        balances = self.balances()
        found = {}
        for line in story.ledger:
            difference = ledger_difference(ORGANIZATION, line, balances)
            found[line.place.line] = [difference] if difference else []
        for payment in story.payments:
            held = self.payments.get((payment.department, payment.authorization_id))
            found[payment.place.line] = payment_differences(payment, held)
        return found


def message_refused(event: Event, decision: Decision) -> str:
    """What is wrong when one department's message is no use to the other."""
    why = decision.reasons[0].code.value if decision.reasons else ""
    return f"its {event.type} to {event.department_id} was rejected {why}".rstrip()
