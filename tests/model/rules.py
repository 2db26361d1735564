"""docs/rules.md a second time: small, slow, and sharing nothing with `streams/core` but the schemas.

`Model.answer` is asked once for each record of the card events topic, in its order. Nothing is cached: what
is held, posted, disputed or counted is summed anew from the records of payments whenever it is needed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import schemas.events as ev
from schemas.administration import TREASURY
from schemas.card_numbers import in_json
from schemas.codec import UndecodableEvent, decode_event
from schemas.events import CardEvent, Event
from schemas.money import Money
from schemas.partitions import partition_of
from schemas.reasons import ReasonCode
from tests.model import asking, cap, life, requests, settings
from tests.model.answers import Answer, rejected
from tests.model.book import Department
from tests.model.calendars import DAY, SPANS_BEFORE, memory_span, whole_second
from tests.model.case import Case, Unusable, check_money
from tests.model.records import Remembered

OLDEST = datetime(2000, 1, 1, tzinfo=UTC)

HANDLERS: dict[type[Event], Callable[[Case, Any], Answer]] = {
    ev.AuthorizationRequested: asking.request,
    ev.AuthorizationIncremented: asking.increment,
    ev.AuthorizationAdvised: life.advise,
    ev.AuthorizationReversed: life.reverse,
    ev.AuthorizationExpired: life.expire,
    ev.ClearingPresented: life.clear,
    ev.RefundPresented: life.refund,
    ev.RefundReversed: life.reverse_refund,
    ev.DisputeOpened: life.open_dispute,
    ev.DisputeResolved: life.resolve_dispute,
    ev.VerificationRequested: asking.verify,
    ev.BalanceInquired: asking.inquire,
    ev.ClockTicked: cap.tick,
    ev.BudgetSet: settings.set_budget,
    ev.BudgetRemoved: settings.remove_budget,
    ev.BudgetIncreased: settings.increase_budget,
    ev.IncreaseRequested: requests.ask,
    ev.IncreaseApproved: requests.approve,
    ev.IncreaseRefused: requests.refuse,
    ev.PolicyDrafted: settings.draft_policy,
    ev.PolicyActivated: settings.activate_policy,
    ev.CardSet: settings.set_card,
    ev.CardFrozen: settings.change_status,
    ev.CardUnfrozen: settings.change_status,
    ev.CardCanceled: settings.change_status,
    ev.PostingReversed: life.undo_posting,
    ev.CapSet: cap.set_cap,
    ev.LeaseRequested: cap.grant,
    ev.LeaseGranted: cap.add_lease,
    ev.LeaseRecalled: cap.give_back,
    ev.LeaseReturned: cap.take_back,
}
#: Their currency matters only when there is something to give back.
WITH_AN_OPTIONAL_AMOUNT = (ev.AuthorizationReversed, ev.RefundReversed)
OF_THE_TREASURY = (ev.CapSet, ev.LeaseRequested, ev.LeaseReturned)


@dataclass(frozen=True)
class Line:
    """One record of the card events topic."""

    recorded_at: datetime
    key: bytes | None
    value: bytes | None


@dataclass
class Model:
    """All departments of one partition."""

    partition: int = 0
    partitions: int = 1
    seq: int = 0
    departments: dict[str, Department] = field(default_factory=dict)

    def answer(self, line: Line) -> Answer:
        """What the rules say to this record, which then has taken its effect."""
        seq = self.seq
        self.seq += 1
        try:
            event = self._read(line)
            department = self.departments.get(event.key) or Department(event.department_id)
            known = department.remembered.get(event.event_id)
            if known is not None and self._remembers(department, known):
                return _repeat(known, event)
            self._check_time(department, event, line)
            answer = self._decide(department, event, seq, line)
        except Unusable as unusable:
            return rejected(unusable.code)
        self.departments[event.key] = department
        span = memory_span(event.occurred_at)
        before, department.latest_span = department.latest_span, max(span, department.latest_span or span)
        if named := department.payments.get(getattr(event, "authorization_id", None) or ""):
            named.moved = max(named.moved, span)
        department.remembered[event.event_id] = Remembered(event, answer, seq, span)
        if before is not None and department.latest_span > before:
            department.forget(department.latest_span - SPANS_BEFORE, seq)
        return answer

    def _read(self, line: Line) -> CardEvent:
        if not line.value:
            raise Unusable(ReasonCode.TOMBSTONE)
        if in_json(line.value):
            raise Unusable(ReasonCode.CARD_NUMBER)
        try:
            event = decode_event(line.value)
        except UndecodableEvent as error:
            raise Unusable(error.code) from None
        if line.key is None:
            raise Unusable(ReasonCode.MISSING_KEY)
        if line.key.decode(errors="replace") != event.key:
            raise Unusable(ReasonCode.KEY_MISMATCH)
        if partition_of(line.key, self.partitions) != self.partition:
            raise Unusable(ReasonCode.WRONG_PARTITION)
        return event

    def _check_time(self, department: Department, event: Event, line: Line) -> None:
        if event.occurred_at > line.recorded_at + DAY:
            raise Unusable(ReasonCode.OCCURRED_IN_FUTURE)
        latest = department.latest_span
        forgotten = latest is not None and memory_span(event.occurred_at) < latest - SPANS_BEFORE
        if event.occurred_at < OLDEST or forgotten:
            raise Unusable(ReasonCode.TOO_OLD)

    def _remembers(self, department: Department, known: Remembered) -> bool:
        return known.span >= (department.latest_span or 0) - SPANS_BEFORE

    def _decide(self, department: Department, event: CardEvent, seq: int, line: Line) -> Answer:
        _check_addressee(department, event)
        now = whole_second(min(event.occurred_at, line.recorded_at))
        clock = max(now, department.clock or now)
        case = Case(department, event, seq, clock, department.version)
        case.lapse()
        try:
            answer = HANDLERS[type(event)](case, event)
        except Unusable:
            case.bring_back()
            raise
        department.clock = case.clock
        return answer


def _repeat(known: Remembered, event: CardEvent) -> Answer:
    """The first answer again, or a conflict of its content with this event's."""
    if type(event) is not type(known.event):
        raise Unusable(ReasonCode.EXISTS_WITH_DIFFERENT_TYPE)
    left_out = event._not_content
    names = [name for name in event.__struct_fields__ if name not in left_out]
    if [getattr(event, name) for name in names] != [getattr(known.event, name) for name in names]:
        minor, first_minor = _minor(event), _minor(known.event)
        raise Unusable(
            ReasonCode.EXISTS_WITH_DIFFERENT_AMOUNT
            if minor is not None and minor != first_minor
            else ReasonCode.EXISTS_WITH_DIFFERENT_CONTENT
        )
    first: Answer = known.answer
    return replace(first, effects=(), alerts=(), duplicate_of=known.seq)


def _minor(event: CardEvent) -> int | None:
    """What an event is about, in minor units."""
    money = getattr(event, "limit", None) or getattr(event, "amount", None)
    return money.minor if isinstance(money, Money) else None


def _check_addressee(department: Department, event: CardEvent) -> None:
    """A treasury knows only its own events; a department all others, from its first budget on."""
    if department.id == TREASURY:
        if not isinstance(event, OF_THE_TREASURY):
            raise Unusable(ReasonCode.UNKNOWN_DEPARTMENT)
        if department.treasury is None and not isinstance(event, ev.CapSet):
            raise Unusable(ReasonCode.UNKNOWN_DEPARTMENT)
        return
    if not department.exists:
        own = isinstance(event, ev.BudgetSet) and settings.is_departments_own(event)
        if not own and not isinstance(event, (ev.LeaseGranted, ev.LeaseRecalled)):
            raise Unusable(ReasonCode.UNKNOWN_DEPARTMENT)
        if isinstance(event, ev.LeaseRecalled) and not department.currency:
            raise Unusable(ReasonCode.UNKNOWN_DEPARTMENT)
        if isinstance(event, ev.BudgetSet):
            settings.check_currency(event.limit.currency)
        if department.currency:
            check_money(event, department.currency)
        return
    if isinstance(event, OF_THE_TREASURY):
        raise Unusable(ReasonCode.INVALID_CAP)
    if not isinstance(event, WITH_AN_OPTIONAL_AMOUNT):
        check_money(event, department.currency)
