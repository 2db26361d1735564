"""Authorizations from the views: Redis first, because it is quick; PostgreSQL where Redis does not have it or
is away. PostgreSQL is the one whose "there is none" counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec
import structlog

from api.stores.pace import Beyond, LookAgain, reached, view_behind, views_away
from api.stores.postgres import Postgres, PostgresAway
from api.stores.redis import Client, Redis, RedisAway
from api.stores.sql import statement
from schemas.authorizations import Authorization
from schemas.cache import NEXT_SEQ, authorization_key, position_key, route_key
from schemas.ids import Position

log = structlog.get_logger(__name__)

_decoder = msgspec.json.Decoder(Authorization)


class ViewAway(Exception):
    """The store of a view does not answer."""


@dataclass(frozen=True, slots=True)
class Which:
    """An authorization by its id; without a department, the one of any."""

    organization_id: str
    authorization_id: str
    department_id: str | None


@dataclass(frozen=True, slots=True)
class Look:
    """What a view says. `next_seq`: of the partition asked about, None when it has none of it."""

    authorization: Authorization | None
    next_seq: int | None

    def reached(self, position: Position | None) -> bool:
        return reached(position, self.next_seq)


class AuthorizationView(Protocol):
    """One store that keeps authorizations. `complete`: what it does not have does not exist there."""

    name: str
    complete: bool

    async def look(self, which: Which, partition: int) -> Look:
        """Raises ViewAway."""
        ...


class RedisView:
    """The status cache: seven days, and empty after a flush."""

    name = "redis"
    complete = False

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def look(self, which: Which, partition: int) -> Look:
        async def ask(client: Client) -> Look:
            department: str | bytes | None = which.department_id
            if department is None:
                department = await client.get(route_key(which.organization_id, which.authorization_id))
            if isinstance(department, bytes):
                department = department.decode()
            # The position first: what is read after it is at least as new.
            pipe = client.pipeline(transaction=False)
            pipe.hget(position_key(partition), NEXT_SEQ)
            if department is not None:
                pipe.get(authorization_key(which.organization_id, department, which.authorization_id))
            next_seq, *body = await pipe.execute()
            return Look(
                _decoder.decode(body[0]) if body and body[0] is not None else None,
                None if next_seq is None else int(next_seq),
            )

        try:
            return await self._redis.call(ask)
        except RedisAway as error:
            raise ViewAway(str(error)) from None
        except (msgspec.DecodeError, ValueError) as error:
            # A cache that cannot be read is a cache that is away; the ledger's view has the same.
            log.error("redis_view_unreadable", authorization_id=which.authorization_id, error=str(error))
            raise ViewAway("unreadable") from None


class PostgresView:
    """The ledger's read model."""

    name = "postgresql"
    complete = True

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def look(self, which: Which, partition: int) -> Look:
        try:
            row = await self._postgres.row(
                statement("authorization"),
                {
                    "organization_id": which.organization_id,
                    "authorization_id": which.authorization_id,
                    "department_id": which.department_id,
                    "partition": partition,
                },
            )
        except PostgresAway as error:
            raise ViewAway(str(error)) from None
        assert row is not None
        body = row["body"]
        return Look(_decoder.decode(body) if body is not None else None, row["next_seq"])


class AuthorizationReads:
    """Looks into the views in their order until one answers."""

    def __init__(self, views: Sequence[AuthorizationView], beyond: Beyond) -> None:
        self._views = views
        self._beyond = beyond

    async def find(self, which: Which, position: Position | None, *, wait_s: float) -> Authorization | None:
        """The authorization at or after `position`; None when there is none (also not within `wait_s`).

        Raises:
            Problem: 503, no view could be asked, or none reached the position within `wait_s`.
        """
        pace = LookAgain(wait_s)
        while True:
            behind: dict[str, int | None] = {}
            away: dict[str, str] = {}
            for view in self._views:
                try:
                    look = await view.look(which, position.partition if position else 0)
                except ViewAway as error:
                    away[view.name] = str(error)
                    continue
                if not look.reached(position):
                    behind[view.name] = look.next_seq
                    continue
                if look.authorization is not None:
                    return look.authorization
                if view.complete and position is not None:
                    return None
            if not await pace.again():
                break
        if behind and position is not None:
            raise view_behind(position, behind, self._beyond)
        if away.keys() >= {view.name for view in self._views if view.complete}:
            raise views_away(away)
        return None
