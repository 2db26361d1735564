"""One event in its place: what every answer needs, and how an answer becomes a decision."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from schemas.decisions import Alert, Balance, Decision, WouldPass
from schemas.effects import DepartmentOpened, Effects, HoldPlaced, HoldReleased, LeaseAdded, PeriodOpened
from schemas.events import EVENT_TYPES, CardEvent, Event
from schemas.money import TOTAL_MAX, Money
from schemas.reasons import Outcome, Reason, ReasonCode
from streams.core.calendar import clock_of, latest_end_s, moment_of
from streams.core.movements import MOVEMENTS, movement
from streams.core.plans import Plan
from streams.core.rules import balances_at
from streams.core.state import Answer, Department

# Asked once: a property that reads a struct's configuration costs as much as a small rule.
_TYPES: dict[type[Event], str] = {cls: str(cls.__struct_config__.tag) for cls in EVENT_TYPES}


class Slot(NamedTuple):
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

    `plan`: the department's rules. `new`: the department begins with this event. `lapsed`: what time alone
    has moved before it; the first effects of its decision.
    """

    __slots__ = ("at_s", "clock_s", "department", "event", "lapsed", "new", "plan", "slot")

    def __init__(
        self, plan: Plan, event: CardEvent, slot: Slot, at_s: int, clock_s: int, *, new: bool = False
    ) -> None:
        self.plan = plan
        self.department = plan.department
        self.new = new
        self.event = event
        self.slot = slot
        self.at_s = at_s
        self.clock_s = clock_s
        self.lapsed: tuple[HoldReleased, ...] = ()

    def amount(self, money: Money) -> int:
        """Minor units of the department's currency."""
        if money.currency != self.department.currency:
            raise Rejected(ReasonCode.WRONG_CURRENCY, currencies(self.department.currency, money.currency))
        return money.minor

    def answer(
        self,
        outcome: Outcome,
        *,
        effects: tuple[Effects, ...] = (),
        charges: Sequence[str] = (),
        amount: int | None = None,
        approved: int | None = None,
        reasons: tuple[Reason, ...] = (),
        reviews: tuple[Reason, ...] = (),
        shadows: tuple[Reason, ...] = (),
        alerts: tuple[Alert, ...] = (),
        would_pass: WouldPass | None = None,
        available: int | None = None,
        score: Any = None,
        balances: list[Balance] | None = None,
    ) -> Decision:
        """The decision. `charges`: periods to be shown though nothing moved in them; `amount`: as asked.

        `balances`: of the charges, after the effects, where they are known already.
        """
        event, slot, department = self.event, self.slot, self.department
        if self.lapsed:
            effects = self.lapsed + effects
        if balances is None:
            balances = self._balances(effects, charges)
            check_sums(balances)
        elif self.lapsed:
            balances += self._others({}, charges)
        effects += self._opened(effects)
        return Decision(
            partition=slot.partition,
            seq=slot.seq,
            source_offset=slot.source_offset,
            recorded_at=slot.recorded_at,
            previous_hash=slot.previous_hash,
            outcome=outcome,
            event_type=_TYPES[type(event)],
            event_id=event.event_id,
            organization_id=event.organization_id,
            department_id=event.department_id,
            authorization_id=getattr(event, "authorization_id", None),
            card_id=getattr(event, "card_id", None),
            cardholder=getattr(event, "cardholder", None),
            merchant=getattr(event, "merchant", None),
            entry_mode=getattr(event, "entry_mode", None),
            actor=getattr(event, "actor", None),
            occurred_at=event.occurred_at,
            amount=amount,
            approved=approved,
            currency=department.currency,
            merchant_amount=getattr(event, "merchant_amount", None),
            rate=getattr(event, "rate", None),
            reasons=reasons,
            reviews=reviews,
            shadows=shadows,
            alerts=alerts,
            would_pass=would_pass,
            effects=effects,
            balances=tuple(balances),
            available=available,
            score=score,
            policy_version=department.policy_version,
            fingerprint=slot.fingerprint,
        )

    def accepted(self, *effects: Effects, charges: Sequence[str] = (), **more: Any) -> Decision:
        """It took effect."""
        return self.answer(Outcome.ACCEPTED, effects=effects, charges=charges, **more)

    def _opened(self, effects: Sequence[Effects]) -> tuple[Effects, ...]:
        """What begins with this decision: the department, and periods in which nothing counted before."""
        periods = self.department.periods
        missing: list[str] = []
        for effect in effects:
            kind = type(effect)
            if kind in MOVEMENTS:
                charges = effect.charges if kind is HoldPlaced else MOVEMENTS[kind](effect)[0]  # type: ignore[union-attr]
                for charge in charges:
                    if charge not in periods and charge not in missing:
                        missing.append(charge)
        if not missing and not self.new:
            return ()
        opened: tuple[Effects, ...] = tuple([self._period(charge, effects) for charge in missing])
        if self.new and self.department.treasury is None:
            opened += (DepartmentOpened(policy=self.department.policy),)
        return opened

    def _period(self, charge: str, effects: Sequence[Effects]) -> PeriodOpened:
        line, _, label = self.plan.charged(charge)
        clock = line.clock if line is not None else None
        for effect in effects:  # the first lease comes before its department knows the calendar
            if clock is None and isinstance(effect, LeaseAdded):
                clock = clock_of(effect.calendar)
        ends_s = None if clock is None else clock.ends_of(label)
        if ends_s is None:
            ends_s = latest_end_s(label)  # a lease of a calendar that was, say
        return PeriodOpened(
            charge=charge,
            limit=0 if line is None else line.initial,
            ends_at=None if ends_s is None else moment_of(ends_s),
        )

    def _balances(self, effects: Sequence[Effects], charges: Sequence[str]) -> list[Balance]:
        """Every period that moved or was asked about, as it is afterwards; first those in `charges`.

        What has lapsed is off the department already while the case is open, so it moves nothing here.
        """
        moved: dict[str, tuple[int, int, int]] = {}
        posted = held = limit = 0
        for effect in effects[len(self.lapsed) :]:
            found = movement(effect)
            if found is None:
                continue
            if found[0] is charges or found[0] == charges:
                posted += found[1]
                held += found[2]
                limit += found[3]
            else:
                for charge in found[0]:
                    before = moved.get(charge, (0, 0, 0))
                    moved[charge] = (before[0] + found[1], before[1] + found[2], before[2] + found[3])
        balances = balances_at(self.plan, charges, self.at_s, posted, held, limit)
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
        (found,) = balances_at(self.plan, (charge,), self.at_s, posted, held, limit)
        return found


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


# -- answers that need no department's rules


def reject(event: CardEvent, reason: Reason, slot: Slot) -> Decision:
    """The event is readable but unusable: nothing moves, and a corrected one may use its id again."""
    amount, currency = asked(event)
    return _plain(event, slot, Outcome.REJECTED, reasons=(reason,), amount=amount, currency=currency)


def repeat(event: CardEvent, first: Answer, slot: Slot, department: Department) -> Decision:
    """The same event again: the first answer again, and nothing moves."""
    return _plain(
        event,
        slot,
        first.outcome,
        currency=department.currency,
        policy_version=department.policy_version,
        fingerprint=first.fingerprint,
        amount=first.amount,
        approved=first.approved,
        reasons=first.reasons,
        reviews=first.reviews,
        shadows=first.shadows,
        would_pass=first.would_pass,
        available=first.available,
        duplicate_of=first.seq,
    )


def conflict(event: CardEvent, first: Answer, fingerprint: str) -> Reason | None:
    """How this event differs from the first one with its id; None when it is a faithful repeat."""
    if fingerprint == first.fingerprint:
        return None
    minor, _ = asked(event)
    if event.type != first.event_type:
        code, detail = ReasonCode.EXISTS_WITH_DIFFERENT_TYPE, f"first was {first.event_type}"
    elif minor is not None and minor != first.amount:
        code, detail = ReasonCode.EXISTS_WITH_DIFFERENT_AMOUNT, f"first was {first.amount} minor units"
    else:
        code, detail = ReasonCode.EXISTS_WITH_DIFFERENT_CONTENT, "another card, merchant, payment or currency"
    return Reason(code=code, detail=f"event id {event.event_id}: {detail}, decision {first.seq}")


def asked(event: CardEvent) -> tuple[int | None, str | None]:
    """The event's own amount in minor units, and its currency."""
    money = getattr(event, "limit", None) or getattr(event, "amount", None)
    return (money.minor, money.currency) if isinstance(money, Money) else (None, None)


def currencies(budgeted: str, given: str) -> str:
    return f"the budget is in {budgeted}, the event in {given}"


def _plain(event: CardEvent, slot: Slot, outcome: Outcome, **members: Any) -> Decision:
    return Decision(
        partition=slot.partition,
        seq=slot.seq,
        source_offset=slot.source_offset,
        recorded_at=slot.recorded_at,
        previous_hash=slot.previous_hash,
        outcome=outcome,
        event_type=event.type,
        event_id=event.event_id,
        organization_id=event.organization_id,
        department_id=event.department_id,
        authorization_id=getattr(event, "authorization_id", None),
        card_id=getattr(event, "card_id", None),
        cardholder=getattr(event, "cardholder", None),
        merchant=getattr(event, "merchant", None),
        actor=getattr(event, "actor", None),
        occurred_at=event.occurred_at,
        **members,
    )
