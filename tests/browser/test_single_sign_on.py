"""Single sign-on as an Org Admin sets it: a provider is added, tried, turned on; a domain is proved."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from api.access.roles import Role
from tests.api.name_server import Zone, name_server
from tests.api.people import PASSWORD, member
from tests.api.single_sign_on import Provider, provider, trusting
from tests.browser.conftest import TechCorp
from tests.browser.person import PHONE, Person, at_browser

__all__ = ["provider"]


@pytest.fixture(scope="module")
def zone() -> Iterator[Zone]:
    with name_server() as found:
        yield found


@pytest.fixture(scope="module")
def company(techcorp: TechCorp) -> Iterator[str]:
    """Of its own: who lets nobody come by a password ends the sessions of all."""
    with techcorp.books.organization() as found:
        yield found.id


@pytest.fixture(scope="module")
def trusted(techcorp: TechCorp, zone: Zone) -> Iterator[str]:
    """TechCorp's system, by an API that may reach a provider and a name server on this machine."""
    with trusting(techcorp.books.settings, api_name_servers=(zone.address,)) as base_url:
        yield base_url


def by_password(sitting: Person, email: str) -> None:
    sitting.go("/sign-in")
    sitting.page.get_by_label("E-mail address").fill(email)
    sitting.page.get_by_label("Password").fill(PASSWORD)
    sitting.page.get_by_role("button", name="Sign in", exact=True).click()
    sitting.page.wait_for_url("**/")


def test_a_provider_is_added_tried_and_turned_on_and_a_domain_proved(
    browser: Browser, techcorp: TechCorp, company: str, trusted: str, provider: Provider, zone: Zone
) -> None:
    postgres, domain = techcorp.books.settings.postgres, f"{uuid.uuid4().hex[:8]}.example"
    email = member(postgres, company, Role.ORG_ADMIN, email=f"ada@{domain}")
    provider.lies()
    provider.knows(f"ada-{domain}", email=email)
    with at_browser(browser, trusted, size=PHONE) as sitting:
        page = sitting.page
        by_password(sitting, email)
        sitting.go("/single-sign-on")
        page.get_by_role("link", name="Add a provider").click()
        page.get_by_label("Name").fill("Keycloak")
        page.get_by_label("Issuer").fill("http://localhost:1")
        page.get_by_label("Client id").fill("spendlog")
        page.get_by_label("Client secret").fill("s3cr3t")
        page.get_by_label("Domains of e-mail addresses").fill(domain)
        page.get_by_role("button", name="Add it").click()
        assert "no OpenID Connect issuer that answers" in sitting.main()
        sitting.faults.clear()  # the browser tells of the form that was refused
        page.get_by_label("Issuer").fill(provider.issuer)
        page.get_by_label("Client secret").fill("s3cr3t")
        page.get_by_role("button", name="Add it").click()
        page.wait_for_url("**/single-sign-on/idp_*")
        used = page.url.rpartition("/")[2].partition("?")[0]
        assert "s3cr3t" not in page.content() and f"/sign-in/sso/{used}/callback" in sitting.main()
        assert sitting.fits() and sitting.serious() == []
        # It is off, and can be tried all the same: what it says is shown, and nobody is signed in by that.
        page.get_by_role("link", name="Try to sign in").click()
        page.wait_for_url(f"{provider.issuer}/**")
        page.wait_for_load_state("networkidle")
        page.locator('input[name="sub"]').first.fill(f"ada-{domain}")
        page.locator('input[name="sub"]').first.press("Enter")
        page.get_by_role("heading", name="What Keycloak says").wait_for()
        assert email in sitting.main() and "would let this person in" in sitting.main()
        assert sitting.fits() and sitting.serious() == []
        page.get_by_role("link", name="Back").click()
        page.get_by_role("button", name="Turn it on").click()
        expect(page.get_by_text("Turned on: people can come by it.")).to_be_visible()
        prove(sitting, domain, zone)
        two_sit_at_the_policy(sitting, trusted, email)
        # And it is removed.
        sitting.go(f"/single-sign-on/{used}")
        page.get_by_role("button", name="Remove this provider").click()
        page.get_by_role("button", name="Remove it").click()
        expect(page.get_by_text("Nobody comes by it any more.")).to_be_visible()
        sitting.faults.clear()


def prove(sitting: Person, domain: str, zone: Zone) -> None:
    """The domain, by the record that the page tells."""
    page = sitting.page
    sitting.go("/single-sign-on")
    assert f"not proved: {domain}" in sitting.main()
    page.get_by_label("Domain", exact=True).fill(domain)
    page.get_by_role("button", name="Claim it").click()
    text = page.locator("code", has_text="spendlog-domain=").inner_text()
    page.get_by_role("button", name=f"Look for it in the DNS of {domain}").click()
    assert "no TXT record" in sitting.main()
    zone.texts[f"_spendlog.{domain}"] = [[text]]
    page.get_by_role("button", name=f"Look for it in the DNS of {domain}").click()
    expect(page.get_by_text(f"{domain} is proved.")).to_be_visible()
    assert sitting.fits() and sitting.serious() == []


def two_sit_at_the_policy(sitting: Person, trusted: str, email: str) -> None:
    """The later form does not undo the earlier."""
    page = sitting.page
    page.get_by_label("Nobody comes by a password").check()
    page.get_by_label("That Org Admin").select_option(label=email)
    stale = page.locator('input[name="tag"]').input_value()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved. It holds from now on.")).to_be_visible()
    form: dict[str, str | float | bool] = {
        "tag": stale,
        "required": "",
        "second_factor": "",
        "break_glass": "",
    }
    late = page.request.post(f"{trusted}/single-sign-on/policy", form=form, headers={"Origin": trusted})
    assert late.status == 412 and "It was changed since" in late.text()
    page.get_by_label("Nobody comes by a password").uncheck()
    page.get_by_role("button", name="Save").click()
