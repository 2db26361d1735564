"""What every page stands in: templates, navigation by permission, and the answer as HTML."""

from __future__ import annotations

import gzip
import time
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlencode

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api.access.keys import Scope
from api.http.problems import Problem
from api.pages import words
from api.pages.assets import accepts_gzip, address
from api.pages.icons import icon
from api.pages.viewer import Viewer

#: Of what is smaller the header of gzip is no gain.
_GZIP_FROM: Final = 1_000
#: What the feed told before that, the ledger has: it is behind by some milliseconds.
_UNSEEN_S: Final = 0.5


class NavigationEntry(NamedTuple):
    """A page in the navigation, for those who may do `permission` beyond what is their own; `own`: for all of
    them. `group`: what it stands under; `whole`: for those who reach the whole organization."""

    address: str
    word: str
    icon: str
    permission: Scope
    own: bool = False
    group: str = ""
    whole: bool = False


NAVIGATION: Final = (
    NavigationEntry("/", "Overview", "home", Scope.BUDGETS_READ),
    NavigationEntry("/mine", "My cards", "wallet", Scope.BUDGETS_REQUEST, own=True),
    NavigationEntry("/transactions", "Transactions", "list", Scope.AUTHORIZATIONS_READ, own=True),
    NavigationEntry("/receipts", "Receipts", "receipt", Scope.RECEIPTS_READ, own=True),
    NavigationEntry("/ask", "Ask", "ask", Scope.AUTHORIZATIONS_READ, own=True),
    NavigationEntry("/reports", "Reports", "chart", Scope.AUTHORIZATIONS_READ, own=True),
    NavigationEntry("/cards", "Cards", "card", Scope.CARDS_READ),
    NavigationEntry("/approvals", "Approvals", "inbox", Scope.BUDGETS_READ),
    NavigationEntry("/reviews", "Reviews", "flag", Scope.CASES_READ),
    NavigationEntry("/policies", "Policies", "rule", Scope.POLICIES_READ),
    NavigationEntry("/reconciliation", "Reconciliation", "scales", Scope.RECONCILIATIONS_READ, whole=True),
    NavigationEntry("/dispatch", "Dispatch", "send", Scope.AUTHORIZATIONS_WRITE),
    NavigationEntry("/people", "People", "people", Scope.PEOPLE_READ, group="Organization"),
    NavigationEntry("/single-sign-on", "Single sign-on", "door", Scope.PEOPLE_READ, group="Organization"),
    NavigationEntry("/keys", "Keys", "key", Scope.KEYS_READ, group="Organization"),
    NavigationEntry("/webhooks", "Webhooks", "hook", Scope.WEBHOOKS_READ, group="Organization"),
    NavigationEntry("/audit", "Audit log", "book", Scope.AUDIT_READ, group="Organization"),
    NavigationEntry("/verifications", "Proof", "check", Scope.AUDIT_READ, group="Organization"),
    NavigationEntry("/system", "System", "pulse", Scope.SYSTEM_READ),
    NavigationEntry("/jobs", "Jobs", "hourglass", Scope.SYSTEM_READ),
)


#: What begins otherwise than the page that it is below.
_BELOW: Final[dict[str, str | tuple[str, ...]]] = {
    "/": "/departments/",
    "/cards": ("/cards/", "/change-card/"),
}


def navigation(viewer: Viewer) -> list[NavigationEntry]:
    return [
        entry
        for entry in NAVIGATION
        if viewer.may(entry.permission)
        and (entry.own or not viewer.only_own(entry.permission))
        and (not entry.whole or viewer.departments(entry.permission) is None)
    ]


def here(path: str, entry: NavigationEntry) -> bool:
    """Whether `path` is the entry's page, or one below it. A department is below the overview."""
    below = _BELOW.get(entry.address, entry.address + "/")
    return path == entry.address or path.startswith(below)


def _environment() -> Environment:
    # StrictUndefined: a name that is wrong is found by the first test that draws the page.
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters.update(
        device=words.device,
        money=words.money,
        moment=words.moment,
        period=words.period,
        segment=lambda text: quote(str(text), safe=""),
        query=lambda members: urlencode({name: value for name, value in members.items() if value}),
    )
    made.globals.update(
        asset=address,
        icon=icon,
        about=words.about,
        amount=words.amount,
        major=words.major,
        percent=words.percent,
        states=words.STATES,
        flagged=words.FLAGGED,
        to_review=words.TO_REVIEW,
        transaction_states=words.TRANSACTION_STATES,
        card_states=words.CARD_STATES,
        endpoint_state=words.endpoint_state,
        attempt_mark=words.attempt_mark,
        audit_states=words.AUDIT_STATES,
        delivery_states=words.DELIVERY_STATES,
        group_words=words.GROUP_WORDS,
        receipt_states=words.RECEIPT_STATES,
        request_states=words.REQUEST_STATES,
        trial_changes=words.TRIAL_CHANGES,
        label_marks=words.LABEL_MARKS,
        invitation_states=words.INVITATION_STATES,
        session_methods=words.SESSION_METHODS,
        navigation=navigation,
        here=here,
        Scope=Scope,
    )
    return made


_TEMPLATES: Final = _environment()


def page(request: Request, name: str, *, status: int = 200, **told: Any) -> Response:
    """`templates/NAME.html` with what it tells. Never kept by browsers: it is somebody's own."""
    viewer: Viewer | None = getattr(request.state, "viewer", None)
    told["live"] = f"/live?since={_asked_at_ms(request)}"
    text = _TEMPLATES.get_template(f"{name}.html").render(
        request=request, path=request.scope["path"], viewer=viewer, **told
    )
    body = text.encode("utf-8", "replace")
    headers = {"Vary": "Accept-Encoding"}
    if len(body) > _GZIP_FROM and accepts_gzip(request):
        body = gzip.compress(body, 4, mtime=0)
        headers["Content-Encoding"] = "gzip"
    return Response(body, status, headers, "text/html; charset=utf-8")


def part(request: Request, name: str, viewer: Viewer, **told: Any) -> str:
    """A part of a page alone, as it stands in it; without the spaces that only templates need."""
    text = _TEMPLATES.get_template(f"{name}.html").render(
        request=request, path=request.scope["path"], viewer=viewer, **told
    )
    return "\n".join(line for line in map(str.strip, text.splitlines()) if line)


def _asked_at_ms(request: Request) -> int:
    """Since when something may have moved that the page does not show: a little before it was asked for."""
    took_s: float = time.monotonic() - request.state.arrived
    return int(1_000 * (time.time() - took_s - _UNSEEN_S))


_TITLES: Final = {
    400: "This address cannot be read",
    409: "Not as it stands now",
    412: "Somebody was faster",
    422: "Something here cannot be right",
    403: "This is not for your role",
    404: "There is nothing here",
    413: "That is too much at once",
    429: "Too often in a short time",
    500: "Something went wrong here",
    503: "A moment, please",
}
_ADVICE: Final = {
    403: "Nothing was written. Whoever looks after people in your organization says what each role may.",
    404: "It may have been typed wrong, belong to another organization, or never have existed.",
    413: "Go back and send less.",
    429: "Wait a minute, then try again. Nothing was written.",
    500: "It is not your fault. Look whether it was done before you do it again. Whoever runs this service "
    "finds out why by the number of your request, below.",
    503: "A service behind this page does not answer. Nothing was written; try again in a few seconds.",
}


def problem_page(request: Request, problem: HTTPException) -> Response:
    """A problem as a page that says what to do."""
    status, detail = problem.status_code, str(problem.detail)
    code = problem.code if isinstance(problem, Problem) else f"http_{status}"
    path = request.scope["path"]
    if code == "no_such_resource":  # the API's words name its own paths
        detail = f"No page has the address {path[:100]}"
    viewer: Viewer | None = getattr(request.state, "viewer", None)
    if code == "insufficient_scope" and viewer is not None:  # in the API's words it is about scopes
        detail = (
            f"You are signed in as {viewer.role} of {viewer.organization_id}, and this is for other roles."
        )
    again = status in (429, 500, 503) and request.method in ("GET", "HEAD")
    answer = page(
        request,
        "problem",
        status=status,
        title=_TITLES.get(status, HTTPStatus(status).phrase),
        advice=_ADVICE.get(status, "Nothing was written. Go back, change what was wrong, and try again."),
        detail=detail,
        code=code,
        again=request.url.path + (f"?{request.url.query}" if request.url.query else "") if again else "",
    )
    for name, value in (problem.headers or {}).items():
        answer.headers[name] = value
    return answer
