"""The one rule by which decisions are read: what continues a partition's log, and in which words it does not.

Every reader follows it, and stops at the first record that does not (docs/decisions/0024).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import msgspec

from schemas.codec import BrokenChain, check_seal, decode_decision
from schemas.decisions import GENESIS_HASH, Decision

_OWN = slice(-66, -2)  # ..."previous_hash":"<64 digits>","hash":"<64 digits>"}
_BODY = slice(None, -75)
_LINK = slice(-158, -75)

#: A record of the log by its offset.
Found = tuple[int, bytes | None]


class NotNext(ValueError):
    """A record that is not the next decision. It says what was expected and what was found."""


class Chain:
    """Where a reader of `partition` stands: decision `seq` comes next, and names `last_hash` before it."""

    __slots__ = ("last_hash", "partition", "seq")

    def __init__(self, partition: int, seq: int = 0, last_hash: str = GENESIS_HASH) -> None:
        self.partition = partition
        self.seq = seq
        self.last_hash = last_hash

    @classmethod
    def after(cls, decision: Decision) -> Chain:
        return cls(decision.partition, decision.seq + 1, decision.hash)

    def follow(self, value: bytes | None) -> Decision:
        """The decision in the next record.

        Raises:
            NotNext: it is none, another one, or not as it was sealed. The chain stays where it is.
        """
        try:
            if value is None:
                raise NotNext("a record without value")
            decision = decode_decision(value)
            if decision.seq != self.seq or decision.partition != self.partition:
                raise NotNext(f"{decision.position}: {self._explain(decision)}")
            check_seal(value, decision, self.last_hash)
        except (NotNext, BrokenChain, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as found:
            raise NotNext(f"expected decision {self.partition}:{self.seq}, found {found}") from None
        self.seq, self.last_hash = decision.seq + 1, decision.hash
        return decision

    def pass_over(self, value: bytes | None) -> None:
        """The same without reading what the decision says, in a quarter of the time. Raises NotNext."""
        begins = b'{"partition":%d,"seq":%d,' % (self.partition, self.seq)
        links = b',"previous_hash":"%s"' % self.last_hash.encode()
        if value is not None and value.startswith(begins) and value[_LINK] == links:
            own = value[_OWN]
            if hashlib.sha256(value[_BODY] + b"}").hexdigest().encode() == own:
                self.seq, self.last_hash = self.seq + 1, own.decode()
                return
        self.follow(value)  # says what is wrong; or it is the first of all, which names none before it

    def _explain(self, found: Decision) -> str:
        if found.partition != self.partition:
            return "it belongs to another partition"
        return "the log has a gap" if found.seq > self.seq else "the log repeats itself"


def sealed_decision(partition: int, value: bytes | None) -> Decision:
    """The decision in the first record that is read, or in a single one: only its own seal can be checked.

    Raises:
        NotNext: it is no decision of `partition`, or not as it was sealed.
    """
    try:
        decision = decode_decision(value or b"")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as found:
        raise NotNext(f"expected a decision of partition {partition}, found {found}") from None
    return Chain(partition, decision.seq, decision.previous_hash).follow(value)


def offset_after(chain: Chain, low: int, high: int, first_from: Callable[[int], Found | None]) -> int | None:
    """The offset after the last decision that `chain` knows, wherever in `low..high` it lies; None: nowhere.

    A log whose end was lost and decided again has the same decisions at other offsets. `first_from`: the
    first record at an offset or after it. Numbers grow with offsets, so twenty looks find one of a million.
    """
    if not chain.seq:
        return low
    while low < high:
        middle = (low + high) // 2
        found = first_from(middle)
        if found is None or found[0] >= high:
            high = middle
            continue
        at, value = found
        try:
            decision = decode_decision(value or b"")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            # No decision: whoever reads past it would stop there. What is sought lies before it, or nowhere.
            high = middle
            continue
        if decision.seq == chain.seq - 1:
            return at + 1 if decision.hash == chain.last_hash else None
        if decision.seq < chain.seq - 1:
            low = at + 1
        else:
            high = middle
    return None
