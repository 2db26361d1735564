"""Snapshots of a partition, made beside its decisions: when one is due, and how it gets into the log.

An image of the state is encoded in turns (`streams.image`). Its chunks then go along with the batches that
follow, a megabyte with each; and when all are there, a decision names the digest of what it was.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Mapping, Sequence

from streams.core.state import Department, PartitionState
from streams.image import Image
from streams.log import Entry
from streams.model import Model
from streams.snapshots import SNAPSHOT_HEADER, Chunks, StoredSnapshot
from streams.turns import Turns

# A snapshot costs about 0.1 us and 45 bytes for each remembered row. One for every ROWS_A_DECISION rows
# keeps that at 0.4 us and 180 bytes for each decision, however large the state grows, and bounds the replay.
SNAPSHOT_DECISIONS_MIN = 20_000
ROWS_A_DECISION = 4
# Pages, or departments, that are encoded before others have their turn: 2 ms.
STEPS_A_TURN = 10
# Half a megabyte each: a batch of decisions is not held up by more.
CHUNKS_A_BATCH = 2


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


class _UnderWay:
    """One snapshot, from its image to its last chunk."""

    def __init__(self, state: PartitionState, model: Model, turn: int) -> None:
        self.told = StoredSnapshot(state.seq, 0, state.last_hash, "", b"", b"", turn=turn)
        self.chunks = Chunks()
        self.image = Image(state, self.chunks.add)
        self.sent = 0
        self._parts: deque[bytes] = deque()
        self._model = model.image(self._parts.append)

    @property
    def ready(self) -> bool:
        return bool(self.told.digest)

    @property
    def left(self) -> int:
        """Chunks that are not sent, the label aside."""
        return len(self.chunks) - 1 - self.sent

    def step(self) -> None:
        """A part more: all of the state, then the model's, which wait here until then."""
        if self.ready or self.image.step() or self._model.step():
            return
        if self._parts:
            self.chunks.add_model(self._parts.popleft())
        else:
            self.told = self.told._replace(digest=self.chunks.end())

    def stop(self) -> None:
        """It is not wanted any more."""
        self.image.stop()
        self._model.stop()


class Snapshots:
    """Those of one partition.

    Args:
        decisions_min: fewest decisions between two of them.
        turns: of all owners of the worker.
    """

    def __init__(self, partition: int, decisions_min: int, turns: Turns) -> None:
        self._partition = partition
        self._decisions_min = decisions_min
        self._turns = turns
        self._rows = Rows()
        self._seq = self._turn = 0
        self._now: _UnderWay | None = None
        self._making: asyncio.Task[None] | None = None

    def restored(self, seq: int, turn: int) -> None:
        """The state came from this one."""
        self._seq, self._turn = seq, 1 - turn

    def count(self, changed: Mapping[str, Department]) -> None:
        """These are other departments than before."""
        self._rows.count(changed)

    @property
    def under_way(self) -> bool:
        """Whether one is being made, so that it must hear `before` of what changes."""
        return self._now is not None

    def before(self, organization_id: str | None, department_id: str | None) -> None:
        """A decision is about to change this department."""
        if self._now is not None:
            self._now.image.before(f"{organization_id}/{department_id}")

    def name(self, entries: Sequence[Entry]) -> bool:
        """Whether the last of these decisions names a snapshot, of which the log has all but its label."""
        now = self._now
        if now is None or not now.ready or now.left or not now.told.log_offset:
            return False
        entries[-1].headers.append((SNAPSHOT_HEADER, now.told.digest.encode()))
        return True

    def chunks(self, named_at: int | None) -> list[Entry]:
        """What is to be written with this batch. `named_at`: where the log names the snapshot, if it does."""
        now = self._now
        if now is None or not now.ready:
            return []
        if named_at is not None:
            label = now.chunks.label(now.told._replace(named_at=named_at))
            self._now, self._turn = None, 1 - now.told.turn
            return [Entry(*now.chunks.record(now.sent, label, self._partition))]
        label = now.chunks.label(now.told)
        numbers = range(now.sent, now.sent + min(now.left, CHUNKS_A_BATCH))
        now.sent = numbers.stop
        return [Entry(*now.chunks.record(number, label, self._partition)) for number in numbers]

    def begin_if_due(self, state: PartitionState, model: Model) -> None:
        """Of both as they are now, after the last decision of a batch; `placed` then says where that lies."""
        if self._making is not None and self._making.done():
            self._making.result()
        since = state.seq - self._seq
        rows = self._rows.total + model.rows
        if self._now is not None or since < max(self._decisions_min, rows // ROWS_A_DECISION):
            return
        self._seq = state.seq
        self._now = _UnderWay(state, model, self._turn)
        self._making = asyncio.create_task(self._make(self._now))

    def placed(self, seq: int, log_offset: int) -> None:
        """The decisions before `seq` end at this offset of the log."""
        if self._now is not None and self._now.told.seq == seq:
            self._now.told = self._now.told._replace(log_offset=log_offset)

    async def _make(self, now: _UnderWay) -> None:
        while not now.ready:
            began_s = time.monotonic()
            for _ in range(STEPS_A_TURN):
                now.step()
            await self._turns.give_way(time.monotonic() - began_s)

    def close(self) -> None:
        """None is made any more."""
        if self._making is not None:
            self._making.cancel()
        if self._now is not None:
            self._now.stop()
