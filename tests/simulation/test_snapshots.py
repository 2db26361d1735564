"""A snapshot counts only if the log vouches for it; whatever else lies there costs time and nothing more."""

from __future__ import annotations

import asyncio
import hashlib
import random
from typing import Any, get_origin

import msgspec
import msgspec.inspect
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.core.state import STATE_SHAPE, PartitionState
from streams.image import decoded, encoded
from streams.owner import Owner
from streams.snapshots import (
    CHUNK_BYTES,
    CHUNKS_MAX,
    SNAPSHOT_HEADER,
    Collector,
    StoredSnapshot,
    chunks_of,
    digest_of,
)
from tests.simulation.histories import history
from tests.simulation.world import Cluster, Steps, new_owner, run_owner


def lived(seed: int = 2) -> Cluster:
    cluster = Cluster(history(seed, 60))
    asyncio.run(run_owner(cluster, Steps(), 4))
    assert cluster.snapshot is not None
    return cluster


def taken_over(cluster: Cluster) -> Owner:
    owner = new_owner(cluster, Steps())
    asyncio.run(owner.take_over())
    return owner


CLUSTER = lived()
OTHER = lived(4)
WHOLE = taken_over(Cluster(CLUSTER.card_events, list(CLUSTER.log)))


def forged(snapshot: StoredSnapshot, change: str) -> StoredSnapshot:
    """A snapshot that is well-formed, with a digest that holds, and not this log's."""
    state = decoded(snapshot.state)
    match change:
        case "partition":
            state.partition = 5
        case "seq":
            state.seq -= 1
        case "hash":
            state.last_hash = "0" * 64
        case "rewound":  # seq and position of the true one, told by itself
            state.seq, state.next_offset = state.seq - 1, state.next_offset - 1
            snapshot = snapshot._replace(seq=snapshot.seq - 1)
        case "elsewhere":
            snapshot = snapshot._replace(log_offset=snapshot.log_offset + 1)
        case "ahead":
            snapshot = snapshot._replace(log_offset=10**6)
        case "another log":
            assert OTHER.snapshot is not None
            return OTHER.snapshot
        case "spent nothing":  # by it the whole budget could be spent once more
            for department in state.departments.values():
                for period in department.periods.values():
                    period.held = period.posted = 0
        case "named elsewhere":
            snapshot = snapshot._replace(named_at=snapshot.named_at - 1)
        case "another model":
            snapshot = snapshot._replace(model=snapshot.model + b"\x00")
    image = encoded(state)
    return snapshot._replace(state=image, digest=digest_of(image, snapshot.model))


@pytest.mark.parametrize(
    "change",
    [
        *("partition", "seq", "hash", "rewound", "elsewhere", "ahead", "another log"),
        *("spent nothing", "another model", "named elsewhere"),
    ],
)
def test_a_well_formed_but_wrong_snapshot_is_not_believed(change: str) -> None:
    assert CLUSTER.snapshot is not None
    wrong = forged(CLUSTER.snapshot, change)
    assert wrong.whole
    owner = taken_over(Cluster(CLUSTER.card_events, list(CLUSTER.log), snapshot=wrong))
    assert owner.replayed == len(CLUSTER.decisions)
    assert owner.state == WHOLE.state


def test_a_true_one_that_no_decision_names_is_not_believed() -> None:
    unnamed = [
        entry._replace(headers=[header for header in entry.headers if header[0] != SNAPSHOT_HEADER])
        for entry in CLUSTER.log
    ]
    owner = taken_over(Cluster(CLUSTER.card_events, unnamed, snapshot=CLUSTER.snapshot))
    assert owner.replayed == len(CLUSTER.decisions)
    assert owner.state == WHOLE.state


def test_the_true_one_is_believed() -> None:
    owner = taken_over(CLUSTER)
    assert 0 < owner.replayed < len(CLUSTER.decisions)
    assert owner.state == WHOLE.state


Chunk = tuple[bytes, bytes, list[tuple[str, bytes]]]


def collected(chunks: list[tuple[Any, Any]]) -> list[StoredSnapshot]:
    collector = Collector(0)
    for headers, value in chunks:
        collector.add(headers, value)
    return collector.newest_first()


def large(seq: int = 7) -> StoredSnapshot:
    state = random.Random(seq).randbytes(3 * CHUNK_BYTES)
    return StoredSnapshot.of(seq, seq + 2, "h" * 64, state, b"model")


def records(snapshot: StoredSnapshot) -> list[tuple[Any, Any]]:
    return [(headers, value) for _, value, headers in chunks_of(snapshot, 0)]


def test_chunks_come_together_in_any_order_and_the_newest_is_first() -> None:
    older, newer = large(7), large(9)
    assert collected(records(older)[::-1] + records(newer)) == [newer, older]


def test_what_is_no_chunk_is_left_aside() -> None:
    good = large()
    foreign: list[tuple[Any, Any]] = [
        ([], b"a record of somebody else"),
        ([("seq", b"8")], b"x"),
        ([("seq", b"8"), ("chunk", b"0"), ("chunks", None)], b"x"),
        ([("seq", b"8"), ("chunk", b"0"), ("chunks", str(CHUNKS_MAX + 1).encode())], b"x"),
        ([("seq", b"8"), ("chunk", b"999999999"), ("chunks", b"1000000000")], b"x"),
        ([("seq", b"8"), ("chunk", b"2"), ("chunks", b"1")], b"x"),
        ([("seq", b"-1"), ("chunk", b"0"), ("chunks", b"1")], b"x"),
        ([("seq", "８".encode()), ("chunk", b"0"), ("chunks", b"1")], b"x"),
        ([("seq", b"8"), ("chunk", b"0"), ("chunks", b"1")], None),
        ([("seq", b"8"), ("chunk", b"0"), ("chunks", b"1")], b"\x00 not a snapshot"),
        ([("seq", b"8"), ("chunk", b"0"), ("chunks", b"1")], msgspec.msgpack.encode([1, 2, "h", "d"])),
        ([("seq", b"8"), ("chunk", b"0"), ("chunks", b"1")], b"x" * (CHUNK_BYTES + 1)),
    ]
    for record in foreign:
        assert collected([record, *records(good), record]) == [good]
    assert collected(records(good)[:-1]) == []
    assert collected([(headers, b"half") for headers, _ in records(good)]) == []


def test_half_written_ones_take_bounded_memory() -> None:
    collector = Collector(0)
    for seq in range(100):
        headers, value = records(large())[0]
        collector.add([("seq", str(seq).encode()), *headers[1:]], value)
    assert len(collector._under_way) <= 3


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_no_damage_passes(data: st.DataObject) -> None:
    """Any byte of any chunk, any header: another snapshot than the one that was written is never taken."""
    good = StoredSnapshot.of(7, 9, "h" * 64, b"state" * 20, b"model")
    headers, value = records(good)[0]
    where = data.draw(st.integers(0, len(value) - 1))
    damaged = bytearray(value)
    damaged[where] ^= data.draw(st.integers(1, 255))
    kept = bytes(damaged)[: data.draw(st.integers(0, len(value)))]
    for found in collected([(headers, kept)]):
        # The place is told once more by the state itself and by the log.
        assert (found.state, found.model) == (good.state, good.model)


def test_a_state_of_another_shape_is_not_read() -> None:
    assert CLUSTER.snapshot is not None
    raw = msgspec.msgpack.decode(msgspec.msgpack.encode(decoded(CLUSTER.snapshot.state)))
    assert raw["shape"] == STATE_SHAPE
    for shape in (STATE_SHAPE - 1, STATE_SHAPE + 1, 0, -1, str(STATE_SHAPE), None):
        with pytest.raises(msgspec.ValidationError):
            msgspec.msgpack.decode(msgspec.msgpack.encode({**raw, "shape": shape}), type=PartitionState)


def test_the_states_shape_is_the_one_that_has_its_number() -> None:
    """If this fails, members of the state have changed: raise STATE_SHAPE, and put the new digest here."""
    structs: dict[str, tuple[str, ...]] = {}
    seen: list[object] = []
    waiting: list[object] = [msgspec.inspect.type_info(PartitionState)]
    while waiting:
        one = waiting.pop()
        if isinstance(one, msgspec.inspect.StructType):
            cls = get_origin(one.cls) or one.cls
            if cls.__module__.startswith("streams."):
                waiting += [field.type for field in one.fields if one not in seen]
                structs[cls.__name__] = cls.__struct_fields__
                seen.append(one)
        elif isinstance(one, msgspec.inspect.Type):
            for name in one.__struct_fields__:
                part = getattr(one, name)
                waiting += part if isinstance(part, tuple) else (part,)
    digest = hashlib.sha256(repr(sorted(structs.items())).encode()).hexdigest()[:16]
    assert (STATE_SHAPE, digest) == (7, "64836c15fed14cc8")
