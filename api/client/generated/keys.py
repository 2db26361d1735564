"""Keys of the API. Written by `python -m infra.client_code`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from api.client.call import Call, at, given, new_key
from api.client.operations import Resource, S, listing, operation


class CreatedKey(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A key that was just made."""

    key_id: str
    name: str
    prefix: str
    actor: str
    scopes: list[str]
    created_at: datetime
    created_by: str | None = None
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None
    replaced_by: str | None = None
    secret: str | None = None


class Key(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A key, without its secret."""

    key_id: str
    name: str
    prefix: str
    actor: str
    scopes: list[str]
    created_at: datetime
    created_by: str | None = None
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None
    replaced_by: str | None = None


class KeyList(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A page of keys, newest first."""

    keys: list[Key]
    next: str | None = None


class KeysResource(Resource[S]):
    """Operations on keys."""

    @operation
    def create(
        self,
        *,
        name: str,
        scopes: Sequence[str],
        expires_at: str | None = None,
        idempotency_key: str | None = None,
    ) -> Call[CreatedKey]:
        """Make a key."""
        return Call(
            "POST",
            "/v1/keys",
            CreatedKey,
            body=given(name=name, scopes=scopes, expires_at=expires_at),
            key=idempotency_key or new_key(),
        )

    def _list(
        self, *, active: bool | None = None, after: str | None = None, limit: int | None = None
    ) -> Call[KeyList]:
        """List keys."""
        return Call(
            "GET", "/v1/keys", KeyList, query={"active": active, "after": after, "limit": limit}, reads=True
        )

    list = listing(_list, "keys", Key)

    @operation
    def read(self, key_id: str) -> Call[Key]:
        """Look at a key."""
        return Call("GET", at("/v1/keys/{}", key_id), Key, reads=True)

    @operation
    def revoke(self, key_id: str) -> Call[None]:
        """Revoke a key."""
        return Call("DELETE", at("/v1/keys/{}", key_id), None)

    @operation
    def rotate(
        self, key_id: str, *, overlap_s: int | None = None, idempotency_key: str | None = None
    ) -> Call[CreatedKey]:
        """Rotate a key."""
        return Call(
            "POST",
            at("/v1/keys/{}/rotations", key_id),
            CreatedKey,
            body=given(overlap_s=overlap_s),
            key=idempotency_key or new_key(),
        )
