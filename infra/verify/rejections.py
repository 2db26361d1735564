"""O14: an event is rejected where it cannot be used, for the reason that is its own, and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from infra.verify.fold import Fold, clock_s, span
from infra.verify.ids import Ids
from infra.verify.leases import Lender, Treasury
from infra.verify.records import Sent
from infra.verify.report import Report
from infra.verify.state import Department
from infra.verify.unusable import Asked, might_be_too_much, unusable
from schemas.card_numbers import in_json
from schemas.decisions import Decision
from schemas.events import CardEvent
from schemas.money import Money
from schemas.partitions import partition_of
from schemas.reasons import Outcome, ReasonCode

FUTURE_MAX: Final = timedelta(days=1)
EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)


class Rejections:
    """Looks at each decision before it is folded, beside the event that it answers."""

    def __init__(self, partition: int, partitions: int, report: Report, ids: Ids, fold: Fold) -> None:
        self._partition, self._partitions = partition, partitions
        self._oracle = report["O14"]
        self._ids = ids
        self._fold = fold
        self._places: dict[str, int] = {}  # key -> the partition that is its own

    def look(
        self,
        decision: Decision,
        sent: Sent,
        department: Department | None,
        treasuries: Mapping[Lender, Treasury],
    ) -> None:
        """`department`: the event's, before it; None where there is none yet."""
        self._oracle.checked += 1
        rejected = decision.outcome is Outcome.REJECTED
        told = decision.reasons[0].code if rejected and decision.reasons else None
        wanted = self._wanted(decision, told, sent, department, treasuries)
        if told is not None and wanted is None and _is_told_by(told, sent.event, department):
            return
        if told is wanted and rejected is (wanted is not None):
            return
        was = f"is rejected as {told.value if told else 'nothing'}" if rejected else "is taken"
        must = "can be used" if wanted is None else f"must be rejected as {wanted.value}"
        self._oracle.violated(f"decision {decision.position} of {_named(decision)} {was}, but {must}")

    def _wanted(
        self,
        decision: Decision,
        told: ReasonCode | None,
        sent: Sent,
        department: Department | None,
        treasuries: Mapping[Lender, Treasury],
    ) -> ReasonCode | None:
        # Whether card numbers are refused is a setting of who decides; where they are, one must be there.
        if told is ReasonCode.CARD_NUMBER and in_json(sent.value or b""):
            return told
        event = sent.event
        if event is None:
            return sent.unusable
        if sent.key is None:
            return ReasonCode.MISSING_KEY
        if sent.key != event.key.encode():
            return ReasonCode.KEY_MISMATCH
        if self._place(event.key) != self._partition:
            return ReasonCode.WRONG_PARTITION
        if department is not None:
            first = self._ids.first(event, department)
            if first is not None:
                return self._conflict(decision, event, first)
        untimely = _untimely(decision, event, department)
        if untimely is not None:
            return untimely
        now_s = max(department.clock_s if department else 0, clock_s(decision))
        treasury = treasuries.get((event.organization_id, event.department_id))
        return unusable(Asked(event, department, treasury, self._fold.postings, now_s))

    def _place(self, key: str) -> int:
        place = self._places.get(key)
        if place is None:
            place = self._places[key] = partition_of(key.encode(), self._partitions)
        return place

    def _conflict(self, decision: Decision, event: CardEvent, first: int) -> ReasonCode | None:
        """What of an event, whose id was decided by `first` before, is new; None: nothing."""
        if self._ids.is_content_of(first, event):
            if decision.outcome is not Outcome.REJECTED and decision.duplicate_of != first:
                what = (
                    f"decision {decision.position} decides {event.event_id} anew, which {first} has answered"
                )
                self._oracle.violated(what)
            return None
        if not self._ids.is_type_of(first, event):
            return ReasonCode.EXISTS_WITH_DIFFERENT_TYPE
        money = getattr(event, "limit", None) or getattr(event, "amount", None)
        if isinstance(money, Money) and money.minor != self._ids.amount_of(first):
            return ReasonCode.EXISTS_WITH_DIFFERENT_AMOUNT
        return ReasonCode.EXISTS_WITH_DIFFERENT_CONTENT


def _untimely(decision: Decision, event: CardEvent, department: Department | None) -> ReasonCode | None:
    if event.occurred_at - decision.recorded_at > FUTURE_MAX:
        return ReasonCode.OCCURRED_IN_FUTURE
    if event.occurred_at < EARLIEST or (department is not None and department.past(span(decision))):
        return ReasonCode.TOO_OLD
    return None


def _is_told_by(told: ReasonCode, event: CardEvent | None, department: Department | None) -> bool:
    """Whether it may be so though the rules about the event itself give no reason.

    How large a decision would have become is not seen from outside, and a sum that is out of range was never
    made: that it could be must do.
    """
    if told is ReasonCode.DECISION_TOO_LARGE:
        return event is not None
    if told is ReasonCode.SUM_OUT_OF_RANGE and event is not None and department is not None:
        return might_be_too_much(event, department)
    return False


def _named(decision: Decision) -> str:
    return f"{decision.event_type} {decision.event_id}" if decision.event_id else "what is no event"
