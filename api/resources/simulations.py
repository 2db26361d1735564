"""What a card network would send, for those who try things out: each message of a card's life with defaults.

They are events like any other: decided, booked, and kept in the log. So only keys and organizations in test
mode may send them: a key with the scope `simulations:write`, or any key that may write authorizations of an
organization that `SPENDLOG_API_TEST_ORGANIZATIONS` names.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final, NamedTuple

from fastapi import APIRouter
from pydantic import ConfigDict, Field, StrictBool
from starlette.responses import Response

from api.access.keys import Scope
from api.access.security import KeyedRoute, needs
from api.http.preferences import MEMBERS_ONCE, IdempotencyKey, WithIdempotencyKey
from api.http.problems import Problem
from api.http.types import DepartmentName, Input, Moment, PaymentId, PositiveMoneyIn, Text
from api.resources.authorizations.body import MerchantIn, merchant_of, positive
from api.resources.events.answer import EventDecisionOut
from api.resources.organization_paths import OfOrganization, ReadingAll, invalid
from api.resources.sending import send, write_responses
from api.stores.authorizations import Which
from api.stores.pace import LookAgain
from api.stores.transactions import Filters
from schemas.authorizations import Authorization, Status
from schemas.codec import decode_event, encode_event
from schemas.event import Event, Merchant
from schemas.events import (
    AuthorizationExpired,
    AuthorizationIncremented,
    AuthorizationRequested,
    AuthorizationReversed,
    ClearingPresented,
    DisputeOpened,
    RefundPresented,
)
from schemas.money import PositiveMoney

router = APIRouter(prefix="/v1/simulations", tags=["simulations"], route_class=KeyedRoute)

AMOUNT: Final = 4_250
CARD: Final = "card_test"
MERCHANT: Final = Merchant(name="Blue Bottle Coffee", mcc="5814", country="US")
# A view has what was answered milliseconds ago: so long is waited for a purchase to be there.
LATEST_S_MAX = 1.0

_HELD: Final = (Status.APPROVED, Status.PARTIALLY_APPROVED, Status.PARTIALLY_CLEARED)
_SETTLED: Final = (Status.CLEARED, Status.PARTIALLY_CLEARED, Status.DISPUTED)


class PurchaseIn(Input):
    """A purchase that a network asks for; all of it has a default."""

    model_config = ConfigDict(title="SimulatedPurchase")

    department_id: DepartmentName | None = Field(default=None, description="the first one by id, if absent")
    card_id: Text | None = Field(default=None, min_length=1, max_length=128, examples=["card_ada"])
    amount: PositiveMoneyIn | None = Field(
        default=None, description="4250 of the budget's minor units, if absent"
    )
    merchant: MerchantIn | None = Field(default=None, description="a coffee bar, if absent")
    cardholder: Text | None = Field(default=None, max_length=200, examples=["Ada Lovelace"])
    partial_allowed: StrictBool = False
    occurred_at: Moment | None = Field(default=None, description="now, if absent")


class MessageIn(Input):
    """A later message about a purchase; all of it has a default."""

    model_config = ConfigDict(title="SimulatedMessage")

    authorization_id: PaymentId | None = Field(
        default=None, description="the latest purchase that it can be about, if absent"
    )
    department_id: DepartmentName | None = Field(default=None, description="any, if absent")
    amount: PositiveMoneyIn | None = Field(
        default=None,
        description="all that there is, if absent: what is held, or settled and not refunded; of an "
        "increment a tenth more",
    )
    occurred_at: Moment | None = Field(default=None, description="now, if absent")


@router.post(
    "/authorizations",
    summary="Simulate a purchase",
    response_model=EventDecisionOut,
    dependencies=[MEMBERS_ONCE],
    openapi_extra=needs(Scope.SIMULATIONS_WRITE, Scope.AUTHORIZATIONS_WRITE),
    responses=write_responses(200, "Approved, in part too, or declined. A repeat gets the same body."),
)
async def simulate_authorization(body: PurchaseIn, reading: ReadingAll, key: WithIdempotencyKey) -> Response:
    """A network asks for an authorization: `{}` is 4250 minor units at a coffee bar, by card `card_test`."""
    require_test_mode(reading)
    event = await _kept(reading, key, body, lambda: _purchase(body, reading, key))
    return await send(reading.services, event, reading.wait, since=reading.since)


class _Kind(NamedTuple):
    """A later message: which purchases it can be about, its amount if none is given (None: it has none)."""

    name: str
    operation: str
    summary: str
    words: str
    event: type[Event]
    statuses: tuple[Status, ...]
    amount: Callable[[Authorization], int] | None = None
    more: Mapping[str, str] = {}


def _what_is_held(payment: Authorization) -> int:
    return payment.held


def _what_came_back_not(payment: Authorization) -> int:
    return payment.posted - payment.refunded - payment.recovered


def _what_is_not_disputed(payment: Authorization) -> int:
    return payment.posted - payment.refunded - payment.disputed


_KINDS: Final = (
    _Kind(
        "increments",
        "simulate_increment",
        "Simulate an increment",
        "The merchant asks for more on a purchase that is held: a tenth, if no amount is given.",
        AuthorizationIncremented,
        _HELD,
        lambda payment: max(1, payment.requested // 10),
    ),
    _Kind(
        "clearings",
        "simulate_clearing",
        "Simulate a clearing",
        "The network settles a purchase: all that is held, if no amount is given. Nothing more comes.",
        ClearingPresented,
        _HELD,
        _what_is_held,
    ),
    _Kind(
        "reversals",
        "simulate_reversal",
        "Simulate a reversal",
        "The merchant gives back what is held, or a part of it.",
        AuthorizationReversed,
        _HELD,
        _what_is_held,
    ),
    _Kind(
        "refunds",
        "simulate_refund",
        "Simulate a refund",
        "The merchant gives back what was settled, or a part of it.",
        RefundPresented,
        _SETTLED,
        _what_came_back_not,
    ),
    _Kind(
        "disputes",
        "simulate_dispute",
        "Simulate a dispute",
        "The cardholder disputes what was settled, or a part of it.",
        DisputeOpened,
        _SETTLED,
        _what_is_not_disputed,
    ),
    _Kind(
        "expiries",
        "simulate_expiry",
        "Simulate an expiry",
        "The network says that an authorization is no longer valid: what is left of its hold lapses.",
        AuthorizationExpired,
        _HELD,
    ),
    _Kind(
        "network_timeouts",
        "simulate_network_timeout",
        "Simulate a timeout of the network",
        "The network had no answer in time and told the merchant no: an approval must not stand.",
        AuthorizationReversed,
        _HELD,
        more={"cause": "timeout"},
    ),
)


def _add(kind: _Kind) -> None:
    async def simulate(body: MessageIn, reading: ReadingAll, key: WithIdempotencyKey) -> Response:
        require_test_mode(reading)
        event = await _kept(reading, key, body, lambda: _message(kind, body, reading, key))
        return await send(reading.services, event, reading.wait, since=reading.since)

    router.add_api_route(
        f"/{kind.name}",
        simulate,
        methods=["POST"],
        name=kind.operation,
        summary=kind.summary,
        description=f"{kind.words} `{{}}` is about the latest purchase that it can be about.",
        response_model=EventDecisionOut,
        dependencies=[MEMBERS_ONCE],
        openapi_extra=needs(Scope.SIMULATIONS_WRITE, Scope.AUTHORIZATIONS_WRITE),
        responses=write_responses(200, "What became of it. A repeat gets the same body."),
    )


for _kind in _KINDS:
    _add(_kind)


# -- parts


def require_test_mode(reading: OfOrganization) -> None:
    """Raises Problem 403 unless the key, or its organization, is in test mode."""
    caller = reading.caller
    if Scope.SIMULATIONS_WRITE in caller.scopes:
        return
    if caller.organization_id not in reading.services.settings.api_test_organizations:
        raise Problem(
            403,
            "live_mode",
            "Simulations are for test mode: use a key with the scope simulations:write, or name the "
            "organization in SPENDLOG_API_TEST_ORGANIZATIONS.",
        )


async def _kept(
    reading: OfOrganization, key: IdempotencyKey, body: Input, make: Callable[[], Awaitable[Event]]
) -> Event:
    """The event of `make`, or the one that the same request made before: by then another purchase may be the
    latest, and a repeat must be a repeat."""
    event_id = key.event_id(reading.caller.organization_id)
    asked = sha256(f"{type(body).__name__} {body.model_dump_json()}".encode()).hexdigest()
    kept = await reading.services.memory.kept(f"simulation {event_id} {asked}")
    if kept is not None:
        return decode_event(kept)
    event = await make()
    await reading.services.memory.keep(f"simulation {event_id} {asked}", encode_event(event))
    return event


async def _purchase(body: PurchaseIn, reading: OfOrganization, key: IdempotencyKey) -> Event:
    organization_id = reading.caller.organization_id
    department = await _department(body.department_id, reading)
    amount = PositiveMoney(AMOUNT, department["currency"]) if body.amount is None else positive(body.amount)
    return AuthorizationRequested(
        event_id=key.event_id(organization_id),
        organization_id=organization_id,
        department_id=department["department_id"],
        occurred_at=body.occurred_at or datetime.now(UTC),
        authorization_id=f"auth_{key.digest(organization_id)}",
        card_id=body.card_id or CARD,
        amount=amount,
        merchant=MERCHANT if body.merchant is None else merchant_of(body.merchant),
        cardholder=body.cardholder,
        partial_allowed=body.partial_allowed,
    )


async def _department(department_id: str | None, reading: OfOrganization) -> Any:
    """The row of departments.sql: the one that is named, or the first. Raises Problem 404."""
    pace = LookAgain(LATEST_S_MAX)
    while True:
        row = await reading.find("departments", department_id=department_id, after=None, rows_max=1)
        if row["departments"]:
            return row["departments"][0]
        if not await pace.again():
            raise Problem(
                404,
                "unknown_department",
                "There is no such department: set its budget with "
                f"PUT /v1/organizations/{reading.caller.organization_id}/departments/NAME/budget.",
            )


async def _message(kind: _Kind, body: MessageIn, reading: OfOrganization, key: IdempotencyKey) -> Event:
    payment = await _payment(kind, body, reading)
    organization_id = reading.caller.organization_id
    digest = key.digest(organization_id)
    members: dict[str, object] = {
        "event_id": key.event_id(organization_id),
        "organization_id": organization_id,
        "department_id": payment.department_id,
        "occurred_at": body.occurred_at or datetime.now(UTC),
        "authorization_id": payment.authorization_id,
        "card_id": payment.card_id or CARD,
        "refund_id": f"ref_{digest}",
        "dispute_id": f"dis_{digest}",
        **kind.more,
    }
    if body.amount is not None and kind.amount is None:
        raise invalid("body.amount", "extra_forbidden", "this message has no amount")
    if body.amount is not None:
        members["amount"] = positive(body.amount)
    elif kind.amount is not None:
        left = kind.amount(payment)
        if left <= 0:
            raise invalid(
                "body.amount", "missing", f"nothing is left of {payment.authorization_id}; say how much"
            )
        members["amount"] = PositiveMoney(left, payment.currency)
    known = kind.event.__struct_fields__
    return kind.event(**{name: value for name, value in members.items() if name in known})  # type: ignore[arg-type]


async def _payment(kind: _Kind, body: MessageIn, reading: OfOrganization) -> Authorization:
    """The one that is named, or the latest that such a message can be about. Raises Problem 404."""
    services, position = reading.services, reading.position
    organization_id = reading.caller.organization_id
    wait_s = max(LATEST_S_MAX, services.reading(reading.wait, position, since=reading.since))
    if body.authorization_id is not None:
        which = Which(organization_id, body.authorization_id, body.department_id)
        named = await services.authorizations.find(which, position, wait_s=wait_s)
        if named is None:
            raise Problem(404, "unknown_authorization", "There is no such authorization.")
        return named
    filters = Filters(statuses=kind.statuses, department_id=body.department_id)
    pace = LookAgain(wait_s)
    while True:
        found = await services.transactions.page(
            organization_id, filters, "newest", None, position, rows_max=1, wait_s=wait_s
        )
        if found:
            return found[0]
        if not await pace.again():
            words = " or ".join(dict.fromkeys(status.value.replace("_", " ") for status in kind.statuses))
            raise Problem(
                404,
                "unknown_authorization",
                f"There is no purchase that is {words}: simulate one (POST /v1/simulations/authorizations).",
            )
