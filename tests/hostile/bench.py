"""The owner of a partition under the hostile load, without Kafka: what each record costs its processor.

Measured is the processor time of the deciding thread, by its own clock: a machine that is busy with other
things does not lengthen it. It is what a partition's other records, and its worker's others, wait for.
"""

from __future__ import annotations

import pickle
import time
import zlib
from collections import Counter, deque
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import infra.verify.records as verify
from schemas.claims import LogRecord, claim_in, stamp_of
from schemas.decisions import Decision
from schemas.reasons import Outcome
from streams.core.intake import Record
from streams.log import DeadLetter, Entry, Frame, NoLog, Written
from streams.model import new_model
from streams.owner import Owner
from tests.hostile.load import Load
from tests.hostile.proofs import verified
from tests.hostile.world import Sent

PARTITION, PARTITIONS = 0, 1
#: What a record may take of a topic, with its key, headers and the batch around it.
TOPIC_BYTES_MAX = 1_048_588
# The promise is a second from append to decision; most of it must be left for the way there and back.
RECORD_S_MAX = 1.0
MESSAGES_WAITING_MAX = 20_000


class RecordingLog(NoLog):
    """A decision log in memory, which looks at every record as a topic would."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[tuple[bytes | None, bytes | None]] = []
        self.outbox: deque[Entry] = deque()
        self.letters = 0

    @property
    def values(self) -> list[bytes]:
        """The decisions."""
        return [value or b"" for value, _ in self.records if claim_in(value) is None]

    async def replay(self, offset: int) -> AsyncGenerator[Sequence[LogRecord], None]:
        yield [LogRecord(n, *record) for n, record in enumerate(self.records)][offset:]

    async def append(self, entries: Sequence[Entry]) -> Sequence[Written]:
        _check_sizes(entries)
        written = Written(len(self.records), len(entries))
        self.records += [(entry.value, stamp_of(entry.headers)) for entry in entries]
        return (written,)

    async def relay(self, dead_letters: Sequence[DeadLetter], outbox: Sequence[Entry]) -> None:
        _check_sizes(outbox)
        self.outbox += outbox
        self.letters += len(dead_letters)


def _check_sizes(entries: Sequence[Entry]) -> None:
    for key, value, headers in entries:
        size = len(key or b"") + len(value or b"") + sum(len(name) + len(text) for name, text in headers)
        assert size + 500 < TOPIC_BYTES_MAX, f"a record of {size} bytes: no topic takes it"


@dataclass
class Cost:
    """One record's. `step`: which record of the load it was."""

    cpu_s: float
    step: int
    kind: str
    decision: Decision
    size: str

    def __str__(self) -> str:
        decided = self.decision
        what = decided.reasons[0].code.value if decided.reasons else decided.outcome.value
        about = f"step {self.step}  {self.kind} ({decided.event_type}: {what}); {self.size}"
        return f"{self.cpu_s * 1_000:8.1f} ms  {about}"


@dataclass
class Bench:
    """An owner and the load that it decides, one record at a time."""

    seed: int
    now: datetime
    owner: Owner = field(init=False)
    load: Load = field(init=False)
    kept: list[Record] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    costs: list[Cost] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.log = RecordingLog()
        self.owner = new_owner(self.log)
        self.load = Load(self.seed, [f"d{number}" for number in range(200)], self.now)

    def bursts(self) -> Iterator[list[Sent]]:
        """The load's, and after each of them what owners have told each other since."""
        for burst in self.load.bursts():
            self.load.world.now += timedelta(seconds=self.load.world.rng.choice((0, 1, 60, 3_600, 86_400)))
            yield [one for one in burst if not one.aborted]
            messages, self.log.outbox = self.log.outbox, deque()
            yield [Sent("message", key, value) for key, value, _ in messages][:MESSAGES_WAITING_MAX]

    async def decide(self, sent: Sent) -> Cost:
        offset = len(self.kept)
        record = Record(offset, self.load.world.now, sent.key, sent.value)
        self.kept.append(packed(record))
        frame = Frame(offset, offset + 1, (record,))
        started_s = time.thread_time()
        (decision,) = await self.owner.decide([frame])
        cost = Cost(time.thread_time() - started_s, offset, sent.kind, decision, self._size(decision))
        self.kinds[sent.kind] += 1
        self.outcomes[decision.outcome.value] += 1
        self.reasons.update(reason.code.value for reason in decision.reasons)
        assert decision.outcome is not Outcome.REJECTED or decision.reasons, "rejected without a reason"
        assert decision.source_offset == offset
        self.costs = sorted([*self.costs, cost], key=lambda one: -one.cpu_s)[:20]
        return cost

    def _size(self, decision: Decision) -> str:
        found = self.owner.state.departments.get(f"{decision.organization_id}/{decision.department_id}")
        if found is None:
            return "no department"
        sizes = {
            name: sum(1 for _ in getattr(found, name))
            for name in ("payments", "periods", "budgets", "counters", "registered", "expiries")
        }
        sizes["rules"] = len(found.policy.rules)
        return ", ".join(f"{count} {name}" for name, count in sizes.items() if count)


def new_owner(log: NoLog, snapshot_decisions: int = 2**62) -> Owner:
    return Owner(
        PARTITION, PARTITIONS, log, lambda: new_model(scoring=True), lambda changed: None, snapshot_decisions
    )


#: Before a value that is kept compressed: a million bytes of one filler take a thousand.
_PACKED = b"\x00packed"


def packed(record: Record) -> Record:
    """The record with less to keep, where it is large."""
    if len(record.value or b"") + len(record.key or b"") < 100_000:
        return record
    return Record(record.offset, record.recorded_at, _PACKED, zlib.compress(pickle.dumps(record), 1))


def unpacked(record: Record) -> Record:
    if record.key != _PACKED:
        return record
    found: Record = pickle.loads(zlib.decompress(record.value or b""))
    return found


async def decided_again(bench: Bench) -> list[bytes]:
    """The decisions that another owner makes of the same records, many at a time."""
    log = RecordingLog()
    owner = new_owner(log)
    await owner.take_over()
    for at in range(0, len(bench.kept), 100):
        part = [unpacked(record) for record in bench.kept[at : at + 100]]
        await owner.decide([Frame(at, at + len(part), part)])
    return log.values


async def folded(bench: Bench) -> Owner:
    """An owner that has only read the decisions."""
    owner = new_owner(bench.log)
    await owner.take_over()
    return owner


def wrong(bench: Bench) -> dict[str, list[str]]:
    """What the verifier says of the records and their decisions."""
    values = bench.log.values
    return verified(
        [
            (
                PARTITION,
                lambda: map(seen, bench.kept),
                lambda: (verify.Record(offset, value) for offset, value in enumerate(values)),
            )
        ]
    )


def seen(record: Record) -> verify.Record:
    """As the verifier reads it."""
    whole = unpacked(record)
    return verify.Record(whole.offset, whole.value, whole.key)
