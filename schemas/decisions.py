"""The decision log: what was decided about each card event, with all that rebuilding the state needs.

Exactly one decision for each record of the card events topic, in its order. `effects` say what moved;
state is the fold of effects, bookings are drawn from effects, and nothing is computed twice.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from schemas.effects import REMEMBERED, Effects
from schemas.event import EntryMode, Merchant, Timestamp
from schemas.ids import Position
from schemas.money import Money
from schemas.reasons import Outcome, Reason, response_code

DECISION_VERSION = 1
GENESIS_HASH = "0" * 64

#: What somebody should look at, though nothing could be refused. See docs/rules.md.
Alert = Literal[
    "over_capture",
    "no_authorization",
    "after_decline",
    "after_reversal",
    "after_expiry",
    "after_timeout",
    "cleared_before_request",
    "already_settled",
    "over_refund",
    "refund_exceeds_posted",
    "rate_mismatch",
    "above_limits",
]


class Balance(msgspec.Struct, frozen=True, gc=False):
    """One budget's (or limit's) period after the decision, in minor units.

    `limit`: with the increases in force. `posted` may be below zero, after refunds of what was posted
    elsewhere; they make no room above the limit.
    """

    budget: str
    period: str
    limit: int
    posted: int
    held: int

    @property
    def available(self) -> int:
        return self.limit - max(0, self.posted) - self.held

    @property
    def key(self) -> str:
        """As effects name it in `charges`."""
        return f"{self.budget}@{self.period}"


class Relief(msgspec.Struct, frozen=True, gc=False):
    """From `at` on all of a declined amount passes, other things equal; `subject`: a hold, budget or rule."""

    at: Timestamp
    because: Literal["hold_expires", "period_starts", "increase_starts"]
    subject: str


class WouldPass(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What the same rules say to changed inputs: `now` minor units pass at once (0: none), all `later`."""

    now: int
    later: Relief | None = None


class Contribution(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One feature's share in a score; `value` is what the model saw, `words` what that says."""

    feature: str
    value: float
    weight: float
    words: str = ""


#: The model whose values are probabilities of fraud. Those of others are in no order with them.
PROBABILITIES: Final = "boosted-trees"


class Score(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What the model said before the decision: 0 usual .. 1 unusual. Recorded, never recomputed.

    `features`: what the request was like, a letter for each (docs/scoring.md), for whoever learns from it.
    """

    value: float
    model: str
    version: str
    flagged: bool = False
    reasons: tuple[Contribution, ...] = ()
    features: str = ""

    @property
    def millionths(self) -> int:
        """The probability of fraud in millionths; -1: this model gives none."""
        return round(self.value * 1_000_000) if self.model == PROBABILITIES else -1


class Decision(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One decision. `seq` is gapless within `partition`; `source_offset` is the card event's offset.

    `recorded_at` is the broker's time of the card event, `occurred_at` the event's own. Both are null or
    absent where the record could not be read. `amount` is what was asked, in minor units of `currency`;
    `approved` what was approved, where that is less, or what an advice told. `reasons` explain a decline, a
    rejection or a partial approval; `reviews` why somebody should look at an approval; `shadows` what rules
    that are only tried out would have said. `actor`: who did it, for what people do. `balances`: all that
    the decision touched, for a payment first that of the department. `available`: the answer to a balance
    inquiry. `policy_version`: the policy that applied. `fingerprint` (hex) tells whether a later event with
    the same id has the same content.
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
    entry_mode: EntryMode | None = None
    actor: str | None = None
    occurred_at: Timestamp | None = None
    amount: int | None = None
    approved: int | None = None
    currency: str | None = None
    merchant_amount: Money | None = None
    rate: str | None = None
    reasons: tuple[Reason, ...] = ()
    reviews: tuple[Reason, ...] = ()
    shadows: tuple[Reason, ...] = ()
    alerts: tuple[Alert, ...] = ()
    would_pass: WouldPass | None = None
    effects: tuple[Effects, ...] = ()
    balances: tuple[Balance, ...] = ()
    available: int | None = None
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
    def balance(self) -> Balance | None:
        """That of the department's own budget."""
        return self.balances[0] if self.balances else None

    @property
    def moves(self) -> tuple[Effects, ...]:
        """Its effects without those that only the department's state is made of."""
        return tuple(effect for effect in self.effects if type(effect) not in REMEMBERED)

    @property
    def granted(self) -> int:
        """Minor units that were approved: 0 when declined."""
        if self.outcome is Outcome.APPROVED:
            return self.amount or 0
        return (self.approved or 0) if self.outcome is Outcome.PARTIALLY_APPROVED else 0

    @property
    def response_code(self) -> str:
        """ISO 8583 field 39."""
        return response_code(self.outcome, self.reasons, self.event_type)
