"""The overview: what needs somebody, and the company's cap."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import psycopg
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import TechCorp
from tests.browser.person import Person
from tests.browser.steps import purchase

Sit = Callable[..., Person]


@pytest.fixture
def capped(techcorp: TechCorp) -> Iterator[None]:
    """A company's cap as the books have it, far below what is spent already."""
    with psycopg.connect(techcorp.books.settings.postgres, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO company_cap VALUES (%s, 'USD', 100000, 'month', 'UTC', 1, 1, %s, 0, 1)",
            [techcorp.organization, ["sales", "engineering"]],
        )
        yield
        connection.execute("DELETE FROM company_cap WHERE organization_id = %s", [techcorp.organization])


def test_the_month_stands_against_the_company_s_cap(person: Sit, capped: None) -> None:
    sitting = person("carol")
    sitting.go("/")
    figure = sitting.page.locator(".figure", has_text="Company cap")
    expect(figure.locator("dd")).to_have_text("$1,000.00")
    left = sitting.page.locator(".figure", has_text="Left under the cap").locator("dd")
    expect(left).to_have_class("bad")
    assert left.inner_text().startswith("-$")


def test_without_a_cap_none_is_named(person: Sit) -> None:
    sitting = person("carol")
    sitting.go("/")
    assert "cap" not in sitting.main().lower().replace("captured", "")


def test_missing_receipts_need_attention(person: Sit, techcorp: TechCorp) -> None:
    sitting = person("carol")
    organization = techcorp.organization
    with psycopg.connect(techcorp.books.settings.postgres, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO receipt_policy VALUES (%s, 'USD', 180000, 0, 'carol@techcorp.com', now())"
            " ON CONFLICT (organization_id, currency) DO UPDATE SET over_minor = 180000, days = 0",
            [organization],
        )
        try:
            sitting.go("/")
            link = sitting.page.get_by_role("link", name="missing")
            told = link.inner_text()
            link.click()
            count = sitting.page.locator("#missing .count").inner_text()
            assert told in (f"{count} receipts missing", "1 receipt missing"), count
        finally:
            sql = "DELETE FROM receipt_policy WHERE organization_id = %s"
            connection.execute(sql, [organization])


def test_an_open_overview_is_sent_what_moved_and_asks_for_nothing(person: Sit, techcorp: TechCorp) -> None:
    sitting, other = person("carol"), person("auditor")
    asked: list[str] = []
    for each in (sitting, other):
        each.go("/")
        expect(each.page.locator("#lamp")).to_have_text("live")
        each.page.on("request", lambda request: asked.append(request.url))
    techcorp.play(purchase(techcorp, "sales", "maya", 1_234, "Kiosk No. 9"))
    for each in (sitting, other):
        expect(each.page.locator("#latest")).to_contain_text("Kiosk No. 9")
        assert each.page.locator("#live time:not([data-local])").count() == 0
        assert each.page.locator("#live").count() == 1
    assert asked == []
