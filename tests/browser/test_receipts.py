"""A receipt at a browser: sent, read, matched; what is in doubt is confirmed; what is missing is told."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, expect

from infra.receipts.drawing.draw import draw_purchase
from schemas.money import Money
from tests.api.support import wait_until
from tests.browser.conftest import TechCorp
from tests.browser.person import PHONE, Person
from tests.browser.steps import purchase
from tests.receipts.papers import receipt_pdf

Sit = Callable[..., Person]
TODAY = datetime.now(UTC).date()


@pytest.fixture(scope="module", autouse=True)
def jobs(techcorp: TechCorp, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The process that reads them."""
    log: Path = tmp_path_factory.mktemp("jobs") / "log"
    env = {**os.environ, "SPENDLOG_POSTGRES": techcorp.books.settings.postgres}
    with log.open("wb") as out:
        process = subprocess.Popen([sys.executable, "-m", "infra.jobs"], env=env, stderr=out, stdout=out)
    try:
        wait_until(lambda: "jobs_ready" in log.read_text(), 60)
        yield
    finally:
        process.terminate()
        process.wait(60)


def send(sitting: Person, name: str, content: bytes, media_type: str) -> None:
    file = FilePayload(name=name, mimeType=media_type, buffer=content)
    sitting.page.get_by_label("Receipt", exact=True).set_input_files(file)
    sitting.page.get_by_role("button", name="Send", exact=True).click()


def becomes(sitting: Person, path: str, words: str) -> None:
    """Looks again until the page says so."""
    for _ in range(60):
        sitting.go(path)
        if words in sitting.main():
            return
        time.sleep(1)
    raise AssertionError(sitting.main())


def test_an_employee_s_photo_is_matched_to_his_purchase(person: Sit, techcorp: TechCorp) -> None:
    techcorp.play(purchase(techcorp, "engineering", "bob", 4_217, "Acme Hardware"))
    jpeg, _ = draw_purchase(5, "Acme Hardware", Money(4_217, "USD"), TODAY)
    sitting = person("bob", size=PHONE)
    sitting.go("/mine")
    send(sitting, "photo.jpg", jpeg, "image/jpeg")
    expect(sitting.page.get_by_text("It will be read in a moment.")).to_be_visible()
    becomes(sitting, "/receipts?status=matched", "matched by itself")
    assert sitting.fits()
    assert sitting.serious() == []
    row = sitting.page.locator("tr", has_text="Acme Hardware")
    expect(row).to_contain_text("$42.17")
    row.get_by_role("link", name="Acme Hardware, $42.17").click()
    expect(sitting.page.locator("#receipts")).to_contain_text("photo.jpg")
    with sitting.page.expect_download() as taken:
        sitting.page.locator("#receipts").get_by_role("link", name="photo.jpg").click()
    assert taken.value.suggested_filename == "photo.jpg"


def test_a_manager_confirms_what_is_in_doubt_and_takes_it_back(person: Sit, techcorp: TechCorp) -> None:
    techcorp.play(purchase(techcorp, "engineering", "alice", 6_000, "Harbour Grill"))
    alice = person("alice")
    alice.go("/mine")
    send(alice, "dinner.pdf", receipt_pdf("Harbour Grill", "$50.00", TODAY), "application/pdf")
    becomes(alice, "/receipts?status=suggested", "amount differs: $60.00")
    carol = person("carol")
    carol.go("/receipts?status=suggested")
    row = carol.page.locator("tr", has_text="Harbour Grill")
    expect(row).to_contain_text("Harbour Grill, $60.00")  # what one knows it by, not its id
    expect(row).to_contain_text("alice@techcorp.com •••• ")
    expect(row.locator("td").nth(3)).not_to_contain_text("auth-")
    row.get_by_role("button", name="Confirm").click()
    expect(carol.page.get_by_text("Confirmed.")).to_be_visible()
    row = carol.page.locator("tr", has_text="Harbour Grill")
    expect(row).to_contain_text("by carol@techcorp.com")
    row.get_by_role("button", name="Not this purchase").click()
    expect(carol.page.locator("tr", has_text="Harbour Grill")).to_contain_text("No purchase")


def test_what_is_no_receipt_says_why(person: Sit) -> None:
    sitting = person("bob")
    sitting.go("/receipts")
    send(sitting, "page.pdf", b"<html>", "application/pdf")
    expect(sitting.page.get_by_text("By its content the file is a page")).to_be_visible()
    sitting.faults.clear()  # the browser writes a 422 to its console


def test_a_missing_receipt_is_told_until_it_is_there(person: Sit, techcorp: TechCorp) -> None:
    techcorp.play(purchase(techcorp, "engineering", "bob", 9_900, "Pixel Camera Shop"))
    carol = person("admin")
    carol.go("/receipts")
    carol.page.get_by_text("Change what is wanted").click()
    carol.page.get_by_label("Within days").fill("0")
    carol.page.get_by_role("button", name="Set it").click()
    expect(carol.page.get_by_text("Purchases above $75.00 need one within 0 days.")).to_be_visible()
    bob = person("bob")
    bob.go("/receipts")
    bob.page.locator("#missing").get_by_text("All others").click()  # the longest missing come first
    bob.page.locator("#missing").get_by_role("link", name="Pixel Camera Shop").click()
    send(bob, "camera.pdf", receipt_pdf("Pixel Camera Shop", "$99.00", TODAY), "application/pdf")
    expect(bob.page.get_by_text("It belongs to this purchase.")).to_be_visible()
    expect(bob.page.locator("#receipts")).to_contain_text("camera.pdf")
    bob.go("/receipts")
    expect(bob.page.locator("#missing")).not_to_contain_text("Pixel Camera Shop")
