"""How long the server takes for each page, beside a list of the API in one run: `python -m perf.pages`.

Over very many transactions (those of `perf.lists`), with 60 departments that have a budget, their bookings,
and people, keys, receipts, requests and cases as a company of that size has them; as an Org Admin. Also what
a first load of each page weighs, and how soon open pages are told of a purchase while others are open. With
1,000,000 transactions it takes about six minutes on two cores, of which three fill the tables.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import psycopg
import redis

from api.access.keys import create_key
from api.access.membership import add_member, sign_in_link
from api.access.roles import Role
from api.api_settings import ApiSettings
from infra import topics
from infra.migrate import migrate
from infra.stack import running_stack
from perf.lists import ORGANIZATION, PAGE, fill, served
from perf.percentiles import percentile
from schemas.cache import FEED

BOUND_MS: Final = 60.0
#: Of what adds up all purchases there are, by question or report.
SUM_BOUND_MS: Final = 2_000.0
FIRST_LOAD_KB: Final = 200
OPEN_PAGES: Final = 200
LIST: Final = f"/v1/transactions?limit={PAGE}"
PAGES: Final = (
    "/",
    "/departments/dept-7",
    "/departments/dept-7/curve",
    "/departments/dept-7/more",
    "/mine",
    "/transactions",
    "/transactions?status=declined",
    "/transactions?search=merch",
    "/transactions?order=largest",
    "/transactions?first=2026-10-01&last=2026-10-31&least=500",
    "/receipts",
    "/receipts?status=suggested",
    "/ask",
    "/ask?q=largest+purchases",
    "/ask?q=largest+purchases+this+month",
    "/cards",
    "/approvals",
    "/reviews",
    "/reviews?order=highest",
    "/policies",
    "/policies/dept-7",
    "/reconciliation",
    "/people",
    "/keys",
    "/webhooks",
    "/audit",
    "/account",
)
#: What adds up: the second bound holds.
SUMS: Final = (
    "/ask?q=spend+by+department+this+month",
    "/ask?q=spend+by+month",
    "/reports?report=spend&period=last_month",
    "/reports?report=spend&period=this_year",
    "/reports?report=month-end&period=last_month",
)
_SEEDS: Final = (
    """
    INSERT INTO budget SELECT 'lists', 'dept-' || n, 'department', 'department', NULL, 'Department ' || n,
        'USD', 500000000, 0, 'month', 'UTC', 1, 1, false, 0, n FROM generate_series(0, 59) AS n
    """,
    """
    INSERT INTO policy_version (organization_id, department_id, version, policy, activated_seq, activated_at,
        active, partition)
    SELECT 'lists', 'dept-' || n, 0, '{"rules":[]}', n, now(), true, 0 FROM generate_series(0, 59) AS n
    """,
    """
    UPDATE card_authorization
    SET case_status = 'open', body = (left(body::text, -1) || ',"case":"open"}')::json
    WHERE organization_id = 'lists' AND (flagged OR review)
    """,
    """
    INSERT INTO person (person_id, email, name)
    SELECT 'usr_perf' || n, 'person' || n || '@example.com', 'Person ' || n FROM generate_series(1, 2000) AS n
    """,
    """
    INSERT INTO membership (organization_id, person_id, role, department_ids, employee_id)
    SELECT 'lists', 'usr_perf' || n, 'employee', ARRAY['dept-' || n % 60], 'Employee ' || n
    FROM generate_series(1, 2000) AS n
    """,
    """
    INSERT INTO api_key (id, organization_id, name, prefix, key_sha256, scopes, actor)
    SELECT 'key_perf' || n, 'lists', 'Program ' || n, 'sl_perf' || n, sha256(n::text::bytea), '{cards:read}',
        'key_perf' || n FROM generate_series(1, 300) AS n
    """,
    """
    INSERT INTO approval_request (organization_id, department_id, request_id, kind, budget_id, currency,
        amount, ends_at, asked_by, asked_at, levels, approved_by, status, partition, seq)
    SELECT 'lists', 'dept-' || n % 60, 'req_' || n, 'increase', 'department', 'USD', 1000 * n, '2026-12-31',
        'person' || n || '@example.com', now() - make_interval(hours => n), '[[]]', '{}',
        CASE WHEN n % 5 = 0 THEN 'waiting' ELSE 'approved' END, 0, n FROM generate_series(1, 500) AS n
    """,
    """
    INSERT INTO receipt_policy (organization_id, currency, over_minor, days, set_by, set_at)
    VALUES ('lists', 'USD', 7500, 3, 'person1@example.com', now() - interval '1 year')
    """,
    """
    INSERT INTO receipt_file (organization_id, sha256, media_type, pages, content)
    SELECT 'lists', encode(sha256(n::text::bytea), 'hex'), 'image/png', 1, '\\x00'
    FROM generate_series(1, 20000) AS n
    """,
    """
    INSERT INTO receipt (organization_id, receipt_id, sha256, file_name, sent_bytes, employee, uploaded_by,
        uploaded_at, read_at, suggestions, department_id, authorization_id, linked_at)
    SELECT 'lists', 'rcp_' || n, encode(sha256(n::text::bytea), 'hex'), 'lunch.png', 1,
        'Employee ' || n % 8000, 'person1@example.com', a.created_at, a.created_at,
        CASE WHEN n % 20 = 0 THEN jsonb_build_array(jsonb_build_object('authorization_id', a.authorization_id,
            'department_id', a.department_id, 'points', 80)) ELSE '[]' END,
        a.department_id, CASE WHEN n % 20 <> 0 THEN a.authorization_id END,
        CASE WHEN n % 20 <> 0 THEN a.created_at END
    FROM (
        SELECT row_number() OVER (ORDER BY created_at DESC) AS n, authorization_id, department_id, created_at
        FROM card_authorization WHERE organization_id = 'lists' ORDER BY created_at DESC LIMIT 20000
    ) AS a
    """,
    """
    INSERT INTO account (name, layer, organization_id, department_id)
    SELECT 'department:lists/dept-' || n || ':card-spend', 'posted', 'lists', 'dept-' || n
    FROM generate_series(0, 199) AS n
    UNION ALL SELECT 'organization:lists:card-payable', 'posted', 'lists', NULL
    """,
    """
    INSERT INTO transfer (partition, seq, n, organization_id, department_id, authorization_id, layer, kind,
        debit_account, credit_account, amount, currency, period, occurred_at, recorded_at)
    SELECT a.partition, a.seq, 0, 'lists', a.department_id, a.authorization_id, 'posted', 'clearing',
        'department:lists/' || a.department_id || ':card-spend', 'organization:lists:card-payable',
        a.amount, 'USD', to_char(a.created_at, 'YYYY-MM'),
        a.created_at, a.created_at
    FROM card_authorization AS a WHERE a.organization_id = 'lists' AND a.posted > 0
    """,
    "VACUUM ANALYZE person, membership, api_key, receipt, receipt_file, transfer, approval_request, budget",
)
_STATIC: Final = re.compile(r'="/static/([^"]+)"')


def seeded(postgres: str, rows: int) -> float:
    """Seconds that it took. The pages of one purchase or card ask the log, which these are not from."""
    begun = time.perf_counter()
    fill(postgres, rows)
    with psycopg.connect(postgres, autocommit=True) as connection:
        for seed in _SEEDS:
            connection.execute(seed)
    return time.perf_counter() - begun


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
    answer = client.get(path, **more)
    if answer.status_code != 200:
        told = re.sub(r"<[^>]+>", " ", answer.text.partition("<main")[2] or answer.text)
        raise SystemExit(f"{path}: {answer.status_code} {told[:1_000]}")
    return 1e3 * (time.perf_counter() - begun)


def first_load_kb(client: httpx.Client, path: str) -> float:
    """Of a page with all that it loads, as it is sent, in kB."""
    with client.stream("GET", path) as answer:
        size = sum(map(len, answer.iter_raw()))
    for part in set(_STATIC.findall(client.get(path).text)):
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


def measure(
    api: httpx.Client, client: httpx.Client, paths: Sequence[str], rounds: int
) -> dict[str, list[float]]:
    """Milliseconds of each page and of the list of the API, in turn."""
    took: dict[str, list[float]] = {LIST: [], **{path: [] for path in paths}}
    for n in range(rounds + 3):
        for path, times in took.items():
            ms = timed(api if path == LIST else client, path)
            if n >= 3:  # the first ones prepare statements and templates
                times.append(ms)
    return {path: sorted(times) for path, times in took.items()}


def table(took: dict[str, list[float]], weights: dict[str, float], base_ms: float, bound_ms: float) -> str:
    """A line for each page; `base_ms`: of the list of the API."""
    lines = []
    for path, times in took.items():
        p50, p95 = percentile(times, 0.5), percentile(times, 0.95)
        weight = weights.get(path)
        told = "" if weight is None else f"{weight:8.0f}"
        late = f"  above {bound_ms:g} ms" if p95 > bound_ms else ""
        heavy = f"  above {FIRST_LOAD_KB} kB" if weight is not None and weight > FIRST_LOAD_KB else ""
        lines.append(f"{path:<60}{p50:>9.1f}{p95:>9.1f}{p50 / base_ms:>9.1f}{told:>8}{late}{heavy}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=60)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, running_stack(Path(folder)) as at:
        topics.apply(at.kafka)
        migrate(at.postgres)
        seconds = seeded(at.postgres, given.rows)
        print(f"{given.rows:,} transactions and their bookings made in {seconds:.0f} s", flush=True)
        secret, _ = create_key(at.postgres, organization_id=ORGANIZATION, name="pages")
        key = {"Authorization": f"Bearer {secret}"}
        settings = ApiSettings(
            kafka=at.kafka, postgres=at.postgres, redis=at.redis, api_connections_per_address_max=2_000
        )
        with served(settings) as base_url, signed_in(base_url, at.postgres) as client:
            with httpx.Client(base_url=base_url, headers=key, timeout=30) as api:
                took = measure(api, client, PAGES, given.rounds)
                sums = measure(api, client, SUMS, max(3, given.rounds // 10))
            weights = {path: first_load_kb(client, path) for path in (*PAGES, *SUMS)}
            cookie = client.headers["Cookie"]
            alone = asyncio.run(told_ms(base_url, cookie, at.redis, 1))
            many = asyncio.run(told_ms(base_url, cookie, at.redis, OPEN_PAGES))
    base_ms = percentile(took[LIST], 0.5)
    print(f"{'page':<60}{'p50 ms':>9}{'p95 ms':>9}{'/ list':>9}{'kB':>8}")
    print(table(took, weights, base_ms, BOUND_MS))
    print(table(sums, weights, base_ms, SUM_BOUND_MS))
    print(f"told of a decision: one page {alone[-1]:.0f} ms; {OPEN_PAGES} pages, the last {many[-1]:.0f} ms")


if __name__ == "__main__":
    main()
