"""A recorded answer beside the right one."""

from __future__ import annotations

from typing import Final, NamedTuple

from infra.verify.calendar import seconds
from infra.verify.moments import KINDS, Moment
from schemas.decisions import Decision, WouldPass
from schemas.reasons import Outcome, Reason

Facts = tuple[object, ...]


class Answer(NamedTuple):
    """What a question must be told. `now`: minor units that would pass, None where that is not told."""

    outcome: Outcome
    approved: int | None = None
    reasons: tuple[Reason, ...] = ()
    reviews: tuple[Reason, ...] = ()
    shadows: tuple[Reason, ...] = ()
    now: int | None = None
    later: Moment | None = None
    alerts: tuple[str, ...] = ()


def difference(decision: Decision, wanted: Answer) -> str | None:
    """What the decision records that is not what it must; None: nothing."""
    wrong = []
    for what, told, right in (
        ("reasons", decision.reasons, wanted.reasons),
        ("reviews", decision.reviews, wanted.reviews),
        ("shadows", decision.shadows, wanted.shadows),
    ):
        if (told or right) and [*map(facts, told)] != [*map(facts, right)]:
            wrong.append(f"records {what} {_in_words(told)}, but the rules give {_in_words(right)}")
    if decision.outcome is not wanted.outcome:
        wrong.append(f"is {decision.outcome.value}, but must be {wanted.outcome.value}")
    elif decision.approved != wanted.approved:
        wrong.append(f"approves {decision.approved}, but must approve {wanted.approved}")
    if decision.alerts != wanted.alerts:
        wrong.append(f"alerts {_listed(decision.alerts)}, but must alert {_listed(wanted.alerts)}")
    if decision.would_pass is not None or wanted.now is not None:
        passes, must = _passes(decision.would_pass), (wanted.now, wanted.later)
        if passes != must:
            wrong.append(f"tells that {_when(*passes)} would pass, but it is {_when(*must)}")
    return "; ".join(wrong) or None


#: Members of a reason that are facts; `detail` is prose.
_FACTS: Final = (
    *("code", "rule", "subject", "period", "currency"),
    *("limit", "requested", "count", "count_limit"),
)


def facts(reason: Reason) -> Facts:
    """What a reason says, to be compared."""
    found = (getattr(reason, name) for name in _FACTS)
    return (*found, reason.fraud, reason.posted or 0, reason.held or 0)


def _in_words(reasons: tuple[Reason, ...]) -> str:
    return ", ".join(_in_word(reason) for reason in reasons) or "none"


def _in_word(reason: Reason) -> str:
    """`limit_exceeded daily (card-1 a day, limit 500, posted 400, requested 101)`."""
    said = [" ".join(name for name in (reason.subject, reason.period) if name)]
    for name in ("limit", "posted", "held", "requested", "count", "count_limit"):
        value = getattr(reason, name)
        said += [] if value is None else [f"{name} {value}"]
    said += ["fraud"] if reason.fraud else []
    numbers = ", ".join(filter(None, said))
    code = f"{reason.code.value} {reason.rule}" if reason.rule else reason.code.value
    return f"{code} ({numbers})" if numbers else code


def _listed(alerts: tuple[str, ...]) -> str:
    return ", ".join(alerts) or "nothing"


def _passes(told: WouldPass | None) -> tuple[int | None, Moment | None]:
    if told is None:
        return None, None
    relief = told.later
    if relief is None:
        return told.now, None
    return told.now, Moment(seconds(relief.at), KINDS.index(relief.because), relief.subject)


def _when(now: int | None, moment: Moment | None) -> str:
    if now is None:
        return "nothing that is told"
    at = "never" if moment is None else f"at {moment.at_s} s ({moment.because} {moment.subject})"
    return f"{now} now and all {at}"
