"""For those who run it: does it live, can it work, what does it do. No key, and nothing of tenants."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Literal

import msgspec
from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import HTMLResponse, Response

from api.http.reference import CONTENT_SECURITY_POLICY, page
from api.resources.replies import reply
from api.services import Services, services_of
from api.stores.postgres import PostgresAway
from api.stores.redis import Client, RedisAway

router = APIRouter(tags=["operations"])


class Health(BaseModel):
    """The process lives."""

    status: Literal["ok"] = "ok"


class Part(BaseModel):
    """One service that is needed."""

    state: Literal["up", "down"]
    detail: str | None = None


class StandingStill(BaseModel):
    """A partition in which a worker decides nothing, or a sink stores nothing, while the others go on."""

    part: Literal["worker", "ledger", "status", "webhooks", "api"]
    partition: int
    since: datetime | None
    why: str
    what_to_do: str | None


class Readiness(BaseModel):
    """`ready`: all works. `degraded`: authorizations are taken and answered, but look-ups or new keys may
    fail, or a partition stands still. `unavailable` (503): authorizations cannot be taken."""

    model_config = ConfigDict(title="Readiness")

    status: Literal["ready", "degraded", "unavailable"]
    kafka: Part
    decisions: Part = Field(description="the end of the decision log is being read")
    postgresql: Part
    redis: Part
    standing_still: list[StandingStill]


@router.get("/healthz", summary="Does the process live?", response_model=Health)
async def health() -> Response:
    """Answers as long as the event loop turns; says nothing of other services."""
    return reply(Health())


@router.get(
    "/readyz",
    summary="Can it take authorizations?",
    response_model=Readiness,
    responses={503: {"model": Readiness, "description": "Authorizations cannot be taken."}},
)
async def readiness(request: Request) -> Response:
    """Kafka and the end of the decision log are needed; without the others it is degraded but ready."""
    services = services_of(request)
    postgres, redis, still = await asyncio.gather(
        postgres_part(services), redis_part(services), _standing_still(services)
    )
    kafka, tail = standing_part(services.events.away), standing_part(services.tail.away)
    needed = kafka.state == tail.state == "up"
    complete = postgres.state == redis.state == "up" and not still
    found = Readiness(
        status="unavailable" if not needed else "ready" if complete else "degraded",
        kafka=kafka,
        decisions=tail,
        postgresql=postgres,
        redis=redis,
        standing_still=still,
    )
    return reply(found, 200 if needed else 503)


def standing_part(away: str | None) -> Part:
    return Part(state="up") if away is None else Part(state="down", detail=away)


async def _standing_still(services: Services) -> list[StandingStill]:
    """By what workers and sinks told Kafka in the last seconds, and what this API cannot tell of."""
    own = [
        StandingStill(part="api", partition=partition, since=None, why=why, what_to_do=None)
        for partition, why in services.tail.stopped.items()
    ]
    return own + [
        StandingStill(
            part=one.part,
            partition=one.partition,
            since=one.since,
            why=one.why or "",
            what_to_do=one.remedy,
        )
        for one in await services.standings.standing_still()
    ]


async def postgres_part(services: Services) -> Part:
    try:
        await services.postgres.row("SELECT 1 AS one")
    except PostgresAway:
        return Part(state="down", detail="no answer")  # the server's words may name hosts and users
    return Part(state="up")


async def redis_part(services: Services) -> Part:
    async def ping(client: Client) -> None:
        await client.ping()

    try:
        await services.redis.call(ping)
    except RedisAway:
        return Part(state="down", detail="no answer")
    return Part(state="up")


@router.get("/metrics", summary="Metrics for Prometheus", response_class=Response)
async def metrics(request: Request) -> Response:
    """Text format of Prometheus."""
    return Response(services_of(request).metrics.text(), media_type=CONTENT_TYPE_LATEST)


@router.get("/docs", include_in_schema=False)
async def docs(request: Request) -> Response:
    return HTMLResponse(
        page(request.app.openapi()), headers={"Content-Security-Policy": CONTENT_SECURITY_POLICY}
    )


@router.get("/openapi.json", include_in_schema=False)
async def openapi(request: Request) -> Response:
    return Response(msgspec.json.encode(request.app.openapi()), media_type="application/json")
