"""One function for each kind of event by which people set something, and for owners' stray messages."""

from __future__ import annotations

from datetime import date

import msgspec

import schemas.events as ev
from schemas.controls import Calendar, Policy
from schemas.money import Money, PositiveMoney
from tests.histories import catalog
from tests.histories.catalog import Dice
from tests.histories.world import DAY, DEPARTMENTS, HOUR, ORGANIZATION, TREASURY, World
from tests.verify.published import MODELS

CURRENCIES = ("USD",) * 30 + ("EUR", "ZZZ")


def department_budget(world: World, dice: Dice, name: str | None = None) -> ev.BudgetSet:
    """The budget of a department; its calendar hangs on nothing but the history's first die."""
    return ev.BudgetSet(
        **world.common(dice, name),
        name="Budget",
        limit=Money(dice.pick((500, 1000, 499, 0, 3000)), dice.pick(CURRENCIES)),
        tolerance=dice.pick((0, 0, 100, 1)),
    )


#: Every budget beside the department's keeps its calendar, unless a misfit is wanted.
OTHER_BUDGETS = (
    ("team", "blue", None, Calendar("week", "UTC")),
    ("card", "card-1", None, Calendar("day", "Europe/Berlin")),
    ("employee", "ann", None, Calendar("lifetime")),
    ("employee", "ann", "another", Calendar("month", "America/New_York", start_day=15)),
    ("team", "red", "a-team", Calendar("quarter", "UTC")),
    ("department", None, "year", Calendar("year", "UTC", start_day=28, start_month=11)),
    ("employee", "bob@acme.example", "bob", Calendar("day", "Asia/Tokyo")),
)
ODD_BUDGETS = (
    ("department", "eng", None, Calendar()),
    ("team", None, "team", Calendar()),
    ("card", "card-1", "department", Calendar()),
    ("card", "card-9", "another", Calendar()),
    ("card", "card-1", "company", Calendar()),
    ("card", "card-1", "rule:daily:card-1", Calendar()),
    ("card", "card-1", "card@1", Calendar()),
    ("employee", "bob@acme.example", None, Calendar()),
    ("team", "blue", None, Calendar("month")),
    ("team", "green", None, catalog.MISFITS[0]),
    ("team", "green", None, catalog.MISFITS[1]),
    ("team", "green", None, catalog.MISFITS[2]),
    ("team", "green", None, Calendar("month", "Mars/Olympus")),
)


def budget(world: World, dice: Dice) -> ev.Event:
    if not dice.roll(3):
        first = world.department(DEPARTMENTS[0]).budgets.get("department")
        calendar = first.calendar if first else dice.pick(catalog.CALENDARS)
        made = department_budget(world, dice)
        return with_calendar(made, dice.pick(catalog.CALENDARS) if dice.once_in(12) else calendar)
    level, subject, budget_id, calendar = dice.pick(ODD_BUDGETS if dice.once_in(7) else OTHER_BUDGETS)
    made = ev.BudgetSet(
        **world.common(dice),
        name="Other",
        limit=Money(dice.pick((300, 150, 299, 0)), "EUR" if dice.once_in(30) else "USD"),
        level=level,  # type: ignore[arg-type]
        subject=subject,
        budget_id=budget_id,
        tolerance=dice.pick((0, 0, 50)),
    )
    return with_calendar(made, calendar)


def with_calendar(event: ev.BudgetSet, calendar: Calendar) -> ev.BudgetSet:
    return msgspec.structs.replace(
        event,
        period=calendar.period,
        time_zone=calendar.time_zone,
        start_day=calendar.start_day,
        start_month=calendar.start_month,
    )


def remove_budget(world: World, dice: Dice) -> ev.Event:
    common = world.common(dice)
    known = world.department(common["department_id"]).budgets
    return ev.BudgetRemoved(**common, budget_id=dice.pick((*sorted(known), "no-such")))


def increase_budget(world: World, dice: Dice) -> ev.Event:
    common = world.common(dice)
    known = world.department(common["department_id"]).budgets
    starts = dice.pick((None, world.now + HOUR, world.now + 2 * DAY, world.now - DAY))
    return ev.BudgetIncreased(
        **common,
        budget_id=dice.pick(("department", *sorted(known), "no-such")),
        amount=PositiveMoney(6000, "USD") if dice.roll(2) else world.amount(dice),
        starts_at=starts,
        ends_at=world.now + dice.pick((DAY, 8 * DAY, HOUR, 60 * DAY, -HOUR)),
    )


def draft(world: World, dice: Dice) -> ev.Event:
    odd = dice.once_in(4)
    return ev.PolicyDrafted(
        **world.common(dice),
        policy=dice.pick(catalog.ODD_POLICIES) if odd else catalog.policy(dice),
        activate=dice.roll(3) < 2,
    )


def draft_velocity(world: World, dice: Dice) -> ev.Event:
    return ev.PolicyDrafted(**world.common(dice), policy=catalog.velocity(dice), activate=True)


def draft_levels(world: World, dice: Dice) -> ev.Event:
    """A policy of nothing but who approves requests, and how long they wait."""
    policy = Policy(approvals=dice.pick(catalog.APPROVALS[1:]), request_days=dice.pick((30, 1, 2, 60)))
    return ev.PolicyDrafted(**world.common(dice), policy=policy, activate=True)


def activate(world: World, dice: Dice) -> ev.Event:
    return ev.PolicyActivated(**world.common(dice), policy_version=dice.roll(4))


def set_card(world: World, dice: Dice) -> ev.Event:
    return ev.CardSet(**world.common(dice), card=catalog.card(dice))


def card_status(world: World, dice: Dice) -> ev.Event:
    kind = dice.pick((ev.CardFrozen, ev.CardUnfrozen, ev.CardCanceled))
    return kind(**world.common(dice), card_id=dice.pick(catalog.CARDS))


def replace_card(world: World, dice: Dice) -> ev.Event:
    return ev.CardReplaced(
        **world.common(dice),
        card_id=dice.pick(catalog.CARDS),
        new_card_id=dice.pick(catalog.CARDS),
        expires_on=dice.pick((None, date(2026, 12, 31))),
        last_four=dice.pick((None, "4243")),
    )


def set_cap(world: World, dice: Dice) -> ev.Event:
    known = world.referee.treasury(ORGANIZATION)
    calendar = known.calendar if known else dice.pick(catalog.CALENDARS[:8])
    return ev.CapSet(
        **world.common(dice, DEPARTMENTS[0] if dice.once_in(20) else TREASURY),
        limit=Money(dice.pick((1000, 600, 400, 2000, 0)), "EUR" if dice.once_in(20) else "USD"),
        departments=dice.pick(
            (DEPARTMENTS, DEPARTMENTS, DEPARTMENTS, DEPARTMENTS[:1], (*DEPARTMENTS, "ops"))
        ),
        calendar=dice.pick((*catalog.CALENDARS, *catalog.MISFITS)) if dice.once_in(12) else calendar,
    )


def stray(world: World, dice: Dice) -> ev.Event:
    """A message between owners that nobody had to send: to the wrong one, or with other numbers."""
    common = world.common(dice, dice.pick((*DEPARTMENTS, TREASURY)))
    period, amount = dice.pick(("2026-11", "2026-12-01", "lifetime")), dice.pick((0, 1, 100, 5000))
    match dice.roll(5):
        case 4:
            content, digest = dice.pick(MODELS)
            return ev.ModelPublished(**common, model=content, digest=digest, actor="learner")
        case 0:
            return ev.LeaseRecalled(**common, period=period)
        case 1:
            return ev.LeaseReturned(**common, department=DEPARTMENTS[0], period=period, amount=amount)
        case 2:
            name = dice.pick((DEPARTMENTS[0], "nobody"))
            return ev.LeaseRequested(**common, department=name, period=period, needed=amount + 1)
        case _:
            return ev.LeaseGranted(
                **common,
                calendar=Calendar(),
                period="2026-12",
                amount=amount,
                currency="EUR" if dice.once_in(3) else "USD",
            )
