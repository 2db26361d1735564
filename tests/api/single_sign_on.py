"""Sign-in by a real identity provider, for tests: the provider, and a browser's steps."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import psycopg
import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from api.api_settings import ApiSettings
from infra.logins import api_login
from tests.api.people import COOKIE, browser
from tests.api.support import free_port, serving, wait_ready, wait_until

SEALING_KEY = Fernet.generate_key().decode()
LEFT = "__Host-spendlog-sign-on"


@dataclass(frozen=True)
class Provider:
    """A running one. `issuer`: its URL."""

    issuer: str

    def knows(self, sub: str, **claims: Any) -> None:
        """Somebody with an account there; his address is verified unless told otherwise."""
        told = {"email_verified": True, **claims}
        httpx.put(f"{self.issuer}/users/{quote(sub, safe='')}", json=told, timeout=60).raise_for_status()

    def lies(self, **how: Any) -> None:
        httpx.put(f"{self.issuer}/lies", json=how, timeout=60).raise_for_status()

    def seen(self) -> dict[str, Any]:
        found: dict[str, Any] = httpx.get(f"{self.issuer}/seen", timeout=60).json()
        return found


@contextmanager
def running_provider() -> Iterator[Provider]:
    port = free_port()
    command = [sys.executable, "-W", "ignore", "-m", "tests.api.provider_process", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    found = Provider(f"http://localhost:{port}")

    def answers() -> bool:
        assert process.poll() is None, "the identity provider has ended"
        try:
            return httpx.get(found.issuer, timeout=60).status_code == 200
        except httpx.TransportError:
            return False

    try:
        wait_until(answers, 60)
        yield found
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="package")
def provider() -> Iterator[Provider]:
    with running_provider() as found:
        yield found


@contextmanager
def trusting(settings: ApiSettings, **changes: Any) -> Iterator[str]:
    """An API that may reach a provider on this machine."""
    port = free_port()
    changed = {
        "postgres": api_login(settings.postgres),
        "api_public_url": f"http://127.0.0.1:{port}",
        "api_sso_allow_local": True,
        "api_sealing_keys": (SecretStr(SEALING_KEY),),
        **changes,
    }
    with serving(settings.model_copy(update=changed), port=port) as base_url:
        wait_ready(base_url)
        yield base_url


@dataclass
class Try:
    """A browser that signs in: `leave`, `allow` at the provider, `come_back`."""

    server: str
    provider_id: str
    url: str = ""
    cookie: str = ""
    answer: str = ""

    def leave(self, following: str = "/cards", **query: Any) -> Try:
        with browser(self.server) as client:
            left = client.get(f"/sign-in/sso/{self.provider_id}", params={"next": following, **query})
        assert left.status_code == 303, left.text
        self.url, self.cookie = left.headers["location"], _cookie(left, LEFT)
        return self

    def allow(self, sub: str) -> Try:
        """He signs in at the provider, which sends him back."""
        allowed = httpx.post(self.url, data={"sub": sub}, timeout=60)
        assert allowed.status_code == 302, allowed.text
        self.answer = allowed.headers["location"]
        return self

    @property
    def members(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(urlsplit(self.answer).query).items()}

    def come_back(self, *, cookie: str | None = None, **members: str) -> httpx.Response:
        path = urlsplit(self.answer).path
        headers = {
            "Cookie": f"{LEFT}={self.cookie if cookie is None else cookie}",
            "Sec-Fetch-Site": "cross-site",
        }
        with httpx.Client(base_url=self.server, timeout=60) as client:
            return client.get(path, params={**self.members, **members}, headers=headers)


def _cookie(answer: httpx.Response, name: str) -> str:
    for line in answer.headers.get_list("set-cookie"):
        if line.startswith(f"{name}=") and "Max-Age=0" not in line:
            return line.partition("=")[2].partition(";")[0]
    raise AssertionError(f"there is no {name}: {answer.status_code} {answer.text}")


def attributes_of_try(server: str, provider_id: str) -> set[str]:
    """Of the cookie that the browser takes along, without its age."""
    with browser(server) as client:
        answer = client.get(f"/sign-in/sso/{provider_id}")
    (line,) = [one for one in answer.headers.get_list("set-cookie") if one.startswith(f"{LEFT}=")]
    return {one for one in line.split("; ")[1:] if not one.startswith("Max-Age")}


def came(server: str, provider_id: str, sub: str, **query: Any) -> httpx.Response:
    """The whole way."""
    return Try(server, provider_id).leave(**query).allow(sub).come_back()


@contextmanager
def session_of(server: str, answer: httpx.Response) -> Iterator[httpx.Client]:
    """The browser that has come back."""
    with browser(server) as client:
        client.headers["Cookie"] = f"{COOKIE}={_cookie(answer, COOKIE)}"
        yield client


def proved(postgres: str, organization: str, *domains: str) -> None:
    """As if their DNS had said so."""
    with psycopg.connect(postgres, autocommit=True) as connection:
        for domain in domains:
            connection.execute(
                "INSERT INTO email_domain (organization_id, domain, challenge, proved_at)"
                " VALUES (%s, %s, repeat('x', 32), now())",
                [organization, domain],
            )


def added(admin: httpx.Client, provider: Provider, key: str = "idp", **members: Any) -> str:
    """The id of a provider of the admin's organization."""
    body = {"name": "Okta", "issuer": provider.issuer, "client_id": "spendlog", "client_secret": "s3cr3t"}
    answer = admin.post("/v1/identity-providers", json={**body, **members}, headers={"Idempotency-Key": key})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["provider_id"])
