"""The owner of one partition: takes it over, decides its records, and writes the decision log.

Owning means holding the partition's unfenced producer epoch. State in memory runs ahead of the log only
inside `decide`; any exception there or in `take_over` ends the process, because only the log knows what
was committed (docs/decisions/0002).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from typing import NamedTuple

import msgspec
import structlog

from schemas.chain import Chain, NotNext, sealed_decision
from schemas.codec import encode_event
from schemas.decisions import Decision
from schemas.events import Event
from schemas.headers import EVENT_ID
from schemas.reasons import Outcome
from streams.continuity import Decided, check_kept, check_redelivered
from streams.core.apply.evolve import evolve
from streams.core.intake import Record, judge, without_card_numbers
from streams.core.messages import messages
from streams.core.plans import Plans
from streams.core.sealing import seal
from streams.core.state import Department, PartitionState
from streams.log import DeadLetter, Entry, Frame, InvariantBroken, PartitionLog, ReplayIncomplete
from streams.model import Model
from streams.snapshots import SNAPSHOT_HEADER, StoredSnapshot
from streams.turns import Turns

log = structlog.get_logger()

# A snapshot costs about 0.1 us and 45 bytes for each remembered row. One for every ROWS_A_DECISION rows
# keeps that at 0.4 us and 180 bytes for each decision, however large the state grows, and bounds the replay.
SNAPSHOT_DECISIONS_MIN = 20_000
ROWS_A_DECISION = 4
# 5,000 usual decisions take 5 MB; large ones must not make a transaction that the broker takes minutes for.
TRANSACTION_BYTES_MAX = 16_000_000
# Two names of 64 letters and a slash, with room to spare.
KEY_BYTES_MAX = 300


class Pace(NamedTuple):
    """How long deciding may go on, in seconds, while others wait.

    `slice_s`: then the worker's other partitions have their turn. A usual event takes 0.03 ms, a hostile one
    up to 100, and a poll has thousands. `transaction_s`: then what is decided is written, however little it
    is: its senders wait for it. 5,000 usual events take less.
    """

    slice_s: float = 0.01
    transaction_s: float = 0.5


PACE = Pace()


class _Batch:
    """What one transaction writes."""

    __slots__ = ("bytes", "dead_letters", "decisions", "entries", "outbox")

    def __init__(self) -> None:
        self.decisions: list[Decision] = []
        self.entries: list[Entry] = []
        self.dead_letters: list[DeadLetter] = []
        self.outbox: list[Entry] = []
        self.bytes = 0

    def add(self, record: Record, decision: Decision, value: bytes) -> None:
        self.decisions.append(decision)
        self.entries.append(_entry(record, value, decision))
        self.bytes += len(value)
        if decision.effects:
            for event in messages(decision):
                self.outbox.append(message := _message(event))
                self.bytes += len(message.value or b"")
        if decision.outcome is Outcome.REJECTED:
            reason = decision.reasons[0]
            self.dead_letters.append(DeadLetter(record, reason.code.value, reason.detail or ""))
            self.bytes += len(record.value or b"")


class Rows:
    """What is remembered of all departments, counted without looking at those that have not changed."""

    def __init__(self) -> None:
        self.total = 0
        self._each: dict[str, int] = {}

    def count(self, changed: Mapping[str, Department]) -> None:
        """As they are now."""
        for key, department in changed.items():
            rows = department.rows
            self.total += rows - self._each.get(key, 0)
            self._each[key] = rows


class Owner:
    """Decides one partition of a topic with `partitions` partitions.

    Args:
        log_: the partition's decision log.
        new_model: makes the untrained model.
        publish: called after each commit with the departments that changed, by key; views only.
        snapshot_decisions_min: fewest decisions between two snapshots.
        card_numbers_refused: events with card numbers are rejected, and dead letters have them masked.
        pace: how long deciding may go on without letting others have their turn.
        turns: of all owners of the worker.
    """

    def __init__(
        self,
        partition: int,
        partitions: int,
        log_: PartitionLog,
        new_model: Callable[[], Model],
        publish: Callable[[dict[str, Department]], None],
        snapshot_decisions_min: int = SNAPSHOT_DECISIONS_MIN,
        *,
        card_numbers_refused: bool = True,
        pace: Pace = PACE,
        turns: Turns | None = None,
    ) -> None:
        self.state = PartitionState(partition)
        self.position = 0
        self.replayed = 0
        self._partitions = partitions
        self._log = log_
        self._new_model = new_model
        self._model = new_model()
        self._publish = publish
        self._snapshot_decisions_min = snapshot_decisions_min
        self._card_numbers_refused = card_numbers_refused
        self._plans = Plans()
        self._pace = pace
        self._turns = turns or Turns()
        self._snapshot_seq = 0
        self._rows = Rows()
        self._written: int | None = None  # the log's offset after the last write

    # -- takeover

    async def take_over(self) -> int:
        """Fence the owner before, rebuild state and model from the log. Returns the first undecided offset.

        Raises:
            InvariantBroken: the log has a gap, its hash chain does not hold, or the card events are not those
                that were decided.
        """
        await self._log.open()
        await self._rebuild()
        self.position = self.state.next_offset
        await self.check_events()
        self._rows.count(self.state.departments)
        self._publish(self.state.departments)
        return self.position

    async def check_events(self) -> None:
        """Raises InvariantBroken when the card events no longer continue what was decided."""
        decided = self._decided()
        check_kept(decided, await self._log.kept(decided.next_offset - 1))

    def _decided(self) -> Decided:
        state = self.state
        return Decided(state.partition, state.next_offset, state.last_recorded_at, state.last_event_id)

    async def _rebuild(self) -> None:
        """State and model from the newest snapshot that the log vouches for, or from the whole log."""
        partition = self.state.partition
        for snapshot in await self._log.snapshots():
            try:
                if await self._log.vouched(snapshot.log_offset - 1) != snapshot.digest:
                    raise ValueError("the decision at its place does not name it")
                self._restore(snapshot)
                async with aclosing(self._log.replay(snapshot.log_offset - 1)) as replayed:
                    await self._fold_all(replayed, anchored=True)
                return
            except (ValueError, ReplayIncomplete) as unusable:
                # Only a shortcut: of another version, or of a log that was made anew.
                log.warning(
                    "snapshot_unusable", partition=partition, seq=snapshot.seq, why=str(unusable)[:200]
                )
            self.state, self._model = PartitionState(partition), self._new_model()
            self.replayed = self._snapshot_seq = 0
        async with aclosing(self._log.replay(None)) as replayed:
            await self._fold_all(replayed)

    def _restore(self, snapshot: StoredSnapshot) -> None:
        """Raises ValueError where it is not a state of this partition as of its own decision."""
        state = msgspec.msgpack.decode(snapshot.state, type=PartitionState)
        told = (state.partition, state.seq, state.last_hash)
        if told != (self.state.partition, snapshot.seq, snapshot.last_hash):
            raise ValueError(f"its state is of partition, seq and hash {told}")
        model = self._new_model()
        model.restore(snapshot.model)
        self.state, self._model = state, model
        self._snapshot_seq = state.seq

    async def _fold_all(
        self, replayed: AsyncGenerator[Sequence[bytes], None], anchored: bool = False
    ) -> None:
        """Fold decisions; with `anchored`, the first one must be the last that the state knows.

        Raises:
            ValueError: it is another one.
        """
        chain = Chain(self.state.partition, self.state.seq, self.state.last_hash)
        async for values in replayed:
            if anchored and values:
                anchored, found = False, sealed_decision(self.state.partition, values[0])
                if (found.seq + 1, found.hash) != (self.state.seq, self.state.last_hash):
                    raise ValueError(f"the log has decision {found.position} with another hash at its place")
                values = values[1:]
            for value in values:
                self._fold(chain, value)
        if anchored:
            raise ValueError("the log has no decision at its place")

    def _fold(self, chain: Chain, value: bytes) -> None:
        try:
            decision = chain.follow(value)
        except NotNext as found:
            raise InvariantBroken(f"decisions of partition {chain.partition}: {found}") from None
        if decision.score is not None:
            self._learn(decision)
        evolve(self.state, decision)
        self.replayed += 1

    # -- the loop's body

    async def decide(self, frames: Iterable[Frame]) -> list[Decision]:
        """Decide what the frames hold and have not been decided, in one transaction if it is not too large
        and does not take too long.

        Raises:
            InvariantBroken: a frame starts after the position reached, so records are missing; or what it
                holds before that position is not what was decided.
            Fenced: another owner has taken over.
        """
        with self._turns.busy():
            return [decision async for part in self._decide(frames) for decision in part]

    async def _decide(self, frames: Iterable[Frame]) -> AsyncGenerator[list[Decision], None]:
        """The decisions of each transaction."""
        batch = _Batch()
        batch_began_s = slice_began_s = time.monotonic()
        for frame in frames:
            for record in self._new_records(frame):
                judged = judge(
                    self.state,
                    record,
                    self._partitions,
                    self._model,
                    self._plans,
                    card_numbers_refused=self._card_numbers_refused,
                )
                decision, value = seal(judged)
                self._learn(decision)
                evolve(self.state, decision)
                unreadable = decision.event_id is None and self._card_numbers_refused
                batch.add(without_card_numbers(record) if unreadable else record, decision, value)
                now_s = time.monotonic()
                if batch.bytes > TRANSACTION_BYTES_MAX or now_s - batch_began_s > self._pace.transaction_s:
                    yield await self._write(batch)
                    batch = _Batch()
                    batch_began_s = slice_began_s = time.monotonic()
                elif now_s - slice_began_s > self._pace.slice_s:
                    await self._turns.give_way(now_s - slice_began_s)
                    slice_began_s = time.monotonic()
        if batch.decisions:
            yield await self._write(batch)

    def _new_records(self, frame: Frame) -> Sequence[Record]:
        if frame.start > self.position:
            raise InvariantBroken(
                f"card events of partition {self.state.partition}: frame starts at {frame.start}, "
                f"but {self.position} is the next to decide; records are missing"
            )
        if frame.start < self.position:
            check_redelivered(self._decided(), self.position, frame)
        if frame.end <= self.position:
            return ()
        records = frame.records
        if frame.start < self.position:
            records = [record for record in records if record.offset >= self.position]
        self.position = frame.end
        return records

    async def _write(self, batch: _Batch) -> list[Decision]:
        """The batch's decisions, committed."""
        snapshot = await self._snapshot() if self._snapshot_due() else None
        if snapshot is not None:
            batch.entries[-1].headers.append((SNAPSHOT_HEADER, snapshot.digest.encode()))
        await self._log.begin()
        end = await self._log.append(batch.entries, batch.dead_letters, batch.outbox)
        start = end - len(batch.entries)
        if self._written is not None and start < self._written:
            raise InvariantBroken(
                f"decision log of partition {self.state.partition}: what followed offset {self._written} "
                f"was written at {start}; the log has lost its end, or was made anew"
            )
        self._written = end
        if snapshot is not None:
            await self._log.store_snapshot(snapshot._replace(log_offset=end))
        await self._log.commit()
        if snapshot is not None:
            self._snapshot_seq = self.state.seq
        changed = self._changed(batch.decisions)
        self._rows.count(changed)
        self._publish(changed)
        return batch.decisions

    def _snapshot_due(self) -> bool:
        since = self.state.seq - self._snapshot_seq
        if since < self._snapshot_decisions_min:
            return False
        return since * ROWS_A_DECISION >= self._rows.total

    async def _snapshot(self) -> StoredSnapshot:
        """As of now; where it lies in the log is not known before the write.

        A megabyte takes 7 ms, so each department is a part of its own, between which others have their turn:
        nothing changes the state while its owner waits here. The digest is another thread's work.
        """
        parts: dict[str, msgspec.Raw] = {}
        for key, department in self.state.departments.items():
            began_s = time.monotonic()
            parts[key] = msgspec.Raw(msgspec.msgpack.encode(department))
            took_s = time.monotonic() - began_s
            if took_s > self._pace.slice_s / 10:
                await self._turns.give_way(took_s)
        state = msgspec.msgpack.encode(msgspec.structs.replace(self.state, departments=parts))
        model = self._model.snapshot()
        return await asyncio.to_thread(
            StoredSnapshot.of, self.state.seq, 0, self.state.last_hash, state, model
        )

    def _learn(self, decision: Decision) -> None:
        """Before `evolve`, from what the card was like when it was scored; live and in replay the same."""
        if decision.score is not None:
            department = self.state.departments[f"{decision.organization_id}/{decision.department_id}"]
            self._model.learn(department.habits(decision.card_id or ""), decision)

    def _changed(self, decisions: Iterable[Decision]) -> dict[str, Department]:
        departments = self.state.departments
        keys = {
            f"{decision.organization_id}/{decision.department_id}"
            for decision in decisions
            if decision.effects
        }
        return {key: departments[key] for key in keys}

    async def close(self) -> None:
        await self._log.close()


def _entry(record: Record, value: bytes, decision: Decision) -> Entry:
    """The decision's record: under its event's key, with the event's id where a look-out need not decode."""
    key = record.key
    if decision.event_id is None:
        # Whatever lies there in place of a key may be as large as a batch.
        return Entry(key if key is not None and len(key) <= KEY_BYTES_MAX else None, value, [])
    return Entry(key, value, [(EVENT_ID, decision.event_id.encode())])


def _message(event: Event) -> Entry:
    """A card event to another department, under that department's key."""
    return Entry(event.key.encode(), encode_event(event), [])
