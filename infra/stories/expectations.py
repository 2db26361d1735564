"""A decision against what its line expects: the differences, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Final

from infra.stories import values
from infra.stories.story import BalanceWanted, Cause, Expected, Line
from schemas.decisions import Balance, Decision, Relief
from schemas.effects import (
    FxDifference,
    HoldPlaced,
    HoldReleased,
    IncreaseAsked,
    PolicyStored,
    PolicyTaken,
    RequestAsked,
    RequestClosed,
    RequestLapsed,
    RequestStep,
)
from schemas.reasons import Outcome, Reason, sentence

_EXPIRED: Final = "authorization.expired"


def differences(line: Line, decision: Decision) -> list[str]:
    """Empty: the decision is what the line says. Each text tells what was found instead."""
    return [found for check in _CHECKS for found in check(line.expected, decision)]


def answer(decision: Decision) -> str:
    """One decision in one line, in the words of the story language."""
    words = [decision.outcome.value]
    if decision.outcome is Outcome.DECLINED:
        words.append(decision.response_code)
    elif decision.outcome is Outcome.PARTIALLY_APPROVED:
        words += [_shown(decision.granted, decision), "code", decision.response_code]
    words += [_cause(reason) for reason in decision.reasons]
    words += [f"review {_cause(reason)}" for reason in decision.reviews]
    words += [f"shadow {_cause(reason)}" for reason in decision.shadows]
    words += decision.alerts
    if lapsed := _lapsed(decision):
        words.append(f"expires {' '.join(lapsed)}")
    if decision.duplicate_of is not None:
        words.append("duplicate")
    if decision.balance is not None:
        words.append(f"available {_shown(decision.balance.available, decision)}")
    if decision.available is not None:
        words.append(f"may spend {_shown(decision.available, decision)}")
    return " ".join(words)


def _shown(minor: int, decision: Decision) -> str:
    return str(Decimal(minor).scaleb(-values.digits(decision.currency or "")))


def _minor(amount: Decimal, decision: Decision) -> int | None:
    """None: the decision has no such amount."""
    try:
        return values.minor(amount, decision.currency or "")
    except ValueError:
        return None


def _cause(reason: Reason) -> str:
    return f"{reason.code.value} by {reason.rule}" if reason.rule else reason.code.value


# -- what was answered


def _outcome(expected: Expected, decision: Decision) -> Iterator[str]:
    if decision.outcome is not expected.outcome:
        yield f"the outcome is {decision.outcome.value}"
    if expected.granted is not None and decision.granted != _minor(expected.granted, decision):
        yield f"{_shown(decision.granted, decision)} is approved"
    if expected.code is not None and decision.response_code != expected.code:
        yield f"the response code is {decision.response_code}"


def _reasons(expected: Expected, decision: Decision) -> Iterator[str]:
    """All must be there in this order, and no other."""
    for name, wanted, found in (
        ("reasons", expected.reasons, decision.reasons),
        ("reviews", expected.reviews, decision.reviews),
        ("shadows", expected.shadows, decision.shadows),
    ):
        if not _same(wanted, found):
            told = ", ".join(
                _cause(reason) + (f" ({reason.detail})" if reason.detail else "") for reason in found
            )
            yield f"its {name} are {told or 'none'}"
    if sorted(expected.alerts) != sorted(decision.alerts):
        yield f"its alerts are {', '.join(decision.alerts) or 'none'}"


def _same(wanted: list[Cause], found: tuple[Reason, ...]) -> bool:
    return len(wanted) == len(found) and all(
        cause.code == reason.code.value and cause.by in (None, reason.rule)
        for cause, reason in zip(wanted, found, strict=True)
    )


def _words(expected: Expected, decision: Decision) -> Iterator[str]:
    told = [
        text
        for reason in (*decision.reasons, *decision.reviews, *decision.shadows)
        for text in (sentence(reason), reason.detail)
        if text is not None
    ]
    for wanted in expected.sentences:
        if wanted not in told:
            yield f"it says {' | '.join(told) or 'nothing'}"
    for part in expected.mentions:
        if not any(part in text for text in told):
            yield f"{part!r} is not mentioned in {' | '.join(told) or 'nothing'}"


def _duplicate(expected: Expected, decision: Decision) -> Iterator[str]:
    if expected.duplicate != (decision.duplicate_of is not None):
        yield "it is a repeat" if decision.duplicate_of is not None else "it is no repeat"


# -- what moved


def _lapsed(decision: Decision) -> list[str]:
    """Payments whose hold lapsed before the event was decided, in order; not what the event lets lapse."""
    own = decision.authorization_id if decision.event_type == _EXPIRED else None
    return [
        effect.authorization_id
        for effect in decision.effects
        if isinstance(effect, HoldReleased) and effect.cause == "expiry" and effect.authorization_id != own
    ]


def _expiries(expected: Expected, decision: Decision) -> Iterator[str]:
    lapsed = _lapsed(decision)
    if lapsed != expected.expires:
        yield f"the holds that lapse are {' '.join(lapsed) or 'none'}"
        return
    first = decision.effects[: len(lapsed)]
    if not all(isinstance(effect, HoldReleased) and effect.cause == "expiry" for effect in first):
        yield "holds lapse, but not before all else"


def _fx(expected: Expected, decision: Decision) -> Iterator[str]:
    found = [effect for effect in decision.effects if isinstance(effect, FxDifference)]
    wanted = []
    if expected.fx is not None:
        direction, amount = expected.fx
        wanted = [(direction, _minor(amount, decision))]
    if [(effect.direction, effect.amount) for effect in found] != wanted:
        told = ", ".join(f"{effect.direction} {_shown(effect.amount, decision)}" for effect in found)
        yield f"the FX difference is {told or 'none'}"


def _holds(expected: Expected, decision: Decision) -> Iterator[str]:
    if expected.holds_until is not None:
        until = [effect.expires_at for effect in decision.effects if isinstance(effect, HoldPlaced)]
        if until != [expected.holds_until]:
            yield f"it holds until {', '.join(at.isoformat() for at in until) or 'never: nothing is held'}"
    if expected.releases is None:
        return
    amount, cause = expected.releases
    lapsed = len(_lapsed(decision))
    released = [effect for effect in decision.effects[lapsed:] if isinstance(effect, HoldReleased)]
    total = sum(effect.amount for effect in released)
    causes = {effect.cause for effect in released}
    if total != _minor(amount, decision) or (cause is not None and causes - {cause}):
        yield f"it releases {_shown(total, decision)} by {', '.join(sorted(causes)) or 'nothing'}"


def _version(expected: Expected, decision: Decision) -> Iterator[str]:
    if expected.version is None:
        return
    # Of a draft or an activation it is the one that they are about, else the one that was in force.
    about = [
        effect.policy_version for effect in decision.effects if isinstance(effect, PolicyStored | PolicyTaken)
    ]
    found = about[-1] if about else decision.policy_version
    if found != expected.version:
        yield f"the policy's version is {found}"


def _levels(expected: Expected, decision: Decision) -> Iterator[str]:
    if expected.levels_left is None:
        return
    found = [effect.left for effect in decision.effects if isinstance(effect, RequestStep)]
    if found != [expected.levels_left]:
        yield f"the levels left are {found[0] if found else 'not told: nothing is approved'}"


def _kept_reason(expected: Expected, decision: Decision) -> Iterator[str]:
    if expected.kept_reason is None:
        return
    found = [
        effect.reason
        for effect in decision.effects
        if isinstance(effect, IncreaseAsked | RequestAsked | RequestClosed)
    ]
    if found != [expected.kept_reason]:
        yield f"the reason that is kept is {found[0]!r}" if found else "it keeps no reason"


def _delegates(expected: Expected, decision: Decision) -> Iterator[str]:
    answers = [effect for effect in decision.effects if isinstance(effect, RequestStep | RequestClosed)]
    found = answers[0].on_behalf_of if answers else None
    if found != expected.on_behalf_of:
        yield f"he answers for {found or 'nobody but himself'}"


def _request_lapses(expected: Expected, decision: Decision) -> Iterator[str]:
    found = [effect.request_id for effect in decision.effects if isinstance(effect, RequestLapsed)]
    if found != expected.requests_lapse:
        yield f"the requests that lapse are {' '.join(found) or 'none'}"


# -- how it stands


def _balances(expected: Expected, decision: Decision) -> Iterator[str]:
    for wanted in expected.balances:
        balance = _balance_of(decision, wanted)
        if balance is None:
            told = ", ".join(balance.key for balance in decision.balances)
            yield f"it tells no balance of {wanted.budget or 'its department'}, but of {told or 'nothing'}"
            continue
        found: int = getattr(balance, wanted.what)
        if found != _minor(wanted.amount, decision):
            yield f"{wanted.what} of {balance.key} is {_shown(found, decision)}"


def _balance_of(decision: Decision, wanted: BalanceWanted) -> Balance | None:
    if wanted.budget is None:
        return decision.balance
    named = (one for one in decision.balances if wanted.budget in (one.budget, one.key))
    return next(named, None)


def _inquiry(expected: Expected, decision: Decision) -> Iterator[str]:
    if expected.may_spend is not None and decision.available != _minor(expected.may_spend, decision):
        found = None if decision.available is None else _shown(decision.available, decision)
        yield f"the card may spend {found or 'it does not say'}"


def _would_pass(expected: Expected, decision: Decision) -> Iterator[str]:
    found = decision.would_pass
    if expected.no_hint and found is not None:
        yield f"it says that {_shown(found.now, decision)} would pass"
    if expected.would_pass is not None and (
        found is None or found.now != _minor(expected.would_pass, decision)
    ):
        yield f"would pass: {_shown(found.now, decision) if found else 'it does not say'}"
    later = found.later if found else None
    wanted = expected.later
    if wanted is not None and (
        later is None
        or (later.because, later.subject) != (wanted.because, wanted.subject)
        or wanted.at not in (None, later.at)
    ):
        yield f"it would pass later: {_relief(later)}"
    if expected.never and later is not None:
        yield f"it would pass later: {_relief(later)}"


def _relief(relief: Relief | None) -> str:
    if relief is None:
        return "it does not say when"
    return f"{relief.because} {relief.subject} at {relief.at.isoformat()}"


_CHECKS: Final[tuple[Callable[[Expected, Decision], Iterator[str]], ...]] = (
    _outcome,
    _reasons,
    _words,
    _duplicate,
    _expiries,
    _fx,
    _holds,
    _version,
    _levels,
    _kept_reason,
    _delegates,
    _request_lapses,
    _balances,
    _inquiry,
    _would_pass,
)
