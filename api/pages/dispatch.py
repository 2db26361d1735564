"""Dispatch a transaction: a real purchase through everything, and when each part of the system had it."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Form
from starlette.responses import Response, StreamingResponse

from api.access.keys import Scope
from api.access.security import needs
from api.http.problems import Problem
from api.log.follow import TooManyWaiters, Waiter
from api.log.produce import DeliveryUncertain, LogAway
from api.pages.cards import cards_of
from api.pages.frame import page
from api.pages.route import Asked, Asking, PageRoute
from api.pages.words import NotMoney, amount, minor_of
from api.resources.reasons import would_pass_sentence
from api.services import Services
from schemas.decisions import Decision
from schemas.events import AuthorizationRequested
from schemas.reasons import sentence

router = APIRouter(route_class=PageRoute, include_in_schema=False)

CURRENCY: Final = "USD"
#: How long each part may take before the page says that it did not come.
_STEP_S_MAX: Final = 5.0
_BURST: Final = 1_000
_BURST_S_MAX: Final = 30.0
_IN_FLIGHT_MAX: Final = 250
_BINS: Final = 24

#: What the buttons fill in: name, card, merchant, MCC, amount.
PRESETS: Final = (
    ("Alice's 6,000.00", "card_alice", "Dell Technologies", "5045", "6000.00"),
    ("Bob's 48,000.00", "card_bob", "Supermicro", "5045", "48000.00"),
    ("A frozen card", "card_sven", "Grainger", "5085", "96.00"),
    ("A suspicious one", "card_maya", "Night Owl Electronics", "5732", "1899.00"),
)


@router.get("/dispatch", openapi_extra=needs(Scope.AUTHORIZATIONS_WRITE))
async def show_dispatch(asking: Asked) -> Response:
    cards = await cards_of(asking)
    known = {card.card_id for card in cards}
    presets = [preset for preset in PRESETS if preset[1] in known]
    return page(asking.request, "dispatch", cards=cards, presets=presets, currency=CURRENCY)


def _event(asking: Asking, card: str, merchant: str, mcc: str, minor: int) -> AuthorizationRequested:
    """`card`: department and card id, as the form has them."""
    department_id, _, card_id = card.partition("/")
    name = secrets.token_hex(12)
    try:
        return msgspec.convert(
            {
                "type": "authorization.requested",
                "event_id": f"dispatch-{name}",
                "organization_id": asking.viewer.organization_id,
                "department_id": department_id,
                "occurred_at": datetime.now(UTC),
                "authorization_id": f"dispatch_{name}",
                "card_id": card_id,
                "cardholder": None,
                "amount": {"minor": minor, "currency": CURRENCY},
                "merchant": {"name": merchant, "mcc": mcc or None, "country": "US"},
            },
            AuthorizationRequested,
        )
    except msgspec.ValidationError as error:
        raise Problem(422, "invalid_request", f"{error}.") from None


@router.post("/dispatch/send", openapi_extra=needs(Scope.AUTHORIZATIONS_WRITE))
async def send_one(
    asking: Asked,
    card: Annotated[str, Form(max_length=200)],
    merchant: Annotated[str, Form(min_length=1, max_length=100)],
    wanted: Annotated[str, Form(max_length=30)],
    mcc: Annotated[str, Form(max_length=4)] = "",
) -> Response:
    """One line of JSON for each part that has it, as soon as it does; `ms` since the request came in."""
    try:
        minor = minor_of(wanted, CURRENCY)
    except NotMoney as error:
        raise Problem(422, "invalid_request", f"{error}.") from None
    event = _event(asking, card, merchant, mcc, minor)
    return StreamingResponse(_steps(asking, event), media_type="application/x-ndjson")


async def _steps(asking: Asking, event: AuthorizationRequested) -> AsyncIterator[bytes]:
    services, started_s = asking.services, asking.request.state.arrived

    def line(step: str, **told: Any) -> bytes:
        ms = round(1000 * (time.monotonic() - started_s), 1)
        return msgspec.json.encode({"step": step, "ms": ms, **told}) + b"\n"

    yield line("accepted", event=event.event_id)
    waiter: Waiter | None = None
    try:
        waiter = services.tail.expect(event.event_id)
        async with asyncio.timeout(_STEP_S_MAX):
            written = await services.events.append(event)
            waiter.written(written)
            yield line("log", partition=written.partition, offset=written.offset)
            decision = await waiter.decision()
        yield line("decided", **_told(decision))
        row = await services.ledger.find(
            "company_departments",
            decision.position,
            wait_s=_STEP_S_MAX,
            organization_id=asking.viewer.organization_id,
            rows_max=1,
        )
        yield line("booked", next_seq=row["next_seq"], entries=_entries(decision))
    except (LogAway, DeliveryUncertain, TooManyWaiters, Problem, TimeoutError) as error:
        yield line("stopped", why=str(getattr(error, "detail", "") or error) or "No answer in time.")
    finally:
        if waiter is not None:
            services.tail.forget(waiter)


def _told(decision: Decision) -> dict[str, Any]:
    currency = decision.currency or CURRENCY
    would = decision.would_pass
    return {
        "outcome": decision.outcome.value,
        "code": decision.response_code,
        "seq": str(decision.position),
        "approved": amount(decision.granted, currency),
        "reasons": [sentence(reason) for reason in decision.reasons],
        "reviews": [sentence(reason) for reason in decision.reviews],
        "score": None if decision.score is None else round(decision.score.value, 3),
        "flagged": decision.score is not None and decision.score.flagged,
        "balances": [
            f"{each.budget}: {amount(each.available, currency)} left of {amount(each.limit, currency)}"
            for each in decision.balances
        ],
        "would_pass": None if would is None else would_pass_sentence(would, currency),
        "page": f"/transactions/{decision.department_id}/{decision.authorization_id}",
    }


def _entries(decision: Decision) -> int:
    """Two for each transfer; a decline books nothing."""
    return 2 * sum(type(effect).__name__ == "HoldPlaced" for effect in decision.effects)


@router.post("/dispatch/burst", openapi_extra=needs(Scope.AUTHORIZATIONS_WRITE))
async def send_many(asking: Asked, card: Annotated[str, Form(max_length=200)]) -> Response:
    """A thousand purchases of 1.00 at once; the spread of the times until each was decided."""
    gate, services = asyncio.Semaphore(_IN_FLIGHT_MAX), asking.services
    started_s = time.monotonic()

    async def one() -> tuple[float, str] | None:
        async with gate:
            return await _timed(services, _event(asking, card, "Blue Bottle Coffee", "5814", 100))

    tasks = [asyncio.create_task(one()) for _ in range(_BURST)]
    done, late = await asyncio.wait(tasks, timeout=_BURST_S_MAX)
    for task in late:
        task.cancel()
    answers = [answer for task in done if not task.exception() and (answer := task.result()) is not None]
    return Response(
        msgspec.json.encode(_spread(answers, time.monotonic() - started_s)), media_type="application/json"
    )


async def _timed(services: Services, event: AuthorizationRequested) -> tuple[float, str] | None:
    """Milliseconds until its decision, and the outcome."""
    started_s = time.monotonic()
    try:
        waiter = services.tail.expect(event.event_id)
    except TooManyWaiters:
        return None
    try:
        async with asyncio.timeout(_STEP_S_MAX):
            waiter.written(await services.events.append(event))
            decision = await waiter.decision()
    except (LogAway, DeliveryUncertain, TimeoutError):
        return None
    finally:
        services.tail.forget(waiter)
    return 1000 * (time.monotonic() - started_s), decision.outcome.value


def _spread(answers: list[tuple[float, str]], seconds: float) -> dict[str, Any]:
    times = sorted(ms for ms, _ in answers)
    if not times:
        return {"sent": _BURST, "answered": 0}
    top = times[-1] or 1.0
    bins = [0] * _BINS
    for ms in times:
        bins[min(_BINS - 1, int(ms / top * _BINS))] += 1
    outcomes: dict[str, int] = {}
    for _, outcome in answers:
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
    return {
        "sent": _BURST,
        "answered": len(times),
        "seconds": round(seconds, 2),
        "per_second": round(len(times) / seconds),
        "p50": round(times[len(times) // 2], 1),
        "p95": round(times[int(len(times) * 0.95)], 1),
        "p99": round(times[int(len(times) * 0.99)], 1),
        "outcomes": outcomes,
        "bins": bins,
        "edges": [round(top * n / _BINS, 1) for n in range(_BINS)],
    }
