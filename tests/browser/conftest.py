"""TechCorp's month in a running system, and people at a browser."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, StorageState, StorageStateCookie, sync_playwright

from api.access.cookie import COOKIE
from infra.demo import month
from infra.demo.people import PEOPLE, welcome
from infra.running.log import EventSender
from infra.stack import Endpoints
from schemas.codec import encode_event
from schemas.event import Event
from schemas.ids import department_key
from schemas.partitions import partition_of
from tests.api.books import Books, rows
from tests.api.conftest import books, decider, settings
from tests.api.people import PASSWORD, token_of, with_password
from tests.api.support import wait_until
from tests.browser.chromium import MISSING, BrowserChoice, find_chromium
from tests.browser.person import Person, at_browser
from tests.stacks import chosen_stack

__all__ = ["books", "decider", "settings"]

PARTITIONS = 4


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoints]:
    """Services of its own: what other folders leave in theirs is nothing to look at."""
    with chosen_stack(tmp_path_factory.mktemp("stack")) as endpoints:
        yield endpoints


#: By their first names.
CAST = {cast.who: cast for cast in PEOPLE}


# Of the package: what drives the browser keeps an event loop, in which no other test could start its own.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    program = find_chromium()
    if program is None:
        if BrowserChoice().ci:
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    # Root may not use Chromium's own sandbox; nothing but this project's pages is opened.
    how: dict[str, Any] = {"executable_path": program, "args": ["--no-sandbox"]}
    with sync_playwright() as playwright, closing(playwright.chromium.launch(**how)) as launched:
        yield launched


@dataclass
class TechCorp:
    """The running system with TechCorp's month in it."""

    books: Books
    organization: str

    @property
    def url(self) -> str:
        return self.books.base_url

    def link(self, who: str) -> str:
        """The token of a new sign-in link; whoever has it knows PASSWORD, too."""
        token = welcome(self.books.settings.postgres, self.organization, CAST[who])
        with_password(self.books.settings.postgres, CAST[who].email)
        return token

    def session(self, email: str) -> StorageState:
        """A browser's, in which somebody has signed in by PASSWORD."""
        with httpx.Client(base_url=self.url, headers={"Sec-Fetch-Site": "same-origin"}, timeout=60) as client:
            answer = client.post("/v1/sessions", json={"email": email, "password": PASSWORD})
        assert answer.status_code == 201, answer.text
        host = urlsplit(self.url).hostname or ""
        session: StorageStateCookie = {
            "name": COOKIE,
            "value": token_of(answer),
            "domain": host,
            "path": "/",
            "expires": -1,
            "httpOnly": True,
            "secure": True,
            "sameSite": "Strict",
        }
        return {"cookies": [session]}

    def play(self, *events: Event) -> None:
        """Straight to Kafka, and waits until the books have all of it."""
        sender = EventSender(self.books.settings.kafka)
        for event in events:
            key = department_key(event.organization_id, event.department_id).encode()
            sender.send(partition_of(key, PARTITIONS), key, encode_event(event))
        last = sender.flush()
        wait_until(lambda: self._booked(last), 60)

    def _booked(self, last: dict[int, int]) -> bool:
        found = rows(self.books, "SELECT partition, max(source_offset) FROM decision GROUP BY partition")
        booked: dict[int, Any] = dict(found)
        return all(booked.get(partition, -1) >= offset for partition, offset in last.items())


@pytest.fixture(scope="package")
def techcorp(books: Books) -> TechCorp:
    organization = f"techcorp-{uuid.uuid4().hex[:8]}"
    found = TechCorp(books, organization)
    now = datetime.now(UTC).replace(microsecond=0)
    found.play(*month.settings(organization, now - timedelta(days=28)), *month.purchases(organization, now))
    return found


@pytest.fixture(scope="package")
def session_of(techcorp: TechCorp) -> Callable[[str], StorageState]:
    """One session for each of the cast: signing in is what few tests are about."""

    @cache
    def session_of(who: str) -> StorageState:
        techcorp.link(who)
        return techcorp.session(CAST[who].email)

    return session_of


@pytest.fixture
def person(
    browser: Browser, techcorp: TechCorp, session_of: Callable[[str], StorageState]
) -> Iterator[Callable[..., Person]]:
    """`person("carol", size=PHONE)`: a window of hers, closed and judged at the end of the test.

    `fresh`: she comes by a link, in a session of her own, and has said no password yet. `email`: somebody
    else, who has PASSWORD. None: nobody has signed in.
    """
    with ExitStack() as windows:

        def sit_down(
            who: str | None = "carol", *, fresh: bool = False, email: str | None = None, **how: Any
        ) -> Person:
            token = techcorp.link(who) if who is not None and fresh else None
            state = None
            if email is not None:
                state = techcorp.session(email)
            elif who is not None and not fresh:
                state = session_of(who)
            return windows.enter_context(at_browser(browser, techcorp.url, token, state=state, **how))

        yield sit_down
