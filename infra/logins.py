"""The API's own login in PostgreSQL: who takes over the API may what `spendlog_api` may, and no more."""

from __future__ import annotations

import hmac
import secrets
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Final
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from psycopg import sql

from infra.errors import SpendlogError

LOGIN: Final = "spendlog_server"
_CONNECT_TIMEOUT_S: Final = 10


def api_login(postgres: str) -> str:
    """The URL of that login for the database of `postgres`, an owner's URL; it is made where it is not there.

    Its password follows from the owner's, so that all who start an API of one server know the same; the
    owner's does not follow from it.

    Raises:
        SpendlogError: the server does not answer, has no tables yet, or the owner may not make logins.
    """
    parts = urlsplit(postgres)
    owners = (parts.password or secrets.token_hex(32)).encode()
    password = hmac.new(owners, LOGIN.encode(), sha256).hexdigest()
    host = parts.netloc.rpartition("@")[2]
    login = urlunsplit(parts._replace(netloc=f"{quote(LOGIN)}:{password}@{host}"))
    try:
        if not _opens(login):
            _make(postgres, login, password)
    except psycopg.Error as error:
        raise SpendlogError(f"PostgreSQL: {' '.join(str(error).split())}") from None
    return login


def sealing_key(postgres: str) -> str:
    """What identity providers' secrets are sealed with where everything runs on one machine: like the login's
    password it follows from the owner's, so that it is the same at the next start."""
    owners = (urlsplit(postgres).password or "").encode()
    return urlsafe_b64encode(hmac.new(owners, b"sealing key", sha256).digest()).decode()


def _opens(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=_CONNECT_TIMEOUT_S).close()
    except psycopg.OperationalError:
        return False
    return True


def _make(postgres: str, login: str, password: str) -> None:
    made = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {} IN ROLE spendlog_api")
    changed = sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}")
    named = sql.Identifier(LOGIN), sql.Literal(password)
    with psycopg.connect(postgres, autocommit=True, connect_timeout=_CONNECT_TIMEOUT_S) as connection:
        try:
            connection.execute(made.format(*named))
        except (psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
            # It was there with another password; or somebody else has made it at this moment, with this one.
            if not _opens(login):
                connection.execute(changed.format(*named))
