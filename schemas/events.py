"""The events of `spend.card-events.v1`: one tagged union.

`type` names the event, `version` its format. Unknown members are ignored, so a newer producer does not break
an older worker; a new meaning needs a new version.
"""

from __future__ import annotations

from typing import get_args

from schemas.administration import (
    BudgetIncreased,
    BudgetRemoved,
    BudgetSet,
    CapSet,
    CardCanceled,
    CardFrozen,
    CardSet,
    CardUnfrozen,
    DepartmentSplit,
    IncreaseApproved,
    IncreaseRefused,
    IncreaseRequested,
    LeaseGranted,
    LeaseRecalled,
    LeaseRequested,
    LeaseReturned,
    ModelPublished,
    PolicyActivated,
    PolicyDrafted,
    PostingReversed,
)
from schemas.event import EVENT_VERSION, Event, Merchant, ShortText, Timestamp
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
    RefundReversed,
    VerificationRequested,
)

CardEvent = (
    AuthorizationRequested
    | AuthorizationIncremented
    | AuthorizationAdvised
    | AuthorizationReversed
    | AuthorizationExpired
    | ClearingPresented
    | RefundPresented
    | RefundReversed
    | DisputeOpened
    | DisputeResolved
    | AuthorizationLabelled
    | VerificationRequested
    | BalanceInquired
    | ClockTicked
    | BudgetSet
    | BudgetRemoved
    | BudgetIncreased
    | IncreaseRequested
    | IncreaseApproved
    | IncreaseRefused
    | PolicyDrafted
    | PolicyActivated
    | ModelPublished
    | CardSet
    | CardFrozen
    | CardUnfrozen
    | CardCanceled
    | PostingReversed
    | CapSet
    | DepartmentSplit
    | LeaseRequested
    | LeaseGranted
    | LeaseRecalled
    | LeaseReturned
)
EVENT_TYPES: tuple[type[Event], ...] = get_args(CardEvent)

__all__ = [
    "EVENT_TYPES",
    "EVENT_VERSION",
    "AuthorizationAdvised",
    "AuthorizationExpired",
    "AuthorizationIncremented",
    "AuthorizationLabelled",
    "AuthorizationRequested",
    "AuthorizationReversed",
    "BalanceInquired",
    "BudgetIncreased",
    "BudgetRemoved",
    "BudgetSet",
    "CapSet",
    "CardCanceled",
    "CardEvent",
    "CardFrozen",
    "CardSet",
    "CardUnfrozen",
    "ClearingPresented",
    "ClockTicked",
    "DepartmentSplit",
    "DisputeOpened",
    "DisputeResolved",
    "Event",
    "IncreaseApproved",
    "IncreaseRefused",
    "IncreaseRequested",
    "LeaseGranted",
    "LeaseRecalled",
    "LeaseRequested",
    "LeaseReturned",
    "Merchant",
    "ModelPublished",
    "PolicyActivated",
    "PolicyDrafted",
    "PostingReversed",
    "RefundPresented",
    "RefundReversed",
    "ShortText",
    "Timestamp",
    "VerificationRequested",
]
