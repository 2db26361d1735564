"""The owners of this worker's partitions: a task each, which takes over, decides, or stands still by itself.

Trouble stays in its partition. After any doubt only the log knows what holds, so an owner's memory is thrown
away and a new owner takes over from the log (docs/decisions/0021); the other partitions go on meanwhile.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from itertools import dropwhile
from typing import Protocol

import structlog
from aiokafka.errors import KafkaError, KafkaTimeoutError

from schemas.backoff import Backoff
from schemas.exits import ExitStatus
from schemas.standing import Report
from streams.log import Fenced, Frame, InvariantBroken, ReplayIncomplete, TopicMissing
from streams.owner import Owner
from streams.worker import metrics
from streams.worker.seats import Seat, report_of
from streams.worker.standstill import Standstill, remedy_of

log = structlog.get_logger()

# Of one batch: large enough to make its round trip cheap, small enough to answer soon.
BATCH_RECORDS_MAX = 5_000
# A partition that stands still tries again after 1 s, doubled up to 30 s: a broker's restart costs few tries,
# and what a person has mended goes on within half a minute.
RETRY = Backoff(1.0, 30.0)
# Faust seeks and resumes when all first tries are over; whoever takes longer is sought for by itself later.
FIRST_TRY_S_MAX = 20.0
# Letting go of a producer: more only when the broker does not answer.
CLOSE_S_MAX = 5.0
# A batch takes 0.1 s. A producer that waits for a topic that is gone would wait for ever.
DECIDE_S_MAX = 60.0
# A frame that was on its way while its partition was sought is no gap: it is sought again, at most so often.
SEEK_AGAIN_S = 1.0


class Consumption(Protocol):
    """What the owners need of Faust's consumer."""

    def assigned(self) -> set[int]:
        """The partitions that this worker may own now."""

    async def seek(self, partition: int, position: int) -> None:
        """Deliver the partition's frames from `position` on, if frames flow; else the next start does so."""


class Owners:
    """One owner for each assigned partition.

    Args:
        consumption: which partitions are assigned, and how to have one's frames delivered again.
        new_owner: makes the owner of a partition, which has taken over nothing yet.
        fenced_wait_s: who was fenced waits so long before it asks whether the partition is still its own: a
            session time-out, after which a worker that slept knows that it was replaced.
    """

    def __init__(
        self, consumption: Consumption, new_owner: Callable[[int], Owner], fenced_wait_s: float
    ) -> None:
        self._consumption = consumption
        self._new_owner = new_owner
        self._fenced_wait_s = fenced_wait_s
        self._seats: dict[int, Seat] = {}
        self._taking_over = asyncio.Lock()
        self._closing = False

    # -- what Faust tells

    async def assigned(self) -> None:
        """A rebalance is over: let go of what is gone, start what is new, and wait for its first tries.

        May be called again while an earlier call waits; the assignment as it is then holds for both.
        """
        partitions = set() if self._closing else self._consumption.assigned()
        await self._let_go(set(self._seats) - partitions)
        for partition in sorted(partitions):
            seat = self._seats.get(partition)
            if seat is None or seat.task is None or seat.task.done():
                seat = self._seats[partition] = Seat()
                self._start(partition, seat)
            elif seat.owner is None:
                seat.tried.clear()
                seat.wake.set()  # whoever was fenced need not wait any longer: Faust knows now whose it is
        tries = [asyncio.ensure_future(seat.tried.wait()) for seat in self._seats.values()]
        if tries:
            _, late = await asyncio.wait(tries, timeout=FIRST_TRY_S_MAX)
            for one in late:
                one.cancel()

    def arrived(self, partition: int, frame: Frame) -> None:
        """Queue a frame for its owner.

        Without an owner it is dropped: whoever takes over reads again from the log's own position.
        """
        seat = self._seats.get(partition)
        if seat is not None and seat.owner is not None:
            seat.frames.put(frame)

    def full(self, partition: int) -> bool:
        """Whether so much waits for the partition's owner that no more should be fetched. From any thread."""
        seat = self._seats.get(partition)
        return seat is not None and seat.frames.full

    async def close(self) -> None:
        """Stop deciding and release the producers; whether what is under way counts, the log says."""
        self._closing = True
        await self._let_go(set(self._seats))

    # -- what others ask

    def positions(self) -> Mapping[int, int]:
        """The offset that each owner here has to read next."""
        return {p: seat.owner.position for p, seat in self._seats.items() if seat.owner is not None}

    def standing_still(self) -> list[Standstill]:
        """The partitions assigned here in which nothing is decided, and why."""
        found = [seat.standstill for seat in self._seats.values() if seat.standstill is not None]
        return sorted(found, key=lambda one: one.partition)

    def reports(self, process: str) -> list[Report]:
        """How each partition assigned here stands. `process`: the name under which it is told."""
        return [report_of(partition, seat, process, time.time()) for partition, seat in self._seats.items()]

    async def check(self) -> None:
        """Look whether card events are still those that were decided; a difference stops their partition."""
        for partition, seat in list(self._seats.items()):
            if (owner := seat.owner) is None:
                continue
            try:
                await owner.check_events()
            except (InvariantBroken, TopicMissing) as broken:
                if seat.owner is owner and seat.task is not None:
                    await self._again(partition, seat, broken)
            except (KafkaError, ReplayIncomplete) as away:
                log.warning("card_events_unchecked", partition=partition, why=repr(away))
            if not seat.in_step:
                await self._seek(partition, seat)

    async def _again(self, partition: int, seat: Seat, why: Exception) -> None:
        """End the partition's task as if its owner had found this out, and start it anew."""
        assert seat.task is not None
        await _ended(seat.task)
        if self._seats.get(partition) is seat:
            self._stand_still(partition, seat, why)
            self._start(partition, seat)

    # -- one partition

    def _start(self, partition: int, seat: Seat) -> None:
        seat.task = asyncio.create_task(self._serve(partition, seat), name=f"owner-{partition}")

    async def _serve(self, partition: int, seat: Seat) -> None:
        """Own the partition until this task is cancelled, or Faust gives it to another worker."""
        while partition in self._consumption.assigned() and not self._closing:
            owner = self._new_owner(partition)
            wait_s = 0.0
            try:
                if await self._take_over(partition, seat, owner):
                    await self._decide(partition, seat, owner)
            except asyncio.CancelledError:
                raise
            except Fenced as fenced:
                # Healthy: another worker has it. If Faust says otherwise after that long, it is ours again.
                log.info("partition_fenced", partition=partition, why=str(fenced))
                wait_s = self._fenced_wait_s
            except MemoryError as error:
                crash(error, partition=partition)  # the process's trouble, not the partition's
            except Exception as error:  # noqa: BLE001  whatever it was, only the log knows what holds
                wait_s = self._stand_still(partition, seat, error)
            finally:
                seat.owner = seat.began_at = None
                seat.frames.clear()
                await _closed(owner)
                seat.tried.set()
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await seat.wake.wait()
            seat.wake.clear()
        self._goes_on(partition, seat)
        seat.tried.set()

    async def _take_over(self, partition: int, seat: Seat, owner: Owner) -> bool:
        """False: the partition went to another worker meanwhile."""
        # One after the other: replaying several at once ends none of them sooner, and takes more memory.
        async with self._taking_over:
            if partition not in self._consumption.assigned():
                return False  # asked again before the claim: a late one would fence the rightful owner
            started_s = time.monotonic()
            # A replay makes only what stays: collecting in between finds nothing.
            gc.disable()
            try:
                position = await owner.take_over()
            finally:
                gc.enable()
                gc.freeze()
        if partition not in self._consumption.assigned():
            return False
        log.info(
            "partition_taken_over",
            partition=partition,
            position=position,
            seq=owner.state.seq,
            replayed=owner.replayed,
            took_s=round(time.monotonic() - started_s, 3),
        )
        metrics.replayed.inc(owner.replayed)
        metrics.void.inc(owner.void)
        if seat.standstill is not None and not seat.standstill.taken_over:
            self._goes_on(partition, seat)
        seat.in_step = False
        seat.owner = owner
        seat.tried.set()
        await self._seek(partition, seat)
        return True

    async def _decide(self, partition: int, seat: Seat, owner: Owner) -> None:
        """Decide frames as they come, as many as wait at once, each while the one before is written."""
        while True:
            batch = await self._next(partition, seat, owner)
            if not seat.in_step:
                # Those before were on their way when it was sought; what follows it continues it.
                batch = list(dropwhile(lambda frame: frame.start > owner.position, batch))
                if not batch:
                    await self._seek(partition, seat)
                    continue
                seat.in_step = True
            seat.began_at = seat.began_at or time.time()
            async with _within(DECIDE_S_MAX):
                await owner.decide_ahead(batch)
            self._count(partition, seat, owner)

    async def _next(self, partition: int, seat: Seat, owner: Owner) -> list[Frame]:
        """The frames that wait; while there are none, the batch that is under way is waited for."""
        getting = asyncio.ensure_future(seat.frames.get(BATCH_RECORDS_MAX))
        try:
            if owner.under_way is not None:
                async with _within(DECIDE_S_MAX):
                    await asyncio.wait({getting, owner.under_way}, return_when=asyncio.FIRST_COMPLETED)
                if owner.under_way.done():
                    await owner.settle()
                    self._count(partition, seat, owner)
            return await getting
        finally:
            getting.cancel()

    def _count(self, partition: int, seat: Seat, owner: Owner) -> None:
        """Note what has come to count."""
        if decided := owner.settled():
            metrics.count(decided)
            seat.decided_at = time.time()
            seat.began_at = None if owner.under_way is None else seat.decided_at
            self._goes_on(partition, seat)

    async def _seek(self, partition: int, seat: Seat) -> None:
        now_s = time.monotonic()
        if seat.owner is not None and now_s - seat.sought_s >= SEEK_AGAIN_S:
            seat.sought_s = now_s
            await self._consumption.seek(partition, seat.owner.position)

    def _stand_still(self, partition: int, seat: Seat, error: Exception) -> float:
        """Note and tell why; returns the seconds until the next try."""
        before = seat.standstill
        tries = before.tries + 1 if before else 1
        seat.standstill = Standstill(
            partition,
            before.since if before else time.time(),
            tries,
            str(error) or repr(error),
            remedy_of(error, partition),
            taken_over=seat.owner is not None,
        )
        metrics.standing_still.labels(str(partition)).set(seat.standstill.since)
        wait_s = RETRY.wait_s(tries)
        # The trace once: what is tried again every 30 s must not fill a disk.
        log.error(
            "partition_stands_still",
            partition=partition,
            why=seat.standstill.why,
            what_to_do=seat.standstill.remedy,
            error=type(error).__name__,
            tries=tries,
            again_in_s=wait_s,
            exc_info=error if tries == 1 else None,
        )
        return wait_s

    def _goes_on(self, partition: int, seat: Seat) -> None:
        """It decides again, or it is not ours any more."""
        if seat.standstill is not None:
            log.info("partition_stands_still_no_more", partition=partition, tries=seat.standstill.tries)
            seat.standstill = None
            metrics.standing_still.remove(str(partition))

    async def _let_go(self, partitions: set[int]) -> None:
        for partition in sorted(partitions):
            seat = self._seats.pop(partition)
            owner = seat.owner
            if seat.task is not None:
                await _ended(seat.task)
            self._goes_on(partition, seat)
            log.info("partition_let_go", partition=partition, seq=owner.state.seq if owner else None)


def crash(error: BaseException, **where: object) -> None:
    """End the process now. No clean-up: what is in memory may not be what was committed."""
    log.critical("worker_crashed", error=repr(error), **where, exc_info=error)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(ExitStatus.CRASHED)


@asynccontextmanager
async def _within(seconds: float) -> AsyncGenerator[None, None]:
    """Raises KafkaTimeoutError: what is inside did not come to its end."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise KafkaTimeoutError(f"a batch was not written within {seconds:.0f} s") from None


async def _ended(task: asyncio.Task[None]) -> None:
    # Again where a library swallowed it, as `asyncio.wait_for` does before Python 3.12; after it has closed.
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=CLOSE_S_MAX + 1.0)


async def _closed(owner: Owner) -> None:
    """Close what the owner has open, within `CLOSE_S_MAX`; whoever cancels its task meanwhile waits so long.

    In a task of its own: a cancellation that came between two of its steps would leave a producer open.
    """
    closing = asyncio.create_task(owner.close(), name=f"closing-{owner.state.partition}")
    ends_s, cancelled = time.monotonic() + CLOSE_S_MAX, False
    while not closing.done() and (left_s := ends_s - time.monotonic()) > 0.0:
        try:
            await asyncio.wait({closing}, timeout=left_s)
        except asyncio.CancelledError:
            cancelled = True
    # The next owner fences it, whatever it left.
    if not closing.done():
        closing.cancel()
        log.warning(
            "owner_not_closed", partition=owner.state.partition, why=f"not within {CLOSE_S_MAX:.0f} s"
        )
    elif error := None if closing.cancelled() else closing.exception():
        log.warning("owner_not_closed", partition=owner.state.partition, why=repr(error))
    if cancelled:
        raise asyncio.CancelledError
