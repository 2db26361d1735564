"""One API server, one decider (the real core) and one database for the tests of this folder."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from api.access.keys import create_key
from api.access.roles import Role
from api.api_settings import ApiSettings
from infra.logins import api_login
from tests.api.books import Books, Organization, running_books
from tests.api.decider import Decider
from tests.api.people import member, sign_in
from tests.api.policies import NAMES, add, listed
from tests.api.support import (
    Views,
    delete_topics,
    empty_topics,
    new_database,
    serving,
    wait_ready,
    wait_until,
)

Submit = Callable[..., httpx.Response]
Send = Callable[..., httpx.Response]


@pytest.fixture(scope="package")
def settings(stack: Any) -> Iterator[ApiSettings]:
    """Empty topics, a new database, and a short-lived key cache, so that tests see revocations."""
    empty_topics(stack.kafka)
    database = new_database(stack.postgres, "spendlog_api_tests")
    yield ApiSettings(
        kafka=stack.kafka,
        postgres=database,
        redis=stack.redis,
        api_key_fresh_s=0.2,
        api_sign_ins_per_address_max=100_000,  # all tests are one address
    )
    delete_topics(stack.kafka)  # their names are fixed: other folders' tests find none of ours


@pytest.fixture(scope="package")
def decider(settings: ApiSettings) -> Iterator[Decider]:
    thread = Decider(settings.kafka)
    thread.start()
    yield thread
    thread.stop()
    assert thread.error is None


@pytest.fixture(scope="package")
def server(settings: ApiSettings, decider: Decider) -> Iterator[str]:
    """Its login is the API's own: what it may not, no test sees it do."""
    own = settings.model_copy(update={"postgres": api_login(settings.postgres)})
    with serving(own) as base_url:
        wait_ready(base_url)
        yield base_url


@pytest.fixture(scope="package")
def books(settings: ApiSettings, decider: Decider) -> Iterator[Books]:
    with running_books(settings) as books:
        yield books


@pytest.fixture
def company(books: Books) -> Iterator[Organization]:
    """A new organization behind which the real sinks write; its key has every scope."""
    with books.organization() as company:
        yield company


@pytest.fixture
def views(settings: ApiSettings) -> Iterator[Views]:
    views = Views(settings)
    yield views
    views.close()


@pytest.fixture
def organization() -> str:
    """One that no other test has."""
    return f"org-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def secret(settings: ApiSettings, organization: str) -> str:
    return create_key(settings.postgres, organization_id=organization, name="all scopes")[0]


@pytest.fixture
def client(server: str, secret: str) -> Iterator[httpx.Client]:
    """Speaks for `organization` with every scope."""
    with httpx.Client(base_url=server, headers={"Authorization": f"Bearer {secret}"}, timeout=60) as client:
        yield client


@pytest.fixture
def admin(server: str, settings: ApiSettings, organization: str) -> Iterator[httpx.Client]:
    """A session of the organization's Org Admin."""
    with sign_in(server, member(settings.postgres, organization, Role.ORG_ADMIN)) as client:
        yield client


def budget_path(organization: str, department: str = "engineering") -> str:
    return f"/v1/organizations/{organization}/departments/{department}/budget"


def budget_body(minor: int = 5_000_000, currency: str = "USD") -> dict[str, Any]:
    return {
        "name": "Engineering",
        "limit": {"minor": minor, "currency": currency},
        "time_zone": "America/New_York",
        "period": "month",
    }


def payment_body(minor: int = 600_000, **members: Any) -> dict[str, Any]:
    return {
        "department_id": "engineering",
        "card_id": "card_ada",
        "amount": {"minor": minor, "currency": "USD"},
        "merchant": {"name": "Blue Bottle Coffee", "mcc": "5814", "country": "US"},
        **members,
    }


@pytest.fixture
def submit(client: httpx.Client) -> Submit:
    """POST an authorization: `submit("key", minor=..., other members)`."""

    def post(key: str, *, headers: dict[str, str] | None = None, **members: Any) -> httpx.Response:
        return client.post(
            "/v1/authorizations",
            json=payment_body(**members),
            headers={"Idempotency-Key": key, **(headers or {})},
        )

    return post


@pytest.fixture
def send(client: httpx.Client) -> Send:
    """POST an event of engineering: `send("clearing.presented", "key", amount=...)`."""

    def post(kind: str, key: str, *, headers: dict[str, str] | None = None, **members: Any) -> httpx.Response:
        body = {"type": kind, "department_id": "engineering", **members}
        return client.post("/v1/events", json=body, headers={"Idempotency-Key": key, **(headers or {})})

    return post


@pytest.fixture
def engineering(client: httpx.Client, organization: str, send: Send) -> str:
    """A department with 50,000.00 USD a month and no rules."""
    answer = client.put(budget_path(organization), json=budget_body(), headers={"Idempotency-Key": "budget"})
    assert answer.status_code == 200, answer.text
    answer = send("policy.drafted", "no-rules", policy={}, activate=True)
    assert answer.status_code == 200, answer.text
    return "engineering"


@pytest.fixture
def three(company: Organization) -> Organization:
    """A company with three departments that the ledger knows."""
    for name in NAMES:
        add(company, name)
    wait_until(lambda: listed(company)["departments"][2:])
    return company
