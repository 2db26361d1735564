"""A person at a browser: what she does, and what must never happen while she does it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import axe_playwright_python
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, StorageState, expect

from tests.patience import PATIENCE_S

AXE = Path(axe_playwright_python.__file__).parent / "axe.min.js"
_TRIES = 5
WIDE = (1280, 900)
PHONE = (360, 740)

expect.set_options(timeout=PATIENCE_S * 1_000)


@dataclass
class Person:
    """`page`: her browser's. `faults`: console errors, script errors and requests to other hosts."""

    page: Page
    base_url: str
    faults: list[str] = field(default_factory=list)

    def go(self, path: str) -> None:
        for _ in range(_TRIES):
            answer = self.page.goto(self.base_url + path)
            if answer is None or answer.status != 503:
                return
            # A service did not answer in time, as on a machine that does much else: the page says try again.
            self.faults = [fault for fault in self.faults if "503" not in fault]
            self.page.wait_for_timeout(1_000)

    def confirm(self, password: str) -> None:
        """Says her password again, if the page asks for it."""
        if self.at() != "/confirm":
            return
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Go on").click()
        self.page.wait_for_url(lambda url: "/confirm" not in url)

    def main(self) -> str:
        """All that the page says."""
        return self.page.locator("main").inner_text()

    def at(self) -> str:
        """The path that she is at."""
        return urlsplit(self.page.url).path

    def fits(self) -> bool:
        """Nothing is wider than the window."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth <= innerWidth"))

    def serious(self, *rules: str) -> list[str]:
        """What axe finds that is serious or critical, as `rule: element`; by all rules, or by these."""
        # `evaluate`, not a script tag: the pages' policy lets nothing in but their own scripts.
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found: dict[str, Any] = self.page.evaluate(
            "rules => axe.run({resultTypes: ['violations'], ...(rules.length && {runOnly: rules})})",
            [*rules],
        )
        return [
            f"{violation['id']}: {node['html'][:160]} {node.get('failureSummary', '')[:200]}"
            for violation in found["violations"]
            if violation["impact"] in ("serious", "critical")
            for node in violation["nodes"]
        ]


@contextmanager
def at_browser(
    browser: Browser,
    base_url: str,
    token: str | None = None,
    *,
    size: tuple[int, int] = WIDE,
    theme: Literal["light", "dark"] = "light",
    state: StorageState | None = None,
) -> Iterator[Person]:
    """A new window, signed in by the link of `token`, or as it was in another one's `state`. At its end
    nothing wrong may have happened in it."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme=theme,
        base_url=base_url,
        locale="en-US",
        storage_state=state,
    )
    context.set_default_timeout(PATIENCE_S * 1_000)
    person = Person(context.new_page(), base_url)
    own = urlsplit(base_url).netloc

    def said(message: ConsoleMessage) -> None:
        if message.type == "error":
            person.faults.append(f"console: {message.text}")

    def asked(request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob") and parts.netloc != own:
            person.faults.append(f"request to {request.url}")

    person.page.on("console", said)
    person.page.on("pageerror", lambda error: person.faults.append(f"script: {error}"))
    person.page.on("request", asked)
    try:
        if token is not None:
            person.go(f"/sign-in#{token}")
            person.page.wait_for_url(lambda url: not url.endswith("/sign-in") and "/sign-in#" not in url)
        yield person
        assert person.faults == [], person.faults
    finally:
        context.close()
