"""The pictures of docs/pages.md: `python -m tests.browser.pictures URL ADMIN BOB OPERATOR` of a running demo.

`ADMIN` and so on: what stands behind `#` in the links that the demo prints for them. Each picture shows a
page twice: light in a window, dark on a phone.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Final

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.chromium import MISSING, find_chromium
from tests.browser.person import Person, at_browser

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
WINDOW, HELD = (1000, 700), (360, 700)
GAP: Final = 20
BYTES_MAX: Final = 80_000


def _dispatched(page: Page) -> None:
    page.get_by_role("button", name="Bob's 48,000.00").click()
    page.locator("#light-seen[data-on]").wait_for()


def _drafted(page: Page) -> None:
    if page.get_by_role("link", name="Try it on the last 30 days").count() == 0:
        page.get_by_label("Name").fill("Small meals")
        page.get_by_label("Kind of purchase").select_option("restaurant")
        page.get_by_label("At most, in USD").fill("15")
        page.get_by_role("button", name="Draft it").click()
    page.get_by_role("link", name="Try it on the last 30 days").first.click()
    page.locator("section[id^=trial]").wait_for()


#: Name, path, and what is done there first; by whom.
ADMINS: Final[tuple[tuple[str, str, Callable[[Page], None] | None], ...]] = (
    ("overview", "/", None),
    ("department", "/departments/sales", None),
    ("transactions", "/transactions", None),
    ("transaction", "/transactions/sales/purchase-suspicious", None),
    ("ask", "/ask?q=spend+by+department+this+month", None),
    ("dispatch", "/dispatch", _dispatched),
    ("cards", "/cards", None),
    ("card", "/cards/engineering/card_bob", None),
    ("approvals", "/approvals", None),
    ("reviews", "/reviews", None),
    ("policy", "/policies/sales", _drafted),
    ("people", "/people", None),
    ("keys", "/keys", None),
    ("webhooks", "/webhooks", None),
    ("audit", "/audit?check=true", None),
)
BOBS: Final = (
    ("mine", "/mine", None),
    ("wish", "/departments/engineering/ask/card", None),
    ("account", "/account", None),
)
OPERATORS: Final = (("system", "/system", None), ("jobs", "/jobs", None))


def main(url: str, admin: str, bob: str, operator: str) -> None:
    program = find_chromium()
    if program is None:
        raise SystemExit(MISSING)
    FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for token, pages in ((admin, ADMINS), (bob, BOBS), (operator, OPERATORS)):
            _take(browser, url, token, pages)
        browser.close()


def _take(
    browser: Browser,
    url: str,
    token: str,
    pages: tuple[tuple[str, str, Callable[[Page], None] | None], ...],
) -> None:
    with at_browser(browser, url, token, size=WINDOW) as person:
        for name, path, first in pages:
            _size(person, WINDOW, "light")
            person.go(path)
            if first is not None:
                first(person.page)
            window = _shot(person)
            _size(person, HELD, "dark")
            _save(name, window, _shot(person))


def _size(person: Person, size: tuple[int, int], theme: str) -> None:
    person.page.set_viewport_size({"width": size[0], "height": size[1]})
    person.page.emulate_media(color_scheme="dark" if theme == "dark" else "light")


def _shot(person: Person) -> Image.Image:
    person.page.wait_for_timeout(700)  # fonts, charts and the stream
    return Image.open(BytesIO(person.page.screenshot())).convert("RGB")


def _save(name: str, window: Image.Image, held: Image.Image) -> None:
    both = Image.new("RGB", (window.width + GAP + held.width, window.height), "white")
    both.paste(window, (0, 0))
    both.paste(held, (window.width + GAP, 0))
    path = FOLDER / f"{name}.png"
    for colours in (96, 64, 32, 16):
        both.quantize(colours, dither=Image.Dither.NONE).save(path, optimize=True)
        if path.stat().st_size <= BYTES_MAX:
            return


if __name__ == "__main__":
    main(*sys.argv[1:])
