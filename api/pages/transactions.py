"""Transactions: the list with its filters, and one of them with its whole life."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, Final, NamedTuple
from urllib.parse import parse_qsl, urlencode

import msgspec
from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from api.access.keys import Scope
from api.access.reach import BY_ROUTE
from api.access.security import needs
from api.http.paging import Page
from api.http.problems import Problem
from api.http.safe_csv import csv_of
from api.pages.budgets import DepartmentCard, budgets_of, department_cards
from api.pages.frame import page
from api.pages.life import FEATURES, rulings, steps_of
from api.pages.receipts import of_purchase
from api.pages.route import Asked, Asking, PageRoute, or_none
from api.pages.words import NotMoney, major, minor_of, moment
from api.pages.workbooks import TYPES, xlsx_of
from api.resources.policies import VERSIONS_MAX, policies_out
from api.resources.transactions.answer import (
    TransactionDetailOut,
    TransactionListOut,
    TransactionOut,
    transaction_detail_out,
)
from api.resources.transactions.read import (
    What,
    Whose,
    filters_of,
    transaction_life,
    transactions_page,
)
from api.stores.transactions import Filters, Order
from schemas.codec import decode_decision
from schemas.controls import Policy
from schemas.decisions import Decision
from schemas.reasons import DEPARTMENT, ReasonCode
from schemas.terms import zone_of

router = APIRouter(route_class=PageRoute, include_in_schema=False)

ROWS: Final = 50
_NEVER: Final = datetime.min.replace(tzinfo=UTC)
EXPORT_ROWS_MAX: Final = 10_000

#: The states that a list is narrowed to by one click, and their words.
CHIPS: Final = (
    ("", "All"),
    ("held", "Held"),
    ("settled", "Settled"),
    ("declined", "Declined"),
    ("refunded", "Refunded"),
    ("disputed", "Disputed"),
    ("flagged", "Flagged"),
)
#: What a raised budget helps against.
_MONEY: Final = frozenset({ReasonCode.BUDGET_EXCEEDED})


class _Between(NamedTuple):
    """Days, both included, and amounts as somebody types them at a form."""

    first: date | None
    last: date | None
    least: str
    most: str

    def narrow(self, filters: Filters, cards: list[DepartmentCard]) -> Filters:
        """Days are those of the first department, and so is the currency of an amount: most have the same.

        Raises Problem 422: what was typed is no amount.
        """
        budget = cards[0].budget if cards else None
        zone, currency = zone_of(budget.calendar.time_zone if budget else "UTC"), "USD"
        if budget is not None:
            currency = budget.currency
        changed: dict[str, Any] = {}
        if self.first is not None:
            changed["since"] = datetime.combine(self.first, time(), zone)
        if self.last is not None:
            changed["until"] = datetime.combine(self.last + timedelta(days=1), time(), zone)
        try:
            if self.least:
                changed["amount_min"] = minor_of(self.least, currency)
            if self.most:
                changed["amount_max"] = minor_of(self.most, currency)
        except NotMoney as error:
            raise Problem(422, "invalid_request", f"{error}.") from None
        return replace(filters, **changed)


async def _between(
    first: date | None = None,
    last: date | None = None,
    least: Annotated[str, Query(max_length=30)] = "",
    most: Annotated[str, Query(max_length=30)] = "",
) -> _Between:
    return _Between(first, last, least, most)


Between = Annotated[_Between, Depends(_between)]


async def latest(asking: Asking, filters: Filters, rows_max: int) -> list[TransactionOut]:
    """The newest that fit, of what the viewer may see."""
    visible = asking.viewer.departments(Scope.AUTHORIZATIONS_READ)
    each = [filters]
    if visible is not None and filters.department_id is None and filters.employee is None:
        each = [replace(filters, department_id=name) for name in sorted(visible)]
    found = await asyncio.gather(
        *(transactions_page(asking.organization(), Page(None, rows_max), one, "newest") for one in each)
    )
    rows = [row for page_ in found for row in page_.transactions]
    return sorted(rows, key=lambda row: row.created_at or _NEVER, reverse=True)[:rows_max]


def within_reach(asking: Asking, whose: Whose) -> Whose:
    """The filter that keeps to what the viewer may see. Raises Problem 403: it asks for more."""
    viewer, permission = asking.viewer, Scope.AUTHORIZATIONS_READ
    if viewer.only_own(permission):
        return whose._replace(employee=viewer.caller.employee)
    visible = viewer.departments(permission)
    if visible is None:
        return whose
    if whose.department_id is None:
        return whose._replace(department_id=min(visible))
    viewer.require_department(whose.department_id, permission)
    return whose


@router.get("/transactions", openapi_extra=needs(Scope.AUTHORIZATIONS_READ, own=BY_ROUTE))
async def show_transactions(
    asking: Asked,
    what: What,
    whose: Whose,
    between: Between,
    order: Order = "newest",
    after: str | None = None,
) -> Response:
    """The filters are those of `GET /v1/transactions` and of the form, and stay in the address."""
    given = dict(parse_qsl(asking.request.url.query))
    cards = await department_cards(asking)
    filters = between.narrow(filters_of(what, within_reach(asking, whose)), cards)
    found = await transactions_page(asking.organization(), Page(after, ROWS), filters, order)
    return page(
        asking.request,
        "transactions",
        rows=found.transactions,
        chosen=_chosen(given),
        chips=[(value, word, _address(given, status=value)) for value, word in CHIPS],
        others=[
            (f"{name.replace('_', ' ')}: {value}", _address(given, **{name: ""}))
            for name, value in given.items()
            if name not in _SHOWN
        ],
        kept=_query(given, after=""),
        more=None if found.next is None else _address(given, after=found.next),
        departments=[card.budget for card in cards],
    )


#: Filters that the page has a field or a chip of their own for.
_FIELDS: Final = ("search", "department_id", "employee", "status", *_Between._fields)
_SHOWN: Final = frozenset({*_FIELDS, "order", "after", "at", "done"})


def _chosen(given: Mapping[str, str]) -> dict[str, str]:
    return {name: given.get(name, "") for name in _FIELDS} | {"order": given.get("order", "newest")}


def _query(given: Mapping[str, str], **changed: str) -> str:
    kept = {
        name: value
        for name, value in {**given, "after": "", "at": "", "done": "", **changed}.items()
        if value
    }
    return f"?{urlencode(kept)}" if kept else ""


def _address(given: Mapping[str, str], **changed: str) -> str:
    return "/transactions" + _query(given, **changed)


@router.get("/transactions.{kind}", openapi_extra=needs(Scope.AUTHORIZATIONS_READ, own=BY_ROUTE))
async def export_transactions(
    asking: Asked, kind: str, what: What, whose: Whose, between: Between, order: Order = "newest"
) -> Response:
    """What the list shows, as a table to take away."""
    filters = between.narrow(filters_of(what, within_reach(asking, whose)), await department_cards(asking))
    found = await _all(asking, filters, order)
    header = (
        "when",
        "merchant",
        "category",
        "department",
        "card",
        "who",
        "status",
        "currency",
        "amount",
        "why",
        "id",
    )
    rows = [_row(each) for each in found]
    body = xlsx_of(header, rows, numbers={8}) if kind == "xlsx" else csv_of(header, rows)
    name = f"transactions-{datetime.now(UTC):%Y-%m-%d}.{'xlsx' if kind == 'xlsx' else 'csv'}"
    return Response(
        body,
        media_type=TYPES["xlsx" if kind == "xlsx" else "csv"],
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


async def _all(asking: Asking, filters: Filters, order: Order) -> list[TransactionOut]:
    rows: list[TransactionOut] = []
    after: str | None = None
    while len(rows) < EXPORT_ROWS_MAX:
        found: TransactionListOut = await transactions_page(
            asking.organization(), Page(after, 1_000), filters, order
        )
        rows += found.transactions
        after = found.next
        if after is None:
            break
    return rows


def _row(each: TransactionOut) -> tuple[str, ...]:
    return (
        moment(each.created_at),
        each.merchant.name if each.merchant else "",
        (each.merchant.mcc or "") if each.merchant else "",
        each.department_id,
        each.card_id or "",
        each.cardholder or "",
        str(each.status),
        each.amount.currency,
        major(each.amount.minor, each.amount.currency),
        each.reasons[0].message if each.reasons else "",
        each.transaction_id,
    )


@router.get(
    "/transactions/{department_id}/{transaction_id:path}",
    openapi_extra=needs(Scope.AUTHORIZATIONS_READ, own=BY_ROUTE),
)
async def show_transaction(asking: Asked, department_id: str, transaction_id: str) -> Response:
    viewer = asking.viewer
    if not viewer.only_own(Scope.AUTHORIZATIONS_READ):
        viewer.require_department(department_id, Scope.AUTHORIZATIONS_READ)
    found, life = await transaction_life(asking.organization(), transaction_id, department_id)
    detail = transaction_detail_out(found, life)
    decisions = [decode_decision(record.encode()) for record in life["records"]]
    answer = next((each for each in decisions if each.event_type == "authorization.requested"), None)
    policy = None if answer is None else await policy_then(asking, answer)
    would = detail.authorization.would_pass
    return page(
        asking.request,
        "transaction",
        found=detail,
        steps=steps_of(decisions, detail.bookings),
        rulings=[] if answer is None else rulings(answer, policy),
        record=_record(life["records"][0], decisions[0]) if decisions else None,
        would_pass="" if would is None else would.message,
        features=FEATURES,
        receipts=await of_purchase(asking, department_id, transaction_id),
        **await _lacking(asking, detail),
    )


def _record(record: str, decision: Decision) -> dict[str, str]:
    """The text that the hash is taken over: the record without its last member."""
    body, _, _ = record.rpartition(',"hash":"')
    return {"body": body + "}", "hash": decision.hash, "position": str(decision.position)}


async def policy_then(asking: Asking, decision: Decision) -> Policy | None:
    """The version by which it was decided; None where the viewer may not see it or it is long gone."""
    assert decision.department_id is not None
    row = await or_none(
        asking.department(decision.department_id).known("policies", only_active=False, rows_max=VERSIONS_MAX)
    )
    if row is None:
        return None
    versions = policies_out(asking.viewer.organization_id, decision.department_id, row).policies
    named = [version for version in versions if version.version == (decision.policy_version or 0)]
    return msgspec.convert(named[0].policy, Policy) if named else None


async def _lacking(asking: Asking, detail: TransactionDetailOut) -> dict[str, Any]:
    """What its budget lacks now for it to pass, for the form that raises it."""
    budget_id = next((reason.rule for reason in detail.reasons if reason.code in _MONEY), None)
    nothing = {"raise_by": None, "raise_minor": 0, "raise_budget": DEPARTMENT}
    if budget_id is None:
        return nothing
    budgets = await budgets_of(asking, detail.department_id, budget_id)
    if not budgets:
        return nothing
    missing = detail.requested.minor - detail.approved.minor - budgets[0].available.minor
    if missing <= 0:
        return nothing
    return {
        "raise_by": major(missing, detail.requested.currency),
        "raise_minor": missing,
        "raise_budget": budget_id,
    }
