"""Signing in by an identity provider, at a browser."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from api.access.roles import Role
from tests.api.people import member, sign_in
from tests.api.single_sign_on import Provider, added, proved, provider, trusting
from tests.browser.conftest import TechCorp
from tests.browser.person import PHONE, at_browser

__all__ = ["provider"]


@pytest.fixture(scope="module")
def trusted(techcorp: TechCorp) -> Iterator[str]:
    """TechCorp's system, by an API that may reach a provider on this machine."""
    with trusting(techcorp.books.settings) as base_url:
        yield base_url


def test_somebody_comes_by_her_companys_provider_and_back_to_what_she_wanted(
    browser: Browser, techcorp: TechCorp, trusted: str, provider: Provider
) -> None:
    postgres, domain = techcorp.books.settings.postgres, f"{uuid.uuid4().hex[:8]}.example"
    with sign_in(trusted, member(postgres, techcorp.organization, Role.ORG_ADMIN)) as admin:
        added(admin, provider, domains=[domain])
    proved(postgres, techcorp.organization, domain)
    email = member(postgres, techcorp.organization, Role.FINANCE_MANAGER, email=f"fay@{domain}")
    provider.lies()
    provider.knows("fay", email=email)
    with at_browser(browser, trusted, size=PHONE, theme="dark") as sitting:
        page = sitting.page
        sitting.go("/cards?status=frozen")
        assert sitting.at() == "/sign-in" and sitting.serious() == [] and sitting.fits()
        page.get_by_role("link", name="Single sign-on").click()
        page.get_by_label("Work e-mail address").fill(email)
        page.get_by_role("button", name="Find my sign-in").click()
        page.get_by_role("link", name="with Okta").wait_for()
        assert sitting.serious() == [] and sitting.fits()
        page.get_by_role("link", name="with Okta").click()
        page.wait_for_url(f"{provider.issuer}/**")
        page.wait_for_load_state("networkidle")
        sitting.faults.clear()  # the provider's own page asks for a style of another host
        page.locator('input[name="sub"]').first.fill("fay")
        page.locator('input[name="sub"]').first.press("Enter")
        page.wait_for_url("**/cards?status=frozen")
        assert "sven" in sitting.main()
        allowed = f"request to {provider.issuer}/"  # the form that she sent there
        sitting.faults = [fault for fault in sitting.faults if not fault.startswith(allowed)]


@pytest.mark.parametrize(
    "path", ["/sign-in", "/sign-in/sso", "/forgotten", "/sign-in/sso?who=nobody@x.example"]
)
def test_its_pages_fit_a_phone_and_can_be_read_by_everybody(
    browser: Browser, techcorp: TechCorp, path: str
) -> None:
    with at_browser(browser, techcorp.url, size=PHONE) as sitting:
        sitting.go(path)
        assert sitting.serious() == [] and sitting.fits()
