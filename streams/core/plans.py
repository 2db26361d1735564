"""A department's budgets and policy, made ready to be asked: what applies to one card, in the order of rules.

Derived from the state alone and kept beside it, by whoever decides: made anew when its revision has moved.
"""

from __future__ import annotations

from collections.abc import Mapping

from schemas.administration import TREASURY
from schemas.controls import LEVELS, ActiveHours, Allow, Block, Card, Level, Rule, ScoreLimit, SpendLimit
from schemas.reasons import DEPARTMENT, ReasonCode
from streams.core.calendar import clock_of
from streams.core.matching import Test, codes_of, compiled, outside
from streams.core.rules.alert_budget import AlertBudget
from streams.core.rules.ruleset import (
    KNOWN_MAX,
    Allowance,
    CardRules,
    Charge,
    Charges,
    Check,
    RuleSet,
    Window,
)
from streams.core.state import COMPANY, RULE, Budget, Department


class AllowanceIndex:
    """Those of a department by id, and the periods charged to them.

    Apart from `Plan`, which knows the cards that ask here: in one object both would keep each other, and each
    plan that is made anew would leave some forty objects for the garbage collector to find.
    """

    def __init__(self, department: Department, calendars: Mapping[str, Allowance]) -> None:
        self._budgets = department.budgets
        self._calendars = calendars
        self.leases: list[Allowance] = []
        if department.cap is not None:
            of_company = department.lender == TREASURY
            name = department.organization_id if of_company else department.lender
            clock = clock_of(department.cap)
            self.leases = [Allowance(COMPANY, clock, ReasonCode.LEASE_EXCEEDED, name)]
        # Of budgets as they are asked about: a department may have ten thousand, and a card has a few.
        self._by_id = {allowance.id: allowance for allowance in self.leases}
        self._charges: dict[str, Charge] = {}

    def charge(self, key: str) -> Charge:
        """A charged period by its parts."""
        found = self._charges.get(key)
        if found is None:
            if len(self._charges) >= KNOWN_MAX:
                self._charges.clear()
            id_, _, label = key.rpartition("@")
            found = self._charges[key] = Charge(key, self.get(id_), id_, label)
        return found

    def get(self, id_: str) -> Allowance | None:
        """None: its budget or rule is gone."""
        if id_.startswith(RULE):
            return self._calendars.get(id_.removeprefix(RULE).partition(":")[0])
        found = self._by_id.get(id_)
        budget = self._budgets.get(id_)
        if found is None and budget is not None:
            found = self._by_id[id_] = _budget_allowance(id_, budget)
        return found


class Plan:
    """A department's rules, by card, as of its state's revision."""

    def __init__(self, department: Department) -> None:
        policy = department.policy
        self.department = department
        self.revision = department.revision
        self._policy = policy
        self._zone = department.budgets[DEPARTMENT].calendar.time_zone if department.budgets else "UTC"
        self._checks = [check for rule in policy.rules if (check := _check(rule, self._zone)) is not None]
        self._budgeted = frozenset(check.rule.rule_id for check in self._checks if check.budget is not None)
        self._limits = [rule for rule in policy.rules if isinstance(rule, SpendLimit)]
        self._calendars = {rule.rule_id: _rule_allowance(rule) for rule in self._limits if charged(rule)}
        self._windows = {rule.rule_id: Window(rule) for rule in self._limits if counted(rule)}
        self._allowances = AllowanceIndex(department, self._calendars)
        self.charge = self._allowances.charge
        scopes = [rule.scope for rule in policy.rules if rule.scope is not None]
        self._scopes = {(scope.level, scope.subject) for scope in scopes}
        self._valid_days: dict[str | None, int] = {}
        self._rule_sets: dict[tuple[str | None, ...], RuleSet] = {}
        self._cards: dict[str, CardRules] = {}

    def card(self, card_id: str, cardholder: str | None = None) -> CardRules:
        """What applies to the card. `cardholder`: who it is, where the card is not registered to anybody."""
        state = self.department.registered.get(card_id)
        card = None if state is None else state.card
        holder = (card.employee if card is not None else None) or cardholder
        found = self._cards.get(card_id)
        if found is None or found.holder != holder or found.card != card:
            # The same card in other hands, too: who asks most often is at hand.
            if len(self._cards) >= KNOWN_MAX:
                self._cards.clear()
            found = self._cards[card_id] = self._new_card(card_id, card, holder)
        return found

    def _new_card(self, card_id: str, card: Card | None, holder: str | None) -> CardRules:
        team = None if card is None else card.team
        subjects: dict[Level, str | None] = {
            "department": DEPARTMENT,
            "team": team,
            "card": card_id,
            "employee": holder,
        }
        special = self._policy.registered_cards_only if card is None else _is_special(card)
        return CardRules(card_id, card, holder, self._rule_set(subjects), subjects, special, self.charge)

    def _rule_set(self, subjects: dict[Level, str | None]) -> RuleSet:
        # A subject that nothing names by its name is like any other.
        signature = tuple(
            subject if self._is_named(level, subject) else "" if subject is not None else None
            for level, subject in subjects.items()
        )
        found = self._rule_sets.get(signature)
        if found is None:
            found = self._rule_sets[signature] = self._new_rule_set(subjects)
        return found

    def _new_rule_set(self, subjects: dict[Level, str | None]) -> RuleSet:
        def in_scope(rule: Rule) -> bool:
            return rule.scope is None or subjects[rule.scope.level] == rule.scope.subject

        limits = [rule for rule in self._limits if in_scope(rule) and subjects[rule.per] is not None]
        return RuleSet(
            [check for check in self._checks if in_scope(check.rule)],
            limits,
            [self._windows[rule.rule_id] for rule in limits if counted(rule)],
            [
                *self._budgets(subjects),
                *(self._calendars[rule.rule_id] for rule in limits if charged(rule)),
                *self._allowances.leases,
            ],
            self._zone,
            self._budgeted,
        )

    def _is_named(self, level: Level, subject: str | None) -> bool:
        """Whether a budget or a rule is for this one by its name."""
        return (level, subject) in self._scopes or subject in self.department.subjects.get(level, ())

    def _budgets(self, subjects: dict[Level, str | None]) -> list[Allowance]:
        """The department's own first, then from the widest level to the narrowest."""
        ids = [
            id_
            for level in LEVELS
            for id_ in self.department.subjects.get(level, {}).get(
                "" if level == DEPARTMENT else subjects[level] or "", ()
            )
        ]
        if DEPARTMENT in ids:
            ids.remove(DEPARTMENT)
            ids.insert(0, DEPARTMENT)
        return [allowance for id_ in ids if (allowance := self._allowances.get(id_)) is not None]

    def charges(self, keys: tuple[str, ...]) -> Charges:
        """The periods of a payment that may be older than the rules."""
        return Charges.of(map(self.charge, keys))

    def valid_days(self, mcc: str | None) -> int:
        """How long a hold of a merchant of this category is valid."""
        found = self._valid_days.get(mcc)
        if found is None:
            groups = self._policy.hold_days_by_group
            names = (name for name in sorted(groups) if mcc in codes_of(name))
            found = next((groups[name] for name in names), self._policy.hold_days)
            self._valid_days[mcc] = found
        return found


def charged(rule: SpendLimit) -> bool:
    """Whether what counts is given back when a hold is: an amount in a calendar's period that may decline."""
    return rule.window == "calendar" and rule.amount is not None and rule.action == "decline"


def counted(rule: SpendLimit) -> bool:
    """Whether the rule has a counter: rolling windows, counts, and amounts that only ask for a review."""
    return rule.window != "transaction" and not charged(rule)


def _is_special(card: Card) -> bool:
    """Anything but a card that is active, for ever, for all and for any merchant."""
    plain = card.status == "active" and card.expires_on is None and card.locked_to is None
    return not plain or card.single_use or card.lock_to_first


def _rule_allowance(rule: SpendLimit) -> Allowance:
    assert rule.calendar is not None
    clock = clock_of(rule.calendar)
    return Allowance(f"{RULE}{rule.rule_id}", clock, ReasonCode.LIMIT_EXCEEDED, rule.rule_id, rule=rule)


def _budget_allowance(id_: str, budget: Budget) -> Allowance:
    return Allowance(id_, clock_of(budget.calendar), ReasonCode.BUDGET_EXCEEDED, budget.name, budget=budget)


def _check(rule: Rule, zone: str) -> Check | None:
    match rule:
        case Block():
            return Check(rule, compiled(rule.what), ReasonCode.BLOCKED, of_merchant=True)
        case Allow():
            return Check(rule, _none_of(compiled(rule.what)), ReasonCode.NOT_ALLOWED, of_merchant=True)
        case ActiveHours():
            return Check(rule, outside(rule), ReasonCode.OUTSIDE_HOURS, of_merchant=False)
        case ScoreLimit():
            budget = None if rule.a_day is None else AlertBudget(rule, zone)
            return Check(
                rule, _at_least(rule.least), ReasonCode.FRAUD_LIKELY, of_merchant=False, budget=budget
            )
    return None


def _none_of(matches: Test) -> Test:
    return lambda asked: not matches(asked)


def _at_least(millionths: int) -> Test:
    return lambda asked: asked.millionths >= millionths


class Plans:
    """The plans of departments, kept by who decides. A cache: what it gives follows from the state alone."""

    def __init__(self) -> None:
        self._known: dict[int, Plan] = {}

    def of(self, department: Department) -> Plan:
        """As of the department's revision."""
        key = id(department)
        found = self._known.get(key)
        if found is None or found.department is not department or found.revision != department.revision:
            # As many as the state has departments: fewer would be made anew all the time.
            found = self._known[key] = Plan(department)
        return found
