"""The pictures of docs/pages.md, of a running demo: `python -m tests.browser.pictures URL ADMIN BOB`.

`ADMIN` and `BOB`: what stands behind `#` in the links that the demo prints for them.
"""

from __future__ import annotations

import sys
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from tests.browser.chromium import MISSING, find_chromium
from tests.browser.person import PHONE, Person, at_browser

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
SIZE = (1000, 700)


def main(url: str, admin: str, bob: str) -> None:
    program = find_chromium()
    if program is None:
        raise SystemExit(MISSING)
    FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        with at_browser(browser, url, admin, size=SIZE) as person:
            _take(person, "/", "overview")
            _take(person, "/transactions/sales/purchase-suspicious", "transaction")
            person.page.emulate_media(color_scheme="dark")
            person.go("/dispatch")
            person.page.get_by_role("button", name="Bob's 48,000.00").click()
            person.page.locator("#light-seen[data-on]").wait_for()
            _take(person, None, "dispatch")
        with at_browser(browser, url, bob, size=PHONE) as person:
            _take(person, "/mine", "mine-phone")
        browser.close()


def _take(person: Person, path: str | None, name: str) -> None:
    if path is not None:
        person.go(path)
    person.page.wait_for_timeout(500)  # fonts and the stream
    drawn = Image.open(BytesIO(person.page.screenshot()))
    drawn.convert("RGB").quantize(64).save(FOLDER / f"{name}.png", optimize=True)  # 80 kB at most


if __name__ == "__main__":
    main(*sys.argv[1:])
