"""API keys: 256 random bits, shown once, kept as SHA-256. A fast hash is right for a key nobody chose."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from unicodedata import is_normalized

from api.access.audit import tell_now
from api.stores.postgres import direct
from api.stores.sql import statement
from schemas.card_numbers import no_card_number
from schemas.ids import is_name


class Scope(StrEnum):
    """What a key may do."""

    AUTHORIZATIONS_WRITE = "authorizations:write"
    AUTHORIZATIONS_READ = "authorizations:read"
    CASES_READ = "cases:read"
    CASES_WRITE = "cases:write"
    RECEIPTS_READ = "receipts:read"
    RECEIPTS_WRITE = "receipts:write"
    BUDGETS_READ = "budgets:read"
    BUDGETS_WRITE = "budgets:write"
    BUDGETS_REQUEST = "budgets:request"
    BUDGETS_APPROVE = "budgets:approve"
    POLICIES_READ = "policies:read"
    POLICIES_WRITE = "policies:write"
    CARDS_READ = "cards:read"
    CARDS_WRITE = "cards:write"
    LEDGER_READ = "ledger:read"
    LEDGER_CORRECT = "ledger:correct"
    RECONCILIATIONS_READ = "reconciliations:read"
    RECONCILIATIONS_WRITE = "reconciliations:write"
    REPORTS_WRITE = "reports:write"
    CAPS_WRITE = "caps:write"
    WEBHOOKS_READ = "webhooks:read"
    WEBHOOKS_WRITE = "webhooks:write"
    FEED_READ = "feed:read"
    SIMULATIONS_WRITE = "simulations:write"
    PEOPLE_READ = "people:read"
    PEOPLE_WRITE = "people:write"
    KEYS_READ = "keys:read"
    KEYS_WRITE = "keys:write"
    AUDIT_READ = "audit:read"
    SYSTEM_READ = "system:read"
    SYSTEM_WRITE = "system:write"
    ACCOUNT = "account"


# Undoing a booking, saying what a processor settled, dividing the whole company's money, giving somebody more
# of it, sending all that happens somewhere else, and who may come in at all are asked for by name: a key that
# nobody thought about must not be able to.
SPECIAL_SCOPES = frozenset({
    Scope.LEDGER_CORRECT, Scope.RECONCILIATIONS_WRITE, Scope.REPORTS_WRITE, Scope.CAPS_WRITE,
    Scope.BUDGETS_APPROVE,
    Scope.WEBHOOKS_WRITE, Scope.PEOPLE_READ, Scope.PEOPLE_WRITE, Scope.KEYS_READ, Scope.KEYS_WRITE,
    Scope.AUDIT_READ, Scope.SIMULATIONS_WRITE,
})  # fmt: skip
# Of people alone: a key has no account of its own, and belongs to an organization, not to the system.
PERSONAL_SCOPES = frozenset({Scope.ACCOUNT, Scope.SYSTEM_READ, Scope.SYSTEM_WRITE})
KEY_SCOPES = tuple(scope for scope in Scope if scope not in PERSONAL_SCOPES)
EVERYDAY_SCOPES = tuple(scope for scope in KEY_SCOPES if scope not in SPECIAL_SCOPES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who asks: a key, or a person in a session. Organization, permissions, and whom his acts name.

    `actor`: whom the events that come from it name. Keys that replace each other have the same; keys of
    different people must not. A person's is his e-mail address.
    """

    id: str
    organization_id: str
    name: str
    actor: str
    scopes: frozenset[str]
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey(Principal):
    """A key as it is stored; the secret is not in it."""

    prefix: str
    created_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
    created_by: str | None = None
    replaced_by: str | None = None


class KeyNotCreated(ValueError):
    """The organization, name, actor or a scope is not as it must be."""


ACTOR_MAX = 200  # as long as an event's `actor` may be

# The fixed start lets secret scanners find a leaked key; the short id names the key in lists and logs.
_SECRET = re.compile(r"sl_[a-z2-7]{10}_[A-Za-z0-9_-]{43}")


def looks_like_key(text: str) -> bool:
    return _SECRET.fullmatch(text) is not None


def digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def key_id(digits: str) -> str:
    """Of a key that a request makes: from 20 or more hex digits, so that a repeat makes the same."""
    return f"key_{base64.b32encode(bytes.fromhex(digits))[:10].decode().lower()}"


def prefix_of(key: str) -> str:
    """How the secret of the key with this id begins."""
    return f"sl_{key.removeprefix('key_')}"


def new_secret(key: str) -> tuple[str, bytes]:
    """A secret for the key with this id, and what is kept of it."""
    secret = f"{prefix_of(key)}_{secrets.token_urlsafe(32)}"
    return secret, digest(secret)


def create_key(
    postgres: str,
    *,
    organization_id: str,
    name: str,
    scopes: Sequence[str] = EVERYDAY_SCOPES,
    actor: str | None = None,
) -> tuple[str, ApiKey]:
    """A new key's secret, never to be had again, and its record. `actor`: the key's own id, if absent.

    Raises:
        KeyNotCreated: a bad organization id, name, actor or scope.
        PostgresAway: no server at the URL.
    """
    if not is_name(organization_id):
        raise KeyNotCreated(
            f"{organization_id!r} is no organization id: 1-64 of letters, digits, dot, _ and -"
        )
    if not 1 <= len(name) <= 100 or not name.isprintable():
        raise KeyNotCreated("the name must have 1 to 100 printable characters")
    if actor is not None and (fault := _fault_of_actor(actor)):
        raise KeyNotCreated(f"the actor {actor!r} {fault}")
    if not scopes or (unknown := sorted(set(scopes) - set(KEY_SCOPES))):
        raise KeyNotCreated(
            f"unknown scope {', '.join(unknown) if scopes else '(none)'}; there are {', '.join(KEY_SCOPES)}"
        )
    id_ = key_id(secrets.token_hex(16))
    secret, hashed = new_secret(id_)
    with direct(postgres) as connection:
        row = connection.execute(
            statement("create_key"),
            {
                "id": id_,
                "organization_id": organization_id,
                "name": name,
                "actor": actor or id_,
                "prefix": prefix_of(id_),
                "key_sha256": hashed,
                "scopes": sorted(set(scopes)),
                "expires_at": None,
                "created_by": None,
            },
        ).fetchone()
        assert row is not None
        key = from_row(row)
        tell_now(connection, organization_id, "create_key", f"/v1/keys/{id_}", after=state_of(key))
    return secret, key


def _fault_of_actor(actor: str) -> str | None:
    """Why it can name nobody: actors are compared exactly, so one person's must not look like another's."""
    if not 1 <= len(actor) <= ACTOR_MAX or not actor.isprintable() or actor != actor.strip():
        return f"must have 1 to {ACTOR_MAX} printable characters, and no space at its ends"
    if not is_normalized("NFC", actor):
        return "must be in Unicode's normal form C, in which texts that look alike are alike"
    try:
        no_card_number(actor)
    except ValueError as error:
        return str(error)
    return None


def list_keys(postgres: str, *, organization_id: str | None = None) -> list[ApiKey]:
    """Keys of one organization or all, revoked ones too, oldest first."""
    with direct(postgres) as connection:
        rows = connection.execute(statement("list_keys"), {"organization_id": organization_id}).fetchall()
    return [from_row(row) for row in rows]


def revoke_key(postgres: str, *, key: str) -> ApiKey | None:
    """Ends a key, named by id or prefix; None where there is none. Ending it twice keeps the first time.

    Running API processes believe it for up to `api_key_fresh_s` more (and up to `api_key_stale_s` when
    they cannot reach PostgreSQL).
    """
    with direct(postgres) as connection:
        row = connection.execute(statement("revoke_key"), {"key": key}).fetchone()
        if row is None:
            return None
        revoked = from_row(row)
        after = {"revoked_at": revoked.revoked_at}
        tell_now(connection, revoked.organization_id, "revoke_key", f"/v1/keys/{revoked.id}", after=after)
    return revoked


def state_of(key: ApiKey) -> dict[str, object]:
    """What the audit log tells of it."""
    named = {"name": key.name, "actor": key.actor, "scopes": sorted(key.scopes)}
    return named | ({} if key.expires_at is None else {"expires_at": key.expires_at})


def from_row(row: dict[str, object]) -> ApiKey:
    values = dict(row)
    return ApiKey(scopes=frozenset(values.pop("scopes")), **values)  # type: ignore[call-overload, arg-type]
