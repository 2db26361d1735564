"""People sign in, are who they are, and are gone when their session has ended."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pyotp
import pytest

from api.access.passwords import fault_of
from api.access.roles import Role
from api.api_settings import ApiSettings
from tests.api.people import COOKIE, PASSWORD, browser, member, sign_in, token_of
from tests.api.support import wait_until
from tests.patience import HUNG_S


@pytest.fixture
def carol(settings: ApiSettings, organization: str) -> str:
    return member(settings.postgres, organization, Role.FINANCE_MANAGER, departments=("sales",))


@pytest.fixture
def session(server: str, carol: str) -> Iterator[httpx.Client]:
    with sign_in(server, carol) as client:
        yield client


def test_who_signs_in_is_told_who_he_is_and_what_he_may_do(
    session: httpx.Client, carol: str, organization: str
) -> None:
    me = session.get("/v1/sessions/current").json()
    assert (me["email"], me["organization_id"], me["role"]) == (carol, organization, "finance_manager")
    assert me["departments"] == ["sales"]
    assert me["permissions"]["budgets:write"] == "departments"
    assert "people:write" not in me["permissions"]


def test_the_cookie_is_of_this_host_alone_and_no_script_reads_it(server: str, carol: str) -> None:
    with browser(server) as client:
        answer = client.post("/v1/sessions", json={"email": carol.upper(), "password": PASSWORD})
    name, *attributes = answer.headers["set-cookie"].split("; ")
    assert name.startswith(f"{COOKIE}=")
    assert {"HttpOnly", "Path=/", "SameSite=strict", "Secure"} <= set(attributes)
    assert not any(one.lower().startswith("domain") for one in attributes)
    assert token_of(answer) not in answer.text


def test_a_session_is_stored_as_its_hash_only(settings: ApiSettings, session: httpx.Client) -> None:
    token = session.headers["cookie"].partition("=")[2]
    with psycopg.connect(settings.postgres) as connection:
        rows = connection.execute("SELECT person_session::text FROM person_session").fetchall()
    assert rows
    assert all(token not in str(row) for row in rows)


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("carol", "wrong password, this one"),
        ("carol", PASSWORD.upper()),
        ("carol", PASSWORD + " "),
        ("nobody@example.com", PASSWORD),
        ("' OR 1=1 --", PASSWORD),
    ],
)
def test_a_wrong_password_and_an_unknown_person_get_one_answer(
    server: str, carol: str, email: str, password: str
) -> None:
    with browser(server) as client:
        body = {"email": carol if email == "carol" else email, "password": password}
        answer = client.post("/v1/sessions", json=body)
    assert (answer.status_code, answer.json()["code"]) == (401, "wrong_credentials")
    assert "set-cookie" not in answer.headers


def test_after_ten_wrong_passwords_the_right_one_has_to_wait_too(server: str, carol: str) -> None:
    with browser(server) as client:
        tries = [
            client.post("/v1/sessions", json={"email": carol, "password": f"wrong one, number {n}"})
            for n in range(10)
        ]
        assert {answer.status_code for answer in tries} == {401}
        answer = client.post("/v1/sessions", json={"email": carol, "password": PASSWORD})
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_attempts")
    assert 0 < int(answer.headers["retry-after"]) <= 900


@pytest.mark.parametrize("session_id", ["current", "by its id"])
def test_an_ended_session_opens_nothing(session: httpx.Client, session_id: str) -> None:
    (listed,) = session.get("/v1/sessions").json()["sessions"]
    assert listed["current"]
    name = "current" if session_id == "current" else listed["session_id"]
    assert session.delete(f"/v1/sessions/{name}").status_code == 204
    answer = session.get("/v1/sessions/current")
    assert (answer.status_code, answer.json()["code"]) == (401, "session_ended")


def test_a_session_elsewhere_is_ended_from_here_and_nobody_elses(
    server: str, settings: ApiSettings, organization: str, carol: str
) -> None:
    bob = member(settings.postgres, organization, Role.EMPLOYEE)
    with sign_in(server, carol) as here, sign_in(server, carol) as there, sign_in(server, bob) as other:
        theirs = there.get("/v1/sessions/current").json()["session_id"]
        assert other.delete(f"/v1/sessions/{theirs}").status_code == 404
        assert len(here.get("/v1/sessions").json()["sessions"]) == 2
        assert here.delete(f"/v1/sessions/{theirs}").status_code == 204
        assert there.get("/v1/sessions/current").status_code == 401
        assert here.get("/v1/sessions/current").status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        "expires_at = now()",
        "seen_at = now() - interval '61 minutes'",
        "ended_at = now()",
    ],
)
def test_a_session_ends_by_age_idleness_and_in_the_table_within_five_seconds(
    session: httpx.Client, settings: ApiSettings, carol: str, change: str
) -> None:
    assert session.get("/v1/sessions/current").status_code == 200
    with psycopg.connect(settings.postgres) as connection:
        connection.execute(
            f"UPDATE person_session SET {change} WHERE person_id = "
            "(SELECT person_id FROM person WHERE email = %s)",
            [carol],
        )
    started = time.monotonic()
    wait_until(lambda: session.get("/v1/sessions/current").status_code == 401, 60.0)
    assert time.monotonic() - started < HUNG_S


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "SELF"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {},
    ],
)
def test_what_another_site_sends_in_his_name_is_refused(
    session: httpx.Client, headers: dict[str, str]
) -> None:
    del session.headers["Sec-Fetch-Site"]
    own = f"http://{session.base_url.netloc.decode()}"
    sent = {name: own if value == "SELF" else value for name, value in headers.items()}
    answer = session.delete("/v1/sessions/current", headers=sent)
    assert (answer.status_code, answer.json()["code"]) == (403, "foreign_origin")
    assert session.get("/v1/sessions/current", headers=sent).status_code == 200  # reading is no act
    assert session.delete("/v1/sessions/current", headers={"Origin": own}).status_code == 204


def test_the_second_factor_is_asked_for_and_a_code_is_good_once(
    server: str, settings: ApiSettings, carol: str
) -> None:
    secret = pyotp.random_base32()
    with psycopg.connect(settings.postgres) as connection:
        connection.execute(
            "UPDATE person SET totp_secret = %s, totp_since = now() WHERE email = %s", [secret, carol]
        )
    with browser(server) as client:

        def post(code: str | None) -> tuple[int, Any]:
            body = {"email": carol, "password": PASSWORD, **({} if code is None else {"code": code})}
            answer = client.post("/v1/sessions", json=body)
            return answer.status_code, answer.json().get("code")

        code = pyotp.TOTP(secret).now()
        wrong = "000000" if code != "000000" else "111111"
        assert post(None) == (401, "code_required")
        assert post(wrong) == (401, "wrong_code")
        assert post(code)[0] == 201
        assert post(code) == (401, "wrong_code")


@pytest.mark.parametrize(
    ("password", "fault"),
    [
        ("short", "at least 12"),
        ("password1234", "many people"),
        ("Password123456", "many people"),
        ("qwertyuiop123", "many people"),
        ("aaaaaaaaaaaaaaaa", "many people"),
        ("alice@techcorp.com", "many people"),
        ("techcorp2026!", "many people"),
        ("x" * 201, "at most 200"),
        (PASSWORD, None),
        ("Übermäßig grüne Känguruhs", None),
    ],
)
def test_passwords_that_others_have_are_refused(password: str, fault: str | None) -> None:
    found = fault_of(password, "alice@techcorp.com", "Alice Techcorp")
    assert (found is None) if fault is None else (found is not None and fault in found)
