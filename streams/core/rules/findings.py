"""The words of the rules: what is asked, what a rule finds, and what all findings come to."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple

from schemas.controls import Action
from schemas.reasons import Reason, ReasonCode
from streams.core.matching import Purchase
from streams.core.rules.ruleset import CardRules, Charges


class Kind(Enum):
    """What is asked: some rules are not for increments."""

    REQUEST = 1
    INCREMENT = 2


class Ask(NamedTuple):
    """A purchase to be judged. `amount`: minor units more than the `already` held and posted of it.

    `rules`: of the card. `charges`: the periods in which it would count. `posted`: what of `already` is
    posted.
    """

    rules: CardRules
    purchase: Purchase
    amount: int
    charges: Charges
    already: int = 0
    kind: Kind = Kind.REQUEST
    posted: int = 0


class Finding(NamedTuple):
    """What one rule has to say.

    `room`: the largest amount, in minor units, of which it would not say so; below zero when all is used up,
    None when it would say so of any amount.
    """

    reason: Reason
    action: Action = "decline"
    room: int | None = None


class Verdict(NamedTuple):
    """`reasons` decline, `reviews` ask somebody to look, `shadows` only tell; in the order of the rules.

    `room`: the largest amount that would not be declined; None: without reasons, and where it is not only the
    amount, or fraud is suspected.
    """

    reasons: tuple[Reason, ...] = ()
    reviews: tuple[Reason, ...] = ()
    shadows: tuple[Reason, ...] = ()
    room: int | None = None


PASSED = Verdict()


def declined(code: ReasonCode, detail: str) -> Verdict:
    """By what stands in no policy, whatever the amount."""
    return Verdict((Reason(code=code, detail=detail),))


def verdict_of(findings: Iterable[Finding]) -> Verdict:
    """All of them, each with the weight that its rule's action gives it."""
    by_action: dict[Action, list[Finding]] = {"decline": [], "review": [], "shadow": []}
    for finding in findings:
        by_action[finding.action].append(finding)
    reasons, reviews, shadows = (tuple([one.reason for one in found]) for found in by_action.values())
    return Verdict(reasons, reviews, shadows, _room(by_action["decline"]))


def _room(declining: list[Finding]) -> int | None:
    rooms = [finding.room for finding in declining if not finding.reason.fraud]
    known = [room for room in rooms if room is not None]
    return min(known) if known and len(known) == len(declining) else None
