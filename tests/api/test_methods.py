"""HEAD is GET without its body, and OPTIONS says what a path knows: everywhere."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from api.access.keys import KEY_SCOPES, create_key
from api.api_settings import ApiSettings
from api.app import create_app

#: Of the moment, or of the request.
VARYING = {"date", "x-request-id", "ratelimit", "content-length", "transfer-encoding"}
#: What has no end is asked for what is refused.
ENDLESS = {"Last-Event-ID": "-"}


@pytest.fixture(scope="module")
def paths(settings: ApiSettings) -> dict[str, Any]:
    found: dict[str, Any] = create_app(settings).openapi()["paths"]
    return found


@pytest.fixture
def asking(client: httpx.Client, settings: ApiSettings, organization: str, engineering: str) -> httpx.Client:
    """With every scope, in an organization that has a department."""
    secret, _ = create_key(settings.postgres, organization_id=organization, name="all", scopes=KEY_SCOPES)
    client.headers.update({"Authorization": f"Bearer {secret}", "Accept": "application/json"})
    return client


def at(template: str, organization: str) -> str:
    known = {"organization_id": organization, "department_id": "engineering"}
    return re.sub(r"\{(\w+)[^}]*\}", lambda found: known.get(found[1], f"{found[1]}-none"), template)


def test_head_is_get_without_a_body(paths: dict[str, Any], asking: httpx.Client, organization: str) -> None:
    """The same status, the same headers, no byte of a body, and the connection goes on."""
    reads = [path for path, methods in paths.items() if "get" in methods]
    assert len(reads) > 30
    for path in reads:
        url = at(path, organization)
        get = asking.get(url, headers=ENDLESS)
        head = asking.head(url, headers=ENDLESS)
        if 503 in (get.status_code, head.status_code):
            continue  # a view that is late now
        assert (head.status_code, head.content) == (get.status_code, b""), path
        kept = [{name for name in one.headers if name not in VARYING} for one in (get, head)]
        assert kept[0] == kept[1], path
        assert head.headers["content-type"] == get.headers["content-type"], path


def test_options_names_the_methods_of_every_path(
    paths: dict[str, Any], server: str, organization: str
) -> None:
    """Without a key, as the description is open to all."""
    with httpx.Client(base_url=server, timeout=10) as client:
        for path, methods in paths.items():
            answer = client.options(at(path, organization))
            assert (answer.status_code, answer.content) == (204, b""), path
            allowed = set(answer.headers["allow"].split(", "))
            assert allowed >= {method.upper() for method in methods} | {"OPTIONS"}, path
            assert ("HEAD" in allowed) == ("GET" in allowed), path
            wrong = client.request("PATCH" if "PATCH" not in allowed else "PUT", at(path, organization))
            assert wrong.status_code == 405, path
            assert wrong.headers["allow"] == answer.headers["allow"], path
        assert client.options("/v1/nothing").status_code == 404


def test_a_head_of_a_stream_ends(asking: httpx.Client) -> None:
    answer = asking.head("/v1/feed", timeout=5)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert asking.get("/healthz").status_code == 200
