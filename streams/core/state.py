"""What the rules remember of a partition's departments. Rebuilt by folding decisions, never by events.

Everything that grows is bounded by rule: see `streams.core.apply.forgetting` and docs/architecture.md.
"""

from __future__ import annotations

from bisect import insort
from datetime import datetime

import msgspec

from schemas.administration import TREASURY
from schemas.controls import BudgetTerms, Calendar, Card, Level, Policy
from schemas.decisions import GENESIS_HASH, WouldPass
from schemas.reasons import DEPARTMENT, Outcome, Reason
from schemas.requests import RequestKind
from streams.core.expiries import Expiries
from streams.core.paged_map import Pages
from streams.core.score_levels import ScoreLevels

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
    postings: tuple[Posting, ...] = ()

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


class ApprovalRequest(msgspec.Struct, array_like=True, gc=False):
    """A request that people approve. `levels`: approvers of each level; `approved_by`: who has, so far.

    `amount` more of `budget_id` from `starts_s` (0: with the last approval) until `ends_s`; or, where there
    is `budget`, that, with `card` if it is for one. `stood_in`: who was away, and who approved for him.
    `lapses_s`: nobody may answer from then on; 0: that was not said. `closed`: approved, refused, lapsed, or
    "" while it waits.
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
    lapses_s: int = 0
    budget: BudgetTerms | None = None
    card: Card | None = None
    stood_in: tuple[tuple[str, str], ...] = ()

    @property
    def kind(self) -> RequestKind:
        if self.budget is None:
            return "increase"
        return "budget" if self.card is None else "card"

    @property
    def acted(self) -> tuple[str, ...]:
        """Whose approval was given, and who gave it."""
        return (*self.approved_by, *(absent for absent, _ in self.stood_in))

    def lapsed(self, clock_s: int) -> bool:
        """Whether it is too late for an answer."""
        return 0 < self.lapses_s <= clock_s


class Delegation(msgspec.Struct, array_like=True, gc=False):
    """Who answers requests for somebody who is away, from second until second."""

    delegate: str
    starts_s: int
    until_s: int


class CardState(msgspec.Struct, gc=False):
    """A registered card. `used`: an approval used it up; `merchant`: what its first approval locked it to."""

    card: Card
    used: bool = False
    merchant: str | None = None


class Answer(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The first answer to an event id, given again to a repeat."""

    bucket: int
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
    """What is lent: `leases` by period and department; `owed` by period, in the order of asking.

    `limit`: the company's cap. A department that is split lends of its own budget instead: it has none here.
    """

    limit: int
    calendar: Calendar
    departments: list[str]
    leases: dict[str, dict[str, int]] = {}
    owed: dict[str, dict[str, int]] = {}

    def free(self, period: str) -> int:
        """What of the period's cap no department holds; below zero after the cap was lowered."""
        return self.limit - self.lent(period)

    def lent(self, period: str) -> int:
        """What of the period belongs to others."""
        return sum(self.leases.get(period, {}).values())


class Sweep(msgspec.Struct, array_like=True):
    """How far letting go of what is `before` that bucket has come.

    `stage`: of which rows; `slot`: of their pages, or `names` still to be looked at. `used`: charges of the
    payments and refunds that stay.
    """

    before: int
    stage: int = 0
    slot: int = 0
    names: list[str] | None = None
    used: dict[str, None] = {}


class Department(msgspec.Struct):
    """One department's budgets, controls, payments and memory. Amounts are minor units of `currency`.

    `clock_s`: the latest time that took effect. `subjects`: ids of budgets, by level and subject.
    `budget_charges`: periods of budgets and of the lease, by id. `counters`: of windows, by rule and
    subject; `counts_until`: second from which each says nothing any more. `asked`: leases on their way
    from `lender`. `delegations`: by who is away. `contested`: open disputes of a payment, where there are
    any. `scores`: for budgets of alerts,
    where a rule has one. `revision`: grows with what rules are made of. A treasury is a department of its
    own, with nothing but `treasury`; one that is split has one beside the rest.

    What is over is gone by the methods at once, and row by row from what they look in: see
    `streams.core.apply.forgetting`.
    """

    organization_id: str
    department_id: str
    currency: str
    latest_bucket: int
    clock_s: int = 0
    budgets: dict[str, Budget] = {}
    subjects: dict[str, dict[str, list[str]]] = {}
    policy: Policy = Policy()
    policy_version: int = 0
    drafts: dict[int, Policy] = {}
    drafted: int = 0
    cap: Calendar | None = None
    lender: str = TREASURY
    asked: dict[str, int] = {}
    treasury: Treasury | None = None
    periods: dict[str, Period] = {}
    budget_charges: dict[str, list[str]] = {}
    payments: Pages[str, Payment] = msgspec.field(default_factory=Pages)
    expiries: Expiries = msgspec.field(default_factory=Expiries)
    refunds: dict[str, Refund] = {}
    disputes: dict[str, Dispute] = {}
    contested: dict[str, int] = {}
    requests: dict[str, ApprovalRequest] = {}
    delegations: dict[str, Delegation] = {}
    registered: dict[str, CardState] = {}
    counters: dict[str, list[int]] = {}
    counts_until: dict[str, int] = {}
    revision: int = 0
    answers: Pages[str, Answer] = msgspec.field(default_factory=Pages)
    sweep: Sweep | None = None
    scores: ScoreLevels | None = None

    def __post_init__(self) -> None:
        """Which pages were looked through says nothing in another process."""
        if self.sweep is not None:
            self.sweep = Sweep(self.sweep.before)

    @property
    def oldest(self) -> int:
        """The first bucket that is remembered."""
        return self.latest_bucket - BUCKETS_KEPT + 1

    def forgets(self, ends_s: int | None) -> bool:
        """Whether what ended then is over for all that may still come. None: it never ends."""
        return ends_s is not None and ends_s <= self.oldest * BUCKET_S

    @property
    def rows(self) -> int:
        """About what a snapshot of it costs."""
        return self.payments.about + self.answers.about

    def put_budget(self, budget_id: str, budget: Budget) -> None:
        """A new one, or another in its place; level and subject of a budget never change."""
        if budget_id not in self.budgets:
            beside = self.subjects.setdefault(budget.level, {})
            insort(beside.setdefault(budget.subject or "", []), budget_id)
        self.budgets[budget_id] = budget

    def drop_budget(self, budget_id: str) -> None:
        """It no longer limits."""
        gone = self.budgets.pop(budget_id)
        beside, subject = self.subjects[gone.level], gone.subject or ""
        beside[subject].remove(budget_id)
        if not beside[subject]:
            del beside[subject]

    def borrows_from(self, lender: str) -> bool:
        """Whether it approves only what it holds a lease of this lender on."""
        return self.cap is not None and self.lender == lender

    def lent(self, budget_id: str, label: str) -> int:
        """What of a budget's period belongs to its shards."""
        lends = budget_id == DEPARTMENT and self.treasury is not None
        return self.treasury.lent(label) if lends and self.treasury is not None else 0

    def forget_charge(self, id_: str, charge: str) -> None:
        """A period of a budget, or of the lease, is let go of."""
        charges = self.budget_charges[id_]
        charges.remove(charge)
        if not charges:
            del self.budget_charges[id_]

    def answer(self, event_id: str) -> Answer | None:
        """The first answer to this event id, while it is remembered."""
        found = self.answers.get(event_id)
        return found if found is None or found.bucket >= self.oldest else None

    def payment(self, authorization_id: str) -> Payment | None:
        """While it is remembered."""
        found = self.payments.get(authorization_id)
        return found if found is None or self.keeps_payment(authorization_id, found) else None

    def keeps_payment(self, authorization_id: str, payment: Payment) -> bool:
        """For as long as the last event about it; as long as something is held or contested."""
        return (
            payment.bucket > self.latest_bucket - BUCKETS_KEPT
            or payment.held > 0
            or authorization_id in self.contested
        )

    def refund(self, refund_id: str) -> Refund | None:
        """While it is remembered."""
        found = self.refunds.get(refund_id)
        return found if found is None or found.bucket >= self.oldest else None

    def dispute(self, dispute_id: str) -> Dispute | None:
        """While it is remembered: until it is long over."""
        found = self.disputes.get(dispute_id)
        return found if found is None or found.outcome is None or found.bucket >= self.oldest else None

    def request(self, request_id: str) -> ApprovalRequest | None:
        """While it is remembered."""
        found = self.requests.get(request_id)
        return found if found is None or found.bucket >= self.oldest else None


# Raised with every change of what is below: a snapshot of another shape is not read, the log is.
STATE_SHAPE = 7


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
