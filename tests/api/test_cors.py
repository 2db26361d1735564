"""Pages of other origins may call the API where a setting says so, with a key, and never with a cookie."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from pydantic import ValidationError

from api.api_settings import ApiSettings
from api.app import EXPOSED
from tests.api.decider import Decider
from tests.api.support import serving, wait_ready

OURS = "https://app.example.com"
PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,idempotency-key,content-type",
}


@pytest.fixture(scope="module")
def opened(settings: ApiSettings, decider: Decider) -> Iterator[str]:
    with serving(settings.model_copy(update={"api_cors_origins": frozenset({OURS})})) as url:
        wait_ready(url)
        yield url


def grants(answer: httpx.Response) -> set[str]:
    return {name for name in answer.headers if name.startswith("access-control-")}


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST"])
@pytest.mark.parametrize("path", ["/v1/departments", "/v1/authorizations", "/healthz", "/nothing"])
def test_closed_unless_set(server: str, method: str, path: str) -> None:
    headers = {"Origin": OURS, **(PREFLIGHT if method == "OPTIONS" else {})}
    assert grants(httpx.request(method, server + path, headers=headers, timeout=60)) == set()


def test_a_browser_may_ask_and_call(opened: str, secret: str) -> None:
    preflight = httpx.options(
        f"{opened}/v1/authorizations", headers={"Origin": OURS, **PREFLIGHT}, timeout=60
    )
    assert preflight.status_code == 200, preflight.text
    assert preflight.headers["access-control-allow-origin"] == OURS
    assert "POST" in preflight.headers["access-control-allow-methods"]
    allowed = preflight.headers["access-control-allow-headers"].lower()
    assert "idempotency-key" in allowed and "authorization" in allowed
    assert "access-control-allow-credentials" not in preflight.headers
    assert preflight.headers["x-request-id"]
    for path, status in (("/v1/departments", 200), ("/v1/cards/none", 404), ("/v1/nothing", 404)):
        answer = httpx.get(
            opened + path, headers={"Origin": OURS, "Authorization": f"Bearer {secret}"}, timeout=60
        )
        assert answer.status_code == status
        assert answer.headers["access-control-allow-origin"] == OURS
        assert set(answer.headers["access-control-expose-headers"].split(", ")) == set(EXPOSED)
        assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://app.example.com",
        "https://app.example.com:8443",
        "https://app.example.com.evil.example",
        "https://sub.app.example.com",
        "null",
        "",
    ],
)
def test_another_origin_is_given_nothing(opened: str, secret: str, origin: str) -> None:
    preflight = httpx.options(
        f"{opened}/v1/authorizations", headers={"Origin": origin, **PREFLIGHT}, timeout=60
    )
    assert (preflight.status_code, preflight.headers["allow"]) == (204, "POST, OPTIONS")
    answer = httpx.get(
        f"{opened}/v1/departments",
        headers={"Origin": origin, "Authorization": f"Bearer {secret}"},
        timeout=60,
    )
    for one in (preflight, answer):
        assert "access-control-allow-origin" not in one.headers


@pytest.mark.parametrize("method", ["TRACE", "get", "BREW", ""])
def test_a_preflight_for_no_method_is_an_options(opened: str, method: str) -> None:
    headers = {"Origin": OURS, "Access-Control-Request-Method": method}
    assert httpx.options(f"{opened}/v1/departments", headers=headers, timeout=60).status_code == 204


@pytest.mark.parametrize(
    "text",
    ["app.example.com", "https://app.example.com/", "https://a.example/x", "ftp://a.example", "null", ""],
)
def test_what_is_no_origin_is_refused_at_the_start(settings: ApiSettings, text: str) -> None:
    with pytest.raises(ValidationError, match="is no origin; write for example"):
        ApiSettings.model_validate({**settings.model_dump(), "api_cors_origins": [text]})
