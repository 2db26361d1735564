"""An authenticator is enrolled with the password, turned on by a code, and each code is good once."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import httpx
import psycopg
import pyotp
import pytest

from api.access.membership import sign_in_link
from api.access.roles import Role
from api.api_settings import ApiSettings
from tests.api.people import COOKIE, PASSWORD, accepted, browser, invited, member, person, sign_in

WHERE = "/v1/account/second-factor"


@pytest.fixture
def email(settings: ApiSettings, organization: str) -> str:
    return member(settings.postgres, organization, Role.EMPLOYEE)


@pytest.fixture
def session(server: str, email: str) -> Iterator[httpx.Client]:
    with sign_in(server, email) as client:
        yield client


def enrolled(session: httpx.Client) -> tuple[pyotp.TOTP, list[str]]:
    """The authenticator, and the recovery codes; the code before this one turned it on."""
    offer = session.post(WHERE, json={"password": PASSWORD})
    assert offer.status_code == 201, offer.text
    totp = pyotp.TOTP(offer.json()["secret"])
    done = session.put(WHERE, json={"code": totp.at(int(time.time()) - 30)})
    assert done.status_code == 200, done.text
    return totp, done.json()["recovery_codes"]


def signed(server: str, email: str, code: str | None = None) -> tuple[int, str | None]:
    body = {"email": email, "password": PASSWORD} | ({} if code is None else {"code": code})
    with browser(server) as client:
        answer = client.post("/v1/sessions", json=body)
    return answer.status_code, answer.json().get("code")


def test_it_is_on_when_a_code_was_sent_and_not_before(
    server: str, session: httpx.Client, email: str, settings: ApiSettings
) -> None:
    offer = session.post(WHERE, json={"password": PASSWORD}).json()
    assert pyotp.parse_uri(offer["uri"]).secret == offer["secret"]
    drawn = ElementTree.fromstring(offer["qr_svg"])
    assert drawn.tag.endswith("svg") and "script" not in offer["qr_svg"] and "style=" not in offer["qr_svg"]
    assert signed(server, email)[0] == 201
    totp = pyotp.TOTP(offer["secret"])
    wrong = "000000" if totp.now() != "000000" else "111111"
    assert session.put(WHERE, json={"code": wrong}).json()["code"] == "wrong_code"
    assert not session.get("/v1/sessions/current").json()["second_factor"]
    code = totp.now()
    codes = session.put(WHERE, json={"code": code}).json()["recovery_codes"]
    assert len(set(codes)) == 10 and all(re.fullmatch("[0-9a-f]{16}-[0-9a-f]{16}", one) for one in codes)
    assert session.get("/v1/sessions/current").json()["second_factor"]
    assert signed(server, email) == (401, "code_required")
    assert signed(server, email, code) == (401, "wrong_code")  # it turned it on, and is used up
    with psycopg.connect(settings.postgres) as connection:
        stored = str(connection.execute("SELECT recovery_sha256::text FROM person").fetchall())
    assert not any(one in stored for one in codes)


def test_a_recovery_code_is_good_once_in_place_of_a_code(
    server: str, session: httpx.Client, email: str
) -> None:
    _, codes = enrolled(session)
    assert signed(server, email, codes[3].upper())[0] == 201
    assert signed(server, email, codes[3]) == (401, "wrong_code")
    assert signed(server, email, codes[4])[0] == 201


def test_new_recovery_codes_take_the_place_of_those_before(
    server: str, session: httpx.Client, email: str
) -> None:
    totp, codes = enrolled(session)
    body = {"password": PASSWORD, "code": totp.now()}
    renewed = session.post(f"{WHERE}/recovery-codes", json=body)
    assert renewed.status_code == 201, renewed.text
    assert session.post(f"{WHERE}/recovery-codes", json=body).json()["code"] == "wrong_code"
    assert signed(server, email, codes[0]) == (401, "wrong_code")
    assert signed(server, email, renewed.json()["recovery_codes"][0])[0] == 201


@pytest.mark.parametrize("by", ["code", "recovery code"])
def test_it_is_turned_off_with_the_password_and_a_code(
    server: str, session: httpx.Client, email: str, by: str
) -> None:
    totp, codes = enrolled(session)
    code = totp.now() if by == "code" else codes[0]
    for body, fault in (
        ({"password": "not the right one", "code": code}, "wrong_credentials"),
        ({"password": PASSWORD, "code": "not a code"}, "wrong_code"),
    ):
        assert session.post(f"{WHERE}/removal", json=body).json()["code"] == fault
    done = session.post(f"{WHERE}/removal", json={"password": PASSWORD, "code": code})
    assert done.status_code == 204, done.text
    assert signed(server, email)[0] == 201
    again = session.post(f"{WHERE}/removal", json={"password": PASSWORD, "code": codes[1]})
    assert again.json()["code"] == "second_factor_off"


def test_one_that_is_on_is_not_replaced(session: httpx.Client) -> None:
    totp, _ = enrolled(session)
    assert session.post(WHERE, json={"password": PASSWORD}).json()["code"] == "second_factor_on"
    assert session.put(WHERE, json={"code": totp.now()}).json()["code"] == "second_factor_on"


def test_nothing_begins_without_the_password_or_the_beginning(session: httpx.Client) -> None:
    assert session.post(WHERE, json={"password": "not the right one"}).json()["code"] == "wrong_credentials"
    assert session.put(WHERE, json={"code": "123456"}).json()["code"] == "second_factor_off"


def test_codes_are_not_tried_without_end(session: httpx.Client) -> None:
    session.post(WHERE, json={"password": PASSWORD})
    codes = [session.put(WHERE, json={"code": "no code"}).json()["code"] for _ in range(11)]
    assert codes[0] == "wrong_code" and codes[-1] == "too_many_attempts"


def test_an_admin_resets_it_for_who_belongs_here_alone(
    server: str, settings: ApiSettings, session: httpx.Client, email: str, organization: str
) -> None:
    enrolled(session)
    with sign_in(server, member(settings.postgres, organization, Role.ORG_ADMIN)) as admin:
        where = f"/v1/people/{person(admin, email)['person_id']}/second-factor"
        assert admin.delete(where).status_code == 204
        assert signed(server, email)[0] == 201
        assert admin.delete(where).json()["code"] == "second_factor_off"
        (record, *_) = admin.get("/v1/audit", params={"resource": where}).json()["records"]
        assert (record["action"], record["after"]) == ("reset_second_factor", {"status": "off"})
    with sign_in(server, member(settings.postgres, f"{organization}-b", Role.ORG_ADMIN)) as other:
        enrolled(session)
        token: Any = invited(other, email).json()["token"]
        assert accepted(server, token, PASSWORD).json()["code"] == "code_required"
        assert other.delete(where).json()["code"] == "unknown_person"


# -- in a browser, in two steps


def test_a_browser_gives_the_password_once_and_then_the_code(
    server: str, settings: ApiSettings, organization: str
) -> None:
    """No step is skipped: what waits for a code is good once, and for that alone."""
    email = member(settings.postgres, organization, Role.EMPLOYEE)
    secret = pyotp.random_base32()
    with psycopg.connect(settings.postgres) as connection:
        connection.execute(
            "UPDATE person SET totp_secret = %s, totp_since = now() WHERE email = %s", [secret, email]
        )
    with browser(server) as client:

        def asks(password: str) -> httpx.Response:
            return client.post("/sign-in", data={"email": email, "password": password, "next": "/cards"})

        def gives(waiting: str, code: str) -> httpx.Response:
            return client.post("/sign-in/code", data={"waiting": waiting, "code": code})

        wrong = asks("not his password at all")
        assert wrong.status_code == 401 and 'name="waiting"' not in wrong.text
        for waiting in ("", "A" * 43, "\x00"):
            assert "sign in again" in gives(waiting, pyotp.TOTP(secret).now()).text
        asked = asks(PASSWORD)
        assert asked.status_code == 401 and "set-cookie" not in asked.headers
        assert 'name="password"' not in asked.text
        again = gives(_waiting(asked), "000000")
        assert again.status_code == 401 and "The code is wrong" in again.text
        assert "sign in again" in gives(_waiting(asked), pyotp.TOTP(secret).now()).text
        empty = gives(_waiting(again), "")
        assert empty.status_code == 401
        done = gives(_waiting(empty), pyotp.TOTP(secret).now())
        assert (done.status_code, done.headers["location"]) == (303, "/cards")
        assert COOKIE in done.headers["set-cookie"]


def _waiting(answer: httpx.Response) -> str:
    return answer.text.partition('name="waiting" value="')[2].partition('"')[0]


def test_a_link_waits_for_the_code(server: str, settings: ApiSettings, organization: str) -> None:
    """A code that is missing or wrong does not use it up."""
    email = member(settings.postgres, organization, Role.EMPLOYEE)
    secret, link = pyotp.random_base32(), sign_in_link(settings.postgres, email=email)
    with psycopg.connect(settings.postgres) as connection:
        connection.execute(
            "UPDATE person SET totp_secret = %s, totp_since = now() WHERE email = %s", [secret, email]
        )
    with browser(server) as client:
        for code in ("", "000000"):
            asked = client.post("/sign-in", data={"link": link, "code": code})
            assert asked.status_code == 401 and f'name="link" value="{link}"' in asked.text
        body = {"link": link, "code": pyotp.TOTP(secret).now()}
        assert client.post("/sign-in", data=body).status_code == 303
        assert client.post("/sign-in", data=body).status_code == 401
