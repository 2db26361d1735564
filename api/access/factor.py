"""The second factor: codes of an authenticator (RFC 6238) and recovery codes, each good once."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime
from typing import Final

import pyotp
import segno

_STEP_S: Final = 30
_RECOVERY_CODES: Final = 10


def new_secret() -> str:
    return pyotp.random_base32()


def address(secret: str, email: str) -> str:
    """What an authenticator reads, as text or as a QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name="spendlog")


def drawing(address: str) -> str:
    """It as a QR code: an SVG element, without styles and scripts."""
    return str(segno.make(address, error="m").svg_inline(scale=4))


def step_of(secret: str, code: str, now: datetime) -> int | None:
    """The step of time that `code` belongs to: this one, the last or the next; None: to none of them."""
    totp = pyotp.TOTP(secret)
    this = int(now.timestamp()) // _STEP_S
    for step in (this, this - 1, this + 1):
        if pyotp.utils.strings_equal(totp.at(step * _STEP_S), code):
            return step
    return None


def new_recovery_codes() -> list[str]:
    """128 bits each: a fast hash is enough to keep them."""
    return [f"{secrets.token_hex(8)}-{secrets.token_hex(8)}" for _ in range(_RECOVERY_CODES)]


def recovery_digest(code: str) -> bytes:
    return hashlib.sha256(code.strip().lower().encode()).digest()
