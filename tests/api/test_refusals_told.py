"""Who is refused is told before he is answered: whoever can end the process takes no record along."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable

import httpx
import psycopg
import pytest

from api.access.backlog import SAME_S_MAX, TOLD_S_MAX, Backlog
from api.access.keys import Scope, create_key
from api.access.roles import Role
from api.access.trail import AuditEntry, Trail
from api.api_settings import ApiSettings
from api.stores.postgres import PostgresAway
from tests.api.people import browser, member
from tests.api.support import free_port, wait_until

Append = Callable[[str, list[AuditEntry]], Awaitable[None]]


async def nobodys(entry: AuditEntry, key_sha256: bytes) -> AuditEntry | None:
    return None


def entry(actor: str = "bob", reason: str = "out_of_reach") -> AuditEntry:
    trail = Trail(organization_id="techcorp", action="list_audit", actor=actor)
    return AuditEntry(trail=trail, resource="/v1/audit", reason=reason)


def run(story: Callable[[Backlog], Awaitable[None]], append: Append, clock: Callable[[], float]) -> None:
    async def play() -> None:
        backlog = Backlog(append, nobodys, clock)
        backlog.start()
        try:
            await story(backlog)
        finally:
            await backlog.close()

    asyncio.run(play())


@pytest.mark.parametrize("seed", range(5))
def test_each_refusal_is_counted_once_however_they_come(seed: int) -> None:
    draw, now, written = random.Random(seed), [0.0], list[AuditEntry]()
    came: dict[tuple[str, str], int] = {}

    async def append(organization_id: str, entries: list[AuditEntry]) -> None:
        written.extend(entries)

    async def story(backlog: Backlog) -> None:
        for _ in range(300):
            who, why = draw.choice(["bob", "eve"]), draw.choice(["out_of_reach", "insufficient_scope"])
            came[who, why] = came.get((who, why), 0) + 1
            await backlog.tell_refused(entry(who, why))
            now[0] += draw.choice([0.0, 0.01, 0.5, 3.0, 70.0])

    run(story, append, lambda: now[0])
    told: dict[tuple[str, str], int] = {}
    for one in written:
        what = (one.trail.actor, str(one.reason))
        told[what] = told.get(what, 0) + one.times
    assert told == came and len(written) < 300


def test_a_flood_is_a_few_records_and_none_is_older_than_a_minute() -> None:
    """Ten a second for ten minutes: what a kill would lose at any moment has come in the last minute."""
    now, written = [0.0], list[AuditEntry]()

    async def append(organization_id: str, entries: list[AuditEntry]) -> None:
        written.extend(entries)

    async def story(backlog: Backlog) -> None:
        came = 0
        for step in range(6_000):
            await backlog.tell_refused(entry())
            came, now[0] = came + 1, step / 10
            if step % 100 == 99:
                backlog._sweep()
                await asyncio.sleep(0)
                lost = (
                    came
                    - sum(one.times for one in written)
                    - sum(one.entry.times for one in backlog._waiting)
                )
                assert lost <= min(came / 2 + 100, 10 * (SAME_S_MAX + 10))

    run(story, append, lambda: now[0])
    assert sum(one.times for one in written) == 6_000 and len(written) <= 20


def test_who_is_refused_waits_for_no_absent_postgresql() -> None:
    async def append(organization_id: str, entries: list[AuditEntry]) -> None:
        raise PostgresAway("away")

    async def story(backlog: Backlog) -> None:
        start = time.monotonic()
        for number in range(40):
            await backlog.tell_refused(entry(f"eve-{number}"))
        # The first finds out that it is away, and the others do not wait for it.
        assert time.monotonic() - start < 20 * TOLD_S_MAX
        assert len(backlog) >= 39

    run(story, append, time.monotonic)


def test_what_was_refused_outlives_a_kill(settings: ApiSettings, organization: str) -> None:
    """A process of its own, killed as soon as each refusal was answered."""
    email = member(settings.postgres, organization, Role.EMPLOYEE)
    poor, _ = create_key(settings.postgres, organization_id=organization, name="p", scopes=[Scope.CARDS_READ])
    key = {"Authorization": f"Bearer {poor}"}
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    told = {
        "SPENDLOG_KAFKA": settings.kafka,
        "SPENDLOG_POSTGRES": settings.postgres,
        "SPENDLOG_REDIS": settings.redis,
    }
    command = [sys.executable, "-m", "api", "--port", str(port)]
    process = subprocess.Popen(
        command, env=os.environ | told, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )

    def ready() -> bool:
        assert process.poll() is None, "the API has ended"
        try:
            return httpx.get(f"{url}/v1/cards", headers=key, timeout=60).status_code == 200
        except httpx.TransportError:
            return False

    try:
        wait_until(ready, 120)
        with browser(url) as client:
            for answer, status in (
                (client.post("/v1/sessions", json={"email": email, "password": "not this one"}), 401),
                (client.get("/v1/audit", headers=key), 403),
                (client.get("/v1/people", headers=key), 403),
                (client.get("/v1/organizations/other/policies", headers=key), 403),
                (client.post("/v1/keys", headers=key | {"Idempotency-Key": "k"}, json={}), 403),
            ):
                assert answer.status_code == status, answer.text
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(30)
    with psycopg.connect(settings.postgres) as connection:
        rows = connection.execute(
            "SELECT action FROM audit_record WHERE organization_id = %s AND outcome = 'refused' ORDER BY 1",
            [organization],
        ).fetchall()
    assert [row[0] for row in rows] == [
        "create_key",
        "list_audit",
        "list_company_policies",
        "list_people",
        "sign_in",
    ]
