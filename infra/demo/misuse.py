"""A month with misuse in it: labels come days later, a model learns from them, and then more is caught.

The plan is pure and deterministic; `play_month` sends it, has the learner look in the middle, and counts.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from contextlib import redirect_stdout
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from rich.console import Console
from rich.markup import escape

from infra.demo.checks import Checks
from infra.learning.process import Learner
from infra.running.log import DecisionWatch, EventSender
from infra.running.system import RunningSystem
from infra.verify.sources import Logs
from schemas.codec import encode_event
from schemas.decisions import Decision
from schemas.event import Event
from schemas.events import AuthorizationLabelled, AuthorizationRequested, BudgetSet, Merchant
from schemas.money import Money, PositiveMoney
from schemas.partitions import partition_of
from schemas.topics import DECISIONS
from streams.scoring.learning.trees import can_fit

DEPARTMENT: Final = "travel"
DAYS: Final = 28
#: Days after which a chargeback tells of misuse, and after which nobody's word means that it was none.
LABELLED_AFTER: Final = timedelta(days=4)
TAKEN_FOR_GOOD_DAYS: Final = 7
CARDS: Final = 24
GOOD_A_DAY: Final = 32
MISUSED_A_DAY: Final = 4
_MANAGER: Final = "carol@techcorp.com"
_SHOPS: Final = (
    ("United Airlines", "3000", 310.0),
    ("Marriott", "3509", 190.0),
    ("Hertz", "3357", 140.0),
    ("Uber", "4121", 24.0),
    ("Amtrak", "4112", 85.0),
    ("Shell", "5541", 55.0),
    ("Hudson News", "5994", 17.0),
    ("Chipotle", "5814", 16.0),
)
# Where numbers of stolen cards are turned into money: for amounts that are usual there and everywhere.
_FENCES: Final = (("QuickTopUp", "4814", 60.0), ("Gift Cards Direct", "5947", 95.0))


class MisuseMonth(NamedTuple):
    """Both halves in the order of time, and the ids of purchases that are misuse."""

    first: tuple[Event, ...]
    second: tuple[Event, ...]
    misused: frozenset[str]


def plan(organization: str, until: datetime, seed: int = 11) -> MisuseMonth:
    """The 28 days before `until`."""
    rng, start = random.Random(seed), until - timedelta(days=DAYS)
    asked: list[AuthorizationRequested] = []
    misused: list[AuthorizationRequested] = []

    def buy(day: int, name: str, shop: tuple[str, str, float], card: int) -> AuthorizationRequested:
        at = start + timedelta(days=day, seconds=rng.randrange(86_400))
        return AuthorizationRequested(
            event_id=f"req-{name}",
            organization_id=organization,
            department_id=DEPARTMENT,
            occurred_at=at,
            authorization_id=name,
            card_id=f"card_travel_{card:02d}",
            cardholder=f"traveller{card:02d}@techcorp.com",
            amount=PositiveMoney(max(100, round(shop[2] * 100 * rng.lognormvariate(0, 0.4))), "USD"),
            merchant=Merchant(name=shop[0], mcc=shop[1], country="US"),
        )

    for day in range(DAYS):
        for n in range(GOOD_A_DAY):
            shops = _FENCES if rng.random() < 0.02 else _SHOPS
            asked.append(buy(day, f"trip-{day:02d}-{n:02d}", rng.choice(shops), rng.randrange(CARDS)))
        misused += [
            buy(day, f"trip-{day:02d}-m{n}", rng.choice(_FENCES), rng.randrange(CARDS))
            for n in range(MISUSED_A_DAY)
        ]
    labels = [_label(one) for one in misused if one.occurred_at + LABELLED_AFTER < until]
    events: list[Event] = sorted([*asked, *misused, *labels], key=lambda event: event.occurred_at)
    half = start + timedelta(days=DAYS / 2)
    first = (_budget(organization, start), *(event for event in events if event.occurred_at < half))
    second = tuple(event for event in events if event.occurred_at >= half)
    return MisuseMonth(first, second, frozenset(one.authorization_id for one in misused))


def _budget(organization: str, at: datetime) -> Event:
    return BudgetSet(
        event_id="travel-budget",
        organization_id=organization,
        department_id=DEPARTMENT,
        occurred_at=at,
        actor=_MANAGER,
        name="Travel",
        limit=Money(25_000_000, "USD"),
    )


def _label(asked: AuthorizationRequested) -> Event:
    return AuthorizationLabelled(
        event_id=f"label-{asked.authorization_id}",
        organization_id=asked.organization_id,
        department_id=asked.department_id,
        occurred_at=asked.occurred_at + LABELLED_AFTER,
        authorization_id=asked.authorization_id,
        label="fraud",
        source="chargeback",
    )


class _Half(NamedTuple):
    """What was flagged in it: misuse, of so many, and other purchases."""

    caught: int
    misused: int
    others: int


class MonthWatch:
    """Hears the decisions about the month."""

    def __init__(self, organization: str, month: MisuseMonth) -> None:
        self.month = month
        self._key = (organization, DEPARTMENT)
        self._flagged: dict[str, Decision] = {}

    def hears(self, decision: Decision) -> bool:
        """Whether it is about the month."""
        if (decision.organization_id, decision.department_id) != self._key:
            return False
        if decision.score is not None and decision.score.flagged and decision.duplicate_of is None:
            self._flagged[decision.authorization_id or ""] = decision
        return True

    def half(self, events: Iterable[Event]) -> _Half:
        names = {event.authorization_id for event in events if isinstance(event, AuthorizationRequested)}
        flagged, misused = names & self._flagged.keys(), names & self.month.misused
        return _Half(len(flagged & misused), len(misused), len(flagged - misused))

    def example(self) -> Decision | None:
        """The misuse that was most likely."""
        caught = [one for name, one in self._flagged.items() if name in self.month.misused]
        return max(caught, key=lambda one: one.score.value if one.score else 0.0, default=None)


class _Publisher:
    """What the learner publishes goes the way of all events here, so that its decisions are waited for."""

    def __init__(self, sender: EventSender, partitions: int) -> None:
        self._sender = sender
        self._partitions = partitions

    def send(self, events: Iterable[Event]) -> None:
        for event in events:
            key = event.key.encode()
            self._sender.send(partition_of(key, self._partitions), key, encode_event(event))


def play_month(
    system: RunningSystem, watch: DecisionWatch, heard: MonthWatch, console: Console, checks: Checks
) -> None:
    """Half of the month, then a model from its labels, then the other half."""
    console.rule("[bold]Misuse, labels, and a model that learns from them", align="left")
    if not can_fit():
        console.print("  pip install 'spendlog[learn]' shows this: models are fitted by LightGBM.")
        return
    sender = EventSender(system.endpoints.kafka)
    publisher = _Publisher(sender, system.partitions)
    with console.status("playing half of a month"):
        publisher.send(heard.month.first)
        watch.wait(sender.flush(), system.require_alive)
    with console.status("learning from its labels"):
        _learn(system, publisher)
    with console.status("playing the other half"):
        publisher.send(heard.month.second)
        watch.wait(sender.flush(), system.require_alive)
    first, second = heard.half(heard.month.first), heard.half(heard.month.second)
    for name, half in (("before", first), ("after", second)):
        console.print(
            f"  {name} the labels were learned: {half.caught} of {half.misused} planted ones flagged, and "
            f"{half.others} others",
            highlight=False,
        )
    _explain(heard.example(), console)
    checks.expect(
        "after labels came, a model catches more of the month's misuse than before",
        second.caught * first.misused > first.caught * second.misused,
        f"{first.caught} of {first.misused}, then {second.caught} of {second.misused}",
    )


def _learn(system: RunningSystem, publisher: _Publisher) -> None:
    """What `spendlog learn` does at each look; what it logs is with the other logs."""
    logs = Logs(system.endpoints.kafka)
    try:
        with (system.logs / "learner.log").open("a") as told, redirect_stdout(told):
            Learner(logs, DECISIONS.name, publisher, TAKEN_FOR_GOOD_DAYS).look()
    finally:
        logs.close()


def _explain(decision: Decision | None, console: Console) -> None:
    """Why one was flagged, as its page says it."""
    if decision is None or decision.score is None or decision.merchant is None:
        return
    where = escape(f"{decision.authorization_id} at {decision.merchant.name}")
    console.print(f"  for example {where}, score {decision.score.value:.2f}", highlight=False)
    for part in decision.score.reasons:
        console.print(f"    {escape(part.words)} (weight {part.weight:.1f})", highlight=False)
