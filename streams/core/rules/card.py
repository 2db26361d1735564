"""Rule 1: the card itself."""

from __future__ import annotations

from collections.abc import Iterator

from schemas.reasons import Reason, ReasonCode
from streams.core.calendar import local_date
from streams.core.matching import same_merchant
from streams.core.rules.findings import Ask, Finding, Kind
from streams.core.state import Department


def card(department: Department, ask: Ask) -> Iterator[Finding]:
    """Unknown where cards must be registered; not active, over, used, or for another merchant."""
    if not ask.rules.special:
        return
    state = department.registered.get(ask.rules.card_id)
    if state is None:
        yield _finding(ReasonCode.CARD_UNKNOWN, "the card was never registered")
        return
    known = state.card
    if known.status != "active":
        code = ReasonCode.CARD_FROZEN if known.status == "frozen" else ReasonCode.CARD_CANCELED
        yield _finding(code, f"the card is {known.status}")
    today = local_date(ask.purchase.at_s, ask.rules.rule_set.zone)
    if known.expires_on is not None and today > known.expires_on:
        yield _finding(ReasonCode.CARD_EXPIRED, f"its last day was {known.expires_on}")
    if ask.kind is Kind.INCREMENT:
        return
    if known.single_use and state.used:
        yield _finding(ReasonCode.CARD_USED, "the card is for one payment")
    locked = known.locked_to or (state.merchant if known.lock_to_first else None)
    merchant = ask.purchase.merchant
    if locked is not None and merchant is not None and not same_merchant(merchant, locked):
        yield _finding(ReasonCode.MERCHANT_LOCKED, f"the card is for {locked} only")


def _finding(code: ReasonCode, detail: str) -> Finding:
    return Finding(Reason(code=code, detail=detail))
