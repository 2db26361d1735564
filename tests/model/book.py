"""What the model knows of a department: records as they came, and totals that are summed anew each time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from schemas.controls import Calendar, Card, Level, Policy, SpendLimit
from schemas.defaults import default_policy
from tests.model.calendars import EPOCH, MEMORY_SPAN, SPANS_BEFORE, period_of
from tests.model.records import (
    Billing,
    Budget,
    CardUse,
    Counted,
    Dispute,
    IncreaseRequest,
    Payment,
    Refund,
    Remembered,
    Terms,
    Treasury,
    is_charged,
)

#: How many spans longer what a removed budget or rule had counted is remembered.
GONE_SPANS = 13


@dataclass
class Department:
    """`payments`, `refunds`, `disputes`: those that are remembered; `every_...`: all that ever were.

    `terms`: of each budget id, the oldest first. `since`: the decision from which on a charged period counts
    anew, because its budget or rule had been gone for too long.
    """

    id: str
    currency: str = ""
    clock: datetime | None = None
    latest_span: int | None = None
    remembered: dict[str, Remembered] = field(default_factory=dict)
    budgets: dict[str, Budget] = field(default_factory=dict)
    terms: dict[str, list[Terms]] = field(default_factory=dict)
    requests: dict[str, IncreaseRequest] = field(default_factory=dict)
    policies: dict[int, Policy] = field(default_factory=dict)
    latest_version: int = 0
    version: int = 0
    own_policy: Policy | None = None
    counted: dict[tuple[str, str], list[Counted]] = field(default_factory=dict)
    cards: dict[str, Card] = field(default_factory=dict)
    uses: dict[str, CardUse] = field(default_factory=dict)
    payments: dict[str, Payment] = field(default_factory=dict)
    refunds: dict[str, Refund] = field(default_factory=dict)
    disputes: dict[str, Dispute] = field(default_factory=dict)
    every_payment: list[Payment] = field(default_factory=list)
    every_refund: list[Refund] = field(default_factory=list)
    every_dispute: list[Dispute] = field(default_factory=list)
    since: dict[str, int] = field(default_factory=dict)
    cap: Calendar | None = None
    leases: dict[str, int] = field(default_factory=dict)
    lease_moved: dict[str, int] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)
    treasury: Treasury | None = None

    def decided(self, event_id: str) -> Remembered | None:
        """How an event of this id was answered, while that is remembered."""
        known = self.remembered.get(event_id)
        return known if known and known.span >= (self.latest_span or 0) - SPANS_BEFORE else None

    @property
    def exists(self) -> bool:
        return "department" in self.budgets

    @property
    def policy(self) -> Policy:
        return self.own_policy or default_policy(self.currency)

    @property
    def zone(self) -> str:
        return self.budgets["department"].calendar.time_zone

    def held(self, key: str, lapsed: frozenset[str] = frozenset()) -> int:
        """What is held in a charged period; `lapsed`: payments whose holds are thought away."""
        return sum(
            payment.held
            for payment in self.payments.values()
            if payment.held and payment.id not in lapsed and key in payment.charges
        )

    def used(self, key: str, lapsed: frozenset[str] = frozenset()) -> int:
        """What takes room in a charged period: more refunds than postings give none."""
        return max(0, self.posted(key)) + self.held(key, lapsed)

    def posted(self, key: str) -> int:
        """What was settled in a charged period, less refunds and won disputes."""
        posted = sum(
            payment.posted - self.won(payment) for payment in self.every_payment if self._counts(payment, key)
        )
        return posted - sum(refund.left for refund in self.every_refund if self._counts(refund, key))

    def _counts(self, one: Payment | Refund, key: str) -> bool:
        billing = one.billing
        return billing is not None and key in billing.keys and billing.seq >= self.since.get(key, 0)

    def won(self, payment: Payment) -> int:
        return sum(d.amount for d in self.every_dispute if d.payment is payment and d.outcome == "won")

    def disputed(self, payment: Payment) -> int:
        return sum(d.amount for d in self.every_dispute if d.payment is payment and d.counts)

    def refunded(self, payment: Payment) -> int:
        return sum(refund.left for refund in self.every_refund if refund.payment is payment)

    def settled(self, payment: Payment) -> int:
        """What of a payment may still be disputed or undone."""
        return payment.posted - self.refunded(payment) - self.disputed(payment)

    def forget(self, oldest: int, seq: int) -> None:
        """What no event was about since the 30-day span `oldest` began is unknown, when it is over."""
        disputed = [d.payment.id for d in self.disputes.values() if d.outcome is None]
        for name, payment in list(self.payments.items()):
            if payment.moved < oldest and not payment.held and name not in disputed:
                del self.payments[name]
        for name, refund in list(self.refunds.items()):
            if refund.moved < oldest:
                del self.refunds[name]
        for name, request in list(self.requests.items()):
            if request.moved < oldest:
                del self.requests[name]
        for name, dispute in list(self.disputes.items()):
            if dispute.moved < oldest and dispute.outcome is not None:
                del self.disputes[name]
        self._forget_leases(oldest)
        charged: list[Payment | Refund] = [*self.every_payment, *self.every_refund]
        for key in self.charged_periods():
            moved = max(one.moved for one in charged if key in one.charges)
            if self.calendar_of(key) is None and moved < oldest - GONE_SPANS and self.may_be_forgotten(key):
                self.since[key] = seq

    def _forget_leases(self, oldest: int) -> None:
        """Those of periods in which nothing can happen any more: nobody could tell."""
        if self.cap is None:
            return
        begins = period_of(self.cap, self.oldest).label
        remembered: list[Payment | Refund] = [*self.payments.values(), *self.refunds.values()]
        for label in [label for label in self.leases if label < begins]:
            used = any(f"company@{label}" in one.charges for one in remembered)
            if self.lease_moved[label] < oldest and not used:
                del self.leases[label]

    def charged_rule(self, rule_id: str) -> SpendLimit | None:
        """The rule of this id that payments are charged to; None when there is none in force."""
        rules = (rule for rule in self.policy.rules if is_charged(rule))
        return next((rule for rule in rules if rule.rule_id == rule_id), None)

    def calendar_of(self, key: str) -> Calendar | None:
        """That of a charge; None when its budget or rule is gone."""
        name = key.rpartition("@")[0]
        if name == "company":
            return self.cap
        if name.startswith("rule:"):
            rule = self.charged_rule(name.split(":", 2)[1])
            return rule.calendar if rule else None
        budget = self.budgets.get(name)
        return budget.calendar if budget else None

    def billings(self, key: str) -> list[Billing]:
        """Every time that this period was charged for the first time by a payment or refund."""
        charged: list[Payment | Refund] = [*self.every_payment, *self.every_refund]
        return [one.billing for one in charged if one.billing and self._counts(one, key)]

    def limit(self, budget: Budget, key: str, within: datetime) -> int:
        """The budget's limit in the period `key`, which holds `within`; increases aside.

        A period that is over keeps the limit that it had, if something was charged to it before.
        """
        end = period_of(budget.calendar, within).end
        first = min((billing.seq for billing in self.billings(key)), default=None)
        holding = [
            terms
            for terms in self.terms[budget.id]
            if end is None or terms.since < end or first is None or terms.seq < first
        ]
        return holding[-1].limit

    def tolerance(self, budget: Budget) -> int:
        """The same for all periods."""
        return self.terms[budget.id][-1].tolerance

    def may_be_forgotten(self, key: str) -> bool:
        """Whether a charged period ended before `oldest`, and nothing that is remembered can move it."""
        calendar, label = self.calendar_of(key), key.rpartition("@")[2]
        periods = [period_of(calendar, one.at) for one in self.billings(key)] if calendar else []
        # Another label: a rule with this id had another calendar, which cuts no period any more.
        over = all(period.label != label or (period.end and period.end <= self.oldest) for period in periods)
        remembered: list[Payment | Refund] = [*self.payments.values(), *self.refunds.values()]
        return over and not any(key in one.charges for one in remembered)

    @property
    def oldest(self) -> datetime:
        """The beginning of what is remembered."""
        return EPOCH + ((self.latest_span or 0) - SPANS_BEFORE) * MEMORY_SPAN

    def charged_periods(self) -> Iterator[str]:
        """Every period that was ever charged, each once."""
        seen: set[str] = set()
        for payment in self.every_payment:
            seen.update(payment.charges)
        for refund in self.every_refund:
            seen.update(refund.charges)
        yield from sorted(seen)

    def employee(self, card_id: str | None, cardholder: str | None) -> str | None:
        card = self.cards.get(card_id or "")
        return (card.employee if card else None) or cardholder

    def team(self, card_id: str | None) -> str | None:
        card = self.cards.get(card_id or "")
        return card.team if card else None

    def subject(self, level: Level, card_id: str | None, cardholder: str | None) -> str | None:
        """Who of this level a payment of this card belongs to."""
        match level:
            case "department":
                return "department"
            case "team":
                return self.team(card_id)
            case "card":
                return card_id
            case _:
                return self.employee(card_id, cardholder)
