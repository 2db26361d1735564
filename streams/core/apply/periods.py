"""What is charged to periods."""

from __future__ import annotations

from collections.abc import Sequence

from schemas.decisions import Decision
from schemas.effects import PeriodOpened
from streams.core.calendar import epoch_s
from streams.core.state import RULE, Department, Period


def move(
    department: Department, bucket: int, charges: Sequence[str], posted: int, held: int, limit: int
) -> None:
    """Add to each charged period. One that is new gets its limit by the decision's `PeriodOpened`."""
    periods = department.periods
    for charge in charges:
        period = periods.get(charge)
        if period is None:
            period = periods[charge] = Period(0, bucket)
        period.posted += posted
        period.held += held
        period.limit += limit
        if bucket > period.bucket:
            period.bucket = bucket


def open_period(department: Department, effect: PeriodOpened, decision: Decision, bucket: int) -> None:
    """What has moved in it already stays."""
    period = department.periods[effect.charge]
    period.limit += effect.limit
    period.ends_s = None if effect.ends_at is None else epoch_s(effect.ends_at)
    id_ = effect.charge.rpartition("@")[0]
    if not id_.startswith(RULE):
        department.budget_charges.setdefault(id_, []).append(effect.charge)
