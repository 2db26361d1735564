"""The owner of one partition: takes it over, decides its records, and writes the decision log.

Owning means that the latest claim in the log is one's own. State in memory runs ahead of the log while a
batch is under way; any exception voids it all, because only the log knows what counts (docs/decisions/0034).
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import structlog

from schemas.decisions import Decision
from schemas.reasons import Outcome
from streams.batch import Batch, dead_letter, outbox_of, sends
from streams.continuity import Decided, check_kept, check_redelivered
from streams.core.apply.evolve import evolve
from streams.core.intake import Record, judge, without_card_numbers
from streams.core.plans import Plans
from streams.core.sealing import seal
from streams.core.state import Department, PartitionState
from streams.image import decoded
from streams.log import Frame, InvariantBroken, PartitionLog, ReplayIncomplete
from streams.model import TELLING, Model
from streams.owned_log import OwnedLog
from streams.snapshots import StoredSnapshot
from streams.snapshotting import SNAPSHOT_DECISIONS_MIN, Snapshots
from streams.turns import Turns

log = structlog.get_logger()

# 5,000 usual decisions take 5 MB; large ones must not make a batch that the broker takes minutes for.
BATCH_BYTES_MAX = 16_000_000
# A batch that is given up ends at once, unless a library swallows it.
GIVE_UP_S = 1.0


class Pace(NamedTuple):
    """How long deciding may go on, in seconds, while others wait.

    `slice_s`: then the worker's other partitions have their turn. A usual event takes 0.03 ms, a hostile one
    up to 100, and a poll has thousands. `batch_s`: then what is decided is written, however little it
    is: its senders wait for it. 5,000 usual events take less.
    """

    slice_s: float = 0.01
    batch_s: float = 0.5


PACE = Pace()


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
        name: of this take-over alone; in claims and stamps.
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
        name: str | None = None,
    ) -> None:
        self.state = PartitionState(partition)
        self.position = 0
        self.replayed = 0
        self._partitions = partitions
        self._log = log_
        self._new_model = new_model
        self._model = new_model()
        self._publish = publish
        self._card_numbers_refused = card_numbers_refused
        self._plans = Plans()
        self._pace = pace
        self._turns = turns or Turns()
        self._snapshots = Snapshots(partition, snapshot_decisions_min, self._turns)
        self._owned = OwnedLog(partition, log_, name or secrets.token_hex(4))
        self._unsent: list[Decision] = []  # replayed, and perhaps not followed by what they send
        self._under_way: asyncio.Task[list[Decision]] | None = None
        self._settled: list[Decision] = []

    # -- takeover

    async def take_over(self) -> int:
        """Rebuild state and model from the log, and claim it. Returns the first undecided offset.

        Raises:
            InvariantBroken: the log has a gap, its hash chain does not hold, or the card events are not those
                that were decided.
            Fenced: others claim it at the same time.
        """
        await self._log.open()
        await self._rebuild()
        await self._owned.claim(self._fold)
        self.position = self.state.next_offset
        await self.check_events()
        self._snapshots.count(self.state.departments)
        await self._send_again()
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
                if await self._log.vouched(snapshot.named_at) != snapshot.digest:
                    raise ValueError("the decision that it says names it does not")
                self._restore(snapshot)
                await self._read_after(snapshot)
                return
            except (ValueError, ReplayIncomplete) as unusable:
                # Only a shortcut: of another version, or of a log that was made anew.
                log.warning(
                    "snapshot_unusable", partition=partition, seq=snapshot.seq, why=str(unusable)[:200]
                )
            self.state, self._model = PartitionState(partition), self._new_model()
            self.replayed = 0
            self._unsent.clear()
        self._owned.start_anew()
        await self._owned.read(self._fold)

    def _restore(self, snapshot: StoredSnapshot) -> None:
        """Raises ValueError where it is not a state of this partition as of its own decision."""
        state = decoded(snapshot.state)
        told = (state.partition, state.seq, state.last_hash)
        if told != (self.state.partition, snapshot.seq, snapshot.last_hash):
            raise ValueError(f"its state is of partition, seq and hash {told}")
        model = self._new_model()
        model.restore(snapshot.model)
        self.state, self._model = state, model
        self._snapshots.restored(state.seq, snapshot.turn)

    async def _read_after(self, snapshot: StoredSnapshot) -> None:
        """Fold what follows. The first decision that is read must be the last that the state knows.

        Raises:
            ValueError: it is another one, or cannot vouch for itself.
        """
        anchored = False

        def fold(decision: Decision) -> None:
            nonlocal anchored
            if anchored:
                self._fold(decision)
            elif (decision.seq + 1, decision.hash) != (self.state.seq, self.state.last_hash):
                raise ValueError(f"the log has decision {decision.position} with another hash at its place")
            anchored = True

        self._owned.start_at(snapshot.log_offset - 1)
        await self._owned.read(fold)
        if not anchored:
            raise ValueError("the log has no decision at its place")

    def _fold(self, decision: Decision) -> None:
        self._learn(decision)
        evolve(self.state, decision)
        self.replayed += 1
        if (decision.effects or decision.outcome is Outcome.REJECTED) and sends(decision):
            self._unsent.append(decision)
            if self._unsent[0].seq < self._owned.chain.relayed_seq:
                self._unsent = self._not_relayed()

    def _not_relayed(self) -> list[Decision]:
        return [decision for decision in self._unsent if decision.seq >= self._owned.chain.relayed_seq]

    async def _send_again(self) -> None:
        """What the owner before may not have sent: receivers know a repeat by its id."""
        letters, outbox = [], []
        for decision in self._not_relayed():
            outbox += outbox_of(decision)
            if decision.outcome is Outcome.REJECTED:
                kept = (await self._log.kept(decision.source_offset)).record
                record = kept or Record(decision.source_offset, decision.recorded_at, None, None)
                if decision.event_id is None:
                    record = self._as_kept(record)
                letters.append(dead_letter(record, decision))
        self._unsent.clear()
        if letters or outbox:
            await self._log.relay(letters, outbox)
        self._owned.relayed(self.state.seq, bool(letters or outbox))

    def _as_kept(self, record: Record) -> Record:
        """A record that is no event, as a dead letter may have it."""
        return without_card_numbers(record) if self._card_numbers_refused else record

    # -- the loop's body

    async def decide(self, frames: Iterable[Frame]) -> list[Decision]:
        """Decide what the frames hold and have not been decided; returns when all of it counts.

        Raises:
            InvariantBroken: a frame starts after the position reached, so records are missing; or what it
                holds before that position is not what was decided.
            Fenced: another owner has taken over.
        """
        await self.decide_ahead(frames)
        await self.settle()
        return self.settled()

    async def decide_ahead(self, frames: Iterable[Frame]) -> None:
        """The same, but returns while the last batch is still under way: the next is decided meanwhile."""
        with self._turns.busy():
            await self._decide(frames)

    @property
    def void(self) -> int:
        """Records of replaced owners that were passed over since the take-over began."""
        return self._owned.chain.void

    @property
    def under_way(self) -> asyncio.Task[list[Decision]] | None:
        """The batch that is being written."""
        return self._under_way

    async def settle(self) -> None:
        """Wait for the batch that is under way."""
        if self._under_way is not None:
            self._settled += await self._under_way
            self._under_way = None

    def settled(self) -> list[Decision]:
        """The decisions that have come to count since it was asked last."""
        settled, self._settled = self._settled, []
        return settled

    async def _decide(self, frames: Iterable[Frame]) -> None:
        batch = Batch()
        state, snapshots = self.state, self._snapshots
        batch_began_s = slice_began_s = time.monotonic()
        for frame in frames:
            for record in self._new_records(frame):
                decision, value = seal(self.judged(record))
                self._learn(decision)
                if snapshots.under_way:
                    snapshots.before(decision.organization_id, decision.department_id)
                evolve(state, decision)
                if decision.event_id is None:
                    record = self._as_kept(record)
                batch.add(record, decision, value)
                now_s = time.monotonic()
                if batch.bytes > BATCH_BYTES_MAX or now_s - batch_began_s > self._pace.batch_s:
                    await self._hand_over(batch)
                    batch = Batch()
                    batch_began_s = slice_began_s = time.monotonic()
                elif now_s - slice_began_s > self._pace.slice_s:
                    await self._turns.give_way(now_s - slice_began_s)
                    slice_began_s = time.monotonic()
        if batch.decisions:
            await self._hand_over(batch)

    def judged(self, record: Record) -> Decision:
        """What is decided on the next record, before it is sealed."""
        return judge(
            self.state,
            record,
            self._partitions,
            self._model,
            self._plans,
            card_numbers_refused=self._card_numbers_refused,
        )

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

    async def _hand_over(self, batch: Batch) -> None:
        """Begin to write. One batch at a time: what waits meanwhile makes the next one larger."""
        await self.settle()
        named = self._snapshots.name(batch.entries)
        self._snapshots.begin_if_due(self.state, self._model)
        self._under_way = asyncio.create_task(self._write(batch, named))

    async def _write(self, batch: Batch, named: bool) -> list[Decision]:
        """The batch's decisions, when they count and what they send was sent. `named`: by its last one."""
        with self._turns.busy():
            await self._owned.append(batch.entries, batch.decisions)
            end, sent = self._owned.end, bool(batch.dead_letters or batch.outbox)
            if sent:
                await self._log.relay(batch.dead_letters, batch.outbox)
            self._owned.relayed(batch.decisions[-1].seq + 1, sent)
            self._snapshots.placed(batch.decisions[-1].seq + 1, end)
            chunks = self._snapshots.chunks(end - 1 if named else None)
            if chunks:
                await self._log.store_snapshot(chunks)
        changed = self._changed(batch.decisions)
        self._snapshots.count(changed)
        self._publish(changed)
        return batch.decisions

    def _learn(self, decision: Decision) -> None:
        """Live and in replay the same."""
        if decision.score is not None:
            self._model.learn(decision)
        elif decision.event_type in TELLING:
            self._model.hear(decision)

    def _changed(self, decisions: Iterable[Decision]) -> dict[str, Department]:
        departments = self.state.departments
        keys = {
            f"{decision.organization_id}/{decision.department_id}"
            for decision in decisions
            if decision.effects
        }
        return {key: departments[key] for key in keys}

    async def close(self) -> None:
        self._snapshots.close()
        under_way, self._under_way = self._under_way, None
        if under_way is not None:
            under_way.cancel()
            await asyncio.wait([under_way], timeout=GIVE_UP_S)
            if under_way.done() and not under_way.cancelled():
                under_way.exception()  # it has been told by whoever waited for the batch, or nobody did
        await self._log.close()
