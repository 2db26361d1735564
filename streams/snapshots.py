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
#: At the decision before a snapshot: its digest.
SNAPSHOT_HEADER = "snapshot"

Headers = Sequence[tuple[str, bytes]]


class StoredSnapshot(NamedTuple):
    """State and model as of decision `seq`: the log goes on at offset `log_offset` of the decisions.

    `last_hash`: of the decision before, which lies at `log_offset` - 1. `digest`: SHA-256 of state and model.
    """

    seq: int
    log_offset: int
    last_hash: str
    digest: str
    state: bytes
    model: bytes

    @classmethod
    def of(cls, seq: int, log_offset: int, last_hash: str, state: bytes, model: bytes) -> StoredSnapshot:
        """`log_offset` 0: not known yet."""
        return cls(seq, log_offset, last_hash, digest_of(state, model), state, model)

    @property
    def whole(self) -> bool:
        """Whether the bytes are those that were written."""
        return self.seq > 0 and self.log_offset > 0 and self.digest == digest_of(self.state, self.model)


def digest_of(state: bytes, model: bytes) -> str:
    """Hexadecimal."""
    found = hashlib.sha256(len(state).to_bytes(8))
    found.update(state)
    found.update(model)
    return found.hexdigest()


def chunks_of(snapshot: StoredSnapshot, partition: int) -> list[tuple[bytes, bytes, list[tuple[str, bytes]]]]:
    """Keys, values and headers of the records that hold the snapshot."""
    whole = msgspec.msgpack.encode(snapshot)
    parts = [whole[at : at + CHUNK_BYTES] for at in range(0, len(whole), CHUNK_BYTES)]
    found = []
    for number, part in enumerate(parts):
        headers = {"seq": snapshot.seq, "chunk": number, "chunks": len(parts)}
        encoded = [(name, str(value).encode()) for name, value in headers.items()]
        found.append((f"{partition}/{number}".encode(), part, encoded))
    return found


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
            self._complete(b"".join(parts[n] for n in range(count)))
        while len(self._under_way) > UNDER_WAY_MAX:
            del self._under_way[next(iter(self._under_way))]

    def _complete(self, whole: bytes) -> None:
        try:
            snapshot = msgspec.msgpack.decode(whole, type=StoredSnapshot)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self._ignored += 1
            return
        if snapshot.whole:
            self._found = [*self._found, snapshot][-KEPT:]
        else:
            self._ignored += 1

    def newest_first(self) -> list[StoredSnapshot]:
        """The last ones that are whole."""
        if self._ignored or self._under_way:
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
