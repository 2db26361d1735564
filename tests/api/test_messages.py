"""What a caller is told: what was found, where, and what would be right. Word for word."""

from __future__ import annotations

import gzip
import json
from typing import Any

import httpx
import pytest

from tests.api.conftest import payment_body

BODY = json.dumps(payment_body()).encode()
HOW = "Send your API key as `Authorization: Bearer sl_...`."
KEY = "sl_aaaaaaaaaa_" + "A" * 43


def test_the_table_of_messages(client: httpx.Client, server: str) -> None:
    """One server, one after the other: what differs is shown all at once."""
    wrong = []
    for sent, status, code, detail in [*IDEMPOTENCY_KEYS, *BODIES, *PLACES, *HEADERS]:
        answer = client.request(**sent)
        if found := _differs(answer, status, code, detail):
            wrong.append(f"{sent}\n  {found}")
    for sent, status, code, detail in KEYS:
        answer = httpx.request(**{**sent, "url": server + sent["url"]})
        if found := _differs(answer, status, code, detail):
            wrong.append(f"{sent}\n  {found}")
    assert not wrong, "\n".join(wrong)


def _differs(answer: httpx.Response, status: int, code: str, detail: str) -> str | None:
    body = answer.json() if answer.content else {}
    found = (answer.status_code, body.get("code"), body.get("detail"))
    return None if found == (status, code, detail) else f"{found}"


Case = tuple[dict[str, Any], int, str, str]


def post(content: bytes = BODY, *, path: str = "/v1/authorizations", **headers: str | bytes | None) -> Any:
    """A request that is good but for what is given. None takes a header away."""
    given: dict[str, str | bytes | None] = {
        "content_type": "application/json",
        "idempotency_key": "k",
        **headers,
    }
    named = {
        name.replace("_", "-"): value.encode() if isinstance(value, str) else value
        for name, value in given.items()
        if value is not None
    }
    return {"method": "POST", "url": path, "content": content, "headers": list(named.items())}


def key(text: str | bytes | None) -> Any:
    return post(idempotency_key=text)


A_KEY = "a key has 1 to 255 visible ASCII characters, for example a UUID"
NOT = "Not as it must be: header.idempotency-key:"
IDEMPOTENCY_KEYS: list[Case] = [
    (
        key(None), 400, "idempotency_key_missing",
        "The header Idempotency-Key is required here: your name for this request, for example a UUID.",
    ),
    (key(""), 422, "invalid_request", f"{NOT} is empty; {A_KEY}."),
    (key("two words"), 422, "invalid_request", f"{NOT} has a space at character 4; {A_KEY}."),
    (key("k" * 256), 422, "invalid_request", f"{NOT} has 256 characters; {A_KEY}."),
    (
        key("schlüssel".encode()), 422, "invalid_request",
        f"{NOT} has the byte 0xC3, which is no visible ASCII, at character 5; {A_KEY}.",
    ),
    (
        key("schlüssel".encode("latin-1")), 422, "invalid_request",
        f"{NOT} has the byte 0xFC, which is no visible ASCII, at character 5; {A_KEY}.",
    ),
    (
        key("a\tb"), 422, "invalid_request",
        f"{NOT} has the byte 0x09, which is no visible ASCII, at character 2; {A_KEY}.",
    ),
]  # fmt: skip

EMPTY = "The body is empty; it must be a JSON object."
NO_UTF8 = "JSON is sent in UTF-8, not in Latin-1 or another encoding."
DEEP = "The body cannot be parsed: it is nested too deeply, or has a number of thousands of digits."
OBJECT = "Not as it must be: body: must be an object, and is"
LATIN = json.dumps(payment_body(cardholder="José"), ensure_ascii=False)
BODIES: list[Case] = [
    (post(b""), 400, "malformed_json", EMPTY),
    (post(b" \n"), 400, "malformed_json", EMPTY),
    (post(b"", path="/v1/events"), 400, "malformed_json", EMPTY),
    (
        post(LATIN.encode("latin-1")), 400, "malformed_json",
        f"The body is not UTF-8: byte 0xE9 at offset {LATIN.index('é')}. {NO_UTF8}",
    ),
    (
        post(b'{"type": "\xff"}', path="/v1/events"), 400, "malformed_json",
        f"The body is not UTF-8: byte 0xFF at offset 10. {NO_UTF8}",
    ),
    (
        post(BODY.decode().encode("utf-8-sig")), 400, "malformed_json",
        "The body begins with a UTF-8 byte order mark (EF BB BF); send it without.",
    ),
    (
        post(BODY.decode().encode("utf-16")), 400, "malformed_json",
        "The body begins with a UTF-16 byte order mark (FF FE); send UTF-8.",
    ),
    (
        post(b"\xfe\xff" + BODY.decode().encode("utf-16-be")), 400, "malformed_json",
        "The body begins with a UTF-16 byte order mark (FE FF); send UTF-8.",
    ),
    (
        post(BODY.decode().encode("utf-16-le")), 400, "malformed_json",
        "The body is UTF-16 or UTF-32 (it has NUL bytes); JSON is sent in UTF-8.",
    ),
    (
        post(BODY.decode().encode("utf-32")), 400, "malformed_json",
        "The body begins with a UTF-32 byte order mark; send UTF-8.",
    ),
    (
        post(b'{"card_id": x}'), 400, "malformed_json",
        "The body is not JSON: Expecting value, at character 12.",
    ),
    (post(b"[" * 20_000), 400, "malformed_request", DEEP),
    (post(b"[]"), 422, "invalid_request", f"{OBJECT} an array."),
    (post(b"null"), 422, "invalid_request", f"{OBJECT} null."),
    (post(b'"text"'), 422, "invalid_request", f"{OBJECT} a string."),
    (post(b"7"), 422, "invalid_request", f"{OBJECT} a number."),
    (
        post(gzip.compress(BODY, mtime=0), content_encoding="gzip"), 415, "unsupported_content_encoding",
        "The body comes with Content-Encoding gzip; send it without, as plain JSON.",
    ),
    (
        post(content_encoding="br"), 415, "unsupported_content_encoding",
        "The body comes with Content-Encoding br; send it without, as plain JSON.",
    ),
    (
        post(content_type="text/plain"), 415, "unsupported_media_type",
        "The body was sent as text/plain; send it as `application/json`.",
    ),
    (
        post(content_type=None), 415, "unsupported_media_type",
        "The body was sent without a Content-Type; send it as `application/json`.",
    ),
    (
        post(content_type="application/json; charset=ISO-8859-1"), 415, "unsupported_media_type",
        "The body was sent in iso-8859-1; JSON is sent in UTF-8.",
    ),
]  # fmt: skip

LIST = "GET /openapi.json lists all paths."


def get(path: str, method: str = "GET", **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return {"method": method, "url": path, "headers": named}


def nothing(meant: str | None) -> str:
    return f"There is nothing at this path. {f'Did you mean {meant}?' if meant else LIST}"


DEPARTMENT = "/v1/organizations/{organization_id}/departments/{department_id}"
PLACES: list[Case] = [
    (get("/v1/authorization"), 404, "no_such_resource", nothing("/v1/authorizations")),
    (get("/v1/authorisations/a1"), 404, "no_such_resource", nothing("/v1/authorizations/{authorization_id}")),
    (get("/v1/event"), 404, "no_such_resource", nothing("/v1/events")),
    (get("/authorizations"), 404, "no_such_resource", nothing("/v1/authorizations")),
    (
        get("/v1/organizations/a/departments/b/budge"), 404, "no_such_resource",
        nothing(f"{DEPARTMENT}/budget"),
    ),
    (
        get("/v1/organizations/a/department/b/cards/c"), 404, "no_such_resource",
        nothing(f"{DEPARTMENT}/cards/{{card_id}}"),
    ),
    (get("/healthy"), 404, "no_such_resource", nothing("/healthz")),
    (get("/favicon.ico"), 404, "no_such_resource", nothing(None)),
    (get("/" + "x" * 5_000), 404, "no_such_resource", nothing(None)),
    (
        get("/v1/authorizations", "DELETE"), 405, "method_not_allowed",
        "There is no DELETE at this path; it knows POST, OPTIONS.",
    ),
    (
        get("/v1/authorizations"), 405, "method_not_allowed",
        "There is no GET at this path; it knows POST, OPTIONS.",
    ),
    (
        get("/v1/organizations/a/departments/b/budget", "PATCH"), 405, "method_not_allowed",
        "There is no PATCH at this path; it knows GET, HEAD, PUT, OPTIONS.",
    ),
    (
        get("/healthz", "POST"), 405, "method_not_allowed",
        "There is no POST at this path; it knows GET, HEAD, OPTIONS.",
    ),
]  # fmt: skip

POSITION = "is not a log position; it reads partition:seq, for example 3:1042."
HEADERS: list[Case] = [
    (
        get("/v1/authorizations/a", spendlog_position="latest"), 400, "malformed_position",
        f"header.spendlog-position: 'latest' {POSITION}",
    ),
    (
        get("/v1/authorizations/a?position=3-7"), 400, "malformed_position",
        f"query.position: '3-7' {POSITION}",
    ),
    (
        get("/v1/authorizations/a?position=-1:7"), 400, "malformed_position",
        f"query.position: '-1:7' {POSITION}",
    ),
    (
        get("/v1/authorizations/a?positon=3:7"), 422, "invalid_request",
        "Not as it must be: query.positon: is not known here; known is position.",
    ),
    (
        get("/v1/authorizations/a?limit=1"), 422, "invalid_request",
        "Not as it must be: query.limit: is not known here; known is department_id, position.",
    ),
    (
        get("/v1/authorizations/a?position=0:0&position=0:1"), 422, "invalid_request",
        "Not as it must be: query.position: stands twice; send it once.",
    ),
    (
        post(path="/v1/authorizations?wait=2"), 422, "invalid_request",
        "Not as it must be: query.wait: is not known here; known is none at all.",
    ),
    *[
        (
            {**post(), "headers": [*post()["headers"], (name, value)]}, 400, "repeated_header",
            f"The header {name} stands twice; send it once.",
        )
        for name, value in (
            ("Idempotency-Key", b"other"), ("Idempotency-Key", b"k"), ("Content-Type", b"application/json"),
        )
    ],
    (
        {"method": "GET", "url": "/v1/authorizations/a",
         "headers": [("Spendlog-Position", "0:0"), ("spendlog-position", "0:1")]},
        400, "repeated_header", "The header Spendlog-Position stands twice; send it once.",
    ),
    # RFC 7240: a preference that cannot be read is ignored.
    (
        get("/v1/authorizations/a", prefer="wait=soon"), 404, "unknown_authorization",
        "There is no such authorization.",
    ),
]  # fmt: skip

READ = "/v1/authorizations/a"
KEYS: list[Case] = [
    (
        {"method": "GET", "url": READ,
         "headers": [("Authorization", "Bearer x"), ("Authorization", f"Bearer {KEY}")]},
        400, "repeated_header", "The header Authorization stands twice; send it once.",
    ),
    (get(READ), 401, "missing_api_key", f"There is no API key. {HOW}"),
    (get(READ, authorization="Bearer"), 401, "missing_api_key", f"There is no API key. {HOW}"),
    (get(READ, authorization=KEY), 401, "missing_api_key", f"`Bearer ` is missing before the key. {HOW}"),
    (
        get(f"{READ}?api_key={KEY}"), 401, "missing_api_key",
        f"The key is in the query, where logs and histories keep it: revoke it, and use another. {HOW}",
    ),
    (
        get(READ, authorization="Basic dXNlcjpwYXNz"), 401, "invalid_api_key",
        f"The scheme Basic is not known here. {HOW}",
    ),
    (
        get(READ, authorization=f"{KEY} x"), 401, "invalid_api_key", f"The scheme is not known here. {HOW}",
    ),
    (
        get(READ, authorization="Bearer secret"), 401, "invalid_api_key",
        "This is no API key: one reads `sl_`, 10 letters and digits, `_`, and 43 characters more.",
    ),
    (
        get(READ, authorization=f"Bearer {KEY}"), 401, "invalid_api_key",
        "The API key is not known, has expired, or was revoked.",
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    "path", ["/healthz", "/readyz", "/metrics", "/docs", "/openapi.json", "/v1/authorizations/a"]
)
def test_head_is_get_without_its_body(client: httpx.Client, path: str) -> None:
    get, head = client.get(path), client.head(path)
    assert (head.status_code, head.content) == (get.status_code, b"")
    assert head.headers["content-type"] == get.headers["content-type"]
    if path not in ("/metrics", "/v1/authorizations/a"):  # which differ each time
        assert head.headers["content-length"] == get.headers["content-length"]
    assert client.get(path).status_code == get.status_code, "the connection goes on"


@pytest.mark.parametrize(
    ("path", "allow"),
    [
        ("/healthz", "GET, HEAD, OPTIONS"),
        ("/v1/authorizations", "POST, OPTIONS"),
        ("/v1/authorizations/a%2Fb", "GET, HEAD, OPTIONS"),
        ("/v1/organizations/a/departments/b/budget", "GET, HEAD, PUT, OPTIONS"),
        ("/v1/organizations/a/policies", "GET, HEAD, POST, OPTIONS"),
    ],
)
def test_options_tells_what_a_path_knows_without_a_key(server: str, path: str, allow: str) -> None:
    answer = httpx.options(server + path, timeout=60)
    assert (answer.status_code, answer.headers["allow"], answer.content) == (204, allow, b"")
    assert httpx.options(f"{server}/nowhere", timeout=60).json()["code"] == "no_such_resource"
