"""Which events may come through the API, and which scopes of a key each needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from api.access.keys import Scope
from schemas import administration, messages
from schemas.event import Event

SCOPES: Final[Mapping[type[Event], Scope]] = {
    messages.AuthorizationRequested: Scope.AUTHORIZATIONS_WRITE,
    messages.AuthorizationIncremented: Scope.AUTHORIZATIONS_WRITE,
    messages.AuthorizationAdvised: Scope.AUTHORIZATIONS_WRITE,
    messages.AuthorizationReversed: Scope.AUTHORIZATIONS_WRITE,
    messages.AuthorizationExpired: Scope.AUTHORIZATIONS_WRITE,
    messages.ClearingPresented: Scope.AUTHORIZATIONS_WRITE,
    messages.RefundPresented: Scope.AUTHORIZATIONS_WRITE,
    messages.RefundReversed: Scope.AUTHORIZATIONS_WRITE,
    messages.DisputeOpened: Scope.AUTHORIZATIONS_WRITE,
    messages.DisputeResolved: Scope.AUTHORIZATIONS_WRITE,
    messages.AuthorizationLabelled: Scope.AUTHORIZATIONS_WRITE,
    messages.VerificationRequested: Scope.AUTHORIZATIONS_WRITE,
    messages.BalanceInquired: Scope.AUTHORIZATIONS_WRITE,
    messages.ClockTicked: Scope.AUTHORIZATIONS_WRITE,
    administration.BudgetSet: Scope.BUDGETS_WRITE,
    administration.BudgetRemoved: Scope.BUDGETS_WRITE,
    administration.BudgetIncreased: Scope.BUDGETS_WRITE,
    administration.IncreaseRequested: Scope.BUDGETS_REQUEST,
    administration.IncreaseApproved: Scope.BUDGETS_APPROVE,
    administration.IncreaseRefused: Scope.BUDGETS_APPROVE,
    administration.PolicyDrafted: Scope.POLICIES_WRITE,
    administration.PolicyActivated: Scope.POLICIES_WRITE,
    administration.CardSet: Scope.CARDS_WRITE,
    administration.CardFrozen: Scope.CARDS_WRITE,
    administration.CardUnfrozen: Scope.CARDS_WRITE,
    administration.CardCanceled: Scope.CARDS_WRITE,
    administration.PostingReversed: Scope.LEDGER_CORRECT,
    administration.CapSet: Scope.CAPS_WRITE,
    administration.DepartmentSplit: Scope.CAPS_WRITE,
}

# Who asked may take it back, who approves may refuse: the core tells one from the other, by the actor.
_ELSE: Final[Mapping[type[Event], tuple[Scope, ...]]] = {
    administration.IncreaseRefused: (Scope.BUDGETS_REQUEST,),
}


def scopes_of(event: type[Event]) -> tuple[Scope, ...]:
    """Any one of these lets a key send it."""
    return SCOPES[event], *_ELSE.get(event, ())


# A lease is money: whoever could write these could take another department's. Owners of partitions write
# them, in the transaction of the decision that they follow from. A model judges everybody: the learner's own.
OWNERS_ONLY: Final[frozenset[type[Event]]] = frozenset(
    {
        administration.LeaseRequested,
        administration.LeaseGranted,
        administration.LeaseRecalled,
        administration.LeaseReturned,
        administration.ModelPublished,
    }
)


def tag_of(event: type[Event]) -> str:
    """The `type` member of its events."""
    return str(event.__struct_config__.tag)


BY_TAG: Final[Mapping[str, type[Event]]] = {tag_of(event): event for event in (*SCOPES, *OWNERS_ONLY)}
