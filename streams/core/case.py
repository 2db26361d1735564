"""One event in its place: what every answer needs, and how an answer becomes a decision."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from schemas.decisions import Alert, Balance, Decision, Score, WouldPass
from schemas.effects import DepartmentOpened, Effects, HoldReleased, LeaseAdded, PeriodOpened
from schemas.events import EVENT_TYPES, CardEvent, Event
from schemas.money import TOTAL_MAX, Money
from schemas.reasons import Outcome, Reason, ReasonCode
from streams.core.calendar import clock_of, end_of, moment_of
from streams.core.movements import Movement, movement
from streams.core.plans import Plan
from streams.core.rules import PASSED, Verdict

# Asked once: a property that reads a struct's configuration costs as much as a small rule.
_TYPES: dict[type[Event], str] = {cls: str(cls.__struct_config__.tag) for cls in EVENT_TYPES}


class LogPlace(NamedTuple):
    """The place a decision takes in the log, and what is known of the record it decides.

    `fingerprint`: of the event's content, by which a repeat is known; "" for what is no event.
    """

    partition: int
    seq: int
    source_offset: int
    recorded_at: datetime
    previous_hash: str
    fingerprint: str


class Rejected(Exception):
    """The event cannot be used. Carries the reason; becomes a decision, never leaves the core."""

    def __init__(self, code: ReasonCode, detail: str | None = None) -> None:
        super().__init__(code.value, detail)
        self.reason = Reason(code=code, detail=detail)


class Case:
    """An event to be decided. `at_s`: its own time; `clock_s`: the department's, with this event.

    `plan`: the department's rules. `new`: the department begins with this event. `score`: what the model said
    of it. `lapsed`: what time alone has moved before it; the first effects of its decision.
    """

    __slots__ = ("at_s", "clock_s", "department", "event", "lapsed", "new", "place", "plan", "score")

    def __init__(
        self,
        plan: Plan,
        event: CardEvent,
        place: LogPlace,
        at_s: int,
        clock_s: int,
        score: Score | None = None,
        *,
        new: bool = False,
    ) -> None:
        self.plan = plan
        self.department = plan.department
        self.new = new
        self.event = event
        self.place = place
        self.at_s = at_s
        self.clock_s = clock_s
        self.score = score
        self.lapsed: tuple[HoldReleased, ...] = ()

    def amount(self, money: Money) -> int:
        """Minor units of the department's currency."""
        if money.currency != self.department.currency:
            raise Rejected(ReasonCode.WRONG_CURRENCY, currencies(self.department.currency, money.currency))
        return money.minor

    def answer(
        self,
        outcome: Outcome,
        verdict: Verdict = PASSED,
        *,
        effects: tuple[Effects, ...] = (),
        charges: Sequence[str] = (),
        amount: int | None = None,
        approved: int | None = None,
        alerts: tuple[Alert, ...] = (),
        would_pass: WouldPass | None = None,
        available: int | None = None,
        balances: list[Balance] | None = None,
    ) -> Decision:
        """The decision, with all that the event says. `charges`: periods to be shown though nothing moved.

        `amount`: as asked. `balances`: of the charges, after the effects, where they are known already;
        then nothing else has moved.
        """
        event, place, department = self.event, self.place, self.department
        effects, balances = self._settle(effects, charges, balances)
        return Decision(
            partition=place.partition,
            seq=place.seq,
            source_offset=place.source_offset,
            recorded_at=place.recorded_at,
            previous_hash=place.previous_hash,
            outcome=outcome,
            event_type=_TYPES[type(event)],
            event_id=event.event_id,
            organization_id=event.organization_id,
            department_id=event.department_id,
            authorization_id=event.authorization_id,
            card_id=event.card_id,
            cardholder=event.cardholder,
            merchant=event.merchant,
            entry_mode=event.entry_mode,
            actor=event.actor,
            occurred_at=event.occurred_at,
            amount=amount,
            approved=approved,
            currency=department.currency,
            merchant_amount=event.merchant_amount,
            rate=event.rate,
            reasons=verdict.reasons,
            reviews=verdict.reviews,
            shadows=verdict.shadows,
            alerts=alerts,
            would_pass=would_pass,
            effects=effects,
            balances=tuple(balances),
            available=available,
            score=self.score,
            policy_version=department.policy_version,
            fingerprint=place.fingerprint,
        )

    def accepted(
        self,
        *effects: Effects,
        verdict: Verdict = PASSED,
        charges: Sequence[str] = (),
        amount: int | None = None,
        approved: int | None = None,
        alerts: tuple[Alert, ...] = (),
        available: int | None = None,
    ) -> Decision:
        """It took effect."""
        return self.answer(
            Outcome.ACCEPTED,
            verdict,
            effects=effects,
            charges=charges,
            amount=amount,
            approved=approved,
            alerts=alerts,
            available=available,
        )

    def _settle(
        self, effects: tuple[Effects, ...], charges: Sequence[str], balances: list[Balance] | None
    ) -> tuple[tuple[Effects, ...], list[Balance]]:
        """All effects of the decision, with what lapsed before and opens with it, and the balances after."""
        if balances is None:
            moves = [move for effect in effects if (move := movement(effect)) is not None]
            balances = self._balances(moves, charges)
            check_sums(balances)
            opened = self._opened(effects, [charge for move in moves for charge in move[0]])
        else:
            if self.lapsed:
                balances += self._others({}, charges)
            opened = self._opened(effects, charges)
        return self.lapsed + effects + opened, balances

    def _opened(self, effects: Sequence[Effects], moved: Sequence[str]) -> tuple[Effects, ...]:
        """What begins with this decision: the department, and periods in which nothing counted before."""
        periods = self.department.periods
        missing = [charge for charge in moved if charge not in periods]
        if not missing and not self.new:
            return ()
        opened: tuple[Effects, ...] = tuple([self._period(one, effects) for one in dict.fromkeys(missing)])
        if self.new:
            opened += (DepartmentOpened(policy=self.department.policy),)
        return opened

    def _period(self, charge: str, effects: Sequence[Effects]) -> PeriodOpened:
        _, allowance, _, label = self.plan.charge(charge)
        clock = allowance.clock if allowance is not None else None
        for effect in effects:  # the first lease comes before its department knows the calendar
            if clock is None and isinstance(effect, LeaseAdded):
                clock = clock_of(effect.calendar)
        ends_s = end_of(clock, label)
        return PeriodOpened(
            charge=charge,
            limit=0 if allowance is None else allowance.initial,
            ends_at=None if ends_s is None else moment_of(ends_s),
        )

    def _balances(self, moves: Sequence[Movement], charges: Sequence[str]) -> list[Balance]:
        """Every period that moved or was asked about, as it is afterwards; first those in `charges`.

        What has lapsed is off the department already while the case is open, and is in none of the `moves`.
        """
        moved: dict[str, tuple[int, int, int]] = {}
        posted = held = limit = 0
        for found in moves:
            if found[0] == charges:
                posted += found[1]
                held += found[2]
                limit += found[3]
            else:
                for charge in found[0]:
                    before = moved.get(charge, (0, 0, 0))
                    moved[charge] = (before[0] + found[1], before[1] + found[2], before[2] + found[3])
        balances = [self.balance(charge, posted, held, limit) for charge in charges]
        if moved or self.lapsed:
            balances += self._others(moved, charges)
        return balances

    def _others(self, moved: dict[str, tuple[int, int, int]], charges: Sequence[str]) -> list[Balance]:
        lapsed = (charge for effect in self.lapsed for charge in effect.charges)
        return [
            self.balance(charge, *moved.get(charge, (0, 0, 0)))
            for charge in dict.fromkeys([*moved, *lapsed])
            if charge not in charges
        ]

    def balance(self, charge: str, posted: int = 0, held: int = 0, limit: int = 0) -> Balance:
        """The period after these changes. Its limit is the one in force at the event's time."""
        _, _, id_, label = known = self.plan.charge(charge)
        period = self.department.periods.get(charge)
        limit += known.limit(period, self.at_s)
        if period is None:
            return Balance(id_, label, limit, posted, held)
        return Balance(id_, label, limit, period.posted + posted, period.held + held)


def check_sums(balances: Sequence[Balance]) -> None:
    """Raises Rejected where a period would come to more than the books and their readers hold exactly.

    Not asked of what a rule has approved: it is below a limit that was.
    """
    for balance in balances:
        in_range(balance.posted, f"what is posted to {balance.key}")
        in_range(balance.held, f"what is held of {balance.key}")
        in_range(balance.limit, f"the limit of {balance.key}")


def in_range(total: int, what: str, most: int = TOTAL_MAX) -> None:
    """Raises Rejected where a sum leaves what the books and their readers hold exactly."""
    if not -most <= total <= most:
        detail = f"{what} would be {total:,} minor units; it may not be beyond {most:,}"
        raise Rejected(ReasonCode.SUM_OUT_OF_RANGE, detail)


def currencies(budgeted: str, given: str) -> str:
    """Two currencies that should be one, in words."""
    return f"the budget is in {budgeted}, the event in {given}"


#: Which function answers which event: each module of the core has those of its own.
Answers = Mapping[type[Event], Callable[[Case, Any], Decision]]
