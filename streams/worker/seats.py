"""A partition's place in this worker: who owns it, what waits for him, and how people are told about it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from aiokafka.errors import KafkaTimeoutError

from schemas.standing import Report, utc
from streams.log import Frame
from streams.owner import Owner
from streams.worker.standstill import Standstill, remedy_of

# Of records waiting for one owner; with more, nothing is fetched for him. Not a number of frames: an owner
# that is slow has many small ones.
WAITING_BYTES_MAX = 16_000_000
# A batch takes 0.1 s. After 10 s people are told that none comes through.
LATE_S = 10.0


class Waiting:
    """Frames on their way to one owner. Whoever fetches for him stops while it is `full`."""

    def __init__(self) -> None:
        self._frames: asyncio.Queue[tuple[Frame, int]] = asyncio.Queue()  # each with its size
        self._bytes = 0

    @property
    def full(self) -> bool:
        return self._bytes > WAITING_BYTES_MAX

    def put(self, frame: Frame) -> None:
        """Takes it even when it is full: it was fetched before."""
        size = _size(frame)
        self._frames.put_nowait((frame, size))
        self._bytes += size

    async def get(self, records_max: int) -> list[Frame]:
        """What waits, until there are so many records; at least one frame."""
        found: list[Frame] = []
        records = 0
        while not found or (records < records_max and not self._frames.empty()):
            frame, size = await self._frames.get() if not found else self._frames.get_nowait()
            found.append(frame)
            records += len(frame.records)
            self._bytes -= size
        return found

    def clear(self) -> None:
        while not self._frames.empty():
            self._frames.get_nowait()
        self._bytes = 0


def _size(frame: Frame) -> int:
    return sum([len(record.value or b"") + len(record.key or b"") for record in frame.records])


@dataclass(slots=True)
class Seat:
    """A partition's place here. `owner` None: not taken over yet, or standing still."""

    task: asyncio.Task[None] | None = None
    owner: Owner | None = None
    # Frames that come while there is no owner are dropped, and read again.
    frames: Waiting = field(default_factory=Waiting)
    tried: asyncio.Event = field(default_factory=asyncio.Event)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    sought_s: float = 0.0
    in_step: bool = False  # a frame has continued the owner's position
    # Seconds since the epoch: the last decision, and the begin of the batch that is under way.
    decided_at: float | None = None
    began_at: float | None = None
    standstill: Standstill | None = None


def report_of(partition: int, seat: Seat, process: str, now: float) -> Report:
    owner, still = seat.owner, seat.standstill
    why, remedy, since = (still.why, still.remedy, still.since) if still else (None, None, None)
    if still is None and seat.began_at is not None and now - seat.began_at > LATE_S:
        late = KafkaTimeoutError(f"a batch has been under way for {now - seat.began_at:.0f} s")
        why, remedy, since = str(late), remedy_of(late, partition), seat.began_at
    return Report(
        "worker",
        partition,
        process,
        "standing_still" if why else "working" if owner else "taking_over",
        utc(now),
        position=owner.position if owner else None,
        seq=owner.state.seq if owner else None,
        since=None if since is None else utc(since),
        why=why,
        remedy=remedy,
        progress=None if seat.decided_at is None else utc(seat.decided_at),
        void=owner.void if owner else 0,
    )
