"""What the rules remember of a partition's departments. Rebuilt by folding decisions, never by events."""

from __future__ import annotations

from datetime import datetime

import msgspec

from schemas.decisions import GENESIS_HASH
from schemas.reasons import Outcome, Reason
from streams.core.history import CardHistory

# Event ids are remembered for at least three whole buckets of event time; what is older is refused as
# too old rather than taken for new. 30 days: late presentments arrive within 45 days on card networks.
BUCKET_S = 30 * 86_400
BUCKETS_KEPT = 4


class Period(msgspec.Struct, gc=False):
    """Totals of one budget period in minor units: `posted` is spent less refunded, `held` is kept.

    `limit`: as it was when the period's money was last asked for or budgeted, so that a clearing which
    comes after the month shows that month's limit.
    """

    limit: int
    posted: int = 0
    held: int = 0


class Payment(msgspec.Struct, gc=False):
    """One authorization and what became of it. Its money belongs to `period`, where it was authorized."""

    period: str
    bucket: int
    approved: bool
    held: int = 0
    posted: int = 0
    refunded: int = 0


class Answer(msgspec.Struct, frozen=True, gc=False):
    """The first answer to an event id, given again to a repeat."""

    seq: int
    event_type: str
    fingerprint: str
    amount: int
    outcome: Outcome
    reasons: tuple[Reason, ...]


class Department(msgspec.Struct):
    """One department's budget, payments and memory. Amounts are minor units of `currency`."""

    organization_id: str
    department_id: str
    name: str
    currency: str
    limit: int
    time_zone: str
    policy_version: int
    latest_bucket: int
    periods: dict[str, Period] = {}
    payments: dict[str, Payment] = {}
    answers: dict[int, dict[str, Answer]] = {}
    cards: dict[str, CardHistory] = {}

    def period(self, label: str) -> Period:
        """The totals of a period; zeros where nothing has happened yet."""
        return self.periods.get(label) or Period(self.limit)

    def touch(self, label: str) -> Period:
        """The period's totals, to be changed."""
        period = self.periods.get(label)
        if period is None:
            period = self.periods[label] = Period(self.limit)
        return period

    def answer(self, event_id: str) -> Answer | None:
        """The first answer to this event id, while it is remembered."""
        for bucket in self.answers.values():
            found = bucket.get(event_id)
            if found is not None:
                return found
        return None


class PartitionState(msgspec.Struct):
    """All that the owner of a partition knows, as of the decision before `seq`.

    `next_offset`: the first card event not yet decided. `departments`: by `organization/department`.
    """

    partition: int
    seq: int = 0
    next_offset: int = 0
    last_hash: str = GENESIS_HASH
    departments: dict[str, Department] = {}


def bucket_of(moment: datetime) -> int:
    """The memory bucket of a moment: whole 30-day spans since the epoch."""
    return int(moment.timestamp()) // BUCKET_S
