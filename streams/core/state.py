"""What the rules remember of a partition's departments. Rebuilt by folding decisions, never by events.

Everything that grows is bounded by rule: see `streams.core.apply.memory` and docs/architecture.md.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from schemas.controls import Calendar, Card, Level, Policy
from schemas.decisions import GENESIS_HASH, WouldPass
from schemas.reasons import Outcome, Reason
from streams.core.history import CardHistory

# Event ids are remembered for at least three whole buckets of event time; what is older is refused as
# too old rather than taken for new. 30 days: late presentments arrive within 45 days on card networks.
BUCKET_S = 30 * 86_400
BUCKETS_KEPT = 4
COMPANY = "company"
RULE = "rule:"  # begins the id of what a policy's limit counts against
# In `Payment.opened`. No field of their own: with sixteen a payment is 3 bytes more in a snapshot.
NEVER_ASKED, ONLY_ADVISED = -2, -1
EVERY_REQUEST = ""  # among the event ids of `Payment.voided`: a timeout named none


class Period(msgspec.Struct, array_like=True, gc=False):
    """Totals of one charged period in minor units: `posted` is spent less refunded, `held` is kept.

    `limit`: of the budget as it was last in this period, so that a period that is over keeps its own.
    `bucket`: when it was last touched. `ends_s`: None: never, or that is not known.
    """

    limit: int
    bucket: int
    posted: int = 0
    held: int = 0
    ends_s: int | None = None

    @property
    def used(self) -> int:
        """What takes room: refunds give back at most what was posted here."""
        return max(0, self.posted) + self.held


class Budget(msgspec.Struct, gc=False):
    """A budget in force. `increases`: (from second, until second, amount), those that are not over."""

    level: Level
    subject: str | None
    name: str
    limit: int
    tolerance: int
    calendar: Calendar
    increases: list[tuple[int, int, int]] = []


class Posting(msgspec.Struct, array_like=True, gc=False):
    """What one decision posted to a payment: `amount`, and `fx` on top (below zero for a gain)."""

    seq: int
    amount: int
    fx: int = 0
    undone: bool = False


class Payment(msgspec.Struct, array_like=True, gc=False):
    """One authorization and what became of it, in minor units.

    `opened`: the decision on its request, or ONLY_ADVISED, or NEVER_ASKED: only clearings or timeouts told of
    it. `voided`: event ids of the requests that timed out before one was judged. `closed`: how its hold last
    came to nothing. `settled`: a final clearing came. `foreign`: currency and rate of the request.
    """

    charges: tuple[str, ...]
    bucket: int
    approved: bool = False
    opened: int = NEVER_ASKED
    voided: tuple[str, ...] = ()
    settled: bool = False
    held: int = 0
    posted: int = 0
    refunded: int = 0
    disputed: int = 0
    expires_s: int = 0
    valid_days: int = 0
    closed: str = ""
    foreign: tuple[str, str] | None = None
    postings: list[Posting] | None = None

    @property
    def net(self) -> int:
        """What could still be refunded, disputed or taken back."""
        return self.posted - self.refunded - self.disputed

    @property
    def requested(self) -> bool:
        """Whether a request or an advice told of it."""
        return self.opened != NEVER_ASKED

    def voids(self, request_id: str) -> bool:
        """Whether a timeout came before this request."""
        return EVERY_REQUEST in self.voided or request_id in self.voided


class Refund(msgspec.Struct, array_like=True, gc=False):
    """A refund: `left` of it has not been taken back."""

    charges: tuple[str, ...]
    bucket: int
    authorization_id: str | None
    left: int


class Dispute(msgspec.Struct, array_like=True, gc=False):
    """A dispute; `outcome` None: open."""

    authorization_id: str
    bucket: int
    amount: int
    provisional: bool
    outcome: str | None = None


class IncreaseRequest(msgspec.Struct, array_like=True, gc=False):
    """A request for an increase. `levels`: approvers of each level; `approved_by`: who has, so far.

    `starts_s` 0: with the last approval. `closed`: approved, refused, or "" while it waits.
    """

    budget_id: str
    bucket: int
    amount: int
    starts_s: int
    ends_s: int
    asked_by: str
    levels: tuple[tuple[str, ...], ...]
    approved_by: tuple[str, ...] = ()
    closed: str = ""


class CardState(msgspec.Struct, gc=False):
    """A registered card. `used`: an approval used it up; `merchant`: what its first approval locked it to."""

    card: Card
    used: bool = False
    merchant: str | None = None


class Answer(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The first answer to an event id, given again to a repeat."""

    seq: int
    event_type: str
    fingerprint: str
    amount: int | None
    outcome: Outcome
    reasons: tuple[Reason, ...] = ()
    reviews: tuple[Reason, ...] = ()
    shadows: tuple[Reason, ...] = ()
    approved: int | None = None
    would_pass: WouldPass | None = None
    available: int | None = None


class Treasury(msgspec.Struct):
    """A company's cap: `leases` by period and department; `owed` by period, in the order of asking."""

    limit: int
    calendar: Calendar
    departments: list[str]
    leases: dict[str, dict[str, int]] = {}
    owed: dict[str, dict[str, int]] = {}

    def free(self, period: str) -> int:
        """What of the period's cap no department holds; below zero after the cap was lowered."""
        return self.limit - sum(self.leases.get(period, {}).values())


class Department(msgspec.Struct):
    """One department's budgets, controls, payments and memory. Amounts are minor units of `currency`.

    `clock_s`: the latest time that took effect. `expiries`: a heap of (second, authorization id), of which
    at least all but `outdated` are true. `counters`: of windows, by rule and subject; `counts_until`: second
    from which each says nothing any more. `asked`: leases on their way. `revision`: grows with what rules are
    made of. A treasury is a department of its own, with nothing but `treasury`.
    """

    organization_id: str
    department_id: str
    currency: str
    latest_bucket: int
    clock_s: int = 0
    budgets: dict[str, Budget] = {}
    policy: Policy = Policy()
    policy_version: int = 0
    drafts: dict[int, Policy] = {}
    drafted: int = 0
    cap: Calendar | None = None
    asked: dict[str, int] = {}
    treasury: Treasury | None = None
    periods: dict[str, Period] = {}
    payments: dict[str, Payment] = {}
    expiries: list[tuple[int, str]] = []
    outdated: int = 0
    refunds: dict[str, Refund] = {}
    disputes: dict[str, Dispute] = {}
    requests: dict[str, IncreaseRequest] = {}
    registered: dict[str, CardState] = {}
    counters: dict[str, list[int]] = {}
    counts_until: dict[str, int] = {}
    revision: int = 0
    answers: dict[int, dict[str, Answer]] = {}
    cards: dict[str, CardHistory] = {}

    def answer(self, event_id: str) -> Answer | None:
        """The first answer to this event id, while it is remembered."""
        for bucket in self.answers.values():
            found = bucket.get(event_id)
            if found is not None:
                return found
        return None


# Raised with every change of what is below: a snapshot of another shape is not read, the log is.
STATE_SHAPE = 2


class PartitionState(msgspec.Struct, tag=STATE_SHAPE, tag_field="shape"):
    """All that the owner of a partition knows, as of the decision before `seq`.

    `next_offset`: the first card event not yet decided; `last_recorded_at`, `last_event_id`: of the one
    before it, to know it again. `departments`: by `organization/department`.
    """

    partition: int
    seq: int = 0
    next_offset: int = 0
    last_hash: str = GENESIS_HASH
    departments: dict[str, Department] = {}
    last_recorded_at: datetime | None = None
    last_event_id: str | None = None
