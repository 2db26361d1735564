"""How long a page of 50 takes from very many transactions, over HTTP, one by one: `python -m perf.lists`.

The rows are made in PostgreSQL by one statement, with the spread of a company: 200 departments, one of them
with a twentieth of all, 20,000 cards, 8,000 employees, 10,000 merchants with a long tail, 0.2 % flagged, the
last three years. Each filter is asked with
other values each time, on the first page and behind a cursor.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg
import uvicorn
from psycopg import sql

from api.access.keys import create_key
from api.api_settings import ApiSettings
from api.server import config
from infra import topics
from infra.migrate import migrate
from infra.stack import running_stack
from infra.stack.tcp_ports import free_port

ORGANIZATION = "lists"
#: Of the figure: a page, and its slowest in a hundred.
PAGE = 50
BOUND_MS = 50.0

FILL = """
INSERT INTO card_authorization (organization_id, authorization_id, department_id, status, currency, partition,
    seq, card_id, occurred_at, updated_at, created_at, requested, authorized, held, posted, refunded,
    cardholder, merchant_key, mcc, flagged, review, body)
SELECT 'lists', id, department, status, 'USD', 0, n, card, at, at, at, amount, amount, 0, amount, 0, holder,
    merchant, mcc, flagged, n %% 700 = 0,
    json_build_object('organization_id', 'lists', 'department_id', department, 'authorization_id', id,
        'status', status, 'currency', 'USD', 'partition', 0, 'seq', n, 'decided_seq', n, 'card_id', card,
        'cardholder', holder, 'merchant', json_build_object('name', merchant, 'mcc', mcc, 'country', 'US'),
        'occurred_at', at, 'updated_at', at, 'requested', amount, 'authorized', amount, 'posted', amount,
        'score', json_build_object('value', 0.25, 'model', 'surprise', 'version', '1', 'flagged', flagged,
            'reasons', '[]'::json))
FROM (
    SELECT n, 'auth_' || md5(n::text) AS id,
        'dept-' || CASE WHEN n * 7919 %% 20 = 3 THEN 7 ELSE n * 7919 %% 200 END AS department,
        'card_' || n * 7919 %% 20000 AS card, 'Employee ' || n * 7919 %% 20000 %% 8000 AS holder,
        'merchant ' || floor(10000 * power((n * 104729 %% 1000003) / 1000003.0, 3))::int AS merchant,
        lpad((1000 + (n * 31 %% 400) * 20)::text, 4, '0') AS mcc, n %% 500 = 0 AS flagged,
        100 + (n * 15485863 %% 900000) AS amount,
        (ARRAY['cleared', 'cleared', 'cleared', 'cleared', 'cleared', 'cleared', 'cleared', 'declined',
            'approved', 'refunded', 'reversed', 'expired'])[1 + (n %% 12)::int] AS status,
        %(until)s::timestamptz - make_interval(secs => n * 94.6) AS at
    FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n
) AS made
"""
MERCHANTS = """
INSERT INTO merchant SELECT 'lists', 'merchant ' || n, 'Merchant' FROM generate_series(0, 9999) AS n
ON CONFLICT DO NOTHING
"""
CARDS = """
INSERT INTO card (organization_id, department_id, card_id, status, employee, body, partition, seq)
SELECT 'lists', 'dept-' || CASE WHEN n %% 20 = 3 THEN 7 ELSE n %% 200 END, 'card_' || n, 'active',
    'Employee ' || n %% 8000,
    json_build_object('card_id', 'card_' || n, 'employee', 'Employee ' || n %% 8000), 0, n
FROM generate_series(0, 19999) AS n WHERE n %% 2 = %(odd)s
"""
INDEXES = """
SELECT indexname, indexdef FROM pg_indexes
WHERE tablename = 'card_authorization' AND indexname <> 'card_authorization_pkey'
"""
CHUNK = 100_000


def fill(url: str, rows: int) -> float:
    """Seconds that it took."""
    begun = time.perf_counter()
    with psycopg.connect(url, autocommit=True) as connection:
        indexes = connection.execute(INDEXES).fetchall()
        for name, _ in indexes:  # made anew at the end: ten million entries one by one take many minutes
            connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))
        until = datetime.now(UTC)
        for first in range(1, rows + 1, CHUNK):
            last = min(rows, first + CHUNK - 1)
            connection.execute(FILL, {"first": first, "last": last, "until": until})
        for _, definition in indexes:
            connection.execute(definition)
        connection.execute(MERCHANTS)
        connection.execute(CARDS, {"odd": 1})
        connection.execute("VACUUM ANALYZE card_authorization, merchant, card")
    return time.perf_counter() - begun


def questions(chance: random.Random) -> dict[str, dict[str, Any]]:
    """One filter each, with values that are drawn anew."""
    day = f"2026-{chance.randrange(1, 10):02}-{chance.randrange(1, 28):02}T00:00:00Z"
    low = chance.randrange(100, 890_000)
    return {
        "no filter": {},
        "status": {
            "status": chance.choice(["held", "settled", "declined", "refunded", "expired", "disputed"])
        },
        "approved": {"status": "approved"},
        "flagged": {"flagged": True},
        "review": {"review": True},
        "amounts": {"amount_min": low, "amount_max": low + chance.choice([10, 1_000, 100_000])},
        "least amount": {"amount_min": chance.choice([low, 899_000, 899_990])},
        "largest first": {"order": "largest"},
        "merchant": {"merchant": f"merchant {chance.randrange(10_000)}"},
        "search": {"search": str(chance.randrange(10, 10_000))},
        "search of all": {"search": "merch"},
        "category code": {"mcc": f"{1000 + chance.randrange(400) * 20:04}"},
        "category": {"category": chance.choice(["hotel", "airline", "restaurant", "travel", "gambling"])},
        "department": {"department_id": f"dept-{chance.randrange(200)}"},
        "card": {"card_id": f"card_{chance.randrange(20_000)}"},
        "employee": {"employee": f"Employee {chance.randrange(8_000)}"},
        "since": {"since": day},
        "until": {"until": day},
        "oldest first": {"order": "oldest"},
    }


@contextmanager
def served(settings: ApiSettings) -> Iterator[str]:
    port = free_port(set())
    server = uvicorn.Server(config(settings, host="127.0.0.1", port=port))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


def measure(base_url: str, secret: str, rounds: int) -> dict[str, list[float]]:
    """Milliseconds of each page, by filter: first pages, and those behind their cursor."""
    chance = random.Random(1)
    took: dict[str, list[float]] = {}
    headers = {"Authorization": f"Bearer {secret}"}
    with httpx.Client(base_url=base_url, headers=headers, timeout=10) as client:
        for _ in range(rounds):
            for name, params in questions(chance).items():
                after: dict[str, Any] = {}
                for _ in range(2):
                    begun = time.perf_counter()
                    answer = client.get("/v1/transactions", params={"limit": PAGE, **params, **after})
                    took.setdefault(name, []).append(1e3 * (time.perf_counter() - begun))
                    answer.raise_for_status()
                    if answer.json()["next"] is None:
                        break
                    after = {"after": answer.json()["next"]}
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=100)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, running_stack(Path(folder)) as at:
        topics.apply(at.kafka)
        migrate(at.postgres)
        print(f"{given.rows:,} transactions made in {fill(at.postgres, given.rows):.0f} s", flush=True)
        secret, _ = create_key(at.postgres, organization_id=ORGANIZATION, name="lists")
        with served(ApiSettings(kafka=at.kafka, postgres=at.postgres, redis=at.redis)) as base_url:
            measure(base_url, secret, 3)
            took = measure(base_url, secret, given.rounds)
    print(f"{'filter':<16}{'pages':>7}{'p50 ms':>9}{'p99 ms':>9}{'most':>9}")
    for name, times in took.items():
        times.sort()
        p99 = times[min(len(times) - 1, round(0.99 * len(times)))]
        late = "  above the bound" if p99 > BOUND_MS else ""
        middle = times[len(times) // 2]
        print(f"{name:<16}{len(times):>7}{middle:>9.1f}{p99:>9.1f}{times[-1]:>9.1f}{late}")


if __name__ == "__main__":
    main()
