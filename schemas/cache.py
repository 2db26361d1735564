"""Where the status cache keeps what in Redis: the status sink writes it, the API and the verifier read it."""

from __future__ import annotations

from typing import Final

AUTHORIZATION: Final = "spendlog:authorization:"
ROUTE: Final = "spendlog:route:"
FEED: Final = "spendlog:feed:"
POSITION: Final = "spendlog:position:"
#: Of the hash at a position: the first seq that is not yet in the cache.
NEXT_SEQ: Final = "next_seq"


def authorization_key(organization_id: str, department_id: str, authorization_id: str) -> str:
    """Of an authorization's status, JSON of `schemas.authorizations.Authorization`."""
    return f"{AUTHORIZATION}{organization_id}/{department_id}/{authorization_id}"


def route_key(organization_id: str, authorization_id: str) -> str:
    """Of the department in which an authorization is."""
    return f"{ROUTE}{organization_id}/{authorization_id}"


def position_key(partition: int) -> str:
    """Of the place up to which a partition of the decision log is in the cache."""
    return f"{POSITION}{partition}"
