"""Snapshots as they stand on their topic: chunks that may be cut, foreign or wrong.

A snapshot is only a shortcut, so whatever is not surely right is left aside with a warning: an older one
serves, or the whole log. It counts when the decision at its place has its hash and names its digest, in a
header of its own (docs/decisions/0020).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import structlog

log = structlog.get_logger()

CHUNK_BYTES = 512 * 1024
# 2 GiB: a department with a million payments takes 148 MB.
CHUNKS_MAX = 4_096
# How many may lie there half: an owner writes one at a time, and whole.
UNDER_WAY_MAX = 3
KEPT = 2
#: At a decision after a snapshot, or the one before it: its digest.
SNAPSHOT_HEADER = "snapshot"

Headers = Sequence[tuple[str, bytes]]
Chunk = tuple[bytes, bytes, list[tuple[str, bytes]]]


class StoredSnapshot(NamedTuple):
    """State and model as of decision `seq`: the log goes on at offset `log_offset` of the decisions.

    `last_hash`: of the decision before, which lies at `log_offset` - 1. `digest`: of state and model; the
    decision at offset `named_at` names it. `turn`: 0 or 1, not that of the snapshot before: each is written
    over the last but one.
    """

    seq: int
    log_offset: int
    last_hash: str
    digest: str
    state: bytes
    model: bytes
    named_at: int = 0
    turn: int = 0

    @classmethod
    def of(cls, seq: int, log_offset: int, last_hash: str, state: bytes, model: bytes) -> StoredSnapshot:
        """Named by the decision before it."""
        return cls(seq, log_offset, last_hash, digest_of(state, model), state, model, log_offset - 1)

    @property
    def whole(self) -> bool:
        """Whether the bytes are those that were written."""
        return self.seq > 0 and self.log_offset > 0 and self.digest == digest_of(self.state, self.model)


class Label(msgspec.Struct, array_like=True, frozen=True):
    """The last chunk: what a `StoredSnapshot` says beside state and model, and where the state ends."""

    seq: int
    log_offset: int
    last_hash: str
    digest: str
    named_at: int
    turn: int
    state_bytes: int


class Chunks:
    """What is written of a snapshot, put together bit by bit: state, then model, then the label."""

    def __init__(self) -> None:
        self._whole: list[bytes] = []
        self._rest = bytearray()
        self._hash = hashlib.sha256()
        self._state_bytes = 0

    def add(self, state: bytes) -> None:
        self._state_bytes += len(state)
        self._add(state)

    def add_model(self, part: bytes) -> None:
        """After all of the state."""
        self._add(part)

    def _add(self, part: bytes) -> None:
        self._hash.update(part)
        self._rest += part
        while len(self._rest) >= CHUNK_BYTES:
            self._whole.append(bytes(self._rest[:CHUNK_BYTES]))
            del self._rest[:CHUNK_BYTES]

    def end(self) -> str:
        """Nothing more comes. Returns the digest."""
        if self._rest:
            self._whole.append(bytes(self._rest))
        self._hash.update(self._state_bytes.to_bytes(8))
        return self._hash.hexdigest()

    def __len__(self) -> int:
        return len(self._whole) + 1

    def record(self, number: int, label: Label, partition: int) -> Chunk:
        """Key, value and headers of the chunk of this number; only the last one has the label in it."""
        last = number == len(self._whole)
        value = msgspec.msgpack.encode(label) if last else self._whole[number]
        headers = {"seq": label.seq, "chunk": number, "chunks": len(self)}
        encoded = [(name, str(value).encode()) for name, value in headers.items()]
        return f"{partition}/{label.turn}/{number}".encode(), value, encoded

    def label(self, snapshot: StoredSnapshot) -> Label:
        """Of a snapshot, whose state and model these are."""
        seq, log_offset, last_hash, digest, _, _, named_at, turn = snapshot
        return Label(seq, log_offset, last_hash, digest, named_at, turn, self._state_bytes)


def digest_of(state: bytes, model: bytes) -> str:
    """SHA-256 of both and of where the one ends, hexadecimal."""
    chunks = Chunks()
    chunks.add(state)
    chunks.add_model(model)
    return chunks.end()


def chunks_of(snapshot: StoredSnapshot, partition: int) -> list[Chunk]:
    """Keys, values and headers of the records that hold the snapshot."""
    chunks = Chunks()
    chunks.add(snapshot.state)
    chunks.add_model(snapshot.model)
    chunks.end()
    label = chunks.label(snapshot)
    return [chunks.record(number, label, partition) for number in range(len(chunks))]


class Collector:
    """Puts chunks together as they are read, in the order of their topic."""

    def __init__(self, partition: int) -> None:
        self._partition = partition
        self._under_way: dict[tuple[int, int], dict[int, bytes]] = {}
        self._found: list[StoredSnapshot] = []
        self._ignored = 0

    def add(self, headers: Headers, value: bytes | None) -> None:
        place = _place(headers)
        if place is None or value is None or len(value) > CHUNK_BYTES:
            self._ignored += 1
            return
        seq, number, count = place
        parts = self._under_way.setdefault((seq, count), {})
        parts[number] = value
        if len(parts) == count:
            del self._under_way[seq, count]
            self._complete([parts[n] for n in range(count)])
        while len(self._under_way) > UNDER_WAY_MAX:
            del self._under_way[next(iter(self._under_way))]

    def _complete(self, chunks: list[bytes]) -> None:
        try:
            label = msgspec.msgpack.decode(chunks.pop(), type=Label)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self._ignored += 1
            return
        whole, ends = b"".join(chunks), label.state_bytes
        snapshot = StoredSnapshot(
            label.seq,
            label.log_offset,
            label.last_hash,
            label.digest,
            whole[:ends],
            whole[ends:],
            label.named_at,
            label.turn,
        )
        if 0 <= ends <= len(whole) and snapshot.whole:
            self._found = [*self._found, snapshot][-KEPT:]
        else:
            self._ignored += 1

    def newest_first(self) -> list[StoredSnapshot]:
        """The last ones that are whole."""
        # One may have been under way when its owner ended.
        if self._ignored or len(self._under_way) > 1:
            log.warning(
                "snapshots_ignored",
                partition=self._partition,
                records=self._ignored,
                incomplete=len(self._under_way),
                why="cut, foreign or damaged; the decisions serve instead",
            )
        return self._found[::-1]


def _place(headers: Headers) -> tuple[int, int, int] | None:
    """Sequence number, chunk and number of chunks; None where the headers are not those of a chunk."""
    found = dict(headers)
    numbers = []
    for name in ("seq", "chunk", "chunks"):
        text = found.get(name)
        if not isinstance(text, bytes) or not text.isdigit() or len(text) > 18:
            return None
        numbers.append(int(text))
    seq, number, count = numbers
    return (seq, number, count) if number < count <= CHUNKS_MAX else None
