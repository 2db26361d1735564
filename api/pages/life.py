"""A purchase's life for people: each message as a step with its words, amounts and bookings, and the rules
that its request went through."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from api.pages.words import Mark, amount, rule_words
from api.resources.transactions.answer import BookingOut
from schemas.controls import Policy
from schemas.decisions import Decision
from schemas.reasons import Outcome, Reason, ReasonCode, sentence

_ANSWERS: Final = {
    Outcome.APPROVED: Mark("Approved", "check", "good"),
    Outcome.PARTIALLY_APPROVED: Mark("Approved in part", "half", "warn"),
    Outcome.DECLINED: Mark("Declined", "cross", "bad"),
}
#: Messages that ask nothing: what each is called, its shape, its tone.
_MESSAGES: Final = {
    "authorization.advised": Mark("Advice: approved elsewhere", "check", "calm"),
    "authorization.reversed": Mark("Reversed", "undo", ""),
    "authorization.expired": Mark("Lapsed", "hourglass", ""),
    "clearing.presented": Mark("Settled", "check", "good"),
    "refund.presented": Mark("Refunded", "back", "accent"),
    "refund.reversed": Mark("Refund taken back", "undo", ""),
    "dispute.opened": Mark("Disputed", "scales", "warn"),
    "dispute.resolved": Mark("Dispute decided", "scales", "calm"),
    "posting.reversed": Mark("Booking corrected", "undo", "warn"),
    "clock.ticked": Mark("Time has passed", "hourglass", ""),
}
_QUESTIONS: Final = {
    "authorization.requested": "The card asked for",
    "authorization.incremented": "It asked for more:",
    "verification.requested": "The card was checked",
}


class TAccount(NamedTuple):
    """One account with what a step debits (left) and credits (right)."""

    account: str
    debits: tuple[str, ...]
    credits: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LifeStep:
    """One message and what was decided."""

    mark: Mark
    words: str
    amount: str
    at: datetime | None
    recorded_at: datetime
    position: str
    actor: str | None
    notes: tuple[str, ...]
    accounts: tuple[TAccount, ...]


class Ruling(NamedTuple):
    """One rule or budget that the request was measured by. `kind`: passed, stopped, review, shadow."""

    kind: str
    title: str
    words: str


def steps_of(decisions: Sequence[Decision], bookings: Sequence[BookingOut]) -> list[LifeStep]:
    """In the order of the log."""
    return [_step(decision, bookings) for decision in decisions]


def _step(decision: Decision, bookings: Sequence[BookingOut]) -> LifeStep:
    kind, currency = decision.event_type or "", decision.currency or "USD"
    question = _QUESTIONS.get(kind)
    mark = (
        _ANSWERS.get(decision.outcome, Mark("Accepted", "check", ""))
        if question is not None
        else _MESSAGES.get(kind, Mark(kind.replace(".", " ").capitalize(), "dot", ""))
    )
    told = "" if decision.amount is None else amount(decision.amount, currency)
    if decision.outcome is Outcome.PARTIALLY_APPROVED:
        told = f"{amount(decision.granted, currency)} of {told}"
    position = str(decision.position)
    return LifeStep(
        mark=mark,
        words=question or "",
        amount=told,
        at=decision.occurred_at,
        recorded_at=decision.recorded_at,
        position=position,
        actor=decision.actor,
        notes=(
            *(sentence(reason) for reason in decision.reasons),
            *(f"To be looked at: {sentence(review)}" for review in decision.reviews),
            *(alert.replace("_", " ") for alert in decision.alerts),
        ),
        accounts=t_accounts(booking for booking in bookings if booking.position == position),
    )


def t_accounts(bookings: Iterable[BookingOut]) -> tuple[TAccount, ...]:
    """Both sides of each transfer, by account in the order of their first appearance."""
    debits: dict[str, list[str]] = {}
    credits: dict[str, list[str]] = {}
    for booking in bookings:
        told = amount(booking.amount.minor, booking.amount.currency)
        for account, side in ((booking.debit_account, debits), (booking.credit_account, credits)):
            debits.setdefault(account, [])
            credits.setdefault(account, [])
            side[account].append(told)
    return tuple(TAccount(name, tuple(debits[name]), tuple(credits[name])) for name in debits)


def rulings(request: Decision, policy: Policy | None) -> list[Ruling]:
    """Card, rules, budgets and model in the order of the rules, each with what it said of the request."""
    currency = request.currency or "USD"
    found: list[Ruling] = []
    card = [reason for reason in request.reasons if reason.code in _OF_THE_CARD]
    found += [Ruling("stopped", "The card", sentence(reason)) for reason in card]
    if not card and request.card_id is not None:
        found.append(Ruling("passed", "The card", "It may be used."))
    spoke = {
        **{review.rule: ("review", review) for review in request.reviews},
        **{shadow.rule: ("shadow", shadow) for shadow in request.shadows},
        **{reason.rule: ("stopped", reason) for reason in request.reasons},
    }
    for rule in policy.rules if policy is not None else ():
        kind, reason = spoke.pop(rule.rule_id, ("passed", None))
        words = rule_words(rule, currency)
        found.append(Ruling(kind, rule.rule_id, words if reason is None else f"{words} {_numbers(reason)}"))
    found += _budgets(request, spoke, currency)
    if request.score is not None:
        words = f"Score {request.score.value:.2f}, from 0 (usual) to 1 (unusual)."
        found.append(Ruling("review" if request.score.flagged else "passed", "The model", words))
    return found


_OF_THE_CARD: Final = frozenset(
    {
        ReasonCode.CARD_UNKNOWN,
        ReasonCode.CARD_CANCELED,
        ReasonCode.CARD_FROZEN,
        ReasonCode.CARD_EXPIRED,
        ReasonCode.CARD_USED,
        ReasonCode.MERCHANT_LOCKED,
    }
)


def _budgets(request: Decision, spoke: dict[str | None, tuple[str, Reason]], currency: str) -> list[Ruling]:
    """Budgets and calendar limits by the balances that the decision tells; it tells them after itself."""
    found = []
    for balance in request.balances:
        kind, reason = spoke.pop(balance.budget, ("passed", None))
        words = (
            f"{amount(balance.available, currency)} left of {amount(balance.limit, currency)} in "
            f"{balance.period}, after this."
            if reason is None
            else sentence(reason)
        )
        found.append(Ruling(kind, f"Budget {balance.budget}", words))
    found += [
        Ruling(kind, reason.rule or "", sentence(reason))
        for kind, reason in spoke.values()
        if reason.code not in _OF_THE_CARD
    ]
    return found


def _numbers(reason: Reason) -> str:
    if reason.limit is None or reason.currency is None:
        return f"This: {reason.detail}." if reason.detail else ""
    parts = [f"limit {amount(reason.limit, reason.currency)}"]
    if reason.current:
        parts.append(f"used {amount(reason.current, reason.currency)}")
    if reason.requested is not None:
        parts.append(f"asked {amount(reason.requested, reason.currency)}")
    return f"Here: {', '.join(parts)}."


#: What a feature of the score means to a person.
FEATURES: Final = {
    "amount_for_card": "the amount, for this card",
    "amount_for_department": "the amount, for this department",
    "just_below_limit": "just below a round limit",
    "sooner_than_usual": "sooner after the last purchase than usual",
    "new_merchants": "merchants that are new here",
    "hour": "the hour",
}
