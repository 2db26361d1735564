"""Whatever is sent, the answer is a problem that says what is wrong, and never a 500."""

from __future__ import annotations

import json
import socket
import time
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from tests.api.conftest import budget_body, budget_path, payment_body
from tests.api.support import Views

JSON = {"Content-Type": "application/json", "Idempotency-Key": "bad"}
MINOR = ("amount", "minor")


def changed(path: tuple[str, ...], value: Any, body: dict[str, Any] | None = None) -> dict[str, Any]:
    body = json.loads(json.dumps(body or payment_body()))
    inner = body
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    return body


BAD_PAYMENTS: list[tuple[tuple[str, ...], Any, str]] = [
    (MINOR, 0, "greater_than"),
    (MINOR, -1, "greater_than"),
    (MINOR, 10**15 + 1, "less_than_equal"),
    (MINOR, 2**63, "less_than_equal"),
    (MINOR, 10**400, "less_than_equal"),
    (MINOR, 1.0, "int_type"),
    (MINOR, 1e300, "int_type"),
    (MINOR, "100", "int_type"),
    (MINOR, True, "int_type"),
    (MINOR, None, "int_type"),
    (MINOR, [1], "int_type"),
    (("amount", "currency"), "XXX", "value_error"),
    (("amount", "currency"), "XAU", "value_error"),
    (("amount", "currency"), "ZZZ", "value_error"),
    (("amount", "currency"), "usd", "string_pattern_mismatch"),
    (("amount", "currency"), "USD\n", "string_pattern_mismatch"),
    (("amount", "currency"), 840, "string_type"),
    (("amount", "rate"), 1, "extra_forbidden"),
    (("merchant_amount",), 100, "model_attributes_type"),
    (("rate",), 1.5, "string_type"),
    (("rate",), "1e9", "string_pattern_mismatch"),
    (("entry_mode",), "swipe", "literal_error"),
    (("partial_allowed",), 1, "bool_type"),
    (("on_timeout",), "approve", "literal_error"),
    (("merchant", "id"), "", "string_pattern_mismatch"),
    (("merchant", "id"), "a\x00", "string_pattern_mismatch"),
    (("merchant", "id"), "4" * 65, "string_pattern_mismatch"),
    (("department_id",), "", "string_pattern_mismatch"),
    (("department_id",), "a/b", "string_pattern_mismatch"),
    (("department_id",), "d" * 65, "string_pattern_mismatch"),
    (("department_id",), None, "string_type"),
    (("card_id",), "c" * 129, "string_too_long"),
    (("card_id",), "", "string_too_short"),
    (("card_id",), "4111 1111-1111 1111", "value_error"),
    (("authorization_id",), "a" * 129, "string_too_long"),
    (("authorization_id",), "", "string_too_short"),
    (("authorization_id",), "a\nb", "value_error"),
    (("merchant", "name"), "", "string_too_short"),
    (("merchant", "name"), "n" * 201, "string_too_long"),
    (("merchant", "name"), "a\x00b", "value_error"),
    (("merchant", "name"), "\x1b[2J", "value_error"),
    (("merchant", "name"), "Paid with 5555555555554444", "value_error"),
    (("merchant", "mcc"), "58", "string_pattern_mismatch"),
    (("merchant", "mcc"), "5814\n", "string_pattern_mismatch"),
    (("merchant", "country"), "usa", "string_pattern_mismatch"),
    (("merchant",), "Apple", "model_attributes_type"),
    (("cardholder",), "378282246310005", "value_error"),
    (("occurred_at",), "yesterday", "datetime_from_date_parsing"),
    (("occurred_at",), "2026-03-01T12:00:00", "value_error"),
    (("occurred_at",), 1_772_366_400, "value_error"),
    (("occurred_at",), "0001-01-01T00:00:00+14:00", "value_error"),
    (("occurred_at",), "9999-12-31T23:59:59-14:00", "value_error"),
    (("occurred_at",), "2026-02-30T00:00:00Z", "datetime_from_date_parsing"),
    (("unknown",), 1, "extra_forbidden"),
]


@pytest.mark.parametrize(("path", "value", "code"), BAD_PAYMENTS)
def test_a_bad_member_is_named(client: httpx.Client, path: tuple[str, ...], value: Any, code: str) -> None:
    answer = client.post("/v1/authorizations", json=changed(path, value), headers={"Idempotency-Key": "bad"})
    body = problem(answer, 422, "invalid_request")
    assert [(error["field"], error["code"]) for error in body["errors"]] == [
        (".".join(("body", *path)), code)
    ]


BAD_BODIES: list[tuple[bytes, int, str]] = [
    (b"", 400, "malformed_json"),
    (b"{", 400, "malformed_json"),
    (b"\xff\xfe{}", 400, "malformed_json"),
    (b'{"card_id": "\xff"}', 400, "malformed_json"),
    (b'{"amount": 1' + b"0" * 5000 + b"}", 400, "malformed_request"),
    (b"[" * 20_000, 400, "malformed_request"),
    (b"[]", 422, "invalid_request"),
    (b"null", 422, "invalid_request"),
    (b"NaN", 422, "invalid_request"),
    (b'"text"', 422, "invalid_request"),
    (json.dumps(changed(MINOR, float("nan"))).encode(), 422, "invalid_request"),
    (json.dumps(changed(MINOR, float("inf"))).encode(), 422, "invalid_request"),
    (json.dumps(changed(("merchant", "name"), "\ud800")).encode(), 422, "invalid_request"),
    (json.dumps({"\ud800": 1}).encode(), 422, "invalid_request"),
    (b" " * (64 * 1024 + 1), 413, "body_too_large"),
    (json.dumps(changed(("merchant", "name"), "n" * 70_000)).encode(), 413, "body_too_large"),
]


@pytest.mark.parametrize(("content", "status", "code"), BAD_BODIES, ids=range(len(BAD_BODIES)))
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_a_body_that_cannot_be_used_is_a_problem(
    client: httpx.Client, content: bytes, status: int, code: str, chunked: bool
) -> None:
    sent = iter([content[:100], content[100:]]) if chunked else content
    problem(client.post("/v1/authorizations", content=sent, headers=JSON), status, code)


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_a_body_of_another_kind_is_415(client: httpx.Client, media_type: str) -> None:
    answer = client.post("/v1/authorizations", content=b"{}", headers=JSON | {"Content-Type": media_type})
    problem(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize(
    ("key", "status", "code"),
    [
        (None, 400, "idempotency_key_missing"),
        ("", 422, "invalid_request"),
        ("k" * 256, 422, "invalid_request"),
        ("two words", 422, "invalid_request"),
        ("schl\u00fcssel", 422, "invalid_request"),
    ],
)
def test_the_idempotency_key_is_required_and_bounded(
    client: httpx.Client, organization: str, key: str | None, status: int, code: str
) -> None:
    headers = {} if key is None else {b"Idempotency-Key": key.encode("latin-1")}
    problem(client.post("/v1/authorizations", json=payment_body(), headers=headers), status, code)
    problem(client.put(budget_path(organization), json=budget_body(), headers=headers), status, code)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("limit", "minor"), -1),
        (("limit", "minor"), 0.5),
        (("limit", "currency"), "ABC"),
        (("name",), ""),
        (("name",), "\n"),
        (("time_zone",), "z" * 65),
        (("period",), "decade"),
        (("start_day",), 29),
        (("tolerance",), -1),
    ],
)
def test_a_bad_budget_is_named(
    client: httpx.Client, organization: str, path: tuple[str, ...], value: Any
) -> None:
    body = changed(path, value, budget_body())
    answer = client.put(budget_path(organization), json=body, headers={"Idempotency-Key": "bad"})
    assert problem(answer, 422, "invalid_request")["errors"][0]["field"] == ".".join(("body", *path))


def test_a_department_that_cannot_be_is_not_made(client: httpx.Client, organization: str) -> None:
    for department in ("a%20b", "%C3%A4", "-x", "d" * 65):
        answer = client.put(
            budget_path(organization, department), json=budget_body(), headers={"Idempotency-Key": "bad"}
        )
        assert problem(answer, 422, "invalid_request")["errors"][0]["field"] == "path.department_id"


@pytest.mark.parametrize(
    "period", ["26-01", "abc", "2026-", "2026-1-", "\u0662\u0660\u0662\u0666-01", "2026\n"]
)
def test_a_bad_period_is_named(client: httpx.Client, organization: str, period: str) -> None:
    answer = client.get(budget_path(organization), params={"period": period})
    assert problem(answer, 422, "invalid_request")["errors"][0]["field"] == "query.period"


@pytest.mark.parametrize("period", ["2026", "2026-13", "2026-00", "2026-W07", "2026-Q1", "lifetime"])
def test_a_period_of_another_calendar_is_named(
    client: httpx.Client, views: Views, organization: str, period: str
) -> None:
    views.budget(organization, "engineering", 100)
    answer = client.get(budget_path(organization), params={"period": period})
    [error] = problem(answer, 422, "invalid_request")["errors"]
    assert (error["field"], error["code"]) == ("query.period", "wrong_calendar")


def test_paths_and_methods_that_are_not_there(client: httpx.Client) -> None:
    for path in ("/nowhere", "/v1", "/v1/authorizations/", "/%ff", "/v1/%f0%28"):
        problem(client.get(path), 404, "no_such_resource")
    answer = client.delete("/v1/authorizations")
    problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "POST, OPTIONS"


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert (answer.status_code, answer.json().get("code")) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert {"type", "title", "status", "detail", "instance", "request_id"} <= body.keys()
    assert body["request_id"] == answer.headers["x-request-id"]
    return body


def test_who_goes_away_while_he_sends_is_no_defect(server: str) -> None:
    """Half a body, then nothing: at once, and after a refusal that was not waited for."""
    host, _, port = server.removeprefix("http://").partition(":")
    heads = (
        b"Content-Length: 500\r\n\r\n{",
        b"Content-Length: 65536\r\n\r\n" + b" " * 9_000,
        b'Transfer-Encoding: chunked\r\n\r\n5\r\n{"a":\r\n',
        b"Transfer-Encoding: chunked\r\n\r\n11170\r\n" + b"n" * 70_000,
        b"Content-Length: 500\r\nExpect: 100-continue\r\n\r\n",
    )
    with capture_logs() as logs:
        for head in heads:
            with socket.create_connection((host, int(port)), timeout=60) as gone:
                start = b"POST /v1/sessions HTTP/1.1\r\nHost: api\r\nContent-Type: application/json\r\n"
                gone.sendall(start + head)
        assert httpx.get(f"{server}/healthz", timeout=60).status_code == 200
        time.sleep(0.2)
    assert [line["event"] for line in logs if line["event"] == "unexpected_error"] == []
