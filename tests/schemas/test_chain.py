"""The one rule by which decisions are read: what counts, what is void, and what is corruption."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.chain import Chain, NotNext, chain_after, chain_at
from schemas.claims import Claim, LogRecord, claim_in, encode_claim, stamp_in, stamp_of
from schemas.codec import seal_decision
from schemas.decisions import GENESIS_HASH, Decision
from schemas.reasons import Outcome

COUNT = 12
NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


def values(flavour: int = 0) -> list[bytes]:
    """`COUNT` sealed decisions of partition 0; with another flavour all are others."""
    found, previous = [], GENESIS_HASH
    for seq in range(COUNT):
        decision = Decision(
            partition=0,
            seq=seq,
            source_offset=seq,
            recorded_at=NOON,
            outcome=Outcome.APPROVED,
            amount=flavour,
            previous_hash=previous,
        )
        found.append(seal_decision(decision))
        previous = decision.hash
    return found


TRUE, OTHER = values(), values(1)


class Log:
    """Records as owners write them. `by`: an epoch with the owner's name, as `7.a`."""

    def __init__(self) -> None:
        self.records: list[LogRecord] = []

    def claim(self, by: str, relayed_seq: int | None = None) -> Log:
        epoch, owner = by.split(".")
        value = encode_claim(Claim(int(epoch), owner, relayed_seq))
        self.records.append(LogRecord(len(self.records), value, None))
        return self

    def decide(self, by: str, *wanted: bytes, late: int = 0) -> Log:
        """`late`: so many places beyond where their owner expected them."""
        for value in wanted:
            at = len(self.records)
            self.records.append(LogRecord(at, value, f"{by}@{at - late}".encode()))
        return self

    def raw(self, value: bytes | None, stamp: bytes | None = None) -> Log:
        self.records.append(LogRecord(len(self.records), value, stamp))
        return self


def read(records: Sequence[LogRecord], chain: Chain | None = None) -> tuple[list[int], int]:
    """The numbers of the decisions that count, and how many records were void. Both ways to read agree."""
    chain = chain or Chain(0)
    quick, found = chain.copy(), []
    for record in records:
        decision = chain.follow(*record)
        assert quick.pass_over(*record) is (decision is not None)
        assert (quick.seq, quick.last_hash, quick.void) == (chain.seq, chain.last_hash, chain.void)
        if decision is not None:
            found.append(decision.seq)
    return found, chain.void


A_TAKES_OVER = Log().claim("1.a").decide("1.a", *TRUE[:3])

COUNTS = {
    "one owner": (Log().claim("1.a").decide("1.a", *TRUE), COUNT, 0),
    "a log without claims": (Log().raw(TRUE[0]).raw(TRUE[1]), 2, 0),
    "claims come to a log without them": (Log().raw(TRUE[0]).claim("1.a").decide("1.a", TRUE[1]), 2, 0),
    "marks": (Log().claim("1.a").decide("1.a", TRUE[0]).claim("1.a", 1).decide("1.a", TRUE[1]), 2, 0),
    "another owner": (
        Log().claim("1.a").decide("1.a", *TRUE[:3]).claim("2.b").decide("2.b", *TRUE[3:]), COUNT, 0),
    "a zombie's batch after the claim": (
        Log().claim("1.a").decide("1.a", *TRUE[:3]).claim("2.b").decide("1.a", *TRUE[3:6], late=1)
        .decide("2.b", *TRUE[3:], late=3), COUNT, 3),
    "a zombie's other decisions": (
        Log().claim("1.a").claim("2.b").decide("1.a", *OTHER[:4], late=1).decide("2.b", *TRUE[:2]), 2, 4),
    "a zombie's mark": (Log().claim("1.a").claim("2.b").claim("1.a", 900).decide("2.b", TRUE[0]), 1, 1),
    "two claim one epoch": (Log().claim("1.a").claim("1.b").decide("1.a", *TRUE[:2]), 2, 1),
    "the second of two writes all the same": (
        Log().claim("1.a").claim("1.b").decide("1.b", OTHER[0]).decide("1.a", TRUE[0], late=1), 1, 2),
    "a late claim of a lower epoch": (Log().claim("5.e").claim("3.c").decide("5.e", TRUE[0]), 1, 1),
    "a worker without claims wakes up": (
        Log().raw(TRUE[0]).claim("1.a").raw(OTHER[1]).decide("1.a", TRUE[1]), 2, 1),
    "a header that is no stamp": (Log().claim("1.a").raw(TRUE[0], b"1.a").decide("1.a", TRUE[0]), 1, 1),
    "the end was lost with the claim": (
        Log().claim("1.a").decide("1.a", TRUE[0]).raw(OTHER[5], b"2.b@90")
        .claim("2.c").decide("2.c", TRUE[1]), 2, 1),
    "the end was lost, its owner's batch came": (
        Log().claim("1.a").decide("1.a", TRUE[0]).raw(TRUE[7], b"1.a@90")
        .claim("2.c").decide("2.c", TRUE[1]), 2, 1),
}  # fmt: skip


@pytest.mark.parametrize("case", COUNTS)
def test_what_counts_and_what_is_void(case: str) -> None:
    log, count, void = COUNTS[case]
    assert read(log.records) == (list(range(count)), void)


CORRUPTION = {
    "a higher epoch than was claimed": (Log().claim("1.a").decide("2.b", TRUE[0]), "of epoch 2 at offset 1"),
    "an epoch before any claim": (Log().decide("1.a", TRUE[0]), "of epoch 1 at offset 0"),
    "a gap": (Log().claim("1.a").decide("1.a", TRUE[1]), "0:1: the log has a gap"),
    "a repeat": (Log().claim("1.a").decide("1.a", TRUE[0], TRUE[0]), "0:0: the log repeats itself"),
    "another hash": (Log().claim("1.a").decide("1.a", TRUE[0], OTHER[1]), "decision 0:1: follows"),
    "changed": (Log().claim("1.a").decide("1.a", TRUE[0].replace(b"approved", b"declined")), "do not match"),
    "no value": (Log().claim("1.a").raw(None, b"1.a@1"), "without value"),
    "no decision": (Log().claim("1.a").raw(b"{}", b"1.a@1"), "expected decision 0:0"),
    "a claim that cannot be read": (
        Log().claim("1.a").raw(b'{"claim":7}', b"1.a@1"),
        "expected decision 0:0",
    ),
    "a gap without claims": (Log().raw(TRUE[1]), "0:1: the log has a gap"),
}


@pytest.mark.parametrize("case", CORRUPTION)
def test_what_is_neither_stops_every_reader_and_moves_nothing(case: str) -> None:
    log, told = CORRUPTION[case]
    chain = Chain(0)
    for record in log.records[:-1]:
        chain.follow(*record)
    before = (chain.seq, chain.last_hash, chain.void, chain.in_force)
    for follow in (chain.follow, chain.pass_over):
        with pytest.raises(NotNext, match=told):
            follow(*log.records[-1])
        assert (chain.seq, chain.last_hash, chain.void, chain.in_force) == before


def test_marks_and_claims_tell_what_was_sent() -> None:
    log = (
        Log()
        .claim("1.a")
        .decide("1.a", *TRUE[:3])
        .claim("1.a", 2)
        .claim("2.b")
        .claim("1.a", 3)
        .claim("2.b", 1)
    )
    chain = Chain(0)
    seen = []
    for record in log.records:
        chain.follow(*record)
        seen.append(chain.relayed_seq)
    assert seen == [0, 0, 0, 0, 2, 2, 2, 2], "never back, and not by a zombie"
    old = Chain(0)
    for record in Log().raw(TRUE[0]).raw(TRUE[1]).claim("1.a").records:
        old.follow(*record)
    assert old.relayed_seq == 2, "before claims all was sent with its decision"


@st.composite
def logs(draw: st.DrawFn) -> list[LogRecord]:
    """Owners take turns; each has some of his batches arrive after the next one's claim."""
    log, seq, late = Log(), 0, [("0.z", 0, 0)][:0]
    for epoch in range(1, draw(st.integers(2, 6))):
        by = f"{epoch}.{'abcdef'[epoch]}"
        log.claim(by)
        here = len(log.records)
        for zombie, start, count in late:
            log.decide(zombie, *TRUE[start : start + count], late=draw(st.integers(1, 4)))
        shifted = len(log.records) - here
        count = draw(st.integers(0, COUNT - seq))
        log.decide(by, *TRUE[seq : seq + count], late=shifted if draw(st.booleans()) else 0)
        seq += count
        late = [(by, seq, draw(st.integers(0, 3)))] if draw(st.booleans()) else []
    return log.records


@given(logs())
def test_whoever_starts_in_the_middle_comes_to_the_same(records: list[LogRecord]) -> None:
    whole = Chain(0)
    counted = [record.offset for record in records if whole.follow(*record) is not None]
    for start in range(len(records)):
        chain = Chain.in_the_middle(0)
        found = [record.offset for record in records[start:] if chain.follow(*record) is not None]
        assert found == [at for at in counted if found and at >= found[0]]
        if found:
            assert (chain.seq, chain.last_hash, chain.in_force) == (
                whole.seq,
                whole.last_hash,
                whole.in_force,
            )


# The first owner decided nothing before he was replaced; what he wrote then displaces all of the second's.
DISPLACED = (
    Log().claim("1.a").claim("2.b").decide("1.a", TRUE[0], late=1).decide("2.b", TRUE[0], TRUE[1], late=1)
)


@given(logs(), st.integers(0, COUNT), st.booleans())
@example(DISPLACED.records, 1, False)
@example(DISPLACED.records, 2, False)
def test_a_place_is_found_by_number_and_hash_between_claims_and_void_records(
    records: list[LogRecord], seq: int, foreign: bool
) -> None:
    whole, places = Chain(0), {0: 0}
    for record in records:
        if whole.follow(*record) is not None:
            places[whole.seq or 0] = record.offset + 1
    history = OTHER if foreign else TRUE
    sought = Chain(0, seq, history[seq - 1][-66:-2].decode() if seq else GENESIS_HASH, None)
    found = chain_after(sought, 0, len(records), lambda at: records[at] if at < len(records) else None)
    if seq and (foreign or seq not in places):
        assert found is None
    else:
        assert found is not None
        assert found[0] == places[seq]


def test_a_record_vouches_for_itself_only_where_it_was_expected() -> None:
    log = Log().claim("3.c").decide("3.c", TRUE[0]).decide("3.c", TRUE[1], late=1).raw(TRUE[2])
    claim, sure, displaced, old = (chain_at(0, record) for record in log.records)
    assert claim is None and displaced is None
    assert sure is not None and (sure.seq, sure.in_force) == (1, b"3.c")
    assert old is not None and (old.seq, old.in_force) == (3, b"")
    assert chain_at(1, log.records[1]) is None, "of another partition"


@pytest.mark.parametrize(
    "stamp",
    [
        *(None, b"", b"1", b"1.a", b"1@5", b"a.b@5", b"1.a@", b"-1.a@5", b"1.A@5", b"1.a@5 "),
        *(b"1" * 19 + b".a@5", b"\xff"),
    ],
)  # fmt: skip
def test_what_is_no_stamp_is_of_no_owner(stamp: bytes | None) -> None:
    assert stamp_in(stamp) == (0, b"", -1)


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_no_bytes_make_a_reader_fail_otherwise(value: bytes, stamp: bytes) -> None:
    for chain in (Chain(0), Chain(0, 3, "a" * 64, b"1.a"), Chain.in_the_middle(0)):
        for told in (value, b'{"claim":' + value):
            with suppress(NotNext):
                assert chain.follow(0, told, stamp) is None


def test_claims_and_stamps_come_back_as_they_went() -> None:
    claim = Claim(7, "9f3a11c2", 1200)
    assert encode_claim(claim) == b'{"claim":{"epoch":7,"owner":"9f3a11c2","relayed_seq":1200}}'
    assert claim_in(encode_claim(claim)) == claim
    assert stamp_in(claim.in_force + b"@52041") == (7, b"7.9f3a11c2", 52041)
    assert stamp_of([("event_id", b"e"), ("epoch", b"1.a@2")]) == b"1.a@2"
    assert stamp_of(None) is None and stamp_of([]) is None
