"""From a settlement file to a closed month, by hand."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from api.access.keys import Scope, create_key
from tests.browser.conftest import TechCorp
from tests.browser.person import PHONE, Person
from tests.reconciliation.books import run_match

Sit = Callable[..., Person]
LAST = datetime.now(UTC).replace(day=1) - timedelta(days=1)
SETTLED = f"""arn,booked,card,merchant,amount,currency
arn-1,{LAST:%Y-%m-%d},card_bob,<b>Kiosk</b>,42.00,USD
arn-2,{LAST:%Y-%m-%d},card_bob,Tram,7.00,USD
"""
LINES: list[dict[str, Any]] = [
    {"n": 1, "number": 2, "minor": 4_200, "currency": "USD", "day": f"{LAST:%Y-%m-%d}", "reference": "arn-1",
     "card_id": "card_bob", "merchant": "<b>Kiosk</b>"},
    {"n": 2, "number": 3, "minor": 700, "currency": "USD", "day": f"{LAST:%Y-%m-%d}", "reference": "arn-2",
     "card_id": "card_bob", "merchant": "Tram"},
]  # fmt: skip


@pytest.fixture(scope="module")
def file_id(techcorp: TechCorp) -> str:
    """A file of two lines that the books lack, matched."""
    secret, _ = create_key(
        techcorp.books.settings.postgres,
        organization_id=techcorp.organization,
        name="processor",
        scopes=[Scope.RECONCILIATIONS_WRITE],
    )
    day = LINES[0]["day"]
    declared = {"name": "settled.csv", "format": "csv", "lines": 2, "since": day, "until": day}
    declared["digest"] = hashlib.sha256(techcorp.organization.encode()).hexdigest()
    with httpx.Client(
        base_url=techcorp.url, headers={"Authorization": f"Bearer {secret}"}, timeout=30
    ) as api:
        found: str = api.put("/v1/reconciliations", json=declared).json()["file_id"]
        assert api.put(f"/v1/reconciliations/{found}/lines", json={"lines": LINES}).json() == {"added": 2}
        assert api.put(f"/v1/reconciliations/{found}/matching").status_code == 202
    with ThreadPoolExecutor(1) as apart:  # the browser has this thread's event loop
        job = apart.submit(run_match, techcorp.books.settings.postgres, found, techcorp.organization)
        assert job.result()
    return found


@pytest.mark.timeout(400)
def test_a_file_is_read_taken_and_resolved_and_the_month_is_closed(person: Sit, techcorp: TechCorp) -> None:
    sitting = person("carol")
    page = sitting.page
    sitting.go("/reconciliation")
    page.get_by_label("Settlement file", exact=True).set_input_files(
        {"name": "colours.csv", "mimeType": "text/csv", "buffer": b"colour,shape\nred,round\n"}
    )
    page.get_by_role("button", name="Read it").click()
    expect(page.get_by_role("alert")).to_contain_text("mapping can be proposed")
    page.get_by_label("Settlement file", exact=True).set_input_files(
        {"name": "settled.csv", "mimeType": "text/csv", "buffer": SETTLED.encode()}
    )
    page.get_by_role("button", name="Read it").click()
    expect(page.get_by_text("2 of 2 lines")).to_be_visible()
    expect(page.get_by_label("Which column means what")).to_have_value(re.compile('row_id = "arn"'))
    expect(page.locator("#reading")).to_contain_text("<b>Kiosk</b>")
    assert sitting.serious() == []
    page.get_by_role("button", name="Take it").click(no_wait_after=True)
    expect(page.locator("#progress")).to_contain_text("being matched")
    file_id = sitting.at().rpartition("/")[2]
    with ThreadPoolExecutor(1) as apart:  # the browser has this thread's event loop
        job = apart.submit(run_match, techcorp.books.settings.postgres, file_id, techcorp.organization)
        assert job.result()
    expect(page.locator("#progress")).to_have_count(0)  # it looks again by itself
    sitting.go("/reconciliation")
    page.get_by_label("Why").fill("all is settled")
    page.get_by_role("button", name="Close it").click()
    expect(page.get_by_role("alert")).to_contain_text("2 items")
    sitting.faults = [fault for fault in sitting.faults if "409" not in fault]
    page.get_by_role("link", name="settled.csv").click()
    assert sitting.serious() == []
    first = page.locator("#i-1")
    expect(first).to_contain_text("<b>Kiosk</b>")
    first.get_by_text("Resolve").first.click()
    first.get_by_label("What to do").select_option("post")
    first.get_by_label("Why").fill("the request never came")
    first.get_by_role("button", name="Resolve it").click()
    expect(page.get_by_text("Line 2: posted.")).to_be_visible()
    second = page.locator("#i-2")
    second.get_by_text("Resolve").first.click()
    second.get_by_label("Why").fill("not ours, told the processor")
    second.get_by_role("button", name="Resolve it").click()
    expect(page.get_by_text("Nothing is open")).to_be_visible()
    page.get_by_role("link", name="All", exact=True).click()
    expect(page.locator("#i-1")).to_contain_text("the request never came")
    assert sitting.serious() == []
    page.get_by_role("navigation").get_by_role("link", name="Reconciliation").first.click()
    page.get_by_label("Why").fill("all is settled")
    page.get_by_role("button", name="Close it").click()
    expect(page.locator(f"#p-{LAST:%Y-%m}")).to_contain_text("carol@techcorp.com")
    assert sitting.serious() == []


def test_it_fits_a_phone_and_who_may_only_read_is_offered_nothing(person: Sit, file_id: str) -> None:
    sitting = person("auditor", size=PHONE)
    for path in ("/reconciliation", f"/reconciliation/{file_id}?all=true"):
        sitting.go(path)
        assert sitting.fits(), path
        assert sitting.page.locator("main form").count() == 0, path
