"""What the verifier knows of a department: totals and terms, as its decisions' effects add up to them."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import msgspec

from infra.verify.calendar import label
from schemas.administration import TREASURY
from schemas.controls import BudgetTerms, Calendar, Card, Level, Policy
from schemas.effects import Charges
from schemas.reasons import DEPARTMENT

DepartmentName = tuple[str, str]  # organization_id, department_id
COMPANY = "company"
RULE = "rule:"
# Payments that nothing was heard of are forgotten by the owner: it remembers these spans of event time.
SPAN_S = 30 * 86_400
SPANS_KEPT = 4


@lru_cache(maxsize=65_536)
def parts(charge: str) -> tuple[str, str]:
    """`ID@LABEL` apart: what limits, and which period of it."""
    what, _, label = charge.rpartition("@")
    return what, label


class Totals(msgspec.Struct, gc=False):
    """A charged period in minor units.

    `limit`: its own, of a budget's period in which something was counted. `told`: what a decision said last.
    """

    posted: int = 0
    held: int = 0
    limit: int | None = None
    told: int | None = None

    @property
    def used(self) -> int:
        """What takes room: refunds give back at most what was posted here."""
        return max(0, self.posted) + self.held


class Earlier(NamedTuple):
    """What the books say of a payment besides what its owner knows, in minor units.

    From before it was forgotten; and refunds that came when it was not known.
    """

    posted: int = 0
    refunded: int = 0
    disputed: int = 0
    recovered: int = 0
    answered: bool = False
    voided: bool = False


NEW = Earlier()


#: Cardholder, key of the merchant's name, MCC.
About = tuple[str | None, str | None, str | None]


class Payment(msgspec.Struct, gc=False):
    """One authorization in minor units, as its effects add up.

    `charges`: fixed when money is first seen. `answer`: of its request; `advised`: what its last advice said.
    `in_part`: approved for less than was asked. `opened`: seq of the answer to its request;
    `opened_span`: span of that event's time. `voided`: event ids of requests that timed out before one was
    judged, "" for any. `authorized`: by its first approval. `settled`: a final
    clearing came. `recovered`: won in disputes. `valid_days`, `expires_s`: of its hold. `touched`: span of
    time of the last event about it. `first_seq`, `seq`: of the decisions about it. `ghost`: nobody knows it
    but refunds that name it. `since`: seq of the decision that made it known; `granted`: approved by a
    request or an advice; `closed`: the cause that ended its hold. `foreign`: currency and rate of that
    approval; `clearings`: how many came. `begun_s`, `about`, `flagged`, `review`, `score`: what lists go by;
    `case`: how somebody's look at it stands; `label`: the latest; `shown`:
    by an answer, no longer by what was first heard of it.
    """

    charges: Charges = ()
    since: int = -1
    granted: bool = False
    closed: str = ""
    foreign: tuple[str, str] | None = None
    clearings: int = 0
    answer: str | None = None
    advised: bool | None = None
    in_part: bool = False
    opened: int = -1
    opened_span: int = 0
    voided: tuple[str, ...] = ()
    settled: bool = False
    requested: int = 0
    authorized: int = 0
    held: int = 0
    expired: int = 0
    posted: int = 0
    refunded: int = 0
    disputed: int = 0
    recovered: int = 0
    expires_s: int = 0
    valid_days: int = 0
    touched: int = 0
    first_seq: int = -1
    seq: int = -1
    earlier: Earlier = NEW
    ghost: bool = False
    begun_s: int = 0
    about: About = (None, None, None)
    shown: bool = False
    flagged: bool = False
    review: bool = False
    score: float = -1.0
    case: str | None = None
    label: str | None = None

    @property
    def answered(self) -> bool:
        """By a request or an advice."""
        return self.answer is not None or self.advised is not None

    @property
    def judged(self) -> bool:
        """Whether a request or an advice of it took effect; one that had timed out never did."""
        return self.answered and not self.voided

    def voids(self, request_id: str) -> bool:
        """Whether this request had timed out before it came."""
        return "" in self.voided or request_id in self.voided

    def anew(self, span: int, seq: int) -> Payment:
        """The same id again, after all that was known of it was forgotten."""
        before = self.earlier
        return Payment(
            in_part=self.in_part,
            requested=self.requested,
            authorized=self.authorized,
            expired=self.expired,
            touched=span,
            first_seq=self.first_seq,
            since=seq,
            begun_s=self.begun_s,
            about=self.about,
            shown=self.shown,
            flagged=self.flagged,
            review=self.review,
            score=self.score,
            case=self.case,
            label=self.label,
            earlier=Earlier(
                before.posted + self.posted,
                before.refunded + self.refunded,
                before.disputed + self.disputed,
                before.recovered + self.recovered,
                before.answered or self.answered,
                before.voided or bool(self.voided),
            ),
        )

    @property
    def net(self) -> int:
        """What can still be disputed or taken back."""
        return self.posted - self.refunded - self.disputed


class Refund(msgspec.Struct, gc=False):
    """What came back under one id: `amount` minor units in all, of which `undone` were taken back.

    `left`: of the last one that may still be. An id that was forgotten may come again, and what was forgotten
    is taken back by nobody. `named`: the payment that it came for; `authorization_id`: the same, if that was
    known.
    """

    charges: Charges
    named: str | None
    authorization_id: str | None
    amount: int
    undone: int
    left: int
    touched: int
    seq: int


class Dispute(msgspec.Struct, gc=False):
    """A dispute; `outcome` None: open."""

    authorization_id: str
    amount: int
    provisional: bool
    touched: int
    outcome: str | None = None


class Origin(NamedTuple):
    """The decision that made something what it is: its place, who did it, and when, in seconds."""

    seq: int
    actor: str | None
    at_s: int


class Budget(msgspec.Struct, gc=False):
    """A budget in force. `increases`: (from second, until second, minor units); `origin`: its last change."""

    level: Level
    subject: str | None
    name: str
    limit: int
    tolerance: int
    calendar: Calendar
    increases: list[tuple[int, int, int]]
    origin: Origin

    def increase(self, at_s: int) -> int:
        """Minor units more that are in force at `at_s`."""
        return sum(amount for since, until, amount in self.increases if since <= at_s < until)


class Request(msgspec.Struct, gc=False):
    """What somebody asked for. `levels`: who may approve at each, anybody else if empty.

    `answers`: (who approved, for whom), himself or whom he stood in for. `refused_by`: (who, for whom),
    once for each refusal, so that a second one is seen. `span`: of an increase, from second (0: with the
    last approval), until second; else `budget` is what the last approval sets, and `card` what it
    registers. `lapses_s`: 0: that was not said. `seq`: of the last decision about it; `touched`: span of
    time of its event.
    """

    budget_id: str
    amount: int
    asked_by: str
    levels: tuple[tuple[str, ...], ...]
    span: tuple[int, int]
    reason: str | None
    seq: int
    answers: tuple[tuple[str, str], ...] = ()
    refused_by: tuple[tuple[str, str], ...] = ()
    refusal_reason: str | None = None
    touched: int = 0
    lapses_s: int = 0
    lapsed: bool = False
    budget: BudgetTerms | None = None
    card: Card | None = None

    @property
    def kind(self) -> str:
        return "increase" if self.budget is None else "card" if self.card is not None else "budget"

    @property
    def status(self) -> str:
        if self.refused_by:
            return "refused"
        if self.lapsed:
            return "lapsed"
        return "approved" if len(self.answers) >= len(self.levels) else "waiting"


class Delegation(msgspec.Struct, gc=False):
    """Who answers for somebody, from second until second; `ended_by`: who took that back, if anybody did."""

    delegate: str
    starts_s: int
    until_s: int
    set_by: str
    seq: int
    ended_by: str | None = None

    def holds(self, now_s: int) -> bool:
        """Whether he answers at this time."""
        return self.ended_by is None and self.starts_s <= now_s < self.until_s


class Department(msgspec.Struct):
    """One department. `gone`: budgets taken away. `periods`: by charge.

    `policies`: by version; 0: the default one, as the log said it last. `increases`: (minor units, from
    second, until second) of all that were ever set, by budget and seq. `due`: a heap of (second,
    authorization id), some out of date. `leases`: what `lender` lends it, by period; `asked`: periods of
    which more was asked for and nothing came yet; `cap`: the cap's calendar, None where there is none.
    `lent`: of its own budget to its shards, by period. `lapsing`: a request has said when it lapses.
    """

    currency: str
    clock_s: int = 0
    latest_span: int = 0
    budgets: dict[str, Budget] = {}
    gone: dict[str, Budget] = {}
    increases: dict[tuple[str, int], tuple[int, int, int]] = {}
    policies: dict[int, Policy] = {}
    policy: Policy = Policy()
    policy_version: int = 0
    cards: dict[str, Card] = {}
    periods: dict[str, Totals] = {}
    payments: dict[str, Payment] = {}
    refunds: dict[str, Refund] = {}
    disputes: dict[str, Dispute] = {}
    requests: dict[str, Request] = {}
    delegations: dict[str, Delegation] = {}
    lapsing: bool = False
    due: list[tuple[int, str]] = []
    cap: Calendar | None = None
    leases: dict[str, int] = {}
    asked: set[str] = set()
    lender: str = TREASURY
    lent: dict[str, int] = {}

    def totals(self, charge: str) -> Totals:
        found = self.periods.get(charge)
        if found is None:
            found = self.periods[charge] = Totals()
        return found

    def counted(self, charge: str) -> Totals:
        """The period, in which something counts: from now on it has a limit of its own."""
        totals = self.totals(charge)
        if totals.limit is None:
            budget = self.budgets.get(parts(charge)[0])
            totals.limit = budget.limit if budget else 0
        return totals

    def room(self, period: str) -> int:
        """What of its own budget, increases aside, it neither uses nor lends; 0 if over and empty."""
        budget, totals = self.budgets[DEPARTMENT], self.periods.get(f"{DEPARTMENT}@{period}")
        if totals is not None and totals.limit is not None:
            return totals.limit - totals.used
        return budget.limit if period >= label(budget.calendar, self.clock_s) else 0

    def expect(self, authorization_id: str, payment: Payment) -> None:
        """The payment's hold will lapse."""
        heapq.heappush(self.due, (payment.expires_s, authorization_id))

    def known(self, authorization_id: str | None) -> Payment | None:
        """The payment, unless its owner never heard of it or has forgotten it."""
        payment = self.payments.get(authorization_id or "")
        return None if payment is None or payment.ghost or self.forgotten(payment) else payment

    def forgotten(self, payment: Payment) -> bool:
        """Whether its owner has forgotten the payment: nothing held or in dispute, nothing moved for long."""
        return not payment.held and payment.disputed == payment.recovered and self.past(payment.touched)

    @property
    def charged(self) -> Iterator[str]:
        """The periods that payments and refunds which are remembered count in."""
        for payment in self.payments.values():
            if not payment.ghost and not self.forgotten(payment):
                yield from payment.charges
        for refund in self.refunds.values():
            if not self.past(refund.touched):
                yield from refund.charges

    def past(self, span: int) -> bool:
        """Whether what was last touched in this span of time is forgotten."""
        return span <= self.latest_span - SPANS_KEPT
