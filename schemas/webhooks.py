"""Webhooks as the API offers them and the sinks send them: types, states of a delivery."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

#: Told by the proof of the books, and not by a decision.
VERIFICATION_FAILED: Final = "verification.failed"
#: Told by jobs, and not by a decision.
REQUEST_REMINDED: Final = "request.reminded"
REPORT_MADE: Final = "report.made"

#: What is told, by its stable name, and when. docs/webhooks.md shows the table; a test compares.
TYPES: Final[dict[str, str]] = {
    "authorization.approved": "a request was approved in full",
    "authorization.partially_approved": "a request was approved for a part of its amount",
    "authorization.declined": "a request was declined; `reasons` say why, with numbers",
    "authorization.incremented": "an increment was approved, in full or in part",
    "authorization.increment_declined": "an increment was declined; the hold stays as it was",
    "authorization.advised": "the network decided in our place, and told it",
    "authorization.reversed": "a hold, or a part of it, was given back",
    "authorization.expired": "a hold lapsed: nobody cleared it in its time",
    "clearing.posted": "a clearing was posted: the money is spent",
    "clearing.reversed": "a posting was taken back",
    "refund.posted": "money came back",
    "refund.reversed": "the merchant took a refund back",
    "dispute.opened": "a payment is disputed",
    "dispute.won": "a dispute was won: its amount is no longer spent",
    "dispute.lost": "a dispute was lost",
    "dispute.withdrawn": "a dispute was withdrawn",
    "budget.changed": "a budget was created or changed",
    "budget.removed": "a budget no longer limits",
    "budget.increased": "a budget has more for a time",
    "increase.requested": "somebody asked for more",
    "increase.approved": "the last level approved a request: the increase is set",
    "increase.refused": "a request for more was refused, or taken back",
    "request.asked": "somebody asked for a card or a budget",
    "request.approved": "the last level approved a request for a card or a budget: it is set",
    "request.refused": "a request for a card or a budget was refused, or taken back",
    "request.lapsed": "nobody answered a request of any kind in its time",
    REQUEST_REMINDED: "a request of any kind still waits, and whoever may answer it was reminded",
    "policy.activated": "another version of a policy is in force",
    "card.changed": "a card was registered or changed",
    "card.frozen": "a card was frozen",
    "card.unfrozen": "a card is active again",
    "card.canceled": "a card was canceled for good",
    "alert.review": "something was approved that somebody should look at",
    "alert.suspicious": "the model found an authorization unusual",
    "alert.over_capture": "a clearing took more than its hold",
    "alert.no_authorization": "a clearing without a known authorization was posted",
    "alert.after_decline": "something was posted for a declined payment",
    "alert.after_reversal": "something was posted for a reversed payment",
    "alert.after_expiry": "something was posted after its hold had lapsed",
    "alert.after_timeout": "something was posted for a payment that had timed out",
    "alert.cleared_before_request": "a clearing came before the request that it belongs to",
    "alert.already_settled": "a timeout came after its clearing",
    "alert.over_refund": "more came back than was spent on the payment",
    "alert.refund_exceeds_posted": "more came back than is posted in the budget",
    "alert.rate_mismatch": "a clearing's rate is not the request's",
    "alert.above_limits": "what the network decided is above the limits here",
    "case.opened": "somebody should look at a payment: the model flagged it, or a rule asks for it",
    "authorization.labelled": "somebody said what a payment turned out to be",
    VERIFICATION_FAILED: "a proof of the books found something false of the organization; `checks` say what",
    REPORT_MADE: "a scheduled report was made and is kept; `content` is where it is taken",
    "event.rejected": "an event was unusable and moved nothing; it is among the dead letters",
}
#: Sent by hand only, to try an endpoint; it goes to whatever endpoint it is sent to.
TEST_TYPE: Final = "webhook.test"

EndpointStatus = Literal["active", "paused"]
#: `dropped`: more waited for the endpoint than may; it is stored, and a replay sends it.
DeliveryStatus = Literal["pending", "delivered", "failed", "dropped"]

ENDPOINTS_MAX: Final = 20
SECRET_PREFIX: Final = "whsec_"
#: Of one endpoint at one time: the newest, and those before it whose overlap has not ended.
SECRETS_MAX: Final = 3


def unknown_types(patterns: Iterable[str]) -> list[str]:
    """Those of `patterns` that no type matches. A pattern is a type, or a group with all of it: `card.*`."""
    groups = {f"{name.partition('.')[0]}.*" for name in TYPES}
    return [pattern for pattern in patterns if pattern not in TYPES and pattern not in groups]


def wants(patterns: Iterable[str], event_type: str) -> bool:
    """Whether `patterns` name `event_type`; none at all name every type."""
    names = tuple(patterns)
    return not names or event_type in names or f"{event_type.partition('.')[0]}.*" in names
