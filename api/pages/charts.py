"""The chart of accounts as a page, and the journal that is exported by it."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Form
from starlette.responses import Response

from api.access.keys import Scope
from api.access.reach import require_department
from api.access.security import needs
from api.http.problems import Problem
from api.pages.forms import valid, words_of
from api.pages.frame import page
from api.pages.route import Asked, Asking, PageRoute, back
from api.reports.journal.chart import UNCATEGORIZED, Chart, ChartRuleIn
from api.reports.journal.charts import find_chart, rules_of, set_chart, stored_rules, tag_of
from api.reports.journal.postings import JournalReads
from api.reports.journal.route import ExportFormat, exported
from api.resources.organization_paths import invalid
from schemas.controls import MCC_GROUPS

router = APIRouter(route_class=PageRoute, include_in_schema=False)

ADDRESS: Final = "/reports/chart"
ACCOUNTS: Final = {
    "card-spend": "Purchases",
    "fx-difference": "Exchange differences",
    "card-payable": "What is owed for cards",
    "provisional-credit": "Provisional credit of disputes",
}
FORMATS: Final = {"beancount": "beancount", "hledger": "hledger", "csv": "CSV, double entry", "ofx": "OFX"}
_DAY: Final = timedelta(days=1)
_NOTHING_TYPED: Final = dict.fromkeys(
    ("account", "department_id", "category", "mcc", "name", "code", "place"), ""
)
Short = Annotated[str, Form(max_length=200)]


@router.get(ADDRESS, openapi_extra=needs(Scope.LEDGER_READ))
async def show_chart(asking: Asked) -> Response:
    """The rules in their order, a form for one more, and a form that exports by them."""
    return await _chart(asking)


async def _chart(asking: Asking, *, wrong: str = "", typed: dict[str, str] | None = None) -> Response:
    caller = asking.viewer.caller
    require_department(caller, None, Scope.LEDGER_READ)
    found = await find_chart(asking.services, caller.organization_id)
    return page(
        asking.request,
        "chart",
        status=422 if wrong else 200,
        chart=found,
        tag=tag_of(found),
        accounts=ACCOUNTS,
        formats=FORMATS,
        categories=[*sorted(MCC_GROUPS), UNCATEGORIZED],
        may_set=asking.viewer.may(Scope.REPORTS_WRITE)
        and asking.viewer.departments(Scope.REPORTS_WRITE) is None,
        wrong=wrong,
        typed=_NOTHING_TYPED | (typed or {}),
    )


@router.post(ADDRESS, openapi_extra=needs(Scope.REPORTS_WRITE))
async def add_rule(
    asking: Asked,
    seen: Annotated[str, Form(max_length=64)],
    account: Short = "",
    name: Short = "",
    code: Short = "",
    department_id: Short = "",
    category: Short = "",
    mcc: Short = "",
    place: Annotated[Literal["last", "first"], Form()] = "last",
) -> Response:
    """What is wrong with it is told on the form, with what was typed."""
    require_department(asking.viewer.caller, None, Scope.REPORTS_WRITE)
    typed = {
        member: text.strip()
        for member, text in (
            ("account", account),
            ("name", name),
            ("code", code),
            ("department_id", department_id),
            ("category", category),
            ("mcc", mcc),
        )
        if text.strip()
    }
    try:
        told: dict[str, Any] = dict(typed)
        rule = valid(lambda: ChartRuleIn.model_validate(told))
        known = await stored_rules(asking.services, asking.viewer.organization_id)
        rules = [rule, *known] if place == "first" else [*known, rule]
        await set_chart(asking.request, asking.viewer.caller, rules, seen)
    except Problem as problem:
        if problem.status_code not in (412, 422):
            raise
        return await _chart(asking, wrong=words_of(problem), typed={**typed, "place": place})
    return back(ADDRESS, done=f"{name.strip()} is in the chart: exports from now on go by it.")


@router.post(f"{ADDRESS}/{{n}}", openapi_extra=needs(Scope.REPORTS_WRITE))
async def move_rule(
    asking: Asked,
    n: int,
    seen: Annotated[str, Form(max_length=64)],
    act: Annotated[Literal["up", "remove"], Form()],
) -> Response:
    """One that was changed meanwhile stays as it is."""
    caller = asking.viewer.caller
    require_department(caller, None, Scope.REPORTS_WRITE)
    rules = rules_of((await find_chart(asking.services, caller.organization_id)).rules)
    if not 0 <= n < len(rules):
        return await _chart(asking, wrong="There is no such rule any more: these are the rules now.")
    rule = rules.pop(n)
    if act == "up":
        rules.insert(max(0, n - 1), rule)
    try:
        await set_chart(asking.request, caller, rules, seen)
    except Problem as problem:
        if problem.status_code not in (412, 422):
            raise
        return await _chart(asking, wrong=words_of(problem))
    return back(ADDRESS, done=f"{rule.name} is {'taken out' if act == 'remove' else 'one up'}.")


@router.get("/reports/journal", openapi_extra=needs(Scope.LEDGER_READ))
async def take_journal(
    asking: Asked, format: ExportFormat = "csv", first: date | None = None, last: date | None = None
) -> Response:
    """What was recorded from the first to the last day, days of the organization's time zone."""
    caller = asking.viewer.caller
    require_department(caller, None, Scope.LEDGER_READ)
    if first is not None and last is not None and first > last:
        raise invalid("query.first", "empty_range", "is after last: nothing could fit")
    chart, now = Chart(await stored_rules(asking.services, caller.organization_id)), datetime.now(UTC)
    zone = await JournalReads(asking.organization(), chart, None, None, now).time_zone()
    since = None if first is None else datetime.combine(first, time(), zone).astimezone(UTC)
    until = now if last is None else datetime.combine(last + _DAY, time(), zone).astimezone(UTC)
    return await exported(
        JournalReads(asking.organization(), chart, None, since, max(since or now, min(until, now))), format
    )
