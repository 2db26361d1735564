"""Signing in and out."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import httpx
import psycopg
import pytest

from api.access.keys import KEY_SCOPES, create_key
from api.access.roles import Role
from api.pages.route import own_path
from tests.api.people import NEW_PASSWORD, PASSWORD, member
from tests.browser.conftest import TechCorp
from tests.browser.person import Person

Sit = Callable[..., Person]


def test_who_has_not_signed_in_comes_back_to_what_was_asked_for(person: Sit, techcorp: TechCorp) -> None:
    sitting = person(None)
    sitting.go("/cards?status=frozen")
    assert sitting.at() == "/sign-in"
    email = member(techcorp.books.settings.postgres, techcorp.organization, Role.FINANCE_MANAGER)
    sitting.page.get_by_label("E-mail address").fill(email)
    sitting.page.get_by_label("Password").fill(PASSWORD)
    sitting.page.get_by_role("button", name="Sign in").click()
    sitting.page.wait_for_url("**/cards?status=frozen")
    assert "sven" in sitting.main()


def test_a_link_signs_in_once_and_leaves_nothing_in_the_address(person: Sit, techcorp: TechCorp) -> None:
    sitting = person("carol", fresh=True)
    assert "#" not in sitting.page.url
    assert "Overview" in sitting.main()
    assert sitting.page.evaluate("document.cookie") == ""


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({}, "do not belong together"),
        ({"email": "carol@techcorp.com", "password": "not hers at all"}, "do not belong together"),
        ({"email": "nobody@example.com", "password": PASSWORD}, "do not belong together"),
        ({"email": "' OR 1=1 --", "password": "<script>"}, "do not belong together"),
        ({"link": "A" * 43}, "This link is not known"),
    ],
)
def test_what_is_wrong_is_told_in_words(techcorp: TechCorp, told: dict[str, str], words: str) -> None:
    headers = {"Sec-Fetch-Site": "same-origin"}
    answer = httpx.post(f"{techcorp.url}/sign-in", data=told, headers=headers, timeout=60)
    assert answer.status_code == 401
    assert words in answer.text
    assert "<script>alert" not in answer.text
    assert "set-cookie" not in answer.headers


def test_a_link_is_good_once(techcorp: TechCorp) -> None:
    headers, told = {"Sec-Fetch-Site": "same-origin"}, {"link": techcorp.link("carol")}
    answers = [
        httpx.post(f"{techcorp.url}/sign-in", data=told, headers=headers, timeout=60) for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [303, 401]


def test_signing_out_ends_it(person: Sit) -> None:
    sitting = person("carol", fresh=True)
    sitting.page.get_by_role("button", name="Sign out").click()
    sitting.page.wait_for_url("**/sign-in")
    sitting.page.go_back()
    assert "Carol" not in sitting.page.content()
    sitting.go("/")
    assert sitting.at() == "/sign-in"


@pytest.mark.parametrize(
    ("wanted", "goes_to"),
    [
        ("/cards?status=frozen", "/cards?status=frozen"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/sign-out", "/"),
        ("/\nSet-Cookie: a=b", "/"),
        ("", "/"),
    ],
)
def test_only_own_paths_come_after_signing_in(wanted: str, goes_to: str) -> None:
    assert own_path(wanted) == goes_to


def handed_over(techcorp: TechCorp, path: str, body: dict[str, str] | None = None) -> str:
    """The path of a link that a program of the organization has made."""
    postgres, organization = techcorp.books.settings.postgres, techcorp.organization
    secret, _ = create_key(postgres, organization_id=organization, name="people", scopes=KEY_SCOPES)
    headers = {"Authorization": f"Bearer {secret}", "Idempotency-Key": uuid.uuid4().hex}
    answer = httpx.post(f"{techcorp.url}{path}", json=body, headers=headers, timeout=60)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["path"])


def test_an_invitation_is_accepted_on_its_page(person: Sit, techcorp: TechCorp) -> None:
    body = {"email": f"{uuid.uuid4().hex[:8]}@techcorp.com", "role": "auditor"}
    path = handed_over(techcorp, "/v1/invitations", body)
    told = {"token": path.partition("#")[2], "password": "password1234"}
    headers = {"Sec-Fetch-Site": "same-origin"}
    weak = httpx.post(f"{techcorp.url}/invitation", data=told, headers=headers, timeout=60)
    assert weak.status_code == 422 and "many people have" in weak.text
    sitting = person(None)
    sitting.go(path)
    assert "#" not in sitting.page.url
    assert sitting.serious() == [] and sitting.fits()
    sitting.page.get_by_label("Password").fill(NEW_PASSWORD)
    sitting.page.get_by_role("button", name="Accept").click()
    sitting.page.wait_for_url(f"{techcorp.url}/")
    assert "Overview" in sitting.main()
    again = httpx.post(
        f"{techcorp.url}/invitation", data={**told, "password": NEW_PASSWORD}, headers=headers, timeout=60
    )
    assert again.status_code == 401 and "is not known, was used" in again.text


def test_a_new_password_is_set_on_its_page(person: Sit, techcorp: TechCorp) -> None:
    postgres = techcorp.books.settings.postgres
    email = member(postgres, techcorp.organization, Role.EMPLOYEE)
    with psycopg.connect(postgres) as connection:
        row = connection.execute("SELECT person_id FROM person WHERE email = %s", [email]).fetchone()
    assert row is not None
    path = handed_over(techcorp, f"/v1/people/{row[0]}/password-resets")
    sitting = person(None)
    sitting.go(path)
    sitting.page.get_by_label("Password").fill(NEW_PASSWORD)
    sitting.page.get_by_role("button", name="Set it").click()
    sitting.page.wait_for_url("**/sign-in")
    sitting.page.get_by_label("E-mail address").fill(email)
    sitting.page.get_by_label("Password").fill(NEW_PASSWORD)
    sitting.page.get_by_role("button", name="Sign in").click()
    sitting.page.wait_for_url(f"{techcorp.url}/*")
    assert sitting.at() != "/sign-in"
