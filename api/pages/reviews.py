"""Reviews: payments that the model flagged or a rule wants looked at; what is said of one is its label."""

from __future__ import annotations

import secrets
from typing import Annotated, Final, Literal
from urllib.parse import quote

from fastapi import APIRouter, Form, Query
from starlette.responses import Response

from api.access.keys import Scope
from api.access.security import needs
from api.http.paging import Page
from api.http.preferences import POSITION_HEADER
from api.pages.budgets import department_names
from api.pages.forms import once
from api.pages.frame import page
from api.pages.route import Asked, Asking, PageRoute, back
from api.resources.cases.answer import CaseListOut, CaseOut
from api.resources.cases.read import case_detail, cases_page, departments_of
from api.resources.cases.write import CaseAssignmentIn, CaseDecisionIn, assign, decide
from api.stores.cases import CaseFilters, CaseOrder
from schemas.cases import CaseStatus
from schemas.event import Label

router = APIRouter(route_class=PageRoute, include_in_schema=False)

Act = Literal["fraud", "legitimate", "unsure", "take", "leave"]
#: What somebody says at a button, as the label of the payment.
LABELS: Final[dict[Act, Label]] = {"fraud": "fraud", "legitimate": "legitimate", "unsure": "unsure"}

ROWS: Final = 30
CHIPS: Final = (("open", "Open"), ("decided", "Decided"), ("all", "All"))
ORDERS: Final[tuple[tuple[CaseOrder, str], ...]] = (
    ("newest", "newest first"),
    ("highest", "highest score first"),
    ("oldest", "oldest first"),
)
_DONE: Final[dict[Act, str]] = {
    "fraud": "Fraud: the model learns from it. To stop the card, freeze it.",
    "legitimate": "Fine: the model learns from it.",
    "unsure": "Not sure: it is off the list, and teaches nothing.",
    "take": "It is yours.",
    "leave": "Nobody looks into it now.",
}


@router.get("/reviews", openapi_extra=needs(Scope.CASES_READ))
async def show_reviews(
    asking: Asked,
    status: Literal["open", "decided", "all"] = "open",
    department: Annotated[str, Query(max_length=64)] = "",
    order: CaseOrder = "newest",
    after: str | None = None,
) -> Response:
    """Live: what is flagged while one looks comes by itself."""
    if department:
        asking.viewer.require_department(department, Scope.CASES_READ)
    given = {"status": status, "department": department, "order": order}
    listed = await cases_of_viewer(
        asking,
        None if status == "all" else status,
        Page(after, ROWS, "/reviews", tuple(pair for pair in given.items() if pair[1])),
        department=department,
        order=order,
    )
    return page(
        asking.request,
        "reviews",
        cases=listed.cases,
        more=listed.next or "",
        given=given,
        chips=CHIPS,
        orders=ORDERS,
        departments=await department_names(asking),
        key=secrets.token_hex(16),
    )


async def cases_of_viewer(
    asking: Asking,
    status: CaseStatus | None,
    asked: Page,
    *,
    department: str = "",
    order: CaseOrder = "newest",
) -> CaseListOut:
    """Those that the viewer reaches. `department`: only of this one."""
    departments = (department,) if department else departments_of(asking.viewer.caller, Scope.CASES_READ)
    return await cases_page(
        asking.organization(), asked, CaseFilters(status=status, departments=departments), order
    )


def address_of_case(case: CaseOut) -> str:
    return f"/reviews/{quote(case.department_id, safe='')}/{quote(case.case_id, safe='')}"


@router.get("/reviews/{department_id}/{case_id:path}", openapi_extra=needs(Scope.CASES_READ))
async def show_review(asking: Asked, department_id: str, case_id: str) -> Response:
    found = await case_detail(asking.organization(), case_id, department_id)
    return page(asking.request, "review", case=found, key=secrets.token_hex(16))


@router.post("/reviews/{department_id}/{case_id:path}", openapi_extra=needs(Scope.CASES_WRITE))
async def act_on_review(
    asking: Asked,
    department_id: str,
    case_id: str,
    act: Annotated[Act, Form()],
    key: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    """Says what it was, or who looks into it. The same key twice is one label."""
    reading = asking.organization()
    if act in LABELS:
        body = CaseDecisionIn(label=LABELS[act], department_id=department_id)
        answer = await decide(reading, case_id, body, once(f"{key}-{act}-{case_id}"))
        position = answer.headers.get(POSITION_HEADER)
        asking.request.state.position = position
        at = f"?at={quote(position, safe=':')}" if position else ""
        done = _DONE[act] if position else "It is in the log and not decided yet. Look again in a moment."
        return back(f"/reviews{at}", done=done)
    assignee = asking.viewer.caller.actor if act == "take" else None
    await assign(
        asking.request, reading, case_id, CaseAssignmentIn(assignee=assignee, department_id=department_id)
    )
    return back(asking.request.scope["path"], done=_DONE[act])
