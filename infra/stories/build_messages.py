"""What a line says to what card networks send. `given`: the members that all events carry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from infra.stories.story import Said
from schemas.event import Event, Merchant
from schemas.messages import (
    AuthorizationAdvised,
    AuthorizationExpired,
    AuthorizationIncremented,
    AuthorizationLabelled,
    AuthorizationRequested,
    AuthorizationReversed,
    BalanceInquired,
    ClearingPresented,
    ClockTicked,
    DisputeOpened,
    DisputeResolved,
    RefundPresented,
    VerificationRequested,
)
from schemas.money import PositiveMoney

CARD: Final = "card-1"
MERCHANT: Final = "Edeka"


def amount_of(said: Said) -> PositiveMoney | None:
    return None if said.money is None else PositiveMoney(said.money.minor, said.money.currency)


def needed_amount(said: Said) -> PositiveMoney:
    amount = amount_of(said)
    assert amount is not None, "the parser has seen to it"
    return amount


def _foreign(said: Said) -> dict[str, Any]:
    found = said.foreign
    amount = None if found is None else PositiveMoney(found.minor, found.currency)
    return {"merchant_amount": amount, "rate": said.rate}


def _merchant(said: Said) -> Merchant | None:
    told = (said.merchant, said.mcc, said.country, said.merchant_id)
    if not any(told):
        return None
    return Merchant(said.merchant or MERCHANT, said.mcc, said.country, said.merchant_id)


def _request(said: Said, given: dict[str, Any]) -> Event:
    return AuthorizationRequested(
        **given,
        authorization_id=said.id or "",
        card_id=said.card or CARD,
        amount=needed_amount(said),
        merchant=_merchant(said) or Merchant(MERCHANT),
        cardholder=said.person,
        entry_mode=said.entry,  # type: ignore[arg-type]  # the parser knows the modes
        partial_allowed=said.partial,
        **_foreign(said),
    )


def _increment(said: Said, given: dict[str, Any]) -> Event:
    return AuthorizationIncremented(
        **given,
        authorization_id=said.id or "",
        card_id=said.card or CARD,
        amount=needed_amount(said),
        merchant=_merchant(said),
        entry_mode=said.entry,  # type: ignore[arg-type]
        **_foreign(said),
    )


def _advise(said: Said, given: dict[str, Any]) -> Event:
    return AuthorizationAdvised(
        **given,
        authorization_id=said.id or "",
        card_id=said.card or CARD,
        amount=needed_amount(said),
        merchant=_merchant(said) or Merchant(MERCHANT),
        approved=not said.declined,
        cardholder=said.person,
        **_foreign(said),
    )


def _clearing(final: bool) -> Callable[[Said, dict[str, Any]], Event]:
    def build(said: Said, given: dict[str, Any]) -> Event:
        return ClearingPresented(
            **given,
            authorization_id=said.id or "",
            card_id=said.card or CARD,
            amount=needed_amount(said),
            merchant=_merchant(said),
            final=final,
            **_foreign(said),
        )

    return build


def _refund(said: Said, given: dict[str, Any]) -> Event:
    return RefundPresented(
        **given,
        card_id=said.card or CARD,
        amount=needed_amount(said),
        authorization_id=said.id,
        refund_id=said.own_id,
        merchant=_merchant(said),
        **_foreign(said),
    )


def _verify(said: Said, given: dict[str, Any]) -> Event:
    return VerificationRequested(
        **given,
        card_id=said.id or CARD,
        merchant=_merchant(said) or Merchant(MERCHANT),
        cardholder=said.person,
        entry_mode=said.entry,  # type: ignore[arg-type]
    )


BUILDERS: Final[Mapping[str, Callable[[Said, dict[str, Any]], Event]]] = {
    "request": _request,
    "increment": _increment,
    "advise": _advise,
    "reverse": lambda said, given: AuthorizationReversed(
        **given,
        authorization_id=said.id or "",
        amount=amount_of(said),
        cause="timeout" if said.timeout else "merchant",
        request_id=said.request_id,
    ),
    "expire": lambda said, given: AuthorizationExpired(**given, authorization_id=said.id or ""),
    "clear": _clearing(final=True),
    "part": _clearing(final=False),
    "refund": _refund,
    "dispute": lambda said, given: DisputeOpened(
        **given,
        dispute_id=said.id or "",
        authorization_id=said.of or "",
        amount=needed_amount(said),
        provisional_credit=said.provisional,
    ),
    "resolve": lambda said, given: DisputeResolved(
        **given,
        dispute_id=said.id or "",
        outcome=said.outcome,  # type: ignore[arg-type]
    ),
    "label": lambda said, given: AuthorizationLabelled(
        **given,
        authorization_id=said.id or "",
        label=said.verdict,  # type: ignore[arg-type]
        source=said.source,  # type: ignore[arg-type]
        actor=said.person,
    ),
    "verify": _verify,
    "inquire": lambda said, given: BalanceInquired(**given, card_id=said.id or CARD, cardholder=said.person),
    "tick": lambda _, given: ClockTicked(**given),
}
