"""One function for each kind of event by which people ask, answer, and stand in for each other."""

from __future__ import annotations

from datetime import timedelta

import msgspec

import schemas.events as ev
from infra.verify.calendar import seconds
from infra.verify.requests import on_behalf_of
from infra.verify.state import Department
from schemas.money import PositiveMoney
from schemas.requests import DELEGATION_DAYS_MAX
from tests.histories import catalog, people
from tests.histories.catalog import Dice
from tests.histories.world import DAY, HOUR, SECOND, World

#: Those whom the levels of `catalog.APPROVALS` name, and one more; None: the event names nobody.
PEOPLE = ("ann", "bob", "cat", None, "dan", "eve")
NAMED = ("ann", "bob", "cat", "dan", "eve")
REQUESTS = ("i1", "i2", "i3", "i4")
#: The last card is known to nobody but who asks for it.
CARDS = (*catalog.CARDS, "card-4")
LONGEST = timedelta(days=DELEGATION_DAYS_MAX)
ABSENCES = (8 * DAY, 2 * DAY, 60 * DAY, LONGEST)
ODD_ABSENCES = (LONGEST + SECOND, timedelta(0), -HOUR)


def increase(world: World, dice: Dice) -> ev.Event:
    common = world.common(dice)
    known = world.department(common["department_id"]).budgets
    starts = dice.pick((None, None, world.now + HOUR, world.now + 2 * DAY))
    return ev.IncreaseRequested(
        **common,
        actor=dice.pick(PEOPLE),
        request_id=dice.pick(REQUESTS),
        budget_id=dice.pick((*sorted(known), "no-such")),
        amount=world.amount(dice),
        starts_at=starts,
        ends_at=world.now + dice.pick((DAY, 8 * DAY, HOUR, 60 * DAY, -HOUR)),
        reason=dice.pick((None, "a fair")),
    )


def card(world: World, dice: Dice) -> ev.Event:
    """Mostly a card that is not registered yet."""
    common = world.common(dice)
    known = world.department(common["department_id"]).cards
    new = [name for name in CARDS if name not in known]
    made = catalog.card(dice)
    return ev.CardRequested(
        **common,
        actor=dice.pick(PEOPLE),
        request_id=dice.pick(REQUESTS),
        card=msgspec.structs.replace(made, card_id=dice.pick(new if new and dice.roll(6) else CARDS)),
        limit=PositiveMoney(dice.pick((150, 100, 99, 400, 6000)), "EUR" if dice.once_in(30) else "USD"),
        period=dice.pick(("month", "day", "week", "lifetime")),
        time_zone=dice.pick((*catalog.ZONES, *catalog.ZONES, "Mars/Olympus")),
        reason=dice.pick((None, "a fair")),
    )


def budget(world: World, dice: Dice) -> ev.Event:
    """As somebody who may would set one, right or wrong."""
    made = people.budget(world, dice)
    assert isinstance(made, ev.BudgetSet)
    members = {
        name: getattr(made, name) for name in made.__struct_fields__ if name not in ("actor", "shard_of")
    }
    return ev.BudgetRequested(
        **members,
        actor=dice.pick(PEOPLE),
        request_id=dice.pick(REQUESTS),
        reason=dice.pick((None, "cloud")),
    )


def answer(world: World, dice: Dice) -> ev.Event:
    """Of a request that is known, mostly one that waits, and by somebody who may more often than by anybody.

    An increase is also answered by the events of its own.
    """
    common = world.common(dice)
    department = world.department(common["department_id"])
    known = department.requests
    waiting = [name for name, one in sorted(known.items()) if one.status == "waiting"] or sorted(known)
    request_id = dice.pick(waiting if waiting and not dice.once_in(8) else REQUESTS)
    request, actor = known.get(request_id), dice.pick(PEOPLE)
    if request is not None and request.status == "waiting" and not dice.once_in(4):
        others = [who for who in NAMED if who != request.asked_by]
        answers, now_s = request.answers, seconds(world.now)
        found = {who: on_behalf_of(department, request, who, answers, now_s) for who in others}
        may = sorted((who for who in others if found[who]), key=lambda who: found[who] == who)
        actor = dice.pick(may or NAMED)  # rather who stands in for somebody
    of_increase = dice.once_in(3 if request is None or request.kind == "increase" else 12)
    if dice.roll(3) == 1:
        refused = ev.IncreaseRefused if of_increase else ev.RequestRefused
        return refused(**common, actor=actor, request_id=request_id, reason=dice.pick((None, "not now")))
    approved = ev.IncreaseApproved if of_increase else ev.RequestApproved
    return approved(**common, actor=actor, request_id=request_id)


def stand_in(world: World, dice: Dice) -> ev.Event:
    """Mostly at once, for one for whose answer a request waits, to one who may not answer himself."""
    common = world.common(dice)
    department = world.department(common["department_id"])
    awaited = _awaited(department)
    absent = dice.pick(awaited or NAMED)
    others = [name for name in NAMED if name != absent]
    waiting = [one for one in department.requests.values() if one.status == "waiting"]
    busy = {one.asked_by for one in waiting} | {who for one in waiting for who, _ in one.answers}
    free = [name for name in others if name not in awaited and name not in busy]
    starts_at = dice.pick((None, None, None, world.now - DAY, world.now + HOUR))
    lasting = dice.pick(ODD_ABSENCES if dice.once_in(8) else ABSENCES)
    return ev.DelegationSet(
        **common,
        actor=dice.pick(PEOPLE) if dice.once_in(4) else absent,
        absent=absent,
        delegate=absent if dice.once_in(12) else dice.pick(others if dice.once_in(3) else free or others),
        starts_at=starts_at,
        until=(starts_at or common["occurred_at"]) + lasting,
    )


def _awaited(department: Department) -> list[str]:
    """Whom the levels that requests have reached name."""
    waiting = [one for one in department.requests.values() if one.status == "waiting"]
    return sorted({name for one in waiting for name in one.levels[len(one.answers)]})


def be_back(world: World, dice: Dice) -> ev.Event:
    common = world.common(dice)
    known = world.department(common["department_id"]).delegations
    return ev.DelegationEnded(
        **common,
        actor=dice.pick(PEOPLE),
        absent=dice.pick(sorted(known) if known and not dice.once_in(4) else NAMED),
    )
