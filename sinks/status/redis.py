"""The only module of this room that knows redis: keys, one script, and its errors."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import msgspec
import redis
from redis import exceptions

from schemas.authorizations import Authorization
from schemas.cache import AUTHORIZATION, FEED, POSITION, ROUTE
from sinks.errors import PositionMoved, SinkError, Unavailable
from sinks.loop.chain import BEGINNING, Place, Run
from sinks.payments import Key
from sinks.status.feed import FeedEntry

TTL_S = 7 * 86_400
FEED_LENGTH_MAX = 10_000
TIMEOUT_S = 5.0

# A script runs as one, like MULTI, and costs one reply, not one for each command. Positions are compared
# first and written last: if Redis runs out of memory half way, the batch is simply repeated.
_APPLY = f"""
local at = 1
local function take()
    local value = ARGV[at]
    at = at + 1
    return value
end
local moves = tonumber(take())
local first_move = at
for i = 1, moves do
    local partition, before = ARGV[at], ARGV[at + 1]
    if (redis.call('HGET', '{POSITION}' .. partition, 'next_offset') or '0') ~= before then
        return partition
    end
    at = at + 5
end
for i = 1, tonumber(take()) do
    local key, route, department, body = take(), take(), take(), take()
    redis.call('SET', '{AUTHORIZATION}' .. key, body, 'EX', {TTL_S})
    redis.call('SET', '{ROUTE}' .. route, department, 'EX', {TTL_S})
end
for i = 1, tonumber(take()) do
    local organization, position, decision = take(), take(), take()
    redis.call('XADD', '{FEED}' .. organization, 'MAXLEN', '~', {FEED_LENGTH_MAX}, '*',
        'position', position, 'decision', decision)
end
at = first_move
for i = 1, moves do
    local partition, before, next_offset, next_seq, last_hash = take(), take(), take(), take(), take()
    redis.call('HSET', '{POSITION}' .. partition,
        'next_offset', next_offset, 'next_seq', next_seq, 'last_hash', last_hash)
end
return false
"""

_TRANSIENT = (
    exceptions.ConnectionError,  # also: loading, wrong password after a restart
    exceptions.TimeoutError,
    exceptions.ReadOnlyError,  # a replica, until it is promoted
    exceptions.OutOfMemoryError,
    OSError,
)

_decode = msgspec.json.Decoder(Authorization).decode
_encode = msgspec.json.Encoder().encode


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except _TRANSIENT as error:
        raise Unavailable(f"Redis: {str(error) or type(error).__name__}") from error
    except exceptions.RedisError as error:
        raise SinkError(f"Redis: {error}") from error


class StatusKeys:
    """Reads and writes of the status sink."""

    def __init__(self, url: str) -> None:
        self._redis = redis.Redis.from_url(
            url,
            socket_timeout=TIMEOUT_S,
            socket_connect_timeout=TIMEOUT_S,
            client_name="spendlog-sink-status",
        )
        self._apply = cast(Callable[..., bytes | None], self._redis.register_script(_APPLY))

    def close(self) -> None:
        self._redis.close()

    def places(self, partitions: Iterable[int]) -> dict[int, Place]:
        """The beginning where there is none: never written, or flushed."""
        wanted = sorted(partitions)
        with _translated():
            pipeline = self._redis.pipeline(transaction=False)
            for partition in wanted:
                pipeline.hmget(f"{POSITION}{partition}", ["next_offset", "next_seq", "last_hash"])
            found = cast(list[list[bytes | None]], pipeline.execute()) if wanted else []
        return {partition: _place(row) for partition, row in zip(wanted, found, strict=True)}

    def authorizations(self, keys: Collection[Key]) -> dict[Key, Authorization]:
        """Those of `keys` that are here."""
        wanted = list(keys)
        if not wanted:
            return {}
        with _translated():
            names = [f"{AUTHORIZATION}{org}/{department}/{id_}" for org, department, id_ in wanted]
            bodies = cast(list[bytes | None], self._redis.mget(names))
        return {key: _decode(body) for key, body in zip(wanted, bodies, strict=True) if body is not None}

    def apply(
        self, runs: Sequence[Run], authorizations: Collection[Authorization], feed: Collection[FeedEntry]
    ) -> None:
        """All or nothing.

        Raises:
            PositionMoved: a stored position is not the run's `before`; it may be gone.
        """
        args: list[Any] = [len(runs)]
        for run in runs:
            args += (run.partition, run.before.next_offset, *run.after)
        args.append(len(authorizations))
        for state in authorizations:
            organization, department, id_ = state.organization_id, state.department_id, state.authorization_id
            args += (
                f"{organization}/{department}/{id_}",
                f"{organization}/{id_}",
                department,
                _encode(state),
            )
        args.append(len(feed))
        for entry in feed:
            args += entry
        with _translated():
            moved = self._apply(args=args)
        if moved is not None:
            raise PositionMoved(f"partition {moved.decode()} was moved or flushed in Redis")


def _place(row: Sequence[bytes | None]) -> Place:
    next_offset, next_seq, last_hash = row
    if next_offset is None or next_seq is None or last_hash is None:
        return BEGINNING
    return Place(int(next_offset), int(next_seq), last_hash.decode())
