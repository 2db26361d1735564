"""The state machine: what may happen next in a department, as Hypothesis draws it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from schemas.codec import encode_event
from schemas.effects import PaymentVoided
from schemas.events import Event
from tests.histories import catalog, people, traffic, wishes
from tests.histories.catalog import Dice
from tests.histories.referee import Line, Referee
from tests.histories.world import DEPARTMENTS, PARTITION, PARTITIONS, World

#: Enough for the choices of three events.
DICE = st.binary(min_size=42, max_size=42)
LONG_DICE = st.binary(min_size=90, max_size=90)
Make = Callable[[World, Dice], Event]
_CARDS = (people.set_card,) * 3
_REQUESTS = (traffic.request,) * 3
#: What a department may have from the start on, besides its budget.
FURNITURE: tuple[tuple[Make, ...], ...] = (
    (),
    _REQUESTS,
    (*_CARDS, *_REQUESTS),
    (people.draft, *_REQUESTS),
    (people.draft, people.draft),
    (people.draft_levels, wishes.increase, wishes.card),
    (*_CARDS, people.budget, people.budget),
    (*_CARDS, people.draft, people.budget),
    (people.set_cap, *_REQUESTS),
    (people.draft_velocity, traffic.small_request, traffic.small_request),
)


class History(RuleBasedStateMachine):
    """A company's partition from its first record on. Each step plays one record (or a few messages)."""

    thorough: ClassVar[bool] = False
    #: How often each outcome, reason, review, alert and effect was seen in all histories.
    seen: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.referee = Referee(PARTITION, PARTITIONS, self.thorough)
        self.world = World(self.referee)

    @initialize(dice=DICE)
    def begin(self, dice: bytes) -> None:
        """Mostly a department with a few of the things that it may have."""
        drawn = Dice(dice)
        if drawn.once_in(30):
            return
        if drawn.once_in(12):
            self.play(people.set_cap(self.world, drawn))
            self.deliver_all()
        calendar = drawn.pick(catalog.CALENDARS)
        for name in DEPARTMENTS:
            made = people.department_budget(self.world, drawn, name)
            self.play(people.with_calendar(made, calendar))
        for make in drawn.pick(FURNITURE):
            self.play(make(self.world, drawn))
        self.deliver_all()

    def play(self, event: Event) -> None:
        self.play_line(self.world.line(event))

    def play_line(self, line: Line) -> None:
        answer = self.referee.play(line)
        self.seen[answer.outcome.value] += 1
        self.seen.update(said.code.value for said in answer.reasons)
        self.seen.update(f"review {said.code.value}" for said in answer.reviews)
        self.seen.update(f"shadow {said.code.value}" for said in answer.shadows)
        self.seen.update(f"alert {alert}" for alert in answer.alerts)
        self.seen.update(str(effect.__struct_config__.tag) for effect in answer.effects)
        self.seen["voided by name"] += any(
            isinstance(e, PaymentVoided) and e.request_id for e in answer.effects
        )
        self.seen.update(
            f"{effect.__struct_config__.tag} on behalf"
            for effect in answer.effects
            if getattr(effect, "on_behalf_of", None)
        )
        self.seen["again"] += answer.duplicate_of is not None
        if answer.would_pass is not None:
            later = answer.would_pass.later
            self.seen[f"passes {later.because if later else 'never'}"] += 1

    def deliver(self) -> None:
        """Play the oldest message of one owner to another."""
        event = self.referee.pending.pop(0)
        self.play_line(Line(max(self.world.now, event.occurred_at), event.key.encode(), encode_event(event)))

    def deliver_all(self) -> None:
        for _ in range(20):
            if self.referee.pending:
                self.deliver()

    def step(self, dice: bytes, *kinds: Make, hurried: bool = False) -> None:
        """One to three events of these kinds; `hurried`: with little time between them."""
        drawn = Dice(dice)
        for _ in range(1 + drawn.roll(3)):
            if self.referee.pending and drawn.roll(3):
                self.deliver()
            self.world.pass_time(drawn, hurried)
            self.play(drawn.pick(kinds)(self.world, drawn))

    @rule(dice=DICE)
    def request(self, dice: bytes) -> None:
        self.step(dice, traffic.request)

    @rule(dice=DICE)
    def ask(self, dice: bytes) -> None:
        self.step(dice, traffic.request, traffic.increment, traffic.verify, traffic.inquire)

    @rule(dice=DICE)
    def spend(self, dice: bytes) -> None:
        self.step(dice, traffic.request, traffic.clear)

    @rule(dice=DICE)
    def hurry(self, dice: bytes) -> None:
        small = traffic.small_request
        self.step(dice, small, people.draft_velocity, small, hurried=True)

    @rule(dice=DICE)
    def travel(self, dice: bytes) -> None:
        self.step(dice, traffic.foreign_request, traffic.foreign_clearing)

    @rule(dice=DICE)
    def race(self, dice: bytes) -> None:
        self.step(dice, traffic.late_request, traffic.time_out, traffic.clear)

    @rule(dice=DICE)
    def settle(self, dice: bytes) -> None:
        self.step(dice, traffic.clear, traffic.reverse, traffic.advise, traffic.expire)

    @rule(dice=DICE)
    def give_back(self, dice: bytes) -> None:
        self.step(dice, traffic.refund, traffic.reverse_refund, traffic.undo_posting)

    @rule(dice=DICE)
    def dispute(self, dice: bytes) -> None:
        self.step(dice, traffic.open_dispute, traffic.resolve_dispute, traffic.label)

    @rule(dice=DICE)
    def change_budgets(self, dice: bytes) -> None:
        self.step(dice, people.budget, people.increase_budget, people.remove_budget)

    @rule(dice=DICE)
    def ask_for_more(self, dice: bytes) -> None:
        self.step(dice, wishes.increase, wishes.answer, wishes.answer)

    @rule(dice=DICE)
    def ask_for_a_card_or_budget(self, dice: bytes) -> None:
        self.step(dice, wishes.card, wishes.answer, wishes.answer, wishes.budget, wishes.answer)

    @rule(dice=DICE)
    def be_away(self, dice: bytes) -> None:
        self.step(dice, wishes.answer, wishes.stand_in, wishes.be_back, hurried=True)

    @rule(dice=LONG_DICE)
    def ask_for_more_of_who_is_away(self, dice: bytes) -> None:
        self.ask_who_is_away(Dice(dice), wishes.increase)

    @rule(dice=LONG_DICE)
    def ask_for_a_card_of_who_is_away(self, dice: bytes) -> None:
        self.ask_who_is_away(Dice(dice), wishes.card)

    def ask_who_is_away(self, drawn: Dice, ask: Make) -> None:
        """What each needs of the one before comes too seldom one by one."""
        answers = (wishes.stand_in, wishes.answer) * 2
        for make in (people.draft_levels, ask, *answers, wishes.answer):
            self.world.pass_time(drawn, hurried=True)
            self.play(make(self.world, drawn))

    @rule(dice=DICE)
    def wait(self, dice: bytes) -> None:
        self.step(dice, traffic.tick, wishes.answer)

    @rule(dice=DICE)
    def top_up(self, dice: bytes) -> None:
        self.step(dice, people.increase_budget, traffic.request)

    @rule(dice=DICE)
    def change_policy(self, dice: bytes) -> None:
        self.step(dice, people.draft, people.draft, people.activate)

    @rule(dice=DICE)
    def change_cards(self, dice: bytes) -> None:
        self.step(dice, people.set_card, people.card_status, people.replace_card)

    @rule(dice=DICE)
    def change_cap(self, dice: bytes) -> None:
        self.step(dice, people.set_cap, traffic.tick, people.set_cap, traffic.tick, people.stray)

    @precondition(lambda self: bool(self.referee.pending))
    @rule()
    def hear(self) -> None:
        self.deliver()

    @rule(dice=DICE)
    def send_again(self, dice: bytes) -> None:
        drawn = Dice(dice)
        if drawn.once_in(4):
            self.play_line(self.world.broken(drawn))
        else:
            self.play_line(self.world.again(drawn))

    def teardown(self) -> None:
        self.referee.end()
