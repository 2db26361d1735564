"""Bursts of what people set, as much and as long as it may be: budgets, cards, policies, increases, caps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from hashlib import sha256
from typing import Any, Literal

import schemas.events as ev
from schemas.administration import TREASURY
from schemas.controls import (
    ActiveHours,
    Allow,
    ApprovalLevel,
    Block,
    Calendar,
    Card,
    Match,
    PeriodKind,
    Policy,
    Rules,
    RuleScope,
    SpendLimit,
)
from schemas.money import MINOR_MAX, Money
from tests.hostile.world import CURRENCY, DAY, Department, World

PERIODS: tuple[PeriodKind, ...] = ("day", "week", "month", "quarter", "year", "lifetime")
ZONES = (
    "UTC",
    "Europe/Berlin",
    "Pacific/Kiritimati",
    "America/St_Johns",
    "Asia/Kathmandu",
    "Nowhere/Land",
    "localtime",
)
# Of a policy; an event has 66 KiB, and some of it is texts.
RULES_MAX = 200


def department_budget(world: World) -> Iterator[ev.Event]:
    for department in world.departments:
        yield ev.BudgetSet(
            **world.common(department),
            name="D" * 100,
            limit=world.money(world.pick((MINOR_MAX, MINOR_MAX, 10**12, 10**9, 10**6, 0))),
            tolerance=world.pick((0, 100, MINOR_MAX)),
        )


def budgets(world: World) -> Iterator[ev.Event]:
    """On one subject more than it may have; on many cards one each; some are taken away and set again."""
    department = world.department()
    one = world.card(department)
    for n in range(world.pick((25, 100))):
        subject = one if world.chance(0.3) else world.card(department)
        name = world.keep(department.budgets, world.text("b", 220))
        yield ev.BudgetSet(
            **world.common(department),
            name=world.text("B", 100),
            limit=world.money(world.pick((MINOR_MAX, 10**9, 10**9, 50, 0))),
            level=world.pick(("card", "card", "employee", "team")),
            subject=subject[:64] if n % 7 == 0 else subject,
            budget_id=name if world.chance(0.8) else None,
            period=world.pick(PERIODS),
            time_zone=world.pick(ZONES) if world.chance(0.2) else "UTC",
        )
        if world.chance(0.1):
            yield ev.BudgetRemoved(**world.common(department), budget_id=world.pick(department.budgets))


def increases(world: World) -> Iterator[ev.Event]:
    """Set at once, or asked for and approved by whoever comes; over, in force and ahead."""
    department = world.department()
    budget = world.pick(["department", *department.budgets[-5:]])
    for n in range(world.pick((20, 300))):
        starts = department.at + timedelta(hours=world.rng.randint(-200, 2_000))
        common = world.common(department)
        span: dict[str, Any] = {
            "starts_at": starts,
            "ends_at": starts + timedelta(days=world.pick((0, 1, 40))),
        }
        if n % 3:
            yield ev.BudgetIncreased(**common, amount=world.amount(100), budget_id=budget, **span)
            continue
        request = world.keep(department.requests, world.text("q", 128))
        yield ev.IncreaseRequested(
            **common, actor="asker", request_id=request, amount=world.amount(100), budget_id=budget, **span
        )
        for approver in range(world.pick((1, 12))):
            common = world.common(department, actor=f"p{approver}")
            yield ev.IncreaseApproved(
                **common, request_id=world.pick((request, world.pick(department.requests)))
            )
        yield ev.IncreaseRefused(**world.common(department, actor="p0"), request_id=request)


def cards(world: World) -> Iterator[ev.Event]:
    department = world.department()
    for _ in range(100):
        card = world.card(department)
        yield ev.CardSet(
            **world.common(department),
            card=Card(
                card_id=card,
                employee=world.pick((None, world.text("holder", 200), "one")),
                team=world.pick((None, world.name("team"), "one")),
                single_use=world.chance(0.1),
                locked_to=world.pick((None, None, "Edeka", "\ufdfa" * 200)),
                lock_to_first=world.chance(0.1),
            ),
        )
        if world.chance(0.1):
            kind = world.pick((ev.CardFrozen, ev.CardUnfrozen, ev.CardCanceled))
            yield kind(**world.common(department), card_id=world.pick((card, "nobody's")))


def _match(world: World, texts: int) -> Match:
    names = tuple(world.text("m", 200) for _ in range(texts))
    few: dict[str, Any] = world.pick(
        ({"merchants": names}, {"merchants_containing": names}, {"mcc_groups": ("hotel", "airline")})
    )
    return Match(**few, countries=world.pick(((), ("DE",), ("US", "FR"))))


def _rule(world: World, department: Department, n: int, texts: int) -> Rules:
    common: dict[str, Any] = {
        "rule_id": f"r{n}" if n % 2 else f"r{n}".ljust(64, "r"),
        "action": world.pick(("decline", "review", "review", "shadow", "shadow")),
        "fraud": world.chance(0.1),
    }
    if world.chance(0.2):
        level: Literal["team", "card", "employee"] = world.pick(("team", "card", "employee"))
        common["scope"] = RuleScope(level, world.card(department) if level == "card" else "one")
    calendar = Calendar(world.pick(PERIODS))
    match world.rng.randrange(10):
        case 0:
            return Block(**common, what=_match(world, texts))
        case 1:
            return Allow(**{**common, "action": "review"}, what=_match(world, texts))
        case 2:
            zone = world.pick(ZONES[:-2])
            return ActiveHours(**{**common, "action": "shadow"}, start="23:59", end="00:01", time_zone=zone)
        case 3:
            limits: dict[str, Any] = {"window": "transaction", "amount": world.pick((100, MINOR_MAX))}
        case 4 | 5:
            limits = {
                "window": "rolling",
                "seconds": world.pick((1, 60, 86_400, 60 * 86_400)),
                "count": world.pick((0, 5, *[100_000] * 6)),
            }
            limits["counts"] = world.pick(("approved", "requested"))
        case 6:
            limits = {
                "window": "rolling",
                "seconds": 3_600,
                "amount": world.pick((0, 10**6, 10**9, MINOR_MAX, MINOR_MAX)),
            }
        case _:
            limits = {
                "window": "calendar",
                "calendar": calendar,
                "amount": world.pick((10, 10**9, 10**12, MINOR_MAX)),
            }
    only = _match(world, texts) if world.chance(0.3) else None
    return SpendLimit(
        **common, **limits, per=world.pick(("card", "employee", "team", "department")), only=only
    )


def policies(world: World) -> Iterator[ev.Event]:
    """As many rules as may be, or few with long lists; put in force back and forth, with requests between."""
    department = world.department()
    for _ in range(world.pick((1, 3))):
        count, texts = world.pick(((RULES_MAX, 1), (RULES_MAX, 0), (30, 8), (3, 100), (0, 0)))
        approvals = tuple(
            ApprovalLevel(
                name=f"l{n}", above=n, approvers=tuple(f"p{n + m}" for m in range(world.pick((0, 3, 100))))
            )
            for n in range(world.pick((0, 2, 10)))
        )
        rules = tuple(_rule(world, department, n, texts) for n in range(count))
        policy = Policy(rules=rules, hold_days=world.pick((1, 7, 60)), approvals=approvals)
        department.drafts += 1
        yield ev.PolicyDrafted(**world.common(department), policy=policy, activate=world.chance(0.7))
    for _ in range(world.pick((2, 40))):
        version = max(0, department.drafts - world.rng.randrange(12))
        yield ev.PolicyActivated(**world.common(department), policy_version=version)
        model = world.pick((b"{}", b"[" * 40_000, b'{"version":' + b"9" * 4_000 + b"}", bytes(48_000)))
        yield ev.ModelPublished(
            **world.common(department), model=model, digest=sha256(model).hexdigest(), actor=None
        )
        yield ev.AuthorizationRequested(
            **world.common(department),
            authorization_id=world.new_payment(department),
            card_id=world.card(department),
            amount=world.amount(100),
            merchant=world.merchant(),
            cardholder=world.pick((None, "one")),
        )


def caps(world: World) -> Iterator[ev.Event]:
    """A cap over as many departments as may be, asked for and given back by those that are none."""
    treasury = Department(TREASURY, world.departments[0].at)
    names = tuple([world.departments[-1].name] + [f"none-{n}" for n in range(world.pick((2, 190)))])
    calendar = Calendar("month")
    yield ev.CapSet(
        **world.common(treasury), limit=world.money(world.pick((0, 10**6, MINOR_MAX))), departments=names,
        calendar=calendar,
    )  # fmt: skip
    label = f"{treasury.at:%Y-%m}"
    for _ in range(world.pick((10, 60))):
        name, period = (
            world.pick(names),
            world.pick((label, label, "x" * 200, "", "2099-01", world.text("p", 200))),
        )
        needed = world.pick((1, 10**5, MINOR_MAX))
        match world.rng.randrange(6):
            case 0 | 1 | 2:
                common = world.common(treasury)
                yield ev.LeaseRequested(**common, department=name, period=period, needed=needed)
            case 3:
                common = world.common(treasury)
                yield ev.LeaseReturned(**common, department=name, period=period, amount=needed)
            case 4:
                yield ev.LeaseRecalled(**world.common(world.department()), period=period)
            case _:
                common = world.common(world.departments[-1])
                yield ev.LeaseGranted(
                    **common, calendar=calendar, period=period, amount=needed, currency=CURRENCY
                )


def misplaced(world: World) -> Iterator[ev.Event]:
    """For a department that is not there, for a cap what is a department's, in another currency."""
    nobody = Department(world.name("nobody"), world.now - DAY)
    yield ev.ClockTicked(**world.common(nobody))
    yield ev.CardFrozen(**world.common(Department(TREASURY, nobody.at)), card_id="c")
    yield ev.BudgetSet(**world.common(Department("ünicode", nobody.at)), name="n", limit=world.money(1))
    department = world.department()
    for currency in ("EUR", "usd", "???", "XAU"):
        yield ev.BudgetSet(**world.common(department), name="n", limit=Money(1, currency))


SETTINGS: tuple[tuple[float, Callable[[World], Iterator[ev.Event]]], ...] = (
    (2, department_budget),
    (3, budgets),
    (1, increases),
    (2, cards),
    (3, policies),
    (1, caps),
    (1, misplaced),
)
