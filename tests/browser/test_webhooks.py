"""Webhooks by hand: an endpoint is made, tried, changed and removed, and what was sent is looked at."""

from __future__ import annotations

import re
from collections.abc import Callable

import httpx
from playwright.sync_api import expect

from api.pages.webhooks import GROUPS
from api.pages.words import GROUP_WORDS
from tests.api.people import PASSWORD
from tests.api.sending import webhooks_sent
from tests.browser.conftest import TechCorp
from tests.browser.person import Person
from tests.sinks.receiver import receiver
from tests.sinks.webhook_books import new_secret

Sit = Callable[..., Person]


def test_each_group_of_types_has_words() -> None:
    assert set(GROUPS) == set(GROUP_WORDS)


def test_an_endpoint_is_made_tried_replayed_rotated_and_removed(person: Sit, techcorp: TechCorp) -> None:
    sitting = person("admin", fresh=True)
    page = sitting.page
    with webhooks_sent(techcorp.books.settings), receiver(new_secret()) as stranger:
        sitting.go("/webhooks")
        page.get_by_role("link", name="New endpoint").click()
        # It is a way out for data: a session that came by a link is not enough.
        page.get_by_label("Password").fill("not hers at all")
        page.get_by_role("button", name="Go on").click()
        expect(page.get_by_role("alert")).to_be_visible()
        sitting.faults = [fault for fault in sitting.faults if "401" not in fault]
        sitting.confirm(PASSWORD)
        page.get_by_label("URL").fill("ftp://hooks.example.com/")
        page.get_by_label("What it is for").fill("<b>ERP</b>")
        page.get_by_label("All about cards").check()
        page.get_by_label("marketing").check()
        page.get_by_role("button", name="Make it").click()
        # What is wrong is told on the form, and nothing that was typed is lost.
        expect(page.get_by_role("alert")).to_be_visible()
        sitting.faults = [fault for fault in sitting.faults if "422" not in fault]
        assert page.get_by_label("All about cards").is_checked()
        page.get_by_label("URL").fill(stranger.url)
        page.get_by_role("button", name="Make it").click()
        stranger.secret = page.locator("#secret").inner_text()
        assert re.fullmatch(r"whsec_[A-Za-z0-9+/=]{44}", stranger.secret)
        page.get_by_role("link", name="I have kept it").click()
        expect(page.get_by_role("heading", name="<b>ERP</b>")).to_be_visible()
        assert stranger.secret not in page.content()
        page.get_by_role("button", name="Send a test event").click()
        expect(page.locator("#delivery")).to_contain_text("answered 204")
        assert sitting.serious() == []
        page.get_by_role("button", name="Send it again").click()
        page.wait_for_url("**/deliveries/evt_test_*?*")
        expect(page.locator("#delivery .tag")).to_have_count(2)
        assert len(stranger.events) == 2 and stranger.forged == []
        page.get_by_role("link", name="<b>ERP</b>").click()
        assert sitting.serious() == []
        page.get_by_role("button", name="Rotate").click()
        assert page.locator("#secret").inner_text() != stranger.secret
        page.get_by_role("link", name="I have kept it").click()
        page.get_by_role("link", name="Change").click()
        page.get_by_label("All about cards").uncheck()
        page.get_by_role("button", name="Change it").click()
        expect(page.get_by_text("everything")).to_be_visible()
        page.get_by_role("button", name="Pause").click()
        expect(page.locator(".head .tag")).to_have_text("Paused")
        page.get_by_role("button", name="Remove this endpoint").click()
        page.get_by_role("button", name="Remove it").click()
        expect(page.get_by_text("Removed, with its secrets")).to_be_visible()
        expect(page.get_by_text("<b>ERP</b>")).to_have_count(0)


def test_a_form_that_is_sent_twice_makes_one_endpoint_and_shows_its_secret_once(
    person: Sit, techcorp: TechCorp
) -> None:
    sitting = person("admin")
    sitting.go("/webhooks/new")
    sitting.confirm(PASSWORD)
    own = {"Sec-Fetch-Site": "same-origin"}
    form: dict[str, str | float | bool] = {
        "key": "0123456789abcdef",
        "url": "https://hooks.example.com/twice",
    }
    answers = [
        sitting.page.request.post(f"{techcorp.url}/webhooks/new", form=form, headers=own).text()
        for _ in range(2)
    ]
    assert ["whsec_" in answer for answer in answers] == [True, False]
    sitting.go("/webhooks")
    assert sitting.main().count("hooks.example.com/twice") == 1


def test_who_may_only_read_webhooks_changes_none(person: Sit, techcorp: TechCorp) -> None:
    sitting = person("auditor")
    sitting.go("/webhooks")
    assert sitting.page.get_by_role("link", name="New endpoint").count() == 0
    writes: tuple[tuple[str, dict[str, str | float | bool]], ...] = (
        ("/webhooks/new", {"key": "k", "url": "https://hooks.example.com/"}),
        ("/webhooks/whe_1", {"act": "remove"}),
        ("/webhooks/whe_1/secret", {"key": "k"}),
        ("/webhooks/whe_1/deliveries/evt_1", {}),
    )
    for path, form in writes:
        answer = sitting.page.request.post(
            techcorp.url + path, form=form, headers={"Sec-Fetch-Site": "same-origin"}
        )
        assert answer.status == 403, path
    assert httpx.get(f"{techcorp.url}/webhooks", timeout=60).status_code == 303
