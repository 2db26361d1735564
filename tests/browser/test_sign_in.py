"""Signing in and out."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from api.pages.sign_in import own_path
from tests.browser.conftest import TechCorp
from tests.browser.person import Person

Sit = Callable[..., Person]


def test_who_has_not_signed_in_comes_back_to_what_was_asked_for(person: Sit, techcorp: TechCorp) -> None:
    sitting = person(None)
    sitting.go("/cards?status=frozen")
    assert sitting.at() == "/sign-in"
    sitting.page.get_by_label("Your key").fill(techcorp.keys["carol"])
    sitting.page.get_by_role("button", name="Sign in").click()
    sitting.page.wait_for_url("**/cards?status=frozen")
    assert "sven" in sitting.main()


def test_a_link_signs_in_and_leaves_no_key_in_the_address(person: Sit, techcorp: TechCorp) -> None:
    sitting = person("carol")
    assert "sl_" not in sitting.page.url
    assert "Overview" in sitting.main()
    assert sitting.page.evaluate("document.cookie") == ""


def test_a_wrong_key_is_told_in_words(techcorp: TechCorp) -> None:
    headers = {"Sec-Fetch-Site": "same-origin"}
    for key in ("", "nonsense", "sl_aaaaaaaaaa_" + "A" * 43):
        answer = httpx.post(f"{techcorp.url}/sign-in", data={"key": key}, headers=headers)
        assert answer.status_code == 401, key
        assert "This key is not known" in answer.text
        assert "set-cookie" not in answer.headers


def test_signing_out_ends_it(person: Sit) -> None:
    sitting = person("carol")
    sitting.page.get_by_role("button", name="Sign out").click()
    sitting.page.wait_for_url("**/sign-in")
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
