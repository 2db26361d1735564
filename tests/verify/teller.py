"""The people of a seeded story: they set budgets, policies, cards and a cap, whether it fits or not."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from schemas.controls import (
    Action,
    ApprovalLevel,
    Block,
    Calendar,
    Card,
    Match,
    Policy,
    RuleScope,
    ScoreLimit,
    SpendLimit,
)
from schemas.events import (
    BudgetIncreased,
    BudgetRemoved,
    BudgetRequested,
    BudgetSet,
    CapSet,
    CardCanceled,
    CardFrozen,
    CardRequested,
    CardSet,
    CardUnfrozen,
    ClearingPresented,
    DelegationEnded,
    DelegationSet,
    DepartmentSplit,
    Event,
    IncreaseApproved,
    IncreaseRequested,
    Merchant,
    PolicyActivated,
    PolicyDrafted,
    RequestApproved,
    RequestRefused,
)
from schemas.money import Money, PositiveMoney
from tests.verify.logs import Company

START = datetime(2026, 9, 1, 8, tzinfo=UTC)
DEPARTMENTS = ("engineering", "sales", "ops")
WIDE, SHARDS = "wide", ("wide-1", "wide-2")  # in no cap
SPENDERS = (*DEPARTMENTS, *DEPARTMENTS, WIDE, *SHARDS)
MERCHANTS = (
    Merchant(name="Hotel Adler", mcc="7011", country="DE"),
    Merchant(name="Night  Bar", mcc="5813", country="FR"),
    Merchant(name="Cloud Inc", mcc="7372", country="US", id="cloud-1"),
)
NAMED = ("ann", "bob", "cleo")
PEOPLE = (*NAMED, *NAMED, None)
APPROVALS = (
    (),
    (ApprovalLevel("first"), ApprovalLevel("chief", 20_000, ("ann", "bob"))),
    (ApprovalLevel("lead", 0, ("ann", "bob")), ApprovalLevel("chief", 10_000, ("bob",))),
)


class Teller:
    """Tells events to a company: what people set. The same seed tells the same.

    `late`: some events come days after they occurred.
    """

    def __init__(self, seed: int, *, cap: bool = True, late: bool = False) -> None:
        self.company = Company()
        self._late = late
        self._capped = cap
        self._rng = random.Random(seed)
        self._ids = count(1)
        self._now = START
        self._payments: list[tuple[str, str]] = []
        self._refunds: list[tuple[str, str]] = []
        self._disputes: list[tuple[str, str]] = []
        self._postings: list[tuple[str, str, int]] = []
        self._requests: list[tuple[str, str]] = []
        self._limits: list[tuple[str, str]] = []
        self._away: list[tuple[str, str]] = []
        self._repeats: list[tuple[Event, datetime]] = []
        for department in DEPARTMENTS:
            self._tell(
                BudgetSet, department, name=department.title(), limit=Money(300_000, "USD"), tolerance=500
            )
        self._tell(BudgetSet, WIDE, name="Wide", limit=Money(300_000, "USD"))
        if cap:
            self._tell(DepartmentSplit, WIDE, shards=SHARDS)
        for shard in SHARDS:
            of = WIDE if cap else None
            self._tell(BudgetSet, shard, name="Wide", limit=Money(300_000, "USD"), shard_of=of)
        if cap:
            self._tell(
                CapSet,
                "_treasury",
                limit=Money(500_000, "USD"),
                departments=DEPARTMENTS,
                calendar=Calendar("month", "Europe/Berlin"),
            )

    def _tell(self, kind: type[Event], department: str, **members: Any) -> None:
        event_id = members.pop("event_id", None) or f"e{next(self._ids)}"
        at = self._now
        if self._late and self._rng.random() < 0.1:
            at -= timedelta(days=self._rng.choice((0, 1, 8, 40)), seconds=self._rng.random() * 80_000)
        event = kind(
            event_id=event_id, organization_id="acme", department_id=department, occurred_at=at, **members
        )
        self._repeats.append((event, at))
        decision = self.company.decide(event, self._now)
        if kind is ClearingPresented and decision.outcome == "accepted":
            self._postings.append((department, members["authorization_id"], decision.seq))

    def _amount(self, top: int = 40_000) -> PositiveMoney:
        return PositiveMoney(self._rng.randint(1, top), "USD")

    def _card_id(self, department: str) -> str:
        return f"{department}-card-{self._rng.randint(1, 4)}"

    def _payment(self, department: str) -> str:
        """Mostly one that is known, and mostly a recent one."""
        known = [name for owner, name in self._payments[-60:] if owner == department]
        if known and self._rng.random() < 0.93:
            return self._rng.choice(known)
        return self._new_payment(department)

    def _new_payment(self, department: str) -> str:
        name = f"a{next(self._ids)}"
        self._payments.append((department, name))
        return name

    def _foreign(self, amount: PositiveMoney) -> dict[str, Any]:
        if self._rng.random() < 0.7:
            return {}
        rate = self._rng.choice(("1.1", "1.25"))
        foreign = round(amount.minor / float(rate))
        if not foreign or abs(foreign * float(rate) - amount.minor) > 0.9:
            return {}
        return {"merchant_amount": PositiveMoney(foreign, "EUR"), "rate": rate}

    # -- what people set

    def _budget(self, department: str) -> None:
        level = self._rng.choice(("department", "team", "card", "employee"))
        subject = {"department": None, "team": "alpha", "card": f"{department}-card-1", "employee": "ann"}[
            level
        ]
        if self._limits and self._rng.random() < 0.25:
            department, budget_id = self._rng.choice(self._limits)
            self._tell(BudgetRemoved, department, budget_id=budget_id)
            return
        self._limits += [] if subject is None else [(department, f"{level}:{subject}")]
        period = {"department": "month", "team": "quarter", "card": "day", "employee": "week"}[level]
        self._tell(
            BudgetSet,
            department,
            name=f"{level} budget",
            limit=Money(self._rng.randint(50_000, 400_000), "USD"),
            level=level,
            subject=subject,
            tolerance=self._rng.choice((0, 1_000)),
            period=period,
            time_zone="UTC" if level == "department" else "America/New_York",
            start_day=1 if level != "employee" else 3,
        )

    def _more(self, department: str) -> None:
        self._tell(
            BudgetIncreased,
            department,
            amount=self._amount(),
            starts_at=self._rng.choice((None, self._now + timedelta(days=2))),
            ends_at=self._now + timedelta(days=self._rng.choice((1, 5, 20))),
            budget_id=self._rng.choice(("department", "team:alpha")),
        )

    def _ask(self, department: str) -> None:
        name = f"i{next(self._ids)}"
        self._requests.append((department, name))
        common: dict[str, Any] = {
            "request_id": name,
            "actor": self._rng.choice(PEOPLE),
            "reason": self._rng.choice((None, "a trade fair")),
        }
        match self._rng.randrange(4):
            case 0:
                card = Card(card_id=f"asked-{name}", employee=self._rng.choice((None, "Ada")))
                self._tell(CardRequested, department, card=card, limit=self._amount(), **common)
            case 1:
                limit = Money(self._rng.randint(50_000, 400_000), "USD")
                subject = self._rng.choice(("alpha", "gamma"))
                self._tell(
                    BudgetRequested,
                    department,
                    name="team",
                    level="team",
                    subject=subject,
                    limit=limit,
                    **common,
                )
            case _:
                ends_at = self._now + timedelta(days=self._rng.choice((5, 20, 60)))
                self._tell(IncreaseRequested, department, amount=self._amount(), ends_at=ends_at, **common)

    def _answer(self, department: str) -> None:
        department, name = self._rng.choice(self._requests[-3:] or [(department, "i0")])
        kind = self._rng.choice((RequestApproved, RequestApproved, IncreaseApproved, RequestRefused))
        more = {"reason": self._rng.choice((None, "not now"))} if kind is RequestRefused else {}
        self._tell(kind, department, request_id=name, actor=self._rng.choice(PEOPLE), **more)

    def _stand_in(self, department: str) -> None:
        """Mostly set by who is away; and taken back by anybody, mostly of somebody who is."""
        if self._away and self._rng.random() < 0.4:
            department, absent = self._rng.choice(self._away[-3:])
            self._tell(DelegationEnded, department, absent=absent, actor=self._rng.choice(PEOPLE))
            return
        absent, delegate, other = (self._rng.choice(NAMED) for _ in range(3))
        self._away.append((department, absent))
        self._tell(
            DelegationSet,
            department,
            absent=absent,
            delegate=delegate,
            starts_at=self._rng.choice((None, None, self._now + timedelta(days=1))),
            until=self._now + timedelta(days=self._rng.choice((1, 5, 20))),
            actor=self._rng.choice((absent, absent, other)),
        )

    def _policy(self, department: str) -> None:
        if self._rng.random() < 0.3:
            self._tell(PolicyActivated, department, policy_version=self._rng.randint(0, 3))
            return
        amount = self._rng.randint(20_000, 90_000)
        rules = (
            SpendLimit(rule_id="each", window="transaction", amount=amount, per="department"),
            SpendLimit(rule_id="daily", window="calendar", calendar=Calendar("day"), amount=amount),
            SpendLimit(
                rule_id="bars",
                window="calendar",
                calendar=Calendar("month", start_day=15),
                amount=amount // 4,
                per="employee",
                only=Match(mcc_groups=("alcohol",), entry_modes=("chip",)),
            ),
            SpendLimit(
                rule_id="alpha-hotels",
                scope=RuleScope("team", "alpha"),
                window="calendar",
                calendar=Calendar("quarter", start_month=2),
                amount=amount * 3,
                per="team",
                only=Match(merchants_containing=("HOTEL",)),
            ),
            SpendLimit(rule_id="often", window="rolling", seconds=90_000, count=6),
            Block(rule_id="no-france", what=Match(countries=("FR",))),
        )
        chosen = tuple(rule for rule in rules if self._rng.random() < 0.6)
        action: Action = ("decline", "review", "shadow")[amount % 3]
        likely = ScoreLimit(rule_id="likely", least=200_000, action=action)
        daily = ScoreLimit(
            rule_id="alerts", least=1 + amount % 300_000, a_day=1 + amount % 3, action="review"
        )
        approvals = self._rng.choice(APPROVALS)
        policy = Policy(
            rules=(*chosen, likely, daily),
            hold_days=self._rng.choice((3, 7)),
            approvals=approvals,
            label_won_disputes=amount % 2 == 0,
        )
        self._tell(PolicyDrafted, department, policy=policy, activate=self._rng.random() < 0.8)

    def _card(self, department: str) -> None:
        card = Card(
            card_id=self._card_id(department),
            employee=self._rng.choice(("ann", "cleo", None)),
            team=self._rng.choice(("alpha", None)),
            single_use=self._rng.random() < 0.2,
            lock_to_first=self._rng.random() < 0.2,
        )
        self._tell(CardSet, department, card=card)

    def _freeze(self, department: str) -> None:
        kind = self._rng.choice((CardFrozen, CardUnfrozen, CardUnfrozen, CardCanceled))
        self._tell(kind, department, card_id=self._card_id(department))

    def _cap(self, department: str) -> None:
        self._tell(
            CapSet,
            "_treasury",
            limit=Money(self._rng.randint(300_000, 900_000), "USD"),
            departments=DEPARTMENTS,
            calendar=Calendar("month", "Europe/Berlin"),
        )
