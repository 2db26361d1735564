"""The application: `create_app(settings)` for a server that is given its settings, `application()` for one
that reads them from the environment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from fastapi import FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.routing import BaseRoute

from api.access.cookie import COOKIE
from api.access.security import SECURITY_SCHEME, SESSION_SCHEME
from api.api_settings import ApiSettings
from api.asking.beside import NOTHING_BESIDE, Beside
from api.http import problems
from api.http.busy import Door, Share
from api.http.completion import completed
from api.http.guide import Guide
from api.http.middleware import RequestFrame
from api.http.preferences import wants_page
from api.http.problems import ProblemBody
from api.metrics import Metrics
from api.pages.frame import problem_page
from api.pages.rooms import PAGES
from api.questions import route as questions
from api.reports import route as reports
from api.reports import schedules as report_schedules
from api.reports.journal import charts
from api.reports.journal import route as journal_exports
from api.resources import (
    aftermath,
    budgets,
    company,
    delegations,
    feed,
    journal,
    ledger,
    operations,
    policies,
    policy_changes,
    problem_types,
    requests,
    simulations,
    verifications,
)
from api.resources import (
    trials as policy_trials,
)
from api.resources.access import (
    audit,
    domains,
    invitations,
    keys,
    passwords,
    people,
    providers,
    second_factor,
    sessions,
    sign_on_policy,
)
from api.resources.authorizations import route as authorizations
from api.resources.cards import read as cards
from api.resources.cards import write as card_acts
from api.resources.cases import read as cases
from api.resources.cases import write as case_acts
from api.resources.company_policies import route as company_policies
from api.resources.events import route as events
from api.resources.events.describe import components
from api.resources.messages import route as messages
from api.resources.receipts import content as receipt_content
from api.resources.receipts import missing as missing_receipts
from api.resources.receipts import route as receipts
from api.resources.receipts import wanted as receipt_policies
from api.resources.reconciliations import periods, reconciliations, resolutions
from api.resources.reconciliations import sent_files as settlement_files
from api.resources.transactions import create as purchases
from api.resources.transactions import read as transactions
from api.resources.webhooks import deliveries as webhook_deliveries
from api.resources.webhooks import webhook_endpoints as webhook_endpoints
from api.services import Services
from schemas.entrance import EVENT_BYTES_MAX
from schemas.settings import read_settings

# The largest valid request is a few KB; an event has 2 KiB more for what the API adds.
BODY_BYTES_MAX = EVENT_BYTES_MAX - 2 * 1024

ROOMS = (
    authorizations,
    events,
    messages,
    company,
    cards,
    card_acts,
    transactions,
    purchases,
    receipts,
    receipt_content,
    receipt_policies,
    missing_receipts,
    aftermath,
    cases,
    case_acts,
    simulations,
    budgets,
    requests,
    delegations,
    policies,
    policy_changes,
    policy_trials,
    company_policies,
    ledger,
    journal,
    journal_exports,
    charts,
    reconciliations,
    settlement_files,
    resolutions,
    periods,
    verifications,
    questions,
    reports,
    report_schedules,
    sessions,
    people,
    invitations,
    passwords,
    second_factor,
    providers,
    domains,
    sign_on_policy,
    keys,
    audit,
    operations,
    problem_types,
    webhook_endpoints,
    webhook_deliveries,
    feed,
)

#: What pages of other origins may read of an answer, where they may call at all.
EXPOSED = (
    "ETag",
    "Idempotency-Replayed",
    "Link",
    "Location",
    "Preference-Applied",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "Spendlog-Position",
    "X-Request-Id",
)

DESCRIPTION = """\
Company card spending: ask for authorizations and follow their lives, set budgets, policies and cards, read
the books.

* **Keys.** `Authorization: Bearer sl_...`; a key belongs to one organization and has scopes.
* **Money** is an integer of minor units with its ISO 4217 currency. No floats.
* **Repeats.** Writing needs an `Idempotency-Key`. The same request again gets the same answer and
  `Idempotency-Replayed: true`. While the first is undecided, a repeat waits for the same decision; where none
  comes within its wait it gets `409 request_in_flight`, and nothing is decided twice. The same key with other
  content gets `422 idempotency_key_reused`, before the decision and after it.
* **Conflicts.** An id of yours that is already another payment's, refund's, dispute's or request's gets `409`
  (`authorization_exists` and so on). What the state does not allow otherwise is `422` with its code.
* **Waiting.** `Prefer: wait=N`, 0 to 2 seconds. `202` claims nothing: neither approved nor declined.
* **Positions.** Answers carry `Spendlog-Position: partition:seq`. Send it with a read, and the answer is at
  least as new, or `503 view_behind_position`.
* **Events.** All that a card network sends and a person sets goes to `POST /v1/events`, as it stands in
  the log.
* **Limits.** `RateLimit` tells with each answer how many requests are left to the key and for how long,
  `RateLimit-Policy` how many there are. Beyond them it is `429 rate_limited` with `Retry-After`.
* **Errors** are `application/problem+json` (RFC 9457); `code` is stable, and `type` is the address of a page
  that says what it means and what to do.
"""


def create_app(
    settings: ApiSettings,
    *,
    metrics: Metrics | None = None,
    door: Door | None = None,
    beside: Beside = NOTHING_BESIDE,
) -> FastAPI:
    """An app that connects when it starts and takes requests whether or not the services answer.

    `metrics`, `door`: those of a server that counts and refuses before the app does. `beside`: what is done
    beside this process.
    """
    metrics = metrics or Metrics()
    door = door or Door(flight_max=settings.api_waiters_max)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        door.clock.start()
        services = Services.make(settings, metrics, beside)
        app.state.services = services
        _watch(metrics, services, door)
        # The rules of all zones: a third of a second, in which no request is answered.
        await asyncio.to_thread(budgets.clocks, datetime.now(UTC))
        await services.start()
        door.on_stop.append(services.feed.end)
        try:
            yield
        finally:
            door.clock.stop()
            await services.close()

    guide = Guide()
    app = FastAPI(
        title="spendlog",
        version=_version(),
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,  # FastAPI's own pages load their scripts from a CDN
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        # It would ask the environment for each request whether somebody wants it.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    _surround(app, settings, metrics, door, guide)
    problems.install(app, guide, _page_of)
    for router in (*(room.router for room in ROOMS), *PAGES):
        # Not `include_router`: it builds each route anew, half a second of the first requests' time.
        app.router.routes += map(_named, router.routes)
        guide.add(router.routes)
    app.openapi = lambda: _described(app)  # type: ignore[method-assign]
    return app


def _named(route: BaseRoute) -> BaseRoute:
    """With its function's name as its operation's in the description."""
    if isinstance(route, APIRoute):
        route.unique_id = route.name
    return route


def _page_of(request: Request, problem: HTTPException) -> Response | None:
    """A problem as a page, where a person's browser asks."""
    return problem_page(request, problem) if wants_page(request) else None


def _surround(app: FastAPI, settings: ApiSettings, metrics: Metrics, door: Door, guide: Guide) -> None:
    """What is around every request, the outermost last."""
    origins = settings.api_cors_origins
    if origins:
        # Without credentials: a page of another site has a key of its own, and never somebody's cookie.
        app.add_middleware(
            CORSMiddleware,
            allow_origins=sorted(origins),
            allow_methods=["*"],
            allow_headers=["*"],
            expose_headers=EXPOSED,
        )
    app.add_middleware(
        RequestFrame,
        metrics=metrics,
        door=door,
        guide=guide,
        body_bytes_max=BODY_BYTES_MAX,
        page=_page_of,
        origins=origins,
        tls=settings.api_public_url.startswith("https:"),
    )


def _watch(metrics: Metrics, services: Services, door: Door) -> None:
    """What an operator sees of the services and the door, asked when somebody looks."""
    metrics.gauge("waiters", "Requests that wait for their decision", lambda: services.tail.waiting)
    metrics.gauge("audit_waiting", "Audit records not written yet", lambda: len(services.audit.later))
    metrics.gauge("audit_dropped", "Audit records that were lost", lambda: services.audit.later.dropped)
    metrics.gauge("tail_lag_records", "Decisions not looked at yet", lambda: services.tail.lag_records)
    metrics.gauge("kafka_up", "1 when events can be written", lambda: float(services.events.away is None))
    metrics.gauge(
        "tail_partitions_stopped",
        "Partitions of which nothing is told",
        lambda: len(services.tail.stopped),
    )
    metrics.gauge("tail_up", "1 when decisions are read", lambda: float(services.tail.away is None))
    for share in (door.writes, door.reads, door.streams):
        metrics.gauge(
            f"{share.name}_in_flight", "Requests that are being answered", partial(_in_flight, share)
        )
    metrics.gauge("feed_listeners", "Who listens to the feed", lambda: services.feed.listeners)
    metrics.gauge("pages_open", "Pages that are told what moves", lambda: services.feed.pages)
    metrics.gauge("feed_dropped", "Listeners that did not read in time", lambda: services.feed.dropped)
    metrics.gauge("writes_limit", "Writes that may be in flight", lambda: door.writes.limit)
    metrics.gauge("loop_late_seconds", "The event loop's lateness", lambda: door.clock.recent_late_s)


def _in_flight(share: Share) -> float:
    return float(share.in_flight)


def application() -> FastAPI:
    """The app with the settings of the environment: `uvicorn --factory api.app:application`."""
    return create_app(read_settings(ApiSettings))


def _described(app: FastAPI) -> dict[str, Any]:
    """OpenAPI with what the framework does not know: problems, and how a key is sent."""
    if app.openapi_schema is None:
        found = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        parts = found.setdefault("components", {})
        problem = ProblemBody.model_json_schema(ref_template="#/components/schemas/{model}")
        parts.setdefault("schemas", {}).update(problem.pop("$defs"))
        parts["schemas"]["Problem"] = problem
        parts["schemas"].update(components())
        parts["securitySchemes"] = {
            SECURITY_SCHEME: {"type": "http", "scheme": "bearer", "description": "an API key, `sl_...`"},
            SESSION_SCHEME: {
                "type": "apiKey",
                "in": "cookie",
                "name": COOKIE,
                "description": "a person's session, from `POST /v1/sessions`; writes with it need Origin or "
                "Sec-Fetch-Site of the same host",
            },
        }
        completed(found)
        app.openapi_schema = found
    return app.openapi_schema


def _version() -> str:
    try:
        return version("spendlog")
    except PackageNotFoundError:
        return "0"
