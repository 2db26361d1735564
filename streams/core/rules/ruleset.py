"""What applies to one card, made ready to be asked: checks, windows, allowances.

Made by `streams.core.plans`. Whatever is kept here follows from its key alone. Cards to which the same rules
apply share one `RuleSet`: with thousands of cards, what is not shared is not in the processor's cache, and
that would cost more than the rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from schemas.controls import Card, Level, Rule, SpendLimit
from schemas.event import EntryMode, Merchant
from schemas.money import MINOR_MAX
from schemas.reasons import ReasonCode
from streams.core.calendar import QUARTER_S, PeriodLabels, clock_of
from streams.core.matching import Purchase, Test, compiled
from streams.core.rules.alert_budget import AlertBudget
from streams.core.state import Budget, Period
from streams.core.windows import reach, slot_width_s

KNOWN_MAX = 20_000


class Allowance:
    """What may be spent in each period: of a budget, of a limit with a calendar, or of the lease.

    `code`: what is exceeded, by which the rules tell the three apart. `id`: of a limit without its subject.
    """

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
        clock: PeriodLabels,
        code: ReasonCode,
        name: str,
        *,
        budget: Budget | None = None,
        rule: SpendLimit | None = None,
    ) -> None:
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

    def applies(self, purchase: Purchase) -> bool:
        """Whether this purchase counts."""
        return self.only is None or self.only(purchase)


class Charge(NamedTuple):
    """A charged period by its parts: `key` is `ID@LABEL`. `allowance` None: its budget or rule is gone."""

    key: str
    allowance: Allowance | None
    id: str
    label: str

    def limit(self, period: Period | None, at_s: int) -> int:
        """The limit in force; of a budget or rule that is gone the one that its period had."""
        if self.allowance is not None:
            return self.allowance.limit(period, at_s)
        return 0 if period is None else period.limit


class Charges(NamedTuple):
    """The periods in which a payment counts: as effects name them, and by their parts."""

    keys: tuple[str, ...]
    parts: tuple[Charge, ...]

    @classmethod
    def of(cls, parts: Iterable[Charge]) -> Charges:
        """With their keys."""
        parts = tuple(parts)
        return cls(tuple([part.key for part in parts]), parts)


NO_CHARGES = Charges((), ())


class Check(NamedTuple):
    """A block, an allow-list, hours or a score: `test` true means that the rule speaks, if its `budget` of
    alerts lets it."""

    rule: Rule
    test: Test
    code: ReasonCode
    of_merchant: bool
    budget: AlertBudget | None = None


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


class RuleSet:
    """The rules that apply to a card, apart from its own counters and periods.

    `transaction_least`: no limit of a transaction speaks up to this amount. `conditional`: some allowance is
    for some purchases only. `zone`: of the department's own budget. `budgeted`: ids of all rules of the
    policy with so many alerts a day. `labels_of`: the latest quarter of an hour that was asked about, and
    each allowance's period in it.
    """

    def __init__(
        self,
        checks: Sequence[Check],
        limits: Sequence[SpendLimit],
        windows: Sequence[Window],
        allowances: Sequence[Allowance],
        zone: str,
        budgeted: frozenset[str] = frozenset(),
    ) -> None:
        self.checks = checks
        self.of_merchant = [check for check in checks if check.of_merchant]
        self.of_time = [check for check in checks if not check.of_merchant]
        self.transaction = [
            (rule, compiled(rule.only) if rule.only else None)
            for rule in limits
            if rule.window == "transaction"
        ]
        self.transaction_least = min(
            (-1 if rule.amount is None else rule.amount for rule, _ in self.transaction),
            default=MINOR_MAX * 2,
        )
        self.windows = windows
        self.allowances = allowances
        self.conditional = any(allowance.only for allowance in allowances)
        self.zone = zone
        self.budgeted = budgeted
        self._matching: dict[tuple[Merchant | None, EntryMode | None], bool] = {}
        self.labels_of: tuple[int, tuple[str, ...]] = (-1, ())

    def labels(self, at_s: int) -> tuple[str, ...]:
        """Each allowance's period. At hand: those of the latest quarter of an hour asked about."""
        quarter = at_s // QUARTER_S
        known, labels = self.labels_of
        if known != quarter:
            now = tuple([allowance.clock.label(at_s) for allowance in self.allowances])
            labels = now if now != labels else labels  # the same object, by which cards know them again
            self.labels_of = (quarter, labels)
        return labels

    def speaks_against(self, purchase: Purchase) -> bool:
        """Whether a check does, of those that look at the merchant. Most are met again and again."""
        key = (purchase[1], purchase[2])
        found = self._matching.get(key)
        if found is None:
            if len(self._matching) >= KNOWN_MAX:
                self._matching.clear()
            found = self._matching[key] = any(check.test(purchase) for check in self.of_merchant)
        return found


class CardRules:
    """What applies to one card in one person's hands: a function of both and of the department's rules.

    `card`: as it is registered, or None; `holder`: its employee, or the cardholder where it is nobody's.
    `special`: the card itself must be looked at. `counter_keys`: of the rule set's windows. `charge`: a
    charged period by its key; what cards have in common should be the same object for all of them.
    """

    __slots__ = (
        "_charge",
        "_charges_of",
        "_ids",
        "card",
        "card_id",
        "counter_keys",
        "holder",
        "rule_set",
        "special",
        "subjects",
    )

    def __init__(
        self,
        card_id: str,
        card: Card | None,
        holder: str | None,
        rule_set: RuleSet,
        subjects: dict[Level, str | None],
        special: bool,
        charge: Callable[[str], Charge],
    ) -> None:
        self.card_id = card_id
        self.card = card
        self.holder = holder
        self.rule_set = rule_set
        self.subjects = subjects
        self.special = special
        self.counter_keys = tuple(
            [f"{one.rule.rule_id}:{subjects[one.rule.per]}" for one in rule_set.windows]
        )
        self._ids = tuple([_allowance_id(allowance, subjects) for allowance in rule_set.allowances])
        self._charge = charge
        self._charges_of: tuple[tuple[str, ...], Charges] = ((), NO_CHARGES)

    def charges(self, at_s: int) -> Charges:
        """All periods that a payment of this moment counts in, limits with `only` included.

        Those of the latest periods that were asked about are at hand.
        """
        labels = self.rule_set.labels(at_s)
        known, charges = self._charges_of
        if known != labels:
            keys = [f"{id_}@{label}" for id_, label in zip(self._ids, labels, strict=True)]
            charges = Charges.of(map(self._charge, keys))
            self._charges_of = (labels, charges)
        return charges

    def charges_for(self, purchase: Purchase) -> Charges:
        """The periods that this purchase counts in."""
        rule_set = self.rule_set
        at_hand, labels = rule_set.labels_of
        if at_hand == purchase[0] // QUARTER_S and labels is self._charges_of[0]:
            charges = self._charges_of[1]  # as for nearly all: nothing is called
        else:
            charges = self.charges(purchase[0])
        if not rule_set.conditional:
            return charges
        parts = charges.parts
        return Charges.of(part for part in parts if part.allowance and part.allowance.applies(purchase))


def _allowance_id(allowance: Allowance, subjects: dict[Level, str | None]) -> str:
    return allowance.id if allowance.rule is None else f"{allowance.id}:{subjects[allowance.rule.per]}"
