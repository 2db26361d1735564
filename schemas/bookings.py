"""Words of the books: the sink writes them, the API lists them. docs/ledger.md says what each books."""

from __future__ import annotations

from typing import Literal

#: pending: held; posted: settled.
Layer = Literal["pending", "posted"]
BookingKind = Literal[
    "hold",
    "release",
    "expiry",
    "clearing",
    "fx_difference",
    "correction",
    "refund",
    "refund_reversal",
    "provisional_credit",
    "dispute_won",
    "dispute_lost",
]
