"""What becomes of a line of an export: a row that can be played, or the reason why it cannot."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec


class Row(msgspec.Struct, frozen=True, gc=False):
    """A usable row. `minor`: minor units, above zero. `posted_at`: when it is cleared. Times are UTC.

    `authorization`: the payment that it settles, in files that say so.
    """

    line: int
    id: str
    organization: str
    department: str
    department_name: str
    card: str
    merchant: str
    mcc: str | None
    minor: int
    currency: str
    at: datetime
    posted_at: datetime
    refund: bool
    authorization: str | None = None


class Unusable(msgspec.Struct, frozen=True):
    """A line that cannot be played. `fields`: as they stand in the file, where they are known."""

    line: int
    reason: str
    fields: Sequence[str] = ()


class BadRow(ValueError):
    """Why a row cannot be used."""
