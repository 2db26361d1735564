"""List transactions by filters, and look at one with its whole life."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, NamedTuple

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from api.access.keys import Scope
from api.access.reach import BY_EMPLOYEE, BY_ROUTE, is_own
from api.access.security import KeyedRoute, needs
from api.http.paging import Page, Paged
from api.http.paths import IN_PATH, storable
from api.http.problems import FieldError, Problem, invalid_request
from api.http.types import Moment
from api.resources.organization_paths import (
    OfOrganization,
    OnlyDepartment,
    ReadingAll,
    invalid,
    list_responses,
    read_responses,
    shown,
)
from api.resources.transactions.answer import (
    STATUSES,
    TransactionDetailOut,
    TransactionListOut,
    TransactionStatus,
    mccs_of,
    transaction_detail_out,
    transaction_out,
)
from api.stores.authorizations import Which
from api.stores.payment_pages import place_after
from api.stores.transactions import Filters, Order, words_of
from schemas.authorizations import Authorization
from schemas.controls import MCC_GROUPS
from schemas.ids import Position, is_name
from schemas.money import MINOR_MAX
from schemas.names import merchant_key

TRANSACTIONS = "/v1/transactions"
router = APIRouter(prefix=TRANSACTIONS, tags=["transactions"], route_class=KeyedRoute)

SEARCH_MAX = 100

StatusWord = Literal[
    "held",
    "settled",
    "declined",
    "refunded",
    "disputed",
    "expired",
    "reversed",
    "voided",
    "approved",
    "flagged",
]


class _What(NamedTuple):
    """Filters of what was bought, and how it stands."""

    status: StatusWord | None
    flagged: bool | None
    review: bool | None
    amount_min: int | None
    amount_max: int | None
    currency: str | None
    merchant: str | None
    search: str | None
    mcc: str | None
    category: str | None


async def _what(
    status: Annotated[
        StatusWord | None,
        Query(
            description="only these; `approved`: in part too, whatever came after; `flagged`: by the model"
        ),
    ] = None,
    flagged: Annotated[bool | None, Query(description="by the model")] = None,
    review: Annotated[bool | None, Query(description="a rule wants somebody to look at it")] = None,
    amount_min: Annotated[
        int | None, Query(ge=0, le=MINOR_MAX, description="minor units, this included")
    ] = None,
    amount_max: Annotated[
        int | None, Query(ge=0, le=MINOR_MAX, description="minor units, this included")
    ] = None,
    currency: Annotated[
        str | None,
        Query(
            pattern="^[A-Z]{3}$",
            description="only amounts in it; without it amounts are compared as they are",
        ),
    ] = None,
    merchant: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=200,
            description="only this one, by its name as written or normalized",
        ),
    ] = None,
    search: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=SEARCH_MAX,
            description="only merchants whose normalized name has all these words, or parts of words",
        ),
    ] = None,
    mcc: Annotated[
        str | None, Query(pattern="^[0-9]{4}$", description="only this category of ISO 18245")
    ] = None,
    category: Annotated[
        str | None,
        Query(max_length=64, description=f"only this group of categories: {', '.join(MCC_GROUPS)}"),
    ] = None,
) -> _What:
    return _What(status, flagged, review, amount_min, amount_max, currency, merchant, search, mcc, category)


class _Whose(NamedTuple):
    """Filters of who bought it, and when."""

    department_id: str | None
    card_id: str | None
    employee: str | None
    since: datetime | None
    until: datetime | None


async def _whose(
    department_id: OnlyDepartment = None,
    card_id: Annotated[str | None, Query(max_length=128, description="only those of this card")] = None,
    employee: Annotated[
        str | None,
        Query(
            max_length=200,
            description="only those with cards that are registered to this employee now, and those in whose "
            "message the cardholder was this, with a card that is registered to nobody",
        ),
    ] = None,
    since: Annotated[Moment | None, Query(description="only from this time on (`created_at`)")] = None,
    until: Annotated[Moment | None, Query(description="only before this time (`created_at`)")] = None,
) -> _Whose:
    return _Whose(department_id, card_id, employee, since, until)


What = Annotated[_What, Depends(_what)]
Whose = Annotated[_Whose, Depends(_whose)]


@router.get(
    "",
    summary="List transactions",
    response_model=TransactionListOut,
    openapi_extra=needs(Scope.AUTHORIZATIONS_READ, own=BY_EMPLOYEE),
    responses=list_responses("A page of them."),
)
async def list_transactions(
    request: Request,
    reading: ReadingAll,
    page: Paged,
    what: What,
    whose: Whose,
    order: Annotated[
        Order,
        Query(
            description="by `created_at`, which never changes, or by `amount`; one whose amount changes "
            "while pages are read may be on two or on none"
        ),
    ] = "newest",
) -> Response:
    """Purchases of the organization, declined ones too; filters may be combined.

    Pages go on after the last row's own time and id: what comes in meanwhile neither doubles nor skips any
    that were there. A page is as new as the books; with a log position it is at least that new.
    """
    body = await transactions_page(reading, page, filters_of(what, whose), order)
    return shown(body, reading.wait, **page.link(body.next))


async def transactions_page(
    reading: OfOrganization, page: Page, filters: Filters, order: Order
) -> TransactionListOut:
    """The page of those that fit. Raises Problem 503."""
    after = place_after(page, datetime if order in ("newest", "oldest") else int)
    found: list[Authorization] = []
    if _can_exist(filters):
        services = reading.services
        found = await services.transactions.page(
            reading.caller.organization_id,
            filters,
            order,
            after,
            reading.position,
            rows_max=page.rows_max,
            wait_s=services.reading(reading.wait, reading.position, since=reading.since),
        )
    by_time = order in ("newest", "oldest")
    rows, following = page.turn(
        found,
        lambda one: (one.created_at if by_time else one.amount, one.authorization_id, one.department_id),
    )
    return TransactionListOut(transactions=[transaction_out(row) for row in rows], next=following)


def filters_of(what: _What, whose: _Whose) -> Filters:
    """Raises Problem 422 for what cannot be, or contradicts itself."""
    wrong = [
        FieldError(field=f"query.{least}", code="empty_range", message=f"is above {most}: nothing could fit")
        for least, most, low, high in (
            ("amount_min", "amount_max", what.amount_min, what.amount_max),
            ("since", "until", whose.since, whose.until),
        )
        if low is not None and high is not None and low > high  # type: ignore[operator]  # two of one kind
    ]
    mccs: tuple[str, ...] = () if what.mcc is None else (what.mcc,)
    if what.category is not None:
        try:
            group = mccs_of(what.category)
        except KeyError:
            known = f"is no group of categories; there are {', '.join(MCC_GROUPS)}"
            wrong.append(FieldError(field="query.category", code="unknown_value", message=known))
        else:
            mccs = tuple(mcc for mcc in mccs if mcc in group) or ("none",) if mccs else group
    words = () if what.search is None else words_of(what.search)
    if what.search is not None and not words:
        wrong.append(FieldError(field="query.search", code="empty_search", message="has no word in it"))
    for name, text in (("merchant", what.merchant), ("search", what.search)):
        if text is not None and not storable(text):
            words_ = "must not contain control characters"
            wrong.append(FieldError(field=f"query.{name}", code="value_error", message=words_))
    if wrong:
        raise invalid_request(wrong)
    state = what.status if what.status not in (None, "approved", "flagged") else None
    if what.status == "flagged" and what.flagged is False:
        raise invalid("query.flagged", "contradiction", "is false, and `status` asks for flagged ones")
    return Filters(
        statuses=() if state is None else STATUSES[TransactionStatus(state)],
        granted=what.status == "approved",
        flagged=True if what.status == "flagged" else what.flagged,
        review=what.review,
        amount_min=what.amount_min,
        amount_max=what.amount_max,
        currency=what.currency,
        merchant=None if what.merchant is None else merchant_key(what.merchant),
        words=words,
        mccs=mccs,
        department_id=whose.department_id,
        card_id=whose.card_id,
        employee=whose.employee,
        since=whose.since,
        until=whose.until,
    )


def _can_exist(filters: Filters) -> bool:
    named = filters.department_id is None or is_name(filters.department_id)
    return named and storable(filters.card_id or "") and storable(filters.employee or "")


@router.get(
    "/{transaction_id}",
    summary="Look at a transaction",
    response_model=TransactionDetailOut,
    openapi_extra=needs(Scope.AUTHORIZATIONS_READ, own=BY_ROUTE),
    responses=read_responses("As it stands at its position, with every message and booking."),
)
async def read_transaction(
    reading: ReadingAll,
    transaction_id: Annotated[str, Path(max_length=128, description=IN_PATH, examples=["auth_7f3a"])],
    department_id: Annotated[
        str | None, Query(max_length=64, description="of which department; any, if absent")
    ] = None,
) -> Response:
    """A purchase with all that was decided about it, what of it was booked, and why it was answered so."""
    found, life = await transaction_life(reading, transaction_id, department_id)
    at = Position(found.partition, found.seq)
    return shown(transaction_detail_out(found, life), reading.wait, at)


async def transaction_life(
    reading: OfOrganization, transaction_id: str, department_id: str | None
) -> tuple[Authorization, Any]:
    """A purchase as it stands, and the row of transaction_life.sql. Raises Problem: 404, there is none."""
    unknown = Problem(404, "unknown_transaction", "There is no such transaction.")
    if not storable(transaction_id) or (department_id is not None and not is_name(department_id)):
        raise unknown
    services = reading.services
    which = Which(reading.caller.organization_id, transaction_id, department_id)
    wait_s = services.reading(reading.wait, reading.position, since=reading.since)
    found = await services.authorizations.find(which, reading.position, wait_s=wait_s)
    if found is None or not is_own(reading.caller, found.cardholder, Scope.AUTHORIZATIONS_READ):
        raise unknown
    life = await reading.find(
        "transaction_life",
        reached=Position(found.partition, found.seq),
        of_partition=found.partition,
        seqs=list(found.seqs),
        authorization_id=transaction_id,
    )
    return found, life
