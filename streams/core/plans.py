"""A department's budgets and policy, made ready to be asked: what applies to one card, in the order of rules.

Derived from the state alone and kept beside it, by whoever decides: made anew when its revision has moved.
Cards to which the same rules apply share one `Shape`: with thousands of cards, what is not shared is not in
the processor's cache, and that would cost more than the rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from schemas.controls import LEVELS, ActiveHours, Allow, Block, Level, Rule, SpendLimit
from schemas.event import EntryMode, Merchant
from schemas.money import MINOR_MAX
from schemas.reasons import DEPARTMENT, ReasonCode
from streams.core.calendar import QUARTER_S, Clock, clock_of
from streams.core.matching import Purchase, Test, codes_of, compiled, outside
from streams.core.state import COMPANY, RULE, Budget, CardState, Department, Period
from streams.core.windows import reach, slot_width_s

_KNOWN_MAX = 20_000


def parts_of(charge: str) -> tuple[str, str]:
    """A charge's budget (or limit) id and period."""
    line, _, label = charge.rpartition("@")
    return line, label


class Line:
    """What an amount counts against: a budget, a limit with a calendar, or the lease."""

    __slots__ = (
        "budget",
        "clock",
        "code",
        "fixed",
        "id",
        "increases",
        "initial",
        "name",
        "only",
        "rule",
        "tolerance",
    )

    def __init__(
        self,
        id_: str,
        clock: Clock,
        code: ReasonCode,
        name: str,
        *,
        budget: Budget | None = None,
        rule: SpendLimit | None = None,
    ) -> None:
        #: Of a limit: without its subject.
        self.id = id_
        self.clock = clock
        self.code = code
        self.name = name
        self.rule = rule
        self.budget = budget
        self.tolerance = budget.tolerance if budget else 0
        self.increases = budget.increases if budget else []
        # A limit of a policy is what the policy says now; a budget's and a lease's is kept with its period.
        self.fixed = rule.amount if rule else None
        self.initial = budget.limit if budget else (rule.amount or 0) if rule else 0
        self.only = compiled(rule.only) if rule is not None and rule.only is not None else None

    def limit(self, period: Period | None, at_s: int) -> int:
        """What may be posted and held in `period` (None: nothing was in it yet), tolerance aside."""
        if self.fixed is not None:
            return self.fixed
        limit = self.initial if period is None else period.limit
        return limit + self.increase(at_s) if self.increases else limit

    def increase(self, at_s: int) -> int:
        """Temporary increases in force at `at_s`."""
        return sum(amount for start, end, amount in self.increases if start <= at_s < end)


class Charged(NamedTuple):
    """A charge taken apart. `line` None: its budget or rule is gone."""

    line: Line | None
    id: str
    label: str


class Check(NamedTuple):
    """A block, an allow-list or hours: `test` true means that the rule speaks."""

    rule: Rule
    test: Test
    code: ReasonCode
    of_merchant: bool


class Window:
    """A counter that must stay below its rule's limit, of whatever subject."""

    __slots__ = ("amount", "clock", "count", "only", "rule", "slots_before", "width_s")

    def __init__(self, rule: SpendLimit) -> None:
        self.rule = rule
        self.amount = rule.amount
        self.count = rule.count or 0
        self.only = compiled(rule.only) if rule.only else None
        self.slots_before = reach(rule)
        self.width_s = slot_width_s(rule.seconds) if rule.seconds is not None else 0
        self.clock = clock_of(rule.calendar) if rule.calendar is not None else None

    def slot(self, at_s: int) -> int:
        """The slot that `at_s` falls into: a number that grows with time."""
        if self.width_s:
            return at_s // self.width_s
        assert self.clock is not None
        return self.clock.ordinal(at_s)


class Shape:
    """The rules that apply to a card, apart from its own counters and periods."""

    def __init__(self, plan: Plan, subjects: dict[Level, str | None]) -> None:
        def in_scope(rule: Rule) -> bool:
            return rule.scope is None or subjects[rule.scope.level] == rule.scope.subject

        limits = [rule for rule in plan.limits if in_scope(rule) and subjects[rule.per] is not None]
        checks = [check for check in plan.checks if in_scope(check.rule)]
        self.of_merchant = [check for check in checks if check.of_merchant]
        self.of_time = [check for check in checks if not check.of_merchant]
        self.checks = checks
        self.transaction = [
            (rule, compiled(rule.only) if rule.only else None)
            for rule in limits
            if rule.window == "transaction"
        ]
        #: The least amount that any of them allows; -1 where one asks for more than an amount.
        self.transaction_least = min(
            (-1 if rule.amount is None else rule.amount for rule, _ in self.transaction),
            default=MINOR_MAX * 2,
        )
        self.windows = [plan.window(rule) for rule in limits if counted(rule)]
        self.lines = [line for line in plan.budget_lines if _owns(line, subjects)]
        self.lines += [plan.rule_lines[rule.rule_id] for rule in limits if charged(rule)]
        if plan.lease is not None:
            self.lines.append(plan.lease)
        self.conditional = any(line.only for line in self.lines)
        self._speaking: dict[tuple[Merchant | None, EntryMode | None], tuple[Check, ...]] = {}
        self._quarter = -1
        self._labels: tuple[str, ...] = ()

    def labels(self, at_s: int) -> tuple[str, ...]:
        """Each line's period; the same tuple as long as none has changed."""
        quarter = at_s // QUARTER_S
        if quarter != self._quarter:
            labels = tuple([line.clock.label(at_s) for line in self.lines])
            if labels != self._labels:
                self._labels = labels
            self._quarter = quarter
        return self._labels

    def speaking(self, purchase: Purchase) -> tuple[Check, ...]:
        """The checks that speak against this merchant, whatever the time. Most are met again and again."""
        key = (purchase[1], purchase[2])
        found = self._speaking.get(key)
        if found is None:
            if len(self._speaking) >= _KNOWN_MAX:
                self._speaking.clear()
            found = tuple(check for check in self.of_merchant if check.test(purchase))
            self._speaking[key] = found
        return found


def _owns(line: Line, subjects: dict[Level, str | None]) -> bool:
    budget = line.budget
    assert budget is not None
    return budget.level == DEPARTMENT or subjects[budget.level] == budget.subject


class CardPlan:
    """What applies to one card in one person's hands.

    `holder`: the cardholder it was made for; `registered`: the card's own employee counts, whoever it names.
    `special`: something about the card itself must be looked at. `ids`: of the shape's lines, with their
    subjects; `keys`: of its windows' counters. `periods` and `counters` are the state's own, kept at hand
    (None: not there yet) because finding them by name for each request costs more than the rules.
    """

    __slots__ = (
        "card",
        "charged_now",
        "counters",
        "holder",
        "ids",
        "keys",
        "labels",
        "periods",
        "plan",
        "registered",
        "shape",
        "special",
        "state",
        "subjects",
    )

    def __init__(
        self,
        plan: Plan,
        shape: Shape,
        subjects: dict[Level, str | None],
        state: CardState | None,
        special: bool,
        holder: str | None,
        registered: bool,
    ) -> None:
        self.plan = plan
        self.holder = holder
        self.registered = registered
        self.card = state.card if state else None
        self.shape = shape
        self.state = state
        self.special = special
        self.subjects = subjects
        self.ids = tuple([_line_id(line, subjects) for line in shape.lines])
        self.keys = tuple([f"{window.rule.rule_id}:{subjects[window.rule.per]}" for window in shape.windows])
        self.counters: list[list[int] | None] = [None] * len(self.keys)
        self.periods: list[Period | None] = []
        self.labels: tuple[str, ...] = ()
        self.charged_now: tuple[str, ...] = ()

    def charges(self, at_s: int) -> tuple[str, ...]:
        """All periods that a payment of this moment counts in, limits with `only` included.

        Until it is called for another moment, `labels`, `charged_now` and `periods` are this one's.
        """
        labels = self.shape.labels(at_s)
        if labels is not self.labels:
            self.labels = labels
            self.periods = [None] * len(labels)
            self.charged_now = tuple([f"{id_}@{label}" for id_, label in zip(self.ids, labels, strict=True)])
        return self.charged_now

    def charges_for(self, purchase: Purchase) -> tuple[str, ...]:
        """The periods that this purchase counts in."""
        charges = self.charges(purchase[0])
        if not self.shape.conditional:
            return charges
        pairs = zip(charges, self.shape.lines, strict=True)
        return tuple([charge for charge, line in pairs if line.only is None or line.only(purchase)])


def _line_id(line: Line, subjects: dict[Level, str | None]) -> str:
    return line.id if line.rule is None else f"{line.id}:{subjects[line.rule.per]}"


class Plan:
    """A department's rules, by card, as of its state's revision."""

    def __init__(self, department: Department) -> None:
        policy = department.policy
        self.department = department
        self.revision = department.revision
        self._registered = department.registered
        self._policy = policy
        self.checks = [check for rule in policy.rules if (check := _check(rule)) is not None]
        self.limits = [rule for rule in policy.rules if isinstance(rule, SpendLimit)]
        self.budget_lines = _budget_lines(department)
        self.rule_lines = {rule.rule_id: _rule_line(rule) for rule in self.limits if charged(rule)}
        self.zone = department.budgets[DEPARTMENT].calendar.time_zone if department.budgets else "UTC"
        self.lease: Line | None = None
        if department.cap is not None:
            clock = clock_of(department.cap)
            self.lease = Line(COMPANY, clock, ReasonCode.LEASE_EXCEEDED, department.organization_id)
        self._lines = {line.id: line for line in self.budget_lines}
        if self.lease is not None:
            self._lines[COMPANY] = self.lease
        #: Whether any rule has a counter.
        self.counts = any(counted(rule) for rule in self.limits)
        self._windows: dict[str, Window] = {}
        self._valid_days: dict[str | None, int] = {}
        self._named = self._subjects_named()
        self._shapes: dict[tuple[str | None, ...], Shape] = {}
        self._cards: dict[str, CardPlan] = {}
        #: What `charged` has found before, for who looks up several for each event.
        self.known: dict[str, Charged] = {}

    def card(self, card_id: str, cardholder: str | None = None) -> CardPlan:
        """What applies to the card. `cardholder`: who it is, where the card is not registered to anybody."""
        found = self._cards.get(card_id)
        if found is None:
            if len(self._cards) >= _KNOWN_MAX:
                self._cards.clear()
            found = self._cards[card_id] = self._new_card(card_id, cardholder)
        state = self._registered.get(card_id)
        unchanged = found.state is state and (state is None or found.card is state.card)
        if unchanged and (found.holder == cardholder or found.registered):
            return found
        # The same card in other hands: who asks most often is at hand.
        found = self._cards[card_id] = self._new_card(card_id, cardholder)
        return found

    def _new_card(self, card_id: str, cardholder: str | None) -> CardPlan:
        state = self._registered.get(card_id)
        card = state.card if state else None
        subjects: dict[Level, str | None] = {
            "department": DEPARTMENT,
            "team": card.team if card else None,
            "card": card_id,
            "employee": (card.employee if card else None) or cardholder,
        }
        special = self._policy.registered_cards_only if card is None else _is_special(card)
        registered = card is not None and card.employee is not None
        return CardPlan(self, self._shape(subjects), subjects, state, special, cardholder, registered)

    def _shape(self, subjects: dict[Level, str | None]) -> Shape:
        # A subject that nothing names by its name is like any other.
        signature = tuple(
            subject if (level, subject) in self._named else "" if subject is not None else None
            for level, subject in subjects.items()
        )
        found = self._shapes.get(signature)
        if found is None:
            found = self._shapes[signature] = Shape(self, subjects)
        return found

    def _subjects_named(self) -> set[tuple[str, str | None]]:
        named: set[tuple[str, str | None]] = {
            (rule.scope.level, rule.scope.subject) for rule in self._policy.rules if rule.scope is not None
        }
        budgets = [line.budget for line in self.budget_lines if line.budget is not None]
        return named | {(budget.level, budget.subject) for budget in budgets}

    def window(self, rule: SpendLimit) -> Window:
        """The rule's window: one for all subjects."""
        found = self._windows.get(rule.rule_id)
        if found is None:
            found = self._windows[rule.rule_id] = Window(rule)
        return found

    def line(self, id_: str) -> Line | None:
        """The line with this id; None when its budget or rule is gone."""
        if id_.startswith(RULE):
            return self.rule_lines.get(id_.removeprefix(RULE).partition(":")[0])
        return self._lines.get(id_)

    def charged(self, charge: str) -> Charged:
        """The line, id and period of a charge."""
        found = self.known.get(charge)
        if found is None:
            if len(self.known) >= _KNOWN_MAX:
                self.known.clear()
            id_, label = parts_of(charge)
            found = self.known[charge] = Charged(self.line(id_), id_, label)
        return found

    def valid_days(self, mcc: str | None) -> int:
        """How long a hold of a merchant of this category is valid."""
        found = self._valid_days.get(mcc)
        if found is None:
            groups = self._policy.hold_days_by_group
            names = (name for name in sorted(groups) if mcc in codes_of(name))
            found = next((groups[name] for name in names), self._policy.hold_days)
            self._valid_days[mcc] = found
        return found


def _is_special(card: object) -> bool:
    """Anything but a card that is active, for ever, for all and for any merchant."""
    plain = ("active", None, False, None, False)
    names = ("status", "expires_on", "single_use", "locked_to", "lock_to_first")
    return tuple(getattr(card, name) for name in names) != plain


def charged(rule: SpendLimit) -> bool:
    """Whether what counts is given back when a hold is: an amount in a calendar's period that may decline."""
    return rule.window == "calendar" and rule.amount is not None and rule.action == "decline"


def counted(rule: SpendLimit) -> bool:
    """Whether the rule has a counter: rolling windows, counts, and amounts that only ask for a review."""
    return rule.window != "transaction" and not charged(rule)


def _rule_line(rule: SpendLimit) -> Line:
    assert rule.calendar is not None
    clock = clock_of(rule.calendar)
    return Line(f"{RULE}{rule.rule_id}", clock, ReasonCode.LIMIT_EXCEEDED, rule.rule_id, rule=rule)


def _budget_lines(department: Department) -> Sequence[Line]:
    def order(item: tuple[str, Budget]) -> tuple[bool, int, str]:
        return item[0] != DEPARTMENT, LEVELS.index(item[1].level), item[0]

    return [
        Line(id_, clock_of(budget.calendar), ReasonCode.BUDGET_EXCEEDED, budget.name, budget=budget)
        for id_, budget in sorted(department.budgets.items(), key=order)
    ]


def _check(rule: Rule) -> Check | None:
    match rule:
        case Block():
            return Check(rule, compiled(rule.what), ReasonCode.BLOCKED, of_merchant=True)
        case Allow():
            return Check(rule, _none_of(compiled(rule.what)), ReasonCode.NOT_ALLOWED, of_merchant=True)
        case ActiveHours():
            return Check(rule, outside(rule), ReasonCode.OUTSIDE_HOURS, of_merchant=False)
    return None


def _none_of(matches: Test) -> Test:
    return lambda asked: not matches(asked)


class Plans:
    """The plans of departments, kept by who decides. A cache: what it gives follows from the state alone."""

    def __init__(self) -> None:
        self._known: dict[int, Plan] = {}

    def of(self, department: Department) -> Plan:
        """As of the department's revision."""
        key = id(department)
        found = self._known.get(key)
        if found is None or found.department is not department or found.revision != department.revision:
            if len(self._known) >= _KNOWN_MAX:
                self._known.clear()
            found = self._known[key] = Plan(department)
        return found
