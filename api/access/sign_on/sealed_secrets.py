"""Secrets that must be read again: sealed before they are stored, with a key that the database never sees."""

from __future__ import annotations

from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet


class Unsealable(Exception):
    """There is no key, or it is not the one that a secret was sealed with."""


class Seal:
    """Fernet (AES-128-CBC and HMAC-SHA-256). The first of `keys` seals, all of them open."""

    def __init__(self, keys: Sequence[str]) -> None:
        """Raises ValueError for what is no key."""
        self._keys = MultiFernet([Fernet(key) for key in keys]) if keys else None

    def seal(self, secret: str) -> str:
        """Raises Unsealable."""
        if self._keys is None:
            raise Unsealable("SPENDLOG_API_SEALING_KEYS is not set")
        return self._keys.encrypt(secret.encode()).decode()

    def open(self, sealed: str) -> str:
        """Raises Unsealable."""
        if self._keys is None:
            raise Unsealable("SPENDLOG_API_SEALING_KEYS is not set")
        try:
            return self._keys.decrypt(sealed.encode()).decode()
        except InvalidToken:
            raise Unsealable("it was sealed with none of SPENDLOG_API_SEALING_KEYS") from None
