"""A purchase in one step, for callers who want a yes or a no as a status of HTTP."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.access.keys import Scope
from api.access.security import Caller, KeyedRoute, needs
from api.asking.deadline import Missed
from api.asking.submit import Answered, Pending
from api.http.paths import segment
from api.http.preferences import MEMBERS_ONCE, POSITION_HEADER, Wait, Waiting, WithIdempotencyKey
from api.http.problems import Problem, responses
from api.resources import replies
from api.resources.authorizations.answer import score_out
from api.resources.authorizations.body import AuthorizationIn
from api.resources.authorizations.to_decision import MISSED, ask, came_too_late
from api.resources.reasons import reason_out, would_pass_out
from api.resources.replies import REPLAYED_HEADER, decided_headers, reply
from api.resources.sending import first_decision, pending, write_responses
from api.resources.transactions.answer import TransactionOut, transaction_out
from api.resources.transactions.read import TRANSACTIONS
from api.services import services_of, since_of
from schemas.authorizations import Authorization, Status, advance
from schemas.decisions import Decision
from schemas.events import AuthorizationRequested
from schemas.reasons import SUSPECTED_FRAUD, Outcome, Reason, response_code

router = APIRouter(prefix=TRANSACTIONS, tags=["transactions"], route_class=KeyedRoute)


@router.post(
    "",
    status_code=201,
    summary="Make a purchase",
    response_model=TransactionOut,
    dependencies=[MEMBERS_ONCE],
    openapi_extra=needs(Scope.AUTHORIZATIONS_WRITE),
    responses=write_responses(
        201, "Approved, or approved in part (`outcome`); what is approved is held.", **replies.LOCATION
    )
    | responses(402),
)
async def create_transaction(
    request: Request, body: AuthorizationIn, caller: Caller, key: WithIdempotencyKey, wait: Waiting
) -> Response:
    """Asks for an authorization, and answers in statuses: `201` it is approved, in part too; `402 declined`
    with all reasons, their numbers and what would pass; `403 fraud_detected` with reasons and the score of
    the model where a rule against fraud declines. `202` as of `POST /v1/authorizations`: no decision yet.

    A repeat with the same Idempotency-Key gets the same answer. What comes after (increments, clearings,
    refunds) are messages of this authorization; `GET /v1/transactions/{transaction_id}` shows them all.
    """
    event, result = await ask(request, body, caller, key, wait)
    path = _path(event)
    match result:
        case Answered():
            services = services_of(request)
            whole = await first_decision(services, result, since=since_of(request))
            return _answered(event, result, whole, wait, path)
        case Missed():
            raise _declined(event, (MISSED,), None, replayed=result.replayed)
        case Pending():
            return pending(event, result, wait, location=path)


def _path(event: AuthorizationRequested) -> str:
    query = urlencode({"department_id": event.department_id})
    return f"{TRANSACTIONS}/{segment(event.authorization_id)}?{query}"


def _answered(
    event: AuthorizationRequested, answer: Answered, whole: Decision | None, wait: Wait, path: str
) -> Response:
    """`whole`: the first decision, with what a repeat does not tell; None where the ledger is away."""
    decision = answer.decision
    if came_too_late(decision):
        raise _declined(event, (MISSED,), None, replayed=answer.replayed)
    if decision.outcome is Outcome.DECLINED:
        raise _declined(event, decision.reasons, whole or decision, answer=answer, replayed=answer.replayed)
    body = transaction_out(_held(event, answer, whole))
    headers = decided_headers(wait, replayed=answer.replayed, position=decision.position)
    return reply(body, 201, Location=path, **headers)


def _held(event: AuthorizationRequested, answer: Answered, whole: Decision | None) -> Authorization:
    """The purchase right after its approval."""
    known = None if whole is None else advance(None, whole, event.authorization_id)
    if known is not None:
        return known
    decision = answer.decision
    in_part = decision.outcome is Outcome.PARTIALLY_APPROVED
    return Authorization(
        organization_id=event.organization_id,
        department_id=event.department_id,
        authorization_id=event.authorization_id,
        status=Status.PARTIALLY_APPROVED if in_part else Status.APPROVED,
        currency=event.amount.currency,
        partition=answer.first.partition,
        seq=answer.first.seq,
        card_id=event.card_id,
        cardholder=event.cardholder,
        merchant=event.merchant,
        requested=event.amount.minor,
        approved=decision.approved if in_part else None,
        authorized=decision.granted,
        held=decision.granted,
        reasons=decision.reasons,
        reviews=decision.reviews,
    )


def _declined(
    event: AuthorizationRequested,
    reasons: tuple[Reason, ...],
    decision: Decision | None,
    *,
    answer: Answered | None = None,
    replayed: bool,
) -> Problem:
    """402, or 403 where it is for fraud. `decision`: what else is told of it."""
    code = response_code(Outcome.DECLINED, reasons)
    told = [reason_out(reason) for reason in reasons]
    members: dict[str, Any] = {
        "transaction_id": event.authorization_id,
        "department_id": event.department_id,
        "card_id": event.card_id,
        "outcome": "declined",
        "response_code": code,
        "amount": {"minor": event.amount.minor, "currency": event.amount.currency},
        "reasons": [reason.model_dump(mode="json") for reason in told],
    }
    if decision is not None:
        relief = would_pass_out(decision.would_pass, event.amount.currency)
        members["would_pass"] = None if relief is None else relief.model_dump(mode="json")
        members["score"] = (
            None if decision.score is None else score_out(decision.score).model_dump(mode="json")
        )
    headers = {REPLAYED_HEADER: "true"} if replayed else {}
    if answer is not None:
        members["position"] = str(answer.first)
        headers[POSITION_HEADER] = str(answer.decision.position)
    fraud = code == SUSPECTED_FRAUD
    return Problem(
        403 if fraud else 402,
        "fraud_detected" if fraud else "declined",
        told[0].message,
        headers=headers,
        **members,
    )
