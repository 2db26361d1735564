"""The decision log as its owner has it: claimed, read by the rule, and written where he expects it.

Nothing stops an earlier owner from writing; what he writes after a later claim is void (`schemas.chain`). So
an owner believes a record of his own only once he knows what lies before it: either it lies where he expected
it, or he reads what came between (docs/decisions/0034).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import aclosing

from schemas.chain import Chain, NotNext
from schemas.claims import Claim, LogRecord, encode_claim
from schemas.decisions import Decision
from schemas.headers import EPOCH
from streams.log import Entry, Fenced, InvariantBroken, PartitionLog, ReplayIncomplete

# How often a claim may come second to another before its owner lets go: each time somebody else has won.
CLAIMS_MAX = 3
# A reader that starts in the middle, and the next owner, need not look back further than this.
MARK_DECISIONS = 10_000
# A claim is readable in milliseconds; a transaction of a version before claims is given up after a minute.
CLAIM_READABLE_S = 90.0
LOOK_AGAIN_S = 0.05

Fold = Callable[[Decision], None]


class OwnedLog:
    """The log of `partition`, claimed under `owner`, a name of this take-over alone.

    `chain` is as of `end`: everything before is read or written, and counts or does not for good.
    """

    def __init__(self, partition: int, log: PartitionLog, owner: str) -> None:
        self.chain = Chain(partition)
        self.end = 0
        self._log = log
        self._owner = owner
        self._claim: Claim | None = None
        self._relayed_seq = self._marked_seq = 0
        self._mark_due = False

    # -- reading

    def start_at(self, offset: int) -> None:
        """Read on from the record at `offset`, of which nothing is known yet."""
        self.chain, self.end = Chain.in_the_middle(self.chain.partition), offset

    def start_anew(self) -> None:
        """Read from the beginning."""
        self.chain, self.end = Chain(self.chain.partition), 0

    async def read(self, fold: Fold) -> None:
        """Hand every decision that counts to `fold`, up to where the log ends now.

        Raises:
            InvariantBroken: there is something else.
        """
        async with aclosing(self._log.replay(self.end)) as replayed:
            async for records in replayed:
                for record in records:
                    decision = self._follow(record)
                    if decision is not None:
                        fold(decision)

    def _follow(self, record: LogRecord) -> Decision | None:
        try:
            decision = self.chain.follow(*record)
        except NotNext as found:
            raise InvariantBroken(f"decisions of partition {self.chain.partition}: {found}") from None
        self.end = record.offset + 1
        return decision

    # -- owning

    async def claim(self, fold: Fold) -> None:
        """Own the log from here on, and fold what the owner before has written up to here.

        Raises:
            Fenced: others claim it as well, and were faster each time.
        """
        for _ in range(CLAIMS_MAX):
            claim = Claim(self.chain.epoch + 1, self._owner)
            (written,) = await self._log.append([Entry(None, encode_claim(claim), [])])
            await self._read_to(written.offset, fold)
            if self.chain.in_force == claim.in_force:
                self._claim = claim
                self._relayed_seq = self._marked_seq = self.chain.relayed_seq
                return
        raise Fenced(f"partition {self.chain.partition} is claimed by others at the same time")

    async def _read_to(self, offset: int, fold: Fold) -> None:
        """Up to the record at `offset`, included."""
        until_s = time.monotonic() + CLAIM_READABLE_S
        await self.read(fold)
        while self.end <= offset:
            if time.monotonic() > until_s:
                raise ReplayIncomplete(
                    f"decisions of partition {self.chain.partition}: claim at {offset} cannot be read"
                )
            await asyncio.sleep(LOOK_AGAIN_S)
            await self.read(fold)

    async def append(self, entries: Sequence[Entry], decisions: Sequence[Decision]) -> None:
        """Write `decisions`, of which `entries` are the records. Returns when they are readable, and count.

        Raises:
            Fenced: another owner had claimed the log before.
            InvariantBroken: the log has lost its end.
        """
        assert self._claim is not None
        records = [*self._mark(), *entries]
        expected = self.end
        begin = self._claim.in_force
        for offset, entry in enumerate(records, expected):
            entry.headers.append((EPOCH, b"%s@%d" % (begin, offset)))
        for offset, count in await self._log.append(records):
            if offset != self.end:
                await self._look_between(offset)
            self.end = offset + count
        self.chain.advance(decisions[-1])

    async def _look_between(self, offset: int) -> None:
        """What lies between the end that was known and `offset`, where a record of ours was not expected."""
        if offset < self.end:
            raise InvariantBroken(
                f"decision log of partition {self.chain.partition}: what followed offset {self.end} "
                f"was written at {offset}; the log has lost its end, or was made anew"
            )
        async with aclosing(self._log.replay(self.end)) as replayed:
            async for records in replayed:
                for record in records:
                    if record.offset >= offset:
                        return
                    if self._follow(record) is not None:
                        raise InvariantBroken(
                            f"decision log of partition {self.chain.partition}: somebody else has written "
                            f"offset {record.offset} under the claim of this owner"
                        )
                    self._check_claim()

    def _check_claim(self) -> None:
        assert self._claim is not None
        if self.chain.in_force != self._claim.in_force:
            raise Fenced(
                f"partition {self.chain.partition} has another owner: claim {self.chain.epoch} is in force, "
                f"this is claim {self._claim.epoch}"
            )

    # -- what was sent

    def relayed(self, seq: int, sent: bool) -> None:
        """What the decisions before `seq` have to send was sent; `sent`: there was something."""
        self._relayed_seq = seq
        self._mark_due |= sent

    def _mark(self) -> list[Entry]:
        """The claim once more, when it is time for it."""
        assert self._claim is not None
        if not self._mark_due and self._relayed_seq - self._marked_seq < MARK_DECISIONS:
            return []
        self._mark_due, self._marked_seq = False, self._relayed_seq
        mark = Claim(self._claim.epoch, self._owner, self._relayed_seq)
        return [Entry(None, encode_claim(mark), [])]
