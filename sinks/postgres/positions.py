"""Where a sink stands in each partition: one row each, moved in the transaction that holds its rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, LiteralString

from sinks.errors import PositionMoved
from sinks.loop.chain import BEGINNING, Place, Run
from sinks.postgres.connection import PostgresSession

_PLACES = """
SELECT partition, next_offset, next_seq, last_hash FROM sink_position
WHERE sink = %s AND partition = ANY(%s)
"""
_OPEN_PLACES = """
INSERT INTO sink_position (sink, partition, next_offset, next_seq, last_hash)
SELECT %s, unnest(%s::int[]), %s, %s, %s
ON CONFLICT (sink, partition) DO NOTHING
"""
MOVE_PLACES: LiteralString = """
UPDATE sink_position p
SET next_offset = v.next_offset, next_seq = v.next_seq, last_hash = v.last_hash, updated_at = now()
FROM unnest(%b::int[], %b::bigint[], %b::bigint[], %b::bigint[], %b::text[])
    AS v (partition, before, next_offset, next_seq, last_hash)
WHERE p.sink = %b AND p.partition = v.partition AND p.next_offset = v.before
"""


def read_places(postgres: PostgresSession, sink: str, partitions: frozenset[int]) -> dict[int, Place]:
    """Where `sink` stands; a partition never seen gets its row here: moving it is always an update."""
    with postgres.session() as connection:
        wanted = sorted(partitions)
        connection.execute(_OPEN_PLACES, (sink, wanted, *BEGINNING))
        rows = connection.execute(_PLACES, (sink, wanted)).fetchall()
    return {partition: Place(*place) for partition, *place in rows}


def moves_of(sink: str, runs: Sequence[Run]) -> tuple[Any, ...]:
    """The parameters of `MOVE_PLACES`."""
    moves = [
        (
            run.partition,
            run.before.next_offset,
            run.after.next_offset,
            run.after.next_seq,
            run.after.last_hash,
        )
        for run in runs
    ]
    return (*map(list, zip(*moves, strict=True)), sink)


def require_moved(runs: Sequence[Run], moved: int) -> None:
    """Raises PositionMoved unless `moved` rows are as many as there are runs."""
    if moved != len(runs):
        where = ", ".join(f"{run.partition} at {run.before.next_offset}" for run in runs)
        raise PositionMoved(f"{len(runs) - moved} of these was moved by another owner: {where}")
