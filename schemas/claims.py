"""Who owns a partition, as its decision log itself says it: claims, and the stamps of decisions.

A claim is a record `{"claim":{"epoch":7,"owner":"9f3a11c2","relayed_seq":1200}}`. From there on the decisions
of that owner count and no other's (docs/decisions/0034). Each decision has a stamp in its header `epoch`,
`7.9f3a11c2@52041`: whose it is, and at which offset its owner expected it.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import msgspec

from schemas.headers import EPOCH

#: How the value of a claim begins; a decision's begins with its partition.
CLAIM = b'{"claim":'
# Numbers that fit Kafka's offsets, and not one digit more to parse.
_STAMP = re.compile(rb"(\d{1,18})\.([0-9a-z]{1,32})@(\d{1,18})")


class LogRecord(NamedTuple):
    """A record of the decision log. `stamp`: its header `epoch`; None: of a version without claims."""

    offset: int
    value: bytes | None
    stamp: bytes | None


class Claim(msgspec.Struct, frozen=True):
    """`owner`: letters and digits, of one take-over alone. Repeated by its owner it is a mark.

    `relayed_seq`: what decisions before it have to send, lease messages and dead letters, was sent; None: as
    the claim before it said.
    """

    epoch: int
    owner: str
    relayed_seq: int | None = None

    @property
    def in_force(self) -> bytes:
        """How the stamps of its owner's decisions begin."""
        return b"%d.%s" % (self.epoch, self.owner.encode())


class _Claimed(msgspec.Struct):
    claim: Claim


_decoder = msgspec.json.Decoder(_Claimed)


def encode_claim(claim: Claim) -> bytes:
    """The record's value."""
    return b"%s%s}" % (CLAIM, msgspec.json.encode(claim))


def claim_in(value: bytes | None) -> Claim | None:
    """The claim in a record's value; None: it is none."""
    if value is None or not value.startswith(CLAIM):
        return None
    try:
        return _decoder.decode(value).claim
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


class Stamp(NamedTuple):
    """`in_force`: of the claim under which a record was written; `expected`: its offset, as its owner
    thought."""

    epoch: int
    in_force: bytes
    expected: int


#: Of a record without stamp: older than all claims.
UNSTAMPED = Stamp(0, b"", -1)


def stamp_of(headers: Any) -> bytes | None:
    """The stamp in a record's headers, as any client gives them: pairs of name and bytes, or None."""
    for name, value in headers or ():
        if name == EPOCH:
            return value  # type: ignore[no-any-return]
    return None


def stamp_in(stamp: bytes | None) -> Stamp:
    """What is no stamp is of no owner."""
    found = _STAMP.fullmatch(stamp) if stamp is not None else None
    if found is None:
        return UNSTAMPED
    epoch, owner, expected = found.groups()
    return Stamp(int(epoch), b"%d.%s" % (int(epoch), owner), int(expected))
