"""The one rule by which decisions are read: which records count, and in which words the log is broken.

A decision counts if its owner's claim is the latest before it and it is the next one: its number, its hash.
What an owner wrote after he had been replaced is void: passed over, and counted. Every reader follows this,
and stops at the first record that is neither (docs/decisions/0024, 0034). It depends on nothing but what lies
before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import msgspec

from schemas.claims import CLAIM, Claim, LogRecord, Stamp, claim_in, stamp_in
from schemas.codec import BrokenChain, check_seal, decode_decision
from schemas.decisions import GENESIS_HASH, Decision

_OWN = slice(-66, -2)  # ..."previous_hash":"<64 digits>","hash":"<64 digits>"}
_BODY = slice(None, -75)
_LINK = slice(-158, -75)
_NO_DECISION = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class NotNext(ValueError):
    """A record that is not the next decision. It says what was expected and what was found."""


class Chain:
    """Where a reader of `partition` stands: decision `seq` comes next, and names `last_hash` before it.

    `seq` None: it starts in the middle, and the first decision that counts says where. `in_force`: of the
    claim that is in force here; b"": none was made yet; None: not known, so that the first record which lies
    where its owner expected it says so. Such a one needs no other witness: he had read all before it but what
    was his own.
    """

    __slots__ = ("_begin", "epoch", "in_force", "last_hash", "partition", "relayed_seq", "seq", "void")

    def __init__(
        self,
        partition: int,
        seq: int | None = 0,
        last_hash: str = GENESIS_HASH,
        in_force: bytes | None = b"",
    ) -> None:
        self.partition = partition
        self.seq = seq
        self.last_hash = last_hash
        self.relayed_seq = 0  # what the decisions before it send was sent
        self.void = 0  # records that were passed over
        self._enforce(in_force)

    @classmethod
    def in_the_middle(cls, partition: int) -> Chain:
        """Of a reader that knows nothing of what lies before its first record."""
        return cls(partition, None, in_force=None)

    @property
    def known(self) -> bool:
        """Whether this reader knows where it stands."""
        return self.seq is not None

    def copy(self) -> Chain:
        chain = Chain(self.partition, self.seq, self.last_hash, self.in_force)
        chain.relayed_seq, chain.void = self.relayed_seq, self.void
        return chain

    def _enforce(self, in_force: bytes | None) -> None:
        self.in_force = in_force
        self.epoch = int(in_force.partition(b".")[0]) if in_force else 0
        self._begin = in_force + b"@" if in_force else None  # how stamps begin that need no second look

    # -- reading on

    def follow(self, offset: int, value: bytes | None, stamp: bytes | None) -> Decision | None:
        """The decision in the next record; None: it is a claim, or void.

        Raises:
            NotNext: it is no decision, another one, or not as it was sealed. The chain stays where it is.
        """
        if self._doubtful(value, stamp) and not self._is_owners(offset, value, stamp):
            return None
        try:
            if value is None:
                raise NotNext("a record without value")
            decision = decode_decision(value)
            if decision.seq != self.seq or decision.partition != self.partition:
                self._check_place(decision)
            check_seal(value, decision, decision.previous_hash if self.seq is None else self.last_hash)
        except (NotNext, BrokenChain, *_NO_DECISION) as found:
            if self._is_of_a_longer_log(offset, stamp):
                return None
            raise self._not_next(str(found)) from None
        self.seq, self.last_hash = decision.seq + 1, decision.hash
        return decision

    def pass_over(self, offset: int, value: bytes | None, stamp: bytes | None) -> bool:
        """Whether the next record counts; without reading what it says, in a quarter of the time.

        Raises NotNext, as `follow`.
        """
        if self._doubtful(value, stamp) and not self._is_owners(offset, value, stamp):
            return False
        if self.seq is not None and value is not None:
            begins = b'{"partition":%d,"seq":%d,' % (self.partition, self.seq)
            links = b',"previous_hash":"%s"' % self.last_hash.encode()
            if value.startswith(begins) and value[_LINK] == links:
                own = value[_OWN]
                if hashlib.sha256(value[_BODY] + b"}").hexdigest().encode() == own:
                    self.seq, self.last_hash = self.seq + 1, own.decode()
                    return True
        # It says what is wrong; or it is the first of all, which names none before it.
        return self.follow(offset, value, stamp) is not None

    def advance(self, decision: Decision) -> None:
        """`decision` is the one before the next."""
        self.seq, self.last_hash = decision.seq + 1, decision.hash

    def _check_place(self, found: Decision) -> None:
        if found.partition != self.partition or self.seq not in (None, found.seq):
            raise NotNext(f"{found.position}: {self._explain(found)}")

    def _not_next(self, found: str) -> NotNext:
        wanted = f"decision {self.partition}:{self.seq}"
        if self.seq is None:
            wanted = f"a decision of partition {self.partition}"
        return NotNext(f"expected {wanted}, found {found}")

    def _explain(self, found: Decision) -> str:
        if found.partition != self.partition:
            return "it belongs to another partition"
        return "the log has a gap" if found.seq > (self.seq or 0) else "the log repeats itself"

    # -- whose a record is

    def _doubtful(self, value: bytes | None, stamp: bytes | None) -> bool:
        """Whether a second look is needed: it has not the stamp of the claim in force, or is a claim."""
        begin = self._begin
        return (
            stamp is None
            or begin is None
            or not stamp.startswith(begin)
            or value is None
            or value.startswith(CLAIM)
        )

    def _is_owners(self, offset: int, value: bytes | None, stamp: bytes | None) -> bool:
        """Whether a record is of the owner whose claim is in force. Raises NotNext: of one without claim."""
        found = stamp_in(stamp)
        if self.in_force is None:
            return self._settle(offset, value, stamp, found)
        claim = claim_in(value)
        if claim is not None:
            self._take(claim)
            return False
        if found.in_force == self.in_force:
            return True
        if found.epoch > self.epoch and found.expected <= offset:
            raise self._not_next(
                f"a record of epoch {found.epoch} at offset {offset}, though no claim before it is above "
                f"{self.epoch}"
            )
        self.void += 1
        return False

    def _settle(self, offset: int, value: bytes | None, stamp: bytes | None, found: Stamp) -> bool:
        """The first record that vouches for itself says which claim is in force."""
        claim = claim_in(value)
        if found.expected == offset or (stamp is None and claim is None):
            self._enforce(found.in_force)
            if claim is not None:
                self._take(claim)
            return claim is None
        self.void += claim is None
        return False

    def _take(self, claim: Claim) -> None:
        if claim.epoch > self.epoch:
            if not self.epoch and self.seq is not None:
                self.relayed_seq = self.seq  # without claims, all was sent in a decision's own transaction
            self._enforce(claim.in_force)
        elif claim.in_force != self.in_force:
            self.void += 1  # of an earlier owner, or of one who claimed at the same time, and was second
            return
        if claim.relayed_seq is not None:
            self.relayed_seq = max(self.relayed_seq, claim.relayed_seq)

    def _is_of_a_longer_log(self, offset: int, stamp: bytes | None) -> bool:
        """Whether its owner had seen a log that went on beyond here: a broker has lost its end."""
        if stamp_in(stamp).expected <= offset:
            return False
        self.void += 1
        return True


def chain_at(partition: int, record: LogRecord) -> Chain | None:
    """The chain after a single record that vouches for itself; None: it does not."""
    chain = Chain.in_the_middle(partition)
    try:
        chain.follow(*record)
    except NotNext:
        return None
    return chain if chain.known else None


def chain_after(
    chain: Chain, low: int, high: int, first_from: Callable[[int], LogRecord | None]
) -> tuple[int, Chain] | None:
    """The offset after the last decision that `chain` knows, wherever in `low..high` it lies, and the chain
    as of there; None: it lies nowhere.

    A log whose end was lost and decided again has the same decisions at other offsets. `first_from`: the
    first record at an offset or after it. Numbers grow with offsets, so twenty looks find one of a million.
    """
    if not chain.seq:
        return low, chain
    low_of_log = low
    before = None  # the nearest known place below what is sought
    while low < high:
        middle = (low + high) // 2
        found = _sure_from(chain.partition, middle, high, first_from)
        if found is None:
            high = middle
            continue
        at, here = found
        if here.seq == chain.seq:
            return (at + 1, here) if here.last_hash == chain.last_hash else None
        if (here.seq or 0) < chain.seq:
            low, before = at + 1, found
        else:
            high = middle
    if before is None:
        # None below it lies where its owner expected it: those of the first owners, displaced by void ones.
        first = Chain(chain.partition) if low_of_log == 0 else Chain.in_the_middle(chain.partition)
        before = low_of_log - 1, first
    return _walked(chain, *before, first_from)


def _sure_from(
    partition: int, offset: int, high: int, first_from: Callable[[int], LogRecord | None]
) -> tuple[int, Chain] | None:
    """The first record from `offset` on that vouches for itself; None: there is none, or it is foreign."""
    while offset < high:
        record = first_from(offset)
        if record is None or record.offset >= high:
            return None
        here = chain_at(partition, record)
        if here is not None:
            return record.offset, here
        if record.stamp is None and claim_in(record.value) is None:
            # Whoever reads past it would stop there. What is sought lies before it, or nowhere.
            return None
        offset = record.offset + 1
    return None


def _walked(
    chain: Chain, at: int, here: Chain, first_from: Callable[[int], LogRecord | None]
) -> tuple[int, Chain] | None:
    """On from a known place, record by record, to the last decision that `chain` knows."""
    assert chain.seq is not None
    while here.seq is None or here.seq < chain.seq:
        record = first_from(at + 1)
        if record is None:
            return None
        try:
            here.follow(*record)
        except NotNext:
            return None
        at = record.offset
    same = (here.seq, here.last_hash) == (chain.seq, chain.last_hash)
    return (at + 1, here) if same else None
