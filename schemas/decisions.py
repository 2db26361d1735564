"""The decision log: what was decided about each card event, with all that rebuilding the state needs.

Exactly one decision for each record of the card events topic, in its order. `effects` say what moved;
state is the fold of effects, bookings are drawn from effects, and nothing is computed twice.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from schemas.events import Merchant, Timestamp
from schemas.ids import Position
from schemas.reasons import Outcome, Reason, response_code

DECISION_VERSION = 1
GENESIS_HASH = "0" * 64


class Effect(msgspec.Struct, frozen=True, tag_field="effect", omit_defaults=True, kw_only=True, gc=False):
    """Something that moved. Amounts are minor units of the decision's currency, above zero."""


class BudgetChanged(Effect, tag="budget_changed", frozen=True, kw_only=True, omit_defaults=True):
    """The department's budget is this from here on; `limit` for each calendar month of `time_zone`."""

    name: str
    limit: int
    time_zone: str


class HoldPlaced(Effect, tag="hold_placed", frozen=True, kw_only=True):
    """`amount` of `period`'s money is kept for this authorization."""

    authorization_id: str
    period: str
    amount: int


class HoldReleased(Effect, tag="hold_released", frozen=True, kw_only=True, omit_defaults=True):
    """`amount` of the hold is no longer kept: given back, or replaced by a posting."""

    authorization_id: str
    period: str
    amount: int
    cause: Literal["reversal", "clearing"]


class Posted(Effect, tag="posted", frozen=True, kw_only=True):
    """`amount` is spent. A clearing without a known authorization posts too: networks settle it anyway."""

    authorization_id: str
    period: str
    amount: int


class Refunded(Effect, tag="refunded", frozen=True, kw_only=True, omit_defaults=True):
    """`amount` came back into `period`."""

    period: str
    amount: int
    authorization_id: str | None = None


Effects = BudgetChanged | HoldPlaced | HoldReleased | Posted | Refunded


class Balance(msgspec.Struct, frozen=True, gc=False):
    """A budget's `period` (YYYY-MM, in the budget's time zone) after the decision, in minor units."""

    period: str
    limit: int
    posted: int
    held: int

    @property
    def available(self) -> int:
        return self.limit - self.posted - self.held


class Contribution(msgspec.Struct, frozen=True, gc=False):
    """One feature's share in a score; `value` is what the model saw."""

    feature: str
    value: float
    weight: float


class Score(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What the model said before the decision: 0 usual .. 1 unusual. Recorded, never recomputed."""

    value: float
    model: str
    version: str
    flagged: bool = False
    reasons: tuple[Contribution, ...] = ()


class Decision(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """One decision. `seq` is gapless within `partition`; `source_offset` is the card event's offset.

    `recorded_at` is the broker's time of the card event, `occurred_at` the event's own. Both are null or
    absent where the record could not be read. `policy_version` is the seq of the budget that applied.
    `fingerprint` (hex) tells whether a later event with the same id has the same content.
    """

    partition: int
    seq: int
    source_offset: int
    recorded_at: Timestamp
    outcome: Outcome
    event_type: str | None = None
    event_id: str | None = None
    organization_id: str | None = None
    department_id: str | None = None
    authorization_id: str | None = None
    card_id: str | None = None
    cardholder: str | None = None
    merchant: Merchant | None = None
    occurred_at: Timestamp | None = None
    amount: int | None = None
    currency: str | None = None
    reasons: tuple[Reason, ...] = ()
    alerts: tuple[Literal["over_capture", "no_authorization"], ...] = ()
    effects: tuple[Effects, ...] = ()
    balance: Balance | None = None
    score: Score | None = None
    policy_version: int | None = None
    duplicate_of: int | None = None
    fingerprint: str | None = None
    previous_hash: str = GENESIS_HASH
    hash: str = ""
    version: Literal[1] = 1

    @property
    def position(self) -> Position:
        return Position(self.partition, self.seq)

    @property
    def response_code(self) -> str:
        """ISO 8583 field 39."""
        return response_code(self.outcome, self.reasons)
