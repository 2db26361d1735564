"""Somebody of two organizations: asked which one when he signs in, and going over from one to the other."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import httpx
import psycopg
import pytest
from playwright.sync_api import expect

from api.access.membership import sign_in_link
from api.access.roles import Role
from tests.api.people import PASSWORD, member
from tests.browser.conftest import TechCorp
from tests.browser.person import PHONE, Person

Sit = Callable[..., Person]
OWN = {"Sec-Fetch-Site": "same-origin"}


def of_both(techcorp: TechCorp) -> tuple[str, str]:
    """The e-mail address of somebody in TechCorp and in another organization, and that one's id."""
    postgres, other = techcorp.books.settings.postgres, f"acme-{uuid.uuid4().hex[:8]}"
    email = member(postgres, techcorp.organization, Role.FINANCE_MANAGER)
    return member(postgres, other, Role.AUDITOR, email=email), other


def sign_in_by_hand(sitting: Person, email: str) -> None:
    sitting.page.get_by_label("E-mail address").fill(email)
    sitting.page.get_by_label("Password").fill(PASSWORD)
    sitting.page.get_by_role("button", name="Sign in", exact=True).click()


def test_who_belongs_to_two_is_asked_which_and_can_go_over(person: Sit, techcorp: TechCorp) -> None:
    email, other = of_both(techcorp)
    sitting = person(None, size=PHONE)
    page = sitting.page
    sitting.go("/cards?status=frozen")
    sign_in_by_hand(sitting, email)
    page.get_by_role("heading", name="Which organization?").wait_for()
    assert sitting.fits() and sitting.serious() == []
    page.get_by_role("button", name=techcorp.organization).click()
    page.wait_for_url("**/cards?status=frozen")
    assert "sven" in sitting.main()
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("link", name="Go to another organization").click()
    expect(page.get_by_text("You are here")).to_be_visible()
    assert sitting.fits() and sitting.serious() == []
    page.get_by_role("button", name=f"Go over to {other}").click()
    page.wait_for_url(f"{techcorp.url}/")
    assert other in sitting.main() and techcorp.organization not in page.content()
    sitting.go("/account")  # the session before has ended
    assert page.get_by_role("row", name="This one").count() == 1


def test_who_belongs_to_one_is_asked_nothing(person: Sit, techcorp: TechCorp) -> None:
    email = member(techcorp.books.settings.postgres, techcorp.organization, Role.FINANCE_MANAGER)
    sitting = person(None)
    sitting.go("/sign-in")
    sign_in_by_hand(sitting, email)
    sitting.page.wait_for_url(f"{techcorp.url}/")
    assert sitting.page.get_by_role("link", name="Go to another organization").count() == 0


def test_a_link_of_one_organization_opens_no_other(person: Sit, techcorp: TechCorp) -> None:
    """Whoever may make links in one of them would come into the other by it."""
    email, other = of_both(techcorp)
    token = sign_in_link(techcorp.books.settings.postgres, email=email, organization_id=techcorp.organization)
    sitting = person(None)
    sitting.go(f"/sign-in#{token}")
    sitting.page.wait_for_url(f"{techcorp.url}/")
    sitting.go("/organizations")
    sitting.page.get_by_role("button", name=f"Go over to {other}").click()
    sitting.page.wait_for_url(f"**/sign-in?organization={other}")
    assert sitting.page.get_by_label("E-mail address").input_value() == email
    sitting.page.get_by_label("Password").fill(PASSWORD)
    sitting.page.get_by_role("button", name="Sign in", exact=True).click()
    sitting.page.wait_for_url(f"{techcorp.url}/")
    assert other in sitting.main()


@pytest.mark.parametrize("wanted", ["", "techcorp", "_operators", "' OR 1=1 --", "x" * 64])
def test_nobody_comes_into_an_organization_that_is_not_his(techcorp: TechCorp, wanted: str) -> None:
    email, other = of_both(techcorp)
    with httpx.Client(base_url=techcorp.url, headers=OWN, timeout=60) as client:
        asked = client.post("/sign-in", data={"email": email, "password": PASSWORD, "organization": wanted})
        assert asked.status_code == 200 and "Which organization?" in asked.text
        waiting = asked.text.partition('name="waiting" value="')[2].partition('"')[0]
        refused = client.post("/sign-in/organization", data={"waiting": waiting, "organization": wanted})
        assert refused.status_code == 401 and "set-cookie" not in refused.headers
        again = client.post("/sign-in/organization", data={"waiting": waiting, "organization": other})
        assert again.status_code == 401, "what was proved is good once"
        cookie = techcorp.session(email)["cookies"][0]
        client.headers["Cookie"] = f"{cookie['name']}={cookie['value']}"
        answer = client.post("/organizations", data={"organization": wanted})
        assert answer.status_code in (403, 422), answer.text


def test_a_membership_that_ends_meanwhile_lets_nobody_in(techcorp: TechCorp) -> None:
    email, other = of_both(techcorp)
    with httpx.Client(base_url=techcorp.url, headers=OWN, timeout=60) as client:
        asked = client.post("/sign-in", data={"email": email, "password": PASSWORD})
        waiting = asked.text.partition('name="waiting" value="')[2].partition('"')[0]
        with psycopg.connect(techcorp.books.settings.postgres, autocommit=True) as connection:
            connection.execute("DELETE FROM membership WHERE organization_id = %s", [other])
        answer = client.post("/sign-in/organization", data={"waiting": waiting, "organization": other})
        assert answer.status_code == 403 and "set-cookie" not in answer.headers
