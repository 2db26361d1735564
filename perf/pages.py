"""How long the server takes for each page, beside a list of the API in one run: `python -m perf.pages`.

Over very many transactions (those of `perf.lists`), with 60 departments that have a budget, as an Org Admin.
Also what a first load weighs, and how soon open pages are told of a purchase while others are open.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import psycopg
import redis

from api.access.keys import create_key
from api.access.membership import add_member, sign_in_link
from api.access.roles import Role
from api.settings import ApiSettings
from infra import topics
from infra.migrate import migrate
from infra.stack import running_stack
from perf.lists import ORGANIZATION, PAGE, fill, served
from perf.percentiles import percentile
from schemas.cache import FEED

BOUND_MS: Final = 60.0
FIRST_LOAD_KB: Final = 200
OPEN_PAGES: Final = 200
LIST: Final = f"/v1/transactions?limit={PAGE}"
PAGES: Final = (
    "/",
    "/departments/dept-7",
    "/departments/dept-7/curve",
    "/transactions",
    "/transactions?status=declined",
    "/transactions?search=merch",
    "/cards",
    "/approvals",
    "/policies",
    "/webhooks",
    "/audit",
)
BUDGETS: Final = """
INSERT INTO budget SELECT 'lists', 'dept-' || n, 'department', 'department', NULL, 'Department ' || n, 'USD',
    500000000, 0, 'month', 'UTC', 1, 1, false, 0, n
FROM generate_series(0, 59) AS n
"""


@contextmanager
def signed_in(base_url: str, postgres: str) -> Iterator[httpx.Client]:
    """An Org Admin's browser, without a browser's drawing."""
    email = "pages@example.com"
    add_member(
        postgres, organization_id=ORGANIZATION, email=email, role=Role.ORG_ADMIN, name="P", departments=()
    )
    token = sign_in_link(postgres, email=email, organization_id=ORGANIZATION)
    headers = {"Sec-Fetch-Site": "same-origin", "Accept-Encoding": "gzip"}
    with httpx.Client(base_url=base_url, headers=headers, timeout=30) as client:
        answer = client.post("/sign-in", data={"link": token})
        assert answer.status_code == 303, answer.text
        client.headers["Cookie"] = answer.headers["set-cookie"].partition(";")[0]
        client.cookies.clear()
        yield client


def timed(client: httpx.Client, path: str, **more: Any) -> float:
    """Milliseconds."""
    begun = time.perf_counter()
    client.get(path, **more).raise_for_status()
    return 1e3 * (time.perf_counter() - begun)


def first_load_kb(client: httpx.Client) -> float:
    """Of the overview with all that it loads, as it is sent, in kB."""
    with client.stream("GET", "/") as answer:
        size = sum(map(len, answer.iter_raw()))
        text = client.get("/").text
    parts = {part.partition('"')[0] for part in text.split('="/static/')[1:]}
    for part in parts:
        with client.stream("GET", f"/static/{part}") as answer:
            size += sum(map(len, answer.iter_raw()))
    return size / 1_000


async def told_ms(base_url: str, cookie: str, redis_url: str, pages: int) -> list[float]:
    """From a decision in the feed to each open page that is told of it."""
    store = redis.Redis.from_url(redis_url)
    heard: list[float] = []
    limits = httpx.Limits(max_connections=pages + 10)
    async with httpx.AsyncClient(
        base_url=base_url, headers={"Cookie": cookie}, limits=limits, timeout=60
    ) as client:
        ready = asyncio.Semaphore(0)

        async def watch() -> None:
            while True:  # a busy server refuses some at first; a browser asks again
                async with client.stream("GET", "/live") as answer:
                    async for line in answer.aiter_lines():
                        if line.startswith(": spendlog"):
                            ready.release()
                        if line.startswith("data: "):
                            heard.append(time.perf_counter())
                            return
                await asyncio.sleep(0.2)

        watching = [asyncio.create_task(watch()) for _ in range(pages)]
        for _ in range(pages):
            await ready.acquire()
        await asyncio.sleep(1)
        begun = time.perf_counter()
        decision = json.dumps({"outcome": "approved", "department": "dept-7"})
        await asyncio.to_thread(store.xadd, FEED + ORGANIZATION, {"position": "0:1", "decision": decision})
        await asyncio.gather(*watching)
    store.close()
    return sorted(1e3 * (at - begun) for at in heard)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=60)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, running_stack(Path(folder)) as at:
        topics.apply(at.kafka)
        migrate(at.postgres)
        print(f"{given.rows:,} transactions made in {fill(at.postgres, given.rows):.0f} s", flush=True)
        with psycopg.connect(at.postgres, autocommit=True) as connection:
            connection.execute(BUDGETS)
        secret, _ = create_key(at.postgres, organization_id=ORGANIZATION, name="pages")
        key = {"Authorization": f"Bearer {secret}"}
        settings = ApiSettings(
            kafka=at.kafka, postgres=at.postgres, redis=at.redis, api_connections_per_address_max=2_000
        )
        with served(settings) as base_url, signed_in(base_url, at.postgres) as client:
            took: dict[str, list[float]] = {LIST: [], **{path: [] for path in PAGES}}
            with httpx.Client(base_url=base_url, headers=key, timeout=30) as api:
                for n in range(given.rounds + 3):
                    for path, times in took.items():
                        ms = timed(api if path == LIST else client, path)
                        if n >= 3:  # the first ones prepare statements and templates
                            times.append(ms)
            weight = first_load_kb(client)
            cookie = client.headers["Cookie"]
            alone = asyncio.run(told_ms(base_url, cookie, at.redis, 1))
            many = asyncio.run(told_ms(base_url, cookie, at.redis, OPEN_PAGES))
    base = percentile(sorted(took[LIST]), 0.5)
    print(f"{'page':<34}{'p50 ms':>9}{'p95 ms':>9}{'p50 / list':>12}")
    for path, times in took.items():
        times.sort()
        p50, p95 = percentile(times, 0.5), percentile(times, 0.95)
        late = "  above the bound" if p95 > BOUND_MS else ""
        print(f"{path:<34}{p50:>9.1f}{p95:>9.1f}{p50 / base:>12.1f}{late}")
    print(f"first load {weight:.0f} kB of {FIRST_LOAD_KB}")
    print(f"told of a decision: one page {alone[-1]:.0f} ms; {OPEN_PAGES} pages, the last {many[-1]:.0f} ms")


if __name__ == "__main__":
    main()
