"""Whatever goes wrong, a person's browser gets a page with what to do, and a program a problem."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from starlette.responses import Response

from api import app as application
from api.api_settings import ApiSettings
from api.app import BODY_BYTES_MAX, create_app

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
OWN = {"Sec-Fetch-Site": "same-origin"}
LARGE = "x" * (BODY_BYTES_MAX + 1)


async def broken(request: Request) -> Response:
    raise RuntimeError("a secret of the inside")


def broken_app() -> FastAPI:
    app = create_app(
        ApiSettings(kafka="127.0.0.1:1", postgres="postgresql://127.0.0.1:1/x", redis="redis://x")
    )
    for path in ("/broken", "/v1/broken"):
        app.router.add_route(path, broken, methods=["GET", "POST"])
    return app


def ask(app: FastAPI, method: str, path: str, accept: str, **more: Any) -> httpx.Response:
    async def asked() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return await client.request(method, path, headers={"Accept": accept, **OWN}, **more)

    return asyncio.run(asked())


@pytest.mark.parametrize(
    ("method", "path", "more", "status", "words"),
    [
        ("GET", "/broken", {}, 500, "It is not your fault"),
        ("GET", "/broken?a=1&b=%3Cscript%3E", {}, 500, "Try again"),
        ("POST", "/broken", {}, 500, "Look whether it was done"),
        ("GET", "/nonsense/<b>", {}, 404, "There is nothing here"),
        ("POST", "/sign-in", {"data": {"email": "x" * 201}}, 422, "Nothing was written"),
        ("POST", "/sign-in", {"content": LARGE}, 413, "That is too much at once"),
        ("GET", "/static/none.js", {}, 404, "There is nothing here"),
    ],
)
def test_a_person_gets_a_page_that_says_what_to_do(
    method: str, path: str, more: dict[str, Any], status: int, words: str
) -> None:
    app = broken_app()
    answer = ask(app, method, path, BROWSER, **more)
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
    assert words in answer.text and answer.headers["x-request-id"] in answer.text
    assert "secret of the inside" not in answer.text
    assert "<script>" not in answer.text and "<b>" not in answer.text.partition("<main")[2]
    program = ask(app, method, path, "application/json", **more)
    assert program.status_code == status
    assert program.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("accept", [BROWSER, "text/html", "*/*", "application/json"])
def test_the_api_answers_programs_and_no_pages(accept: str) -> None:
    answer = ask(broken_app(), "GET", "/v1/broken", accept)
    assert answer.status_code == 500
    assert answer.json()["code"] == "internal_error"


def test_where_the_page_cannot_be_drawn_either_it_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    def undrawable(*_: object) -> Response:
        raise RuntimeError("no such name")

    monkeypatch.setattr(application, "problem_page", undrawable)
    answer = ask(broken_app(), "GET", "/broken", BROWSER)
    assert answer.status_code == 500
    assert answer.json()["code"] == "internal_error"
