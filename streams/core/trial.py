"""A policy tried on purchases that were decided before: what it would have said to each. Pure.

Only the policy is tried, by the rules themselves. Cards, budgets and leases were asked then: what they
refused stays refused. A limit counts what passes in the trial, in the order of the log, up to what was really
approved.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Final, NamedTuple

from schemas.controls import Card, Policy
from schemas.decisions import Decision
from schemas.reasons import Reason, ReasonCode
from streams.core.apply.controls import count, count_score
from streams.core.apply.periods import move
from streams.core.calendar import epoch_s
from streams.core.counting import counts, score_counted
from streams.core.matching import Purchase
from streams.core.plans import Plan
from streams.core.rules import Ask, judge
from streams.core.rules.allowances import calendars
from streams.core.rules.amounts import transaction, windows
from streams.core.rules.merchant import merchant
from streams.core.state import CardState, Department

#: What a policy says of a purchase; the other rules are the card's, the budgets' and the lease's.
RULES: Final = (merchant, transaction, windows, calendars)
#: The reasons that these give.
CODES: Final = frozenset(
    {
        ReasonCode.BLOCKED,
        ReasonCode.NOT_ALLOWED,
        ReasonCode.OUTSIDE_HOURS,
        ReasonCode.AMOUNT_TOO_LARGE,
        ReasonCode.COUNT_EXCEEDED,
        ReasonCode.LIMIT_EXCEEDED,
        ReasonCode.FRAUD_LIKELY,
    }
)


class Change(Enum):
    """What the policy would change in an answer."""

    NONE = "none"
    DECLINED = "declined"  # was approved, would be declined
    PASSED = "passed"  # was declined by the policy of its time alone, would pass
    REVIEWED = "reviewed"  # was approved, and would be approved with a look that nobody was asked for


class Tried(NamedTuple):
    """One purchase. `amount`: what is at stake, minor units: approved then, or asked for where it passes now.

    `reasons`: why it would be declined or looked at.
    """

    request: Decision
    change: Change
    amount: int
    reasons: tuple[Reason, ...]


def try_policy(
    policy: Policy, currency: str, cards: Iterable[Card], requests: Iterable[Decision]
) -> Iterator[Tried]:
    """What `policy` says to `requests`, decisions on requests of one department in the order of the log.

    `currency`: the department's. `cards`: those that are registered there, for teams and holders.
    """
    registered = {card.card_id: CardState(card) for card in cards}
    department = Department("", "", currency, 0, policy=policy, registered=registered)
    plan = Plan(department)
    for request in requests:
        if request.card_id is not None and request.occurred_at is not None and request.amount is not None:
            yield _tried(department, plan, request)


def _tried(department: Department, plan: Plan, request: Decision) -> Tried:
    assert request.card_id is not None and request.occurred_at is not None and request.amount is not None
    approved = request.granted
    by_policy = bool(request.reasons) and all(reason.code in CODES for reason in request.reasons)
    # An approval in part is tried as the part that was approved.
    asked = approved or request.amount
    rules = plan.card(request.card_id, request.cardholder)
    likely = -1 if request.score is None else request.score.millionths
    purchase = Purchase(epoch_s(request.occurred_at), request.merchant, request.entry_mode, likely)
    ask = Ask(rules, purchase, asked, rules.charges_for(purchase))
    verdict = judge(department, ask, RULES)
    passes = not verdict.reasons and (approved > 0 or by_policy)
    for effect in counts(ask, asked if passes else None):
        count(department, effect, request, 0)
    for scored in score_counted(ask, verdict):
        count_score(department, scored, request, 0)
    if passes:
        move(department, 0, ask.charges.keys, asked, 0, 0)
    if verdict.reasons:
        return Tried(request, Change.DECLINED if approved else Change.NONE, asked, verdict.reasons)
    if not approved:
        return Tried(request, Change.PASSED if by_policy else Change.NONE, asked, ())
    looked_at = {review.rule for review in request.reviews}
    new = tuple(review for review in verdict.reviews if review.rule not in looked_at)
    return Tried(request, Change.REVIEWED if new else Change.NONE, asked, new)
