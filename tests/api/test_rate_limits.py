"""How many requests a key or a person may send: told with each answer, and the same in all processes."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import anyio
import httpx
import psycopg
import pytest
from pydantic import ValidationError

from api.access.keys import KEY_SCOPES, Scope, create_key
from api.access.roles import Role
from api.api_settings import ApiSettings, limit_of
from api.http.problems import Problem
from api.metrics import Metrics
from api.stores.allowances import Allowances
from api.stores.redis import Redis
from tests.api.conftest import payment_body
from tests.api.decider import Decider
from tests.api.people import member, sign_in
from tests.api.support import serving, wait_ready
from tests.patience import HUNG_S

LEFT = re.compile(r'"default";r=(\d+);t=(\d+)')


@asynccontextmanager
async def process(url: str, limit: str, **others: str) -> AsyncIterator[Allowances]:
    """What one API process counts."""
    redis = Redis(url, Metrics(), connections_max=4)
    allowances = Allowances(redis, keys=limit, people="none", others=others)
    allowances.start()
    try:
        yield allowances
    finally:
        await allowances.close()
        await redis.close()


async def taken(allowances: Allowances, caller: str, tries: int, organization: str = "techcorp") -> int:
    """How many of `tries` were let in."""
    refused = []
    for _ in range(tries):
        try:
            await allowances.take(caller, organization, person=False)
        except Problem as problem:
            refused.append(problem)
    for one in refused:
        assert (one.status_code, one.code) == (429, "rate_limited")
        assert int((one.headers or {})["Retry-After"]) >= 1
    return tries - len(refused)


async def exchanged(allowances: Allowances) -> None:
    """Until others can know what it has let in."""
    with anyio.fail_after(10):
        while allowances._taken:  # noqa: ASYNC110 - it tells nobody
            await anyio.sleep(0.05)


def caller() -> str:
    return f"key_{uuid.uuid4().hex[:10]}"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.anyio
@pytest.mark.parametrize(("limit", "tries", "let_in"), [
    ("1/minute", 3, 1), ("5/minute", 5, 5), ("5/minute", 9, 5), ("7 per 1 hour", 40, 7), ("none", 50, 50),
    ("200/minute", 450, 200), ("3/day", 4, 3),
])  # fmt: skip
async def test_one_process_lets_in_what_the_limit_says(
    settings: ApiSettings, limit: str, tries: int, let_in: int
) -> None:
    async with process(settings.redis, limit) as one:
        assert await taken(one, caller(), tries) == let_in


@pytest.mark.anyio
async def test_without_redis_each_process_counts_for_itself(settings: ApiSettings) -> None:
    async with (
        process("redis://127.0.0.1:1/0", "5/minute") as one,
        process("redis://127.0.0.1:1/0", "5/minute") as two,
    ):
        name = caller()
        began = time.monotonic()
        assert await taken(one, name, 9) == 5
        assert await taken(two, name, 9) == 5
        assert time.monotonic() - began < HUNG_S, "a request waited for a Redis that is away"


@pytest.mark.anyio
async def test_processes_share_a_limit(settings: ApiSettings) -> None:
    """What one has let in the other knows after an exchange."""
    limit = "40/minute"
    async with process(settings.redis, limit) as one, process(settings.redis, limit) as two:
        name = caller()
        assert await taken(one, name, 30) == 30
        await exchanged(one)
        assert await taken(two, name, 1) == 1  # it does not know of the others yet, and tells of this one
        await exchanged(two)
        assert await taken(two, name, 40) == 9
        assert await taken(one, name, 40) <= 10, "it knew of 30 of 40 when it asked last"
        await exchanged(one)
        assert await taken(one, name, 5) == await taken(two, name, 5) == 0


@pytest.mark.anyio
async def test_an_organization_s_keys_share_its_limit_and_a_key_s_own_comes_first(
    settings: ApiSettings,
) -> None:
    mine, yours, own = caller(), caller(), caller()
    company = f"org-{uuid.uuid4().hex[:8]}"
    async with process(settings.redis, "100/minute", **{company: "6/minute", own: "2/minute"}) as one:
        assert await taken(one, mine, 4, company) == 4
        assert await taken(one, yours, 4, company) == 2
        assert await taken(one, own, 4, company) == 2
        assert await taken(one, caller(), 4, "another") == 4
        assert await one.take("a person", company, person=True) == ()


@pytest.mark.anyio
async def test_after_its_span_there_is_room_again(settings: ApiSettings) -> None:
    async with process(settings.redis, "4 per 1 second") as one:
        name = caller()
        assert await taken(one, name, 6) == 4
        await anyio.sleep(2.1)  # the span before weighs on the present one
        assert await taken(one, name, 6) == 4


@pytest.mark.parametrize("text", ["600/minute", "10 per 5 second", "1/day", "none", " None "])
def test_a_limit_is_read(text: str) -> None:
    assert (limit_of(text) is None) == ("one" in text)


@pytest.mark.parametrize(
    "text", ["", "600", "0/minute", "-1/second", "5/minute;6/hour", "fast", "1.5/second"]
)
def test_what_is_no_limit_is_refused_at_the_start(settings: ApiSettings, text: str) -> None:
    with pytest.raises(ValidationError, match="is no limit; write for example 600/minute"):
        ApiSettings.model_validate({**settings.model_dump(), "api_rate_limits": {"techcorp": text}})


@pytest.fixture(scope="module")
def limited(settings: ApiSettings, decider: Decider) -> Iterator[tuple[str, str]]:
    """A server that lets in ten requests of the organization and six of a person; a key's secret."""
    company = f"org-{uuid.uuid4().hex[:8]}"
    mine = settings.model_copy(
        update={"api_rate_limits": {company: "10/hour"}, "api_rate_limit_people": "6/hour"}
    )
    secret, _ = create_key(settings.postgres, organization_id=company, name="limited", scopes=KEY_SCOPES)
    with serving(mine) as url:
        wait_ready(url)
        yield url, secret


def left(answer: httpx.Response) -> int:
    found = LEFT.fullmatch(answer.headers["RateLimit"])
    assert found, answer.headers["RateLimit"]
    assert int(found[2]) <= 2 * 3600
    return int(found[1])


def test_each_answer_tells_what_is_left_and_the_last_is_429(
    limited: tuple[str, str], settings: ApiSettings
) -> None:
    url, secret = limited
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {secret}"}, timeout=60) as client:
        answers = [
            client.get("/v1/departments"),
            client.head("/v1/departments"),
            client.get("/v1/transactions?limit=0"),
            client.get("/v1/cards/none"),
            client.get("/v1/nothing"),  # no route, so nobody asked
            client.post("/v1/authorizations", json=payment_body(), headers={"Idempotency-Key": "a"}),
        ]
        assert 429 not in [answer.status_code for answer in answers]
        assert {422, 404} <= {answer.status_code for answer in answers}
        told = [left(answer) for answer in answers if "RateLimit" in answer.headers]
        assert told == [9, 8, 7, 6, 5]
        assert {answer.headers.get("RateLimit-Policy") for answer in answers} == {
            '"default";q=10;w=3600',
            None,
        }
        answers += [client.get("/v1/departments") for _ in range(5)]
        assert left(answers[-1]) == 0
        body = {"name": "Engineering", "limit": {"minor": 1, "currency": "USD"}}
        organization = f"/v1/organizations/{_organization(settings, secret)}"
        refused = client.put(
            f"{organization}/departments/eng/budget", json=body, headers={"Idempotency-Key": "b"}
        )
        assert refused.status_code == 429, refused.text
        problem = refused.json()
        assert (problem["code"], problem["type"]) == ("rate_limited", "/problems/rate_limited")
        assert 1 <= int(refused.headers["Retry-After"]) <= 2 * 3600
        assert left(refused) == 0
        assert "10 in 3,600 s" in problem["detail"]
        assert client.get("/healthz").status_code == 200
        with psycopg.connect(settings.postgres) as connection:
            found = connection.execute("SELECT count(*) FROM api_key WHERE name = 'limited'").fetchone()
        assert found == (1,)


def _organization(settings: ApiSettings, secret: str) -> str:
    with psycopg.connect(settings.postgres) as connection:
        row = connection.execute(
            "SELECT organization_id FROM api_key WHERE prefix = %s", [secret.rpartition("_")[0][:13]]
        ).fetchone()
    assert row is not None
    return str(row[0])


def test_a_person_has_a_limit_of_his_own(limited: tuple[str, str], settings: ApiSettings) -> None:
    url, secret = limited
    company = _organization(settings, secret)
    first, second = (member(settings.postgres, company, Role.ORG_ADMIN) for _ in range(2))
    with sign_in(url, first) as one, sign_in(url, second) as two:
        refused = [one.get("/v1/departments").status_code == 429 for _ in range(8)]
        assert refused == [False] * 6 + [True] * 2
        assert two.get("/v1/departments").status_code != 429


def test_who_may_not_ask_is_counted_too(settings: ApiSettings, decider: Decider) -> None:
    """A key without the scope cannot try for ever; nobody in particular is not counted for anybody."""
    company = f"org-{uuid.uuid4().hex[:8]}"
    secret, key = create_key(
        settings.postgres, organization_id=company, name="reads", scopes=[Scope.CARDS_READ]
    )
    with serving(settings.model_copy(update={"api_rate_limits": {key.id: "3/hour"}})) as url:
        wait_ready(url)
        headers = {"Authorization": f"Bearer {secret}"}
        statuses = [
            httpx.get(f"{url}/v1/departments", headers=headers, timeout=60).status_code for _ in range(4)
        ]
        assert statuses == [403, 403, 403, 429]
        unknown = httpx.get(
            f"{url}/v1/departments", headers={"Authorization": f"Bearer {secret[:-1]}~"}, timeout=60
        )
        assert (unknown.status_code, "RateLimit" in unknown.headers) == (401, False)
