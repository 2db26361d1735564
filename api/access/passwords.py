"""Passwords: which are taken, and how they are kept."""

from __future__ import annotations

import asyncio
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from api.http.problems import FieldError, invalid_request

LENGTH_MIN: Final = 12
LENGTH_MAX: Final = 200
# Guesses, as a power of ten, after which zxcvbn would have found it: below it are the common passwords, with
# a capital and a year too, and what is made of the person's own name.
_GUESSES_MIN: Final = 9.0
_LOOKED_AT: Final = 72  # characters: the time of zxcvbn grows with the square of the length

# OWASP's second choice for Argon2id (19 MiB, 2 passes, 1 lane). Two at a time, so that a flood of sign-ins
# takes neither the memory nor all of the processor from purchases.
_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_AT_ONCE: Final = 2
#: Compared with where there is no such person, so that the time of an answer does not say so.
_NOBODYS: Final = (
    "$argon2id$v=19$m=19456,t=2,p=1$baRoE1HWG6/1mL9O+E/7hg$5HLJSm+PZ1DrLFqWU+Wmw0hxfgxqrJnkxWO+bpJxQVM"
)


def fault_of(password: str, *own: str) -> str | None:
    """Why it cannot be a password, in words for its owner; None: it can. `own`: his name, address."""
    if len(password) < LENGTH_MIN:
        return f"must have at least {LENGTH_MIN} characters"
    if len(password) > LENGTH_MAX:
        return f"must have at most {LENGTH_MAX} characters"
    # Its dictionaries take a fifth of a second to load, for which no start of the API need wait.
    from zxcvbn import zxcvbn

    words = [part for text in own for part in (text, *text.replace("@", " ").replace(".", " ").split())]
    found = zxcvbn(password[:_LOOKED_AT], user_inputs=words)
    if found["guesses_log10"] < _GUESSES_MIN:
        return "is one that many people have, or is guessed like one; use four unusual words"
    return None


class Passwords:
    """Hashing and comparing in threads, a few at a time."""

    def __init__(self) -> None:
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def checked(self, password: str, *own: str, field: str = "body.password") -> str:
        """Its hash. Raises Problem 422 where it cannot be one."""
        async with self._room:
            fault = await asyncio.to_thread(fault_of, password, *own)
            if fault is None:
                return await asyncio.to_thread(_HASHER.hash, password)
        raise invalid_request([FieldError(field=field, code="weak_password", message=fault)])

    async def right(self, stored: str | None, password: str) -> bool:
        """Takes as long where nothing is stored."""
        async with self._room:
            same = await asyncio.to_thread(_same, stored or _NOBODYS, password)
        return same and stored is not None


def _same(stored: str, password: str) -> bool:
    try:
        return _HASHER.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False


def hashed_now(password: str) -> str:
    """For commands, which have nothing else to do meanwhile."""
    return _HASHER.hash(password)
