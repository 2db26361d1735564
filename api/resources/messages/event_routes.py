"""Which event has which route: what of it stands in the path, and what the body need not say."""

from __future__ import annotations

from typing import Final, NamedTuple

from schemas import administration as acts
from schemas import messages as ev
from schemas import requests as ask
from schemas.event import Event


class MessageRoute(NamedTuple):
    """A route of one event. `named`: the member that the path has; None: it begins something.

    `of`: whose department and card the body may leave out, because the views know them.
    """

    path: str
    event: type[Event]
    named: str | None
    tag: str
    operation: str
    summary: str
    of: str | None = None


_PAYMENT: Final = "/v1/authorizations/{authorization_id}"
_REQUEST: Final = "/v1/requests/{request_id}"
_INCREASE: Final = "/v1/increase-requests/{request_id}"
_ASKED: Final = tuple(
    MessageRoute(f"/v1/{kind}-requests", event, None, "requests", f"request_{kind}", f"Ask for {words}")
    for kind, event, words in (
        ("increase", ask.IncreaseRequested, "an increase"),
        ("card", ask.CardRequested, "a new card"),
        ("budget", ask.BudgetRequested, "a budget"),
    )
)


def _payment(
    name: str, event: type[Event], operation: str, summary: str, tag: str = "authorizations"
) -> MessageRoute:
    of = "authorization"
    return MessageRoute(f"{_PAYMENT}/{name}", event, "authorization_id", tag, operation, summary, of)


MESSAGES: Final = (
    _payment("increments", ev.AuthorizationIncremented, "increment_authorization", "Ask for more"),
    _payment("advices", ev.AuthorizationAdvised, "advise_authorization", "Tell a stand-in's answer"),
    _payment("reversals", ev.AuthorizationReversed, "reverse_authorization", "Give a hold back"),
    _payment("expiries", ev.AuthorizationExpired, "expire_authorization", "Tell that it is no longer valid"),
    _payment("clearings", ev.ClearingPresented, "present_clearing", "Settle a payment"),
    _payment("refunds", ev.RefundPresented, "refund_authorization", "Refund a payment", "refunds"),
    _payment("disputes", ev.DisputeOpened, "open_dispute", "Dispute a payment", "disputes"),
    _payment(
        "labels", ev.AuthorizationLabelled, "label_authorization", "Tell what a payment turned out to be"
    ),
    _payment("corrections", acts.PostingReversed, "reverse_posting", "Take a posting back", "ledger"),
    MessageRoute(
        "/v1/refunds",
        ev.RefundPresented,
        None,
        "refunds",
        "present_refund",
        "Refund without a payment",
    ),
    MessageRoute(
        "/v1/refunds/{refund_id}/reversals",
        ev.RefundReversed,
        "refund_id",
        "refunds",
        "reverse_refund",
        "Take a refund back",
    ),
    MessageRoute(
        "/v1/disputes/{dispute_id}/resolutions",
        ev.DisputeResolved,
        "dispute_id",
        "disputes",
        "resolve_dispute",
        "End a dispute",
    ),
    MessageRoute(
        "/v1/cards/{card_id}/verifications",
        ev.VerificationRequested,
        "card_id",
        "cards",
        "verify_card",
        "Ask whether a card would be good",
    ),
    MessageRoute(
        "/v1/cards/{card_id}/balance-inquiries",
        ev.BalanceInquired,
        "card_id",
        "cards",
        "inquire_balance",
        "Ask what a card may spend",
    ),
    *_ASKED,
    MessageRoute(
        f"{_REQUEST}/approvals",
        ask.RequestApproved,
        "request_id",
        "requests",
        "approve_request",
        "Approve a request",
    ),
    MessageRoute(
        f"{_REQUEST}/refusals",
        ask.RequestRefused,
        "request_id",
        "requests",
        "refuse_request",
        "Refuse a request",
    ),
    MessageRoute(
        f"{_INCREASE}/approvals",
        ask.IncreaseApproved,
        "request_id",
        "requests",
        "approve_increase",
        "Approve an increase",
    ),
    MessageRoute(
        f"{_INCREASE}/refusals",
        ask.IncreaseRefused,
        "request_id",
        "requests",
        "refuse_increase",
        "Refuse an increase",
    ),
    MessageRoute(
        "/v1/delegations",
        ask.DelegationSet,
        None,
        "requests",
        "set_delegation",
        "Say who answers while somebody is away",
    ),
    MessageRoute(
        "/v1/delegations/{absent}/endings",
        ask.DelegationEnded,
        "absent",
        "requests",
        "end_delegation",
        "Say that somebody is back",
    ),
)
