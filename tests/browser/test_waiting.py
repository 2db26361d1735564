"""Days of requests in a running system: one lapses, one is reminded of, and a delegate approves it."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from playwright.sync_api import expect

from infra.demo.month import MANAGER
from infra.processes.refs import wait_until
from schemas.controls import ApprovalLevel, Card, Policy
from schemas.event import Event
from schemas.events import BudgetSet, CardRequested, ClockTicked, PolicyDrafted
from schemas.money import Money, PositiveMoney
from tests.api.books import rows
from tests.api.support import free_port
from tests.browser.conftest import TechCorp
from tests.browser.person import Person
from tests.jobs.test_due_reports import Taken, doing_jobs

Sit = Callable[..., Person]
#: Nothing else happens in it: its time is what these events say.
LAB = "lab"
SIZES = ((360, 740), (1280, 900), (2000, 1200))
FORMS = ("/departments/lab/ask/card", "/departments/lab/ask/budget", "/approvals")
DONE = "SELECT 1 FROM procrastinate_jobs WHERE task_name = %s AND status = 'succeeded'"


def told(techcorp: TechCorp, kind: type[Event], days: float, **members: Any) -> Event:
    """An event of the lab, so many days ago."""
    return kind(
        event_id=f"lab-{uuid.uuid4()}",
        organization_id=techcorp.organization,
        department_id=LAB,
        occurred_at=datetime.now(UTC) - timedelta(days=days),
        **members,
    )


def levels(techcorp: TechCorp, days: float, request_days: int) -> Event:
    policy = Policy(approvals=(ApprovalLevel("manager", 0, (MANAGER,)),), request_days=request_days)
    return told(techcorp, PolicyDrafted, days, actor=MANAGER, policy=policy, activate=True)


def asked(techcorp: TechCorp, days: float, name: str, reason: str) -> Event:
    return told(
        techcorp,
        CardRequested,
        days,
        actor="zoe@techcorp.com",
        request_id=name,
        card=Card(card_id=f"card_{name}", employee="Zoe"),
        limit=PositiveMoney(31_250, "USD"),
        reason=reason,
    )


ABOUT = "a card of 312.50 USD in lab"


@pytest.fixture(scope="module")
def lab(techcorp: TechCorp) -> TechCorp:
    """A department that waits since five days: for one request a month, for another a day."""
    techcorp.play(
        told(techcorp, BudgetSet, 5, name="Lab", limit=Money(500_000, "USD"), actor=MANAGER),
        levels(techcorp, 4.5, 30),
        asked(techcorp, 4, "optics", "A second lens"),
        levels(techcorp, 3.5, 1),
        asked(techcorp, 3, "laser", "A small laser"),
        told(techcorp, ClockTicked, 0),
    )
    return techcorp


def _about(box: Taken) -> list[EmailMessage]:
    return [mail for mail in box.mails if ABOUT in mail.get_content()]


def test_one_lapses_one_is_reminded_of_and_a_delegate_approves_it(
    person: Sit, lab: TechCorp, tmp_path: Path
) -> None:
    carol, ada = person("carol"), person("admin")
    carol.go("/approvals")
    waits = carol.page.locator("article", has_text="A second lens")
    expect(waits).to_contain_text("Level 1 of 1")
    lapsed = carol.page.get_by_role("row", name="A small laser")
    expect(lapsed).to_contain_text(re.compile("Nobody answered.*Lapsed", re.DOTALL))
    assert ada.page.locator("article", has_text="A small laser").count() == 0

    box = Taken()
    server = Controller(box, hostname="127.0.0.1", port=free_port())
    server.start()
    database = lab.books.settings.postgres
    try:
        with doing_jobs(database, tmp_path, SPENDLOG_API_SMTP=f"smtp://127.0.0.1:{server.port}") as log:
            asking = f"SELECT job_put('{lab.organization}', 'requests', 'remind', 'lab', '{{}}')"
            rows(lab.books, asking)
            for task in ("requests.remind", "mail.send"):
                assert wait_until(partial(_done, lab, task), 90.0), log.read_text()
            # Other tests' mails wait in the same queue.
            wait_until(lambda: bool(_about(box)), 90.0)
    finally:
        server.stop()
    (mail,) = _about(box)
    assert mail["To"] == MANAGER
    assert "zoe@techcorp.com has asked for a card" in mail.get_content()
    carol.go("/approvals")
    expect(waits).to_contain_text("Reminded")

    carol.page.get_by_label("Who answers for you").fill("admin@techcorp.com")
    carol.page.get_by_label("Until the end of").fill(f"{datetime.now(UTC) + timedelta(days=3):%Y-%m-%d}")
    carol.page.get_by_role("button", name="Let him answer").click()
    expect(carol.page.get_by_text("admin@techcorp.com answers for you until").last).to_be_visible()

    ada.go("/approvals")
    mine = ada.page.locator("article", has_text="A second lens")
    expect(mine).to_contain_text(f"admin@techcorp.com answers for {MANAGER}")
    mine.get_by_role("button", name="Approve").click()
    expect(ada.page.get_by_text("Approved: it is in force now.")).to_be_visible()
    row = ada.page.get_by_role("row", name="A second lens")
    expect(row).to_contain_text(f"admin@techcorp.com for {MANAGER}")
    ada.go("/cards/lab/card_optics")
    expect(ada.page.get_by_text("Zoe").first).to_be_visible()
    carol.page.get_by_role("button", name="I am back").click()
    expect(carol.page.get_by_text("Welcome back")).to_be_visible()


def _done(lab: TechCorp, task: str) -> bool:
    return bool(rows(lab.books, DONE, task))


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}px")
def test_what_people_ask_and_answer_with_fits_and_is_readable(
    person: Sit, lab: TechCorp, size: tuple[int, int], theme: str
) -> None:
    sitting = person("admin", size=size, theme=theme)
    for path in FORMS:
        sitting.go(path)
        assert sitting.fits(), path
        assert sitting.serious() == [], path
