"""Decide a log again: the same card events must give the same decisions, byte for byte (oracle O5).

The owner that decides is the worker's own; only its log is another: it compares instead of writing. So what
`spendlog verify` checks from outside, without the rules' code, is checked here from inside.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import msgspec
from confluent_kafka import Message

from infra.consumed import bytes_of, offset_of
from infra.errors import SpendlogError
from infra.verify.sources import Logs
from schemas.chain import Chain, NotNext
from schemas.claims import LogRecord, claim_in, stamp_of
from schemas.decisions import Decision, Score
from schemas.effects import IncreaseAsked
from schemas.events import AuthorizationRequested
from schemas.topics import CARD_EVENTS, DECISIONS
from streams.core.intake import Record, recorded_at
from streams.log import Entry, Frame, InvariantBroken, NoLog, Written
from streams.model import Unscored
from streams.owner import Owner
from streams.scoring import Scorer
from streams.stream_settings import StreamSettings

Progress = Callable[[int], None]  # decisions read so far
_NEVER = 2**62
#: Events whose decisions say when a request lapses.
ASKED: Final = frozenset({"increase.requested", "card.requested", "budget.requested"})


class ReplayDifference(NamedTuple):
    """The first decision of a partition that comes out otherwise. `why`: member by member."""

    partition: int
    seq: int
    source_offset: int
    why: str


class Replayed(NamedTuple):
    """A partition. `folded`: decisions whose card events are gone, so that they were only folded.

    `gone`: decisions that are gone themselves, by retention; without them nothing can be decided again.
    """

    partition: int
    folded: int
    decided: int
    difference: ReplayDifference | None
    gone: int = 0


class Replay(NamedTuple):
    """All partitions, and the seconds it took."""

    partitions: tuple[Replayed, ...]
    took_s: float

    @property
    def decided(self) -> int:
        return sum(one.decided for one in self.partitions)

    @property
    def differences(self) -> list[ReplayDifference]:
        return [one.difference for one in self.partitions if one.difference is not None]


def replay(
    kafka: str, *, prefix: str = "", rescore: bool = False, progress: Progress | None = None
) -> Replay:
    """Decides every card event of the log again, and compares with what was decided.

    `rescore`: scores are made anew as well, by a model that learns from the first decision on; else those of
    the log are taken, as recovery does. Where the log has no score none is made.

    Raises:
        SpendlogError: Kafka does not answer, or the log's own order or hash chain is broken.
    """
    started_s = time.monotonic()
    logs, found, before = Logs(kafka), [], 0
    try:
        partitions = logs.partitions(prefix + CARD_EVENTS.name)
        for partition in partitions:
            try:
                again = _Again(logs, prefix, partition, len(partitions), rescore)
                for count in again.run():
                    if progress is not None:
                        progress(before + count)
            except (InvariantBroken, ValueError) as broken:
                raise SpendlogError(
                    f"the log of partition {partition} cannot be replayed: {broken}"
                ) from None
            found.append(again.result)
            before += again.result.folded + again.result.decided
    finally:
        logs.close()
    return Replay(tuple(found), time.monotonic() - started_s)


class _Differs(Exception):
    """Another decision than the recorded one. `value`: its bytes."""

    def __init__(self, value: bytes) -> None:
        super().__init__()
        self.value = value


class _Comparing(NoLog):
    """A log that holds `folded` decisions and takes only the one that is expected."""

    def __init__(self, folded: Iterator[bytes]) -> None:
        super().__init__()
        self._folded = folded
        self.expected = b""

    async def replay(self, offset: int) -> AsyncGenerator[Sequence[LogRecord], None]:
        for value in self._folded:
            yield (LogRecord(self._end, value, None),)
            self._end += 1
        async for claims in super().replay(offset):
            yield claims

    async def append(self, entries: Sequence[Entry]) -> Sequence[Written]:
        for entry in entries:
            if claim_in(entry.value) is None and entry.value != self.expected:
                raise _Differs(entry.value or b"")
        return await super().append(entries)


class _Recorded(Unscored):
    """A model that says what it said before."""

    def __init__(self) -> None:
        self.score_recorded: Score | None = None

    def score(self, event: AuthorizationRequested) -> Score | None:
        return self.score_recorded


class _Rescored(Scorer):
    """Makes scores anew, but none where none was: that one was late or failed says nothing about today.

    However long it takes: nobody waits.
    """

    def __init__(self, recorded: _Recorded) -> None:
        super().__init__(ns_max=math.inf)
        self._recorded = recorded

    def score(self, event: AuthorizationRequested) -> Score | None:
        return None if self._recorded.score_recorded is None else super().score(event)


def as_before(decision: Decision, recorded: Decision) -> Decision:
    """`decision` as the version would have made it that recorded this one, if it told less of requests.

    An increase that was asked for said nothing of when it lapses, and so never did.
    """
    told = {
        one.request_id for one in recorded.effects if isinstance(one, IncreaseAsked) and not one.lapses_at
    }
    if not told:
        return decision
    effects = tuple(
        msgspec.structs.replace(one, lapses_at=None)
        if isinstance(one, IncreaseAsked) and one.request_id in told
        else one
        for one in decision.effects
    )
    return msgspec.structs.replace(decision, effects=effects)


class _AsBefore(Owner):
    """Decides as before, until a department's log first says of a request when it lapses."""

    recorded: Decision | None = None

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self._lapsing: set[tuple[str | None, str | None]] = set()

    def judged(self, record: Record) -> Decision:
        decision, recorded = super().judged(record), self.recorded
        if recorded is None or recorded.event_type not in ASKED:
            return decision
        key = (recorded.organization_id, recorded.department_id)
        return decision if key in self._lapsing else as_before(decision, recorded)

    def folded(self, recorded: Decision) -> None:
        """It counts: what is asked for from here on says as much."""
        if recorded.event_type in ASKED and any(getattr(one, "lapses_at", None) for one in recorded.effects):
            self._lapsing.add((recorded.organization_id, recorded.department_id))


class _Again:
    """One partition, decided again."""

    def __init__(self, logs: Logs, prefix: str, partition: int, partitions: int, rescore: bool) -> None:
        self._logs = logs
        self._events = prefix + CARD_EVENTS.name
        self._decisions = prefix + DECISIONS.name
        self._partition = partition
        self._recorded = _Recorded()
        self._folded = self._decided = 0
        self._difference: ReplayDifference | None = None
        self._first, self._end = logs.bounds(self._events, partition)
        low, high = logs.bounds(self._decisions, partition)
        self._lost = self._gone_before(low)
        self._log = _Peekable(partition, logs.messages(self._decisions, partition, low, high))
        self._comparing = _Comparing(self._gone())
        self._owner = _AsBefore(
            partition,
            partitions,
            self._comparing,
            lambda: _Rescored(self._recorded) if rescore else self._recorded,
            lambda _: None,
            _NEVER,
            card_numbers_refused=StreamSettings().card_numbers == "refuse",  # as the workers have it
        )

    @property
    def result(self) -> Replayed:
        return Replayed(self._partition, self._folded, self._decided, self._difference, self._lost)

    def _gone_before(self, low: int) -> int:
        """How many decisions retention has taken. Raises SpendlogError: something else is there."""
        first = next(self._logs.decisions(self._decisions, self._partition), None) if low else None
        return 0 if first is None else first.seq

    def _gone(self) -> Iterator[bytes]:
        """The decisions on card events that retention has taken."""
        while (found := self._log.peek()) is not None and found.source_offset < self._first:
            self._folded += 1
            self._owner.folded(found)
            yield self._log.take()

    def run(self) -> Iterator[int]:
        """Yields how many decisions it has come to, now and then."""
        if self._lost:
            return
        with asyncio.Runner() as runner:
            runner.run(self._owner.take_over())
            yield self._folded
            for message in self._logs.messages(self._events, self._partition, self._first, self._end):
                recorded = self._log.peek()
                if recorded is None:
                    return  # not decided yet
                runner.run(self._decide(message, recorded, self._log.take()))
                if self._difference is not None:
                    return
                self._decided += 1
                if self._decided % 1_000 == 0:
                    yield self._folded + self._decided
        left = self._log.peek()
        if left is not None and left.source_offset < self._end:
            self._difference = self._differs(left, "there is no card event at its offset")

    async def _decide(self, message: Message, recorded: Decision, value: bytes) -> None:
        record = _record(message)
        self._recorded.score_recorded = recorded.score
        self._comparing.expected = value
        self._owner.recorded = recorded
        try:
            await self._owner.decide([Frame(self._owner.position, record.offset + 1, (record,))])
        except _Differs as differs:
            self._difference = self._differs(recorded, differing(value, differs.value))
        self._owner.folded(recorded)

    def _differs(self, recorded: Decision, why: str) -> ReplayDifference:
        return ReplayDifference(self._partition, recorded.seq, recorded.source_offset, why)


class _Peekable:
    """Decisions with a look ahead, each the next of its partition."""

    def __init__(self, partition: int, messages: Iterator[Message]) -> None:
        self._messages = messages
        self._chain = Chain(partition)
        self._next: Decision | None = None
        self._value = b""

    def peek(self) -> Decision | None:
        """The next one; None at the end. Raises NotNext: there is something else."""
        while self._next is None and (message := next(self._messages, None)) is not None:
            value, offset = bytes_of(message.value()), offset_of(message)
            try:
                self._next = self._chain.follow(offset, value, stamp_of(message.headers()))
            except NotNext as found:
                raise NotNext(f"offset {offset}: {found}") from None
            self._value = value or b""
        return self._next

    def take(self) -> bytes:
        assert self._next is not None
        self._next = None
        return self._value


def _record(message: Message) -> Record:
    """As the worker sees it."""
    _, ms = message.timestamp()
    key: Any = message.key()
    return Record(offset_of(message), recorded_at(ms), key, message.value())


def differing(recorded: bytes, again: bytes) -> str:
    """The members in which two decisions differ; hashes only where nothing else does."""
    before, after = (msgspec.json.decode(value, type=dict[str, Any]) for value in (recorded, again))
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    told = [name for name in names if name not in ("hash", "previous_hash")] or names
    return "; ".join(
        f"{name}: recorded {_short(before.get(name))}, now {_short(after.get(name))}" for name in told
    )


def _short(value: Any) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= 300 else f"{text[:300]}..."
