"""Trying a policy on the purchases of the past: what is asked, and what comes out.

The API knows no rules. Whoever starts it gives it somebody who does (`PolicyTrials`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal, Protocol

import msgspec

from schemas.controls import Card, Policy
from schemas.event import Merchant
from schemas.reasons import Reason

#: Purchases of one trial, those that only warm its counters up included: about a second of one processor.
REQUESTS_MAX: Final = 10_000
#: Of each kind that are told one by one.
EXAMPLES_MAX: Final = 50
#: Limits of a policy count for a month at most: what lies before a trial, so that they begin full.
WARM_UP_DAYS: Final = 31

TrialChange = Literal["declined", "passed", "reviewed"]


class TrialQuestion(msgspec.Struct, frozen=True):
    """`records`: decisions on requests of one department, as JSON, in the order of the log. Those before
    `since` only count. `currency`: the department's; `cards`: registered there."""

    policy: Policy
    currency: str
    since: datetime
    cards: tuple[Card, ...]
    records: tuple[msgspec.Raw, ...]


class TrialSum(msgspec.Struct, frozen=True):
    """How many purchases, and what they come to in minor units; `name`: of whom or what."""

    name: str
    purchases: int
    minor: int


class TrialExample(msgspec.Struct, frozen=True, omit_defaults=True):
    """One purchase to which the policy would say something else. `minor`: what is at stake."""

    authorization_id: str
    occurred_at: datetime
    change: TrialChange
    minor: int
    card_id: str | None = None
    cardholder: str | None = None
    merchant: Merchant | None = None
    reasons: tuple[Reason, ...] = ()


class TrialAnswer(msgspec.Struct, frozen=True):
    """`tried`: purchases since the beginning, `minor` approved of them. `changes`: by what would change;
    `people`, `rules`: whose purchases would be declined, and by which rule. `examples`: newest first."""

    tried: int
    minor: int
    changes: tuple[TrialSum, ...]
    people: tuple[TrialSum, ...]
    rules: tuple[TrialSum, ...]
    examples: tuple[TrialExample, ...]


class TrialFailed(Exception):
    """It took too long, or ended without an answer. Its words say which."""


class PolicyTrials(Protocol):
    """Somebody who knows the rules."""

    async def ask(self, question: TrialQuestion) -> TrialAnswer:
        """Raises TrialFailed."""
        ...
