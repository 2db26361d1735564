"""A newcomer's steps on the pages, and a purchase that is made meanwhile."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime
from typing import Any

from playwright.sync_api import Page

from schemas.event import Merchant
from schemas.events import AuthorizationRequested
from schemas.money import PositiveMoney
from tests.browser.conftest import TechCorp
from tests.browser.person import Person

STEPS_MAX = 6


class Steps:
    """A person's steps: one for each click, key or text, from the overview on."""

    def __init__(self, sitting: Person) -> None:
        self.page: Page = sitting.page
        self.taken = 0
        sitting.go("/")

    def click(self, name: str | re.Pattern[str], role: Any = "link") -> None:
        self._step()
        self.page.get_by_role(role, name=name).first.click()

    def fill(self, label: str, text: str) -> None:
        self._step()
        self.page.get_by_label(label, exact=True).fill(text)

    def _step(self) -> None:
        self.taken += 1
        assert self.taken <= STEPS_MAX


def purchase(
    techcorp: TechCorp, department: str, holder: str, minor: int, merchant: str = "Staples"
) -> AuthorizationRequested:
    name = uuid.uuid4().hex
    return AuthorizationRequested(
        event_id=f"req-{name}",
        organization_id=techcorp.organization,
        department_id=department,
        occurred_at=datetime.now(UTC),
        authorization_id=f"auth-{name}",
        card_id=f"card_{holder}",
        cardholder=f"{holder}@techcorp.com",
        amount=PositiveMoney(minor, "USD"),
        merchant=Merchant(name=merchant, mcc="5943", country="US"),
    )
