"""TechCorp's month: departments, cards, rules and purchases that the pages have something to show of.

Pure and deterministic: the same seed, organization and moment give the same events.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple, TypedDict

from schemas.controls import ApprovalLevel, Block, Calendar, Card, Match, Policy, SpendLimit
from schemas.events import (
    AuthorizationRequested,
    AuthorizationReversed,
    BudgetSet,
    CardFrozen,
    CardSet,
    ClearingPresented,
    DisputeOpened,
    Event,
    IncreaseRequested,
    Merchant,
    PolicyDrafted,
    RefundPresented,
)
from schemas.money import Money, PositiveMoney

CURRENCY: Final = "USD"
#: Above it one purchase is suspected fraud, minor units.
LARGE: Final = 5_000_000
MANAGER: Final = "carol@techcorp.com"


class _Where(TypedDict):
    organization_id: str
    department_id: str
    occurred_at: datetime


class MonthOffice(NamedTuple):
    """A department of TechCorp. `dollars`: a month; `purchases`: in a month; `shops`: merchant, MCC, usual
    amount in dollars."""

    id: str
    name: str
    dollars: int
    purchases: int
    holders: tuple[str, ...]
    shops: tuple[tuple[str, str, float], ...]


OFFICES: Final = (
    MonthOffice(
        "engineering",
        "Engineering",
        50_000,
        170,
        ("alice", "bob", "dmitri", "erin", "farah"),
        (
            ("AWS", "7372", 310),
            ("GitHub", "7372", 84),
            ("JetBrains", "5734", 130),
            ("Digi-Key", "5065", 175),
            ("Linode", "7372", 96),
            ("Blue Bottle Coffee", "5814", 14),
        ),
    ),
    # Most purchases are of one department: the model knows it after a thousand.
    MonthOffice(
        "sales",
        "Sales",
        25_000,
        1_150,
        ("grace", "hugo", "ines", "jamal", "keiko", "liam", "maya", "noor"),
        (
            ("Uber", "4121", 19),
            ("Chipotle", "5814", 13),
            ("Shell", "5541", 32),
            ("Blue Bottle Coffee", "5814", 8),
            ("Marriott", "3509", 62),
            ("Staples", "5943", 17),
        ),
    ),
    MonthOffice(
        "marketing",
        "Marketing",
        18_000,
        90,
        ("olga", "pablo", "quinn"),
        (
            ("Google Ads", "7311", 240),
            ("Meta Platforms", "7311", 205),
            ("Canva", "7372", 45),
            ("FedEx", "4215", 57),
        ),
    ),
    MonthOffice(
        "operations",
        "Operations",
        12_000,
        110,
        ("rosa", "sven", "tomoko"),
        (
            ("Grainger", "5085", 96),
            ("Home Depot", "5200", 74),
            ("FedEx", "4215", 41),
            ("Hertz", "3357", 88),
        ),
    ),
)
FROZEN: Final = "card_sven"
TEAMS: Final = {"dmitri": "web", "erin": "web", "farah": "platform"}


def employee(holder: str) -> str:
    return f"{holder}@techcorp.com"


def policy(office: MonthOffice) -> Policy:
    """What TechCorp's finance manager has set. Large increases need a second person."""
    return Policy(
        rules=(
            Block(
                rule_id="blacklist",
                fraud=True,
                what=Match(
                    merchants=(
                        "SUSPICIOUS_VENDOR_1",
                        "BLACKLISTED_MERCHANT",
                        "FRAUD_CORP",
                        "SCAM_ENTERPRISES",
                    )
                ),
            ),
            Block(rule_id="no-gambling", what=Match(mcc_groups=("gambling",))),
            SpendLimit(rule_id="large-amount", window="transaction", amount=office.dollars * 100, fraud=True),
            SpendLimit(
                rule_id="meals-a-day",
                window="calendar",
                calendar=Calendar("day", "America/New_York"),
                amount=20_000 if office.id == "operations" else 12_000,  # it caters
                only=Match(mcc_groups=("restaurant",)),
            ),
            SpendLimit(
                rule_id="electronics-are-looked-at",
                window="transaction",
                amount=150_000,
                action="review",
                only=Match(mcc_groups=("electronics",)),
            ),
        ),
        approvals=(ApprovalLevel("manager", 0, (MANAGER,)),),
    )


def settings(organization: str, at: datetime) -> Iterator[Event]:
    """Budgets, policies and cards, as of `at`."""
    for office in OFFICES:
        where = _Where(organization_id=organization, department_id=office.id, occurred_at=at)
        yield BudgetSet(
            event_id=f"month-budget-{office.id}",
            **where,
            actor=MANAGER,
            name=office.name,
            limit=Money(office.dollars * 100, CURRENCY),
        )
        yield PolicyDrafted(
            event_id=f"month-policy-{office.id}",
            **where,
            actor=MANAGER,
            policy=policy(office),
            activate=True,
        )
        for team in sorted({TEAMS[holder] for holder in office.holders if holder in TEAMS}):
            yield BudgetSet(
                event_id=f"month-team-{team}",
                **where,
                actor=MANAGER,
                name=team.capitalize(),
                limit=Money(office.dollars * 20, CURRENCY),
                level="team",
                subject=team,
            )
        for n, holder in enumerate(office.holders):
            card = Card(
                card_id=f"card_{holder}",
                employee=employee(holder),
                team=TEAMS.get(holder),
                last_four=f"{4242 + 137 * n + len(office.id) * 31}"[:4],
            )
            yield CardSet(event_id=f"month-card-{holder}", **where, actor=MANAGER, card=card)


def purchases(
    organization: str,
    until: datetime,
    *,
    seed: int = 7,
    span: timedelta = timedelta(days=27),
    share: float = 1,
) -> list[Event]:
    """A month of purchases before `until` and what followed each, in the order of their time. `share`: of the
    purchases that there would be."""
    rng = random.Random(seed)
    events: list[Event] = []
    for office in OFFICES:
        for n in range(max(1, round(office.purchases * share))):
            at = _moment(rng, until - span, until)
            events.extend(_life(rng, organization, office, f"{office.id}-{n:04d}", at, until))
    events.extend(_known(organization, until))
    return sorted(events, key=lambda event: event.occurred_at)


def _moment(rng: random.Random, start: datetime, until: datetime) -> datetime:
    while True:
        at = start + (until - start) * rng.random()
        if at.weekday() < 5 or rng.random() < 0.15:
            at = at.replace(hour=min(22, max(7, round(rng.gauss(16, 3)))))
            if start <= at < until:
                return at.astimezone(UTC).replace(microsecond=0)


def _life(
    rng: random.Random, organization: str, office: MonthOffice, name: str, at: datetime, until: datetime
) -> Iterator[Event]:
    """One purchase and what follows within the month."""
    asked = _asked(rng, organization, office, name, at)
    minor = asked.amount.minor
    yield asked
    luck, settled = rng.random(), at + timedelta(hours=rng.uniform(5, 50))
    if settled >= until:
        return
    if luck < 0.9:
        share = 1.0 if luck < 0.8 else rng.uniform(0.6, 1.1)
        yield _clearing(asked, settled, max(1, round(minor * share)))
        if luck < 0.03 and settled + timedelta(days=2) < until:
            yield RefundPresented(
                event_id=f"month-ref-{name}",
                organization_id=organization,
                department_id=office.id,
                occurred_at=settled + timedelta(days=2),
                authorization_id=asked.authorization_id,
                card_id=asked.card_id,
                amount=PositiveMoney(max(1, minor // 2), CURRENCY),
                merchant=asked.merchant,
            )
    elif luck < 0.94:
        yield AuthorizationReversed(
            event_id=f"month-rev-{name}",
            organization_id=organization,
            department_id=office.id,
            occurred_at=settled,
            authorization_id=asked.authorization_id,
        )


def purchase_now(rng: random.Random, organization: str, name: str, at: datetime) -> AuthorizationRequested:
    """One purchase of somebody, as in the month."""
    office = rng.choices(OFFICES, [office.purchases for office in OFFICES])[0]
    return _asked(rng, organization, office, name, at)


def _asked(
    rng: random.Random, organization: str, office: MonthOffice, name: str, at: datetime
) -> AuthorizationRequested:
    holder = office.holders[min(int(rng.expovariate(0.6)), len(office.holders) - 1)]
    shop, mcc, usual = office.shops[min(int(rng.expovariate(0.7)), len(office.shops) - 1)]
    minor = max(100, round(usual * 100 * rng.lognormvariate(0, 0.35)))
    merchant = Merchant(name=shop, mcc=mcc, country="US")
    return _request(organization, office.id, name, at, holder, minor, merchant)


def _request(
    organization: str, department: str, name: str, at: datetime, holder: str, minor: int, merchant: Merchant
) -> AuthorizationRequested:
    return AuthorizationRequested(
        event_id=f"month-req-{name}",
        organization_id=organization,
        department_id=department,
        occurred_at=at,
        authorization_id=f"purchase-{name}",
        card_id=f"card_{holder}",
        cardholder=employee(holder),
        amount=PositiveMoney(minor, CURRENCY),
        merchant=merchant,
    )


def _clearing(asked: AuthorizationRequested, at: datetime, minor: int) -> ClearingPresented:
    return ClearingPresented(
        event_id=f"month-clr-{asked.authorization_id}",
        organization_id=asked.organization_id,
        department_id=asked.department_id,
        occurred_at=at,
        authorization_id=asked.authorization_id,
        card_id=asked.card_id,
        amount=PositiveMoney(minor, CURRENCY),
        merchant=asked.merchant,
        final=True,
    )


def _known(organization: str, until: datetime) -> Iterator[Event]:
    """What the pages' stories are about: a suspicious purchase, blocked ones, a dispute, a frozen card, a
    request that waits."""

    def ago(hours: float) -> datetime:
        return until - timedelta(hours=hours)

    def where(department: str, hours: float) -> _Where:
        return _Where(organization_id=organization, department_id=department, occurred_at=ago(hours))

    laptop = Merchant(name="Night Owl Electronics", mcc="5732", country="US")
    yield _request(organization, "sales", "suspicious", ago(3), "maya", 189_900, laptop)
    casino = Merchant(name="Lucky Star Casino", mcc="7995", country="US")
    yield _request(organization, "sales", "casino", ago(7), "liam", 4_500, casino)
    blocked = Merchant(name="SUSPICIOUS_VENDOR_1", mcc="5999", country="US")
    yield _request(organization, "operations", "blacklisted", ago(9), "rosa", 25_000, blocked)
    chairs = _request(
        organization,
        "operations",
        "chairs",
        ago(200),
        "tomoko",
        64_000,
        Merchant(name="Office Depot", mcc="5943", country="US"),
    )
    yield chairs
    yield _clearing(chairs, ago(150), 64_000)
    yield DisputeOpened(
        event_id="month-dispute",
        **where("operations", 20),
        authorization_id=chairs.authorization_id,
        dispute_id="dispute-chairs",
        amount=PositiveMoney(64_000, CURRENCY),
    )
    yield CardFrozen(
        event_id="month-frozen",
        **where("operations", 30),
        actor=MANAGER,
        card_id=FROZEN,
    )
    yield IncreaseRequested(
        event_id="month-increase",
        **where("marketing", 5),
        actor=employee("olga"),
        request_id="more-for-the-fair",
        amount=PositiveMoney(400_000, CURRENCY),
        ends_at=until + timedelta(days=20),
        reason="The trade fair in December",
    )
