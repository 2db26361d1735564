"""When the client tries again: told what came, on a clock of its own, without a network."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from api.client.call import ApiAnswer, Call, at
from api.client.errors import (
    ChangedSince,
    ClientError,
    Conflict,
    Declined,
    FraudDetected,
    Invalid,
    KeyReused,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    NotReached,
    ProblemError,
    RateLimited,
    ServerError,
    ServiceUnavailable,
    Undecided,
    UnexpectedAnswer,
    problem_of,
)
from api.client.generated.shared import Money
from api.client.retries import WAIT_S_MAX, Tries, retry_after_s

READ: Call[dict[str, Any]] = Call("GET", "/v1/cards", dict[str, Any], reads=True)
WRITE: Call[dict[str, Any]] = Call("POST", "/v1/cards", dict[str, Any], body={}, key="k1")
UNKEYED: Call[dict[str, Any]] = Call("PATCH", "/v1/people/p", dict[str, Any], body={})


@dataclass
class Clock:
    now_s: float = 0.0

    def __call__(self) -> float:
        return self.now_s


def attempts(call: Call[Any], deadline_s: float = 30.0, clock: Clock | None = None) -> Tries[Any]:
    return Tries(call, deadline_s=deadline_s, try_s=10.0, clock=clock or Clock())


def problem(code: str, **members: Any) -> bytes:
    return json.dumps({"code": code, "detail": "so it is", **members}).encode()


@pytest.mark.parametrize(
    ("call", "status", "content", "again"),
    [
        (READ, 200, b"{}", False),
        (WRITE, 201, b"{}", False),
        (WRITE, 202, b'{"status":"pending"}', True),
        (WRITE, 409, problem("request_in_flight"), True),
        (READ, 429, problem("rate_limited"), True),
        (UNKEYED, 429, problem("rate_limited"), True),  # refused at the door: nothing was written
        (UNKEYED, 503, problem("log_unavailable"), True),
        (WRITE, 503, b"<html>gone</html>", True),
        (WRITE, 500, problem("internal_error"), True),
        (READ, 502, b"", True),
    ],
)
def test_what_is_tried_again(call: Call[Any], status: int, content: bytes, again: bool) -> None:
    found = attempts(call).answered(status, {}, content)
    assert isinstance(found, ApiAnswer) is not again


@pytest.mark.parametrize(
    ("call", "status", "content", "kind"),
    [
        (WRITE, 400, problem("malformed_json"), Invalid),
        (READ, 401, problem("unauthorized"), NotAuthenticated),
        (WRITE, 402, problem("declined"), Declined),
        (WRITE, 403, problem("fraud_detected"), FraudDetected),
        (WRITE, 403, problem("out_of_reach"), NotAllowed),
        (READ, 404, problem("unknown_card"), NotFound),
        (WRITE, 409, problem("card_exists"), Conflict),
        (WRITE, 412, problem("precondition_failed"), ChangedSince),
        (WRITE, 422, problem("idempotency_key_reused"), KeyReused),
        (WRITE, 422, problem("wrong_status"), Invalid),
        (UNKEYED, 500, problem("internal_error"), ServerError),  # it may have taken effect
        (READ, 418, b"[1]", ProblemError),
        (READ, 302, b"", UnexpectedAnswer),
        (READ, 200, b"[]", UnexpectedAnswer),
        (READ, 200, b"<html>", UnexpectedAnswer),
        (READ, 202, b"{}", Undecided),
    ],
)
def test_what_is_not_tried_again(call: Call[Any], status: int, content: bytes, kind: type) -> None:
    with pytest.raises(ClientError) as raised:
        attempts(call).answered(status, {}, content)
    assert type(raised.value) is kind


@pytest.mark.parametrize(
    ("status", "kind"), [(429, RateLimited), (503, ServiceUnavailable), (502, ServerError), (202, Undecided)]
)
def test_at_the_deadline_the_last_answer_is_raised(status: int, kind: type) -> None:
    clock = Clock()
    tries = attempts(WRITE, 3.0, clock)

    def go_on() -> None:
        while True:
            found = tries.answered(status, {"Retry-After": "1"}, b"{}")
            assert isinstance(found, float) and found >= 1.0
            clock.now_s += found

    with pytest.raises(kind) as raised:
        go_on()
    assert clock.now_s <= 3.0
    assert raised.value.__notes__ == [f"tried {tries.tries} times within 3 s"]
    assert tries.tries in (3, 4)


def test_a_wait_beyond_the_deadline_is_not_waited() -> None:
    with pytest.raises(RateLimited) as raised:
        attempts(WRITE, 30.0).answered(429, {"Retry-After": "31"}, problem("rate_limited"))
    assert raised.value.retry_after_s == 31.0


def test_waits_grow_and_are_never_the_same_for_all() -> None:
    for tries in range(1, 40):
        waits = set()
        for _ in range(20):
            one = attempts(READ, 1e6)
            one.tries = tries - 1
            waits.add(one.answered(503, {}, b"{}"))
        most = min(WAIT_S_MAX, 0.1 * 2 ** (tries - 1))
        assert all(isinstance(wait, float) and most / 2 <= wait <= most for wait in waits)
        assert len(waits) > 1


@pytest.mark.parametrize(
    ("call", "error", "again"),
    [
        (READ, httpx.ReadTimeout("late"), True),
        (READ, httpx.RemoteProtocolError("cut"), True),
        (WRITE, httpx.ReadError("cut"), True),
        (WRITE, httpx.WriteTimeout("late"), True),
        (UNKEYED, httpx.ConnectError("refused"), True),  # nothing was sent
        (UNKEYED, httpx.PoolTimeout("full"), True),
        (UNKEYED, httpx.ReadError("cut"), False),
        (UNKEYED, httpx.ReadTimeout("late"), False),
        (WRITE, httpx.UnsupportedProtocol("ftp"), False),
    ],
)
def test_a_broken_connection(call: Call[Any], error: httpx.TransportError, again: bool) -> None:
    tries = attempts(call)
    if again:
        assert tries.failed(error) > 0
        return
    with pytest.raises(NotReached) as raised:
        tries.failed(error)
    assert raised.value.__cause__ is error


def test_who_does_not_learn_what_became_of_a_write_learns_its_key() -> None:
    with pytest.raises(NotReached, match="same call with the key k1 tells") as raised:
        attempts(WRITE, 0.0).failed(httpx.ReadTimeout("late"))
    assert raised.value.key == "k1"
    with pytest.raises(Undecided) as undecided:
        attempts(WRITE, 0.0).answered(202, {"Location": "/v1/x"}, b'{"recorded":true}')
    assert (undecided.value.key, undecided.value.location) == ("k1", "/v1/x")
    assert undecided.value.body == {"recorded": True}


def test_who_does_not_want_to_wait_is_told_at_once() -> None:
    call: Call[Any] = Call("POST", "/v1/events", dict[str, Any], body={}, key="k", wait=0)
    with pytest.raises(Undecided):
        attempts(call).answered(202, {}, b"{}")
    assert call.headers(30.0)["Prefer"] == "wait=0"


@pytest.mark.parametrize(("left_s", "wait"), [(30.0, 2), (2.5, 2), (1.9, 1), (0.9, 0), (0.0, 0)])
def test_the_api_is_not_asked_to_wait_beyond_the_deadline(left_s: float, wait: int) -> None:
    clock = Clock()
    tries = attempts(WRITE, 30.0, clock)
    clock.now_s = 30.0 - left_s
    assert tries.headers()["Prefer"] == f"wait={wait}"
    assert "Prefer" not in attempts(READ).headers()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("2", 2.0), (" 7 ", 7.0), ("0", 0.0), ("", None), ("soon", None), ("-3", None), ("1.5", None)],
)
def test_retry_after_in_seconds(text: str, seconds: float | None) -> None:
    assert retry_after_s({"Retry-After": text}) == seconds


def test_retry_after_as_a_date() -> None:
    later = datetime.now(UTC) + timedelta(minutes=1)
    found = retry_after_s({"Retry-After": format_datetime(later, usegmt=True)})
    assert found is not None and 50 < found <= 60
    assert retry_after_s({"Retry-After": "Sat, 01 Jan 2000 00:00:00 GMT"}) == 0.0


def test_a_decline_has_its_numbers() -> None:
    told = {
        "code": "declined",
        "detail": "budget exceeded",
        "response_code": "61",
        "amount": {"minor": 70000, "currency": "USD"},
        "reasons": [{"code": "budget_exceeded", "message": "m", "limit": {"minor": 5, "currency": "USD"}}],
        "would_pass": {"now": {"minor": 5, "currency": "USD"}, "later": None, "message": "m"},
        "new_member": [1],
    }
    found = problem_of(402, json.dumps(told).encode(), None)
    assert isinstance(found, Declined)
    assert found.amount == Money(70000, "USD")
    assert found.reasons[0].limit == Money(5, "USD")
    assert found.would_pass is not None and found.would_pass.now == Money(5, "USD")
    assert found.members["new_member"] == [1]
    assert str(found) == "budget exceeded (402 declined)"


@pytest.mark.parametrize("reasons", ["x", [{"code": 1}], 7, [None]])
def test_reasons_of_another_version_are_left_in_members(reasons: Any) -> None:
    found = problem_of(402, json.dumps({"code": "declined", "reasons": reasons}).encode(), None)
    assert isinstance(found, Declined)
    assert (found.reasons, found.members["reasons"]) == ([], reasons)


@pytest.mark.parametrize(
    ("part", "path"),
    [("a/b", "a%2Fb"), ("a?b#c", "a%3Fb%23c"), ("ü", "%C3%BC"), ("{}", "%7B%7D"), ("a b%20", "a%20b%2520")],
)
def test_a_part_of_a_path_stays_one(part: str, path: str) -> None:
    assert at("/v1/cards/{}/freeze", part) == f"/v1/cards/{path}/freeze"


@pytest.mark.parametrize("part", ["", ".", ".."])
def test_a_part_that_names_another_resource_is_refused(part: str) -> None:
    with pytest.raises(ValueError, match="cannot name anything"):
        at("/v1/cards/{}", part)
