"""Reports by themselves, and the chart of accounts, by hand."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import TechCorp
from tests.browser.person import PHONE, Person

Sit = Callable[..., Person]
SLOW_MS = 120_000  # a process of its own makes the report


@pytest.mark.timeout(600)
def test_a_report_is_scheduled_made_at_once_paused_and_ended(person: Sit, techcorp: TechCorp) -> None:
    sitting = person("carol")
    page = sitting.page
    sitting.go("/reports")
    page.get_by_role("link", name="Scheduled").click()
    page.get_by_label("Name").fill("close of the month")
    page.get_by_label("Report", exact=True).select_option("month-end")
    page.get_by_label("Mail it to").fill("cfo@techcorp.com")
    page.get_by_label("Name").evaluate("field => field.removeAttribute('pattern')")
    page.get_by_role("button", name="Schedule it").click()
    expect(page.get_by_role("alert")).to_contain_text("letters, digits")
    sitting.faults = [fault for fault in sitting.faults if "422" not in fault]
    page.get_by_label("Name").fill("close")
    page.get_by_label("Report", exact=True).select_option("month-end")
    page.get_by_label("Mail it to").fill("cfo@techcorp.com")
    page.get_by_role("button", name="Schedule it").click()
    row = page.locator("#s-close")
    expect(row).to_contain_text("cfo@techcorp.com")
    row.get_by_role("button", name="Pause").click()
    expect(page.locator("#s-close")).to_contain_text("rests")
    page.locator("#s-close").get_by_role("button", name="Run now").click()
    expect(page.get_by_text("close is being made")).to_be_visible()
    env = {**os.environ, "SPENDLOG_POSTGRES": techcorp.books.settings.postgres}
    with subprocess.Popen([sys.executable, "-m", "infra.jobs"], env=env) as jobs:
        try:
            for _ in range(SLOW_MS // 1_000):
                sitting.go("/reports/scheduled")
                if "no mail server" in sitting.main():
                    break
                page.wait_for_timeout(1_000)
        finally:
            jobs.terminate()
            jobs.wait(60)
    expect(page.locator("#s-close")).to_contain_text("no mail server")
    expect(page.get_by_role("link", name="month-end-")).to_be_visible()
    assert sitting.serious() == []
    page.locator("#s-close").get_by_role("button", name="Go on").click()
    expect(page.locator("#s-close")).not_to_contain_text("rests")
    page.locator("#s-close").get_by_role("button", name="End").click()
    expect(page.locator("#s-close")).to_have_count(0)
    expect(page.get_by_role("link", name="month-end-")).to_be_visible()


def test_the_chart_of_accounts_is_set_by_hand_and_exports_go_by_it(person: Sit, techcorp: TechCorp) -> None:
    sitting = person("carol")
    page = sitting.page
    sitting.go("/reports")
    page.get_by_role("link", name="Accounts").click()
    expect(page.get_by_text("Expenses:DEPARTMENT:CATEGORY")).to_be_visible()
    for name, code in (("Spend", "6900"), ("Expenses:Cards", "6900")):
        page.get_by_label("Account of your books").fill(name)
        page.get_by_label("Its number there").fill(code)
        page.get_by_role("button", name="Add it").click()
        if name == "Spend":
            expect(page.get_by_role("alert")).to_contain_text("must be Assets")
            assert page.get_by_label("Its number there").input_value() == code, "what was typed stays"
            sitting.faults = [fault for fault in sitting.faults if "422" not in fault]
    expect(page.locator("#r-0")).to_contain_text("Expenses:Cards")
    page.get_by_label("Only of the category").select_option("airline")
    page.get_by_label("Account of your books").fill("Expenses:Flights")
    page.get_by_role("button", name="Add it").click()
    expect(page.get_by_role("alert")).to_contain_text("nothing gets here")
    sitting.faults = [fault for fault in sitting.faults if "422" not in fault]
    page.get_by_label("Place").select_option("first")
    page.get_by_role("button", name="Add it").click()
    expect(page.locator("#r-0")).to_contain_text("Expenses:Flights")
    assert sitting.serious() == []
    with page.expect_download() as taken:
        page.get_by_label("For").select_option("csv")
        page.get_by_role("button", name="Export").click()
    text = taken.value.path().read_text(encoding="utf-8-sig")
    accounts = {row["account"] for row in csv.DictReader(io.StringIO(text))}
    assert "Expenses:Cards" in accounts and not any(":Engineering:" in one for one in accounts)
    for _ in range(2):
        page.locator("#r-0").get_by_role("button", name="Take out").click()
    expect(page.get_by_text("The default chart")).to_be_visible()


def test_it_fits_a_phone_and_who_may_only_read_is_offered_nothing(person: Sit) -> None:
    sitting = person("auditor", size=PHONE)
    for path, forms in (("/reports/scheduled", 0), ("/reports/chart", 1)):
        sitting.go(path)
        assert sitting.fits(), path
        assert sitting.page.locator("main form").count() == forms, path
