"""Every route by everybody, compared with a file that a person has reviewed.

A new route needs its row. After a change that is meant, the test says where what it found is: look at each
line that differs, and put it in place of `access_matrix.txt`.
"""

from __future__ import annotations

import asyncio
import difflib
from contextlib import ExitStack
from pathlib import Path

import httpx
import psycopg
import pytest
from fastapi import APIRouter, FastAPI
from starlette.responses import Response

from api.access.keys import KEY_SCOPES, create_key, revoke_key
from api.access.roles import Role
from api.access.security import KeyedRoute, open_to_all
from api.api_settings import ApiSettings
from api.app import create_app
from tests.api.matrix import Callers, called, routes, text_of
from tests.api.people import member, sign_in

REVIEWED = Path(__file__).with_name("access_matrix.txt")
ORGANIZATION = "org-matrix"
#: What people come in by, and nothing else is open.
WAYS_IN = {
    "POST /v1/sessions",
    "POST /v1/sessions/links",
    "POST /v1/invitations/acceptances",
    "POST /v1/password-resets",
    "POST /v1/password-resets/uses",
}
PEOPLE: dict[str, tuple[Role, str, tuple[str, ...]]] = {
    "employee": (Role.EMPLOYEE, ORGANIZATION, ("engineering",)),
    "auditor": (Role.AUDITOR, ORGANIZATION, ()),
    "finance": (Role.FINANCE_MANAGER, ORGANIZATION, ()),
    "finance-engineering": (Role.FINANCE_MANAGER, ORGANIZATION, ("engineering",)),
    "finance-sales": (Role.FINANCE_MANAGER, ORGANIZATION, ("sales",)),
    "admin": (Role.ORG_ADMIN, ORGANIZATION, ()),
    "operator": (Role.SYSTEM_ADMIN, "", ()),
    "admin-elsewhere": (Role.ORG_ADMIN, "org-elsewhere", ()),
}


@pytest.fixture(scope="module")
def callers(server: str, settings: ApiSettings) -> Callers:
    found: dict[str, dict[str, str]] = {"nobody": {}}
    with ExitStack() as signed:
        for name, (role, organization, departments) in PEOPLE.items():
            email = member(settings.postgres, organization, role, departments=departments)
            client = signed.enter_context(sign_in(server, email))
            found[name] = {"Cookie": client.headers["Cookie"]}
        email = member(settings.postgres, ORGANIZATION, Role.ORG_ADMIN)
        client = signed.enter_context(sign_in(server, email))
        assert client.delete("/v1/sessions/current").status_code == 204
        found["ended-session"] = {"Cookie": client.headers["Cookie"]}
    for name in ("key", "revoked-key", "expired-key"):
        secret, key = create_key(
            settings.postgres, organization_id=ORGANIZATION, name=name, scopes=KEY_SCOPES, actor=name
        )
        found[name] = {"Authorization": f"Bearer {secret}"}
        if name == "revoked-key":
            revoke_key(settings.postgres, key=key.id)
        if name == "expired-key":
            with psycopg.connect(settings.postgres) as connection:
                connection.execute("UPDATE api_key SET expires_at = now() WHERE id = %s", [key.id])
    return found


def test_every_route_lets_in_whom_it_should(
    server: str, settings: ApiSettings, callers: Callers, tmp_path: Path
) -> None:
    with httpx.Client(base_url=server, timeout=20) as client:
        found = text_of(called(client, routes(create_app(settings)), callers, ORGANIZATION), callers)
    (tmp_path / REVIEWED.name).write_text(found)
    reviewed = REVIEWED.read_text()
    differing = "\n".join(difflib.unified_diff(reviewed.splitlines(), found.splitlines(), n=0, lineterm=""))
    assert found == reviewed, f"found: {tmp_path / REVIEWED.name}\n{differing}"


def test_nobody_comes_in_where_the_file_does_not_say_so() -> None:
    """The file itself, by rules that a reviewer might overlook in it."""
    columns, *rows = [line.split() for line in REVIEWED.read_text().splitlines()]
    for method, path, *cells in rows:
        row = dict(zip(columns, cells, strict=True))
        outside = [row[name] for name in ("nobody", "ended-session", "revoked-key", "expired-key")]
        if f"{method} {path}" in WAYS_IN:
            assert set(outside) == {"in"}, path
        elif path.startswith("/v1"):
            assert set(outside) == {"401"}, path
        if "{organization_id}" in path:
            assert row["admin-elsewhere"] == "404", path
        if method == "GET" and path.startswith("/v1") and "sessions" not in path:
            assert row["operator"] == "403" or "organizations" not in path, path
            assert row["auditor"] == "in", path
        of_oneself = path.startswith(("/v1/sessions", "/v1/account")) or f"{method} {path}" in WAYS_IN
        asks = path.endswith(("/questions", "/policy-trials", "/journal-exports"))  # a POST that only reads
        if method != "GET" and path.startswith("/v1") and not of_oneself and not asks:
            assert row["auditor"] == "403", path


class _Unstarted(httpx.BaseTransport):
    """An app that was not started: no service is connected, and an open route needs none."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        async def ask() -> httpx.Response:
            answer = await httpx.ASGITransport(self._app).handle_async_request(request)
            return httpx.Response(answer.status_code, headers=answer.headers, content=await answer.aread())

        return asyncio.run(ask())


def test_a_route_that_was_opened_is_found(settings: ApiSettings) -> None:
    """The same comparison on an API in which one route, open to all, was added."""
    router = APIRouter(route_class=KeyedRoute)

    @router.get("/v1/leak", openapi_extra=open_to_all("a mistake"))
    async def leak() -> Response:
        return Response("{}", media_type="application/json")

    app = create_app(settings)
    app.include_router(router)
    (route,) = [route for route in routes(app) if route[1] == "/v1/leak"]
    with httpx.Client(transport=_Unstarted(app), base_url="http://api", timeout=60) as client:
        found = text_of(called(client, [route], {"nobody": {}}, ORGANIZATION), ["nobody"])
    assert found.splitlines()[1].split() == [*route, "in"]
    assert not any(line.startswith("GET /v1/leak") for line in REVIEWED.read_text().splitlines())


def test_the_reviewed_file_has_a_row_for_each_route(settings: ApiSettings) -> None:
    rows = [tuple(line.split()[:2]) for line in REVIEWED.read_text().splitlines()[1:]]
    assert rows == routes(create_app(settings))
