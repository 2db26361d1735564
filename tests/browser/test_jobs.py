"""Failed jobs, looked at and tried again by the operator; nobody's data is on the page."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
from playwright.sync_api import expect

from tests.browser.conftest import TechCorp
from tests.browser.person import PHONE, Person

Sit = Callable[..., Person]

_PUT = "SELECT job_put(%s, 'receipts', 'read', %s, jsonb_build_object('receipt_id', 'rcp_secret'))"
_FAIL = "UPDATE procrastinate_jobs SET status = 'failed' WHERE id = %s"
_TOLD = (
    "UPDATE job_run SET failures = %s, error = %s, failed_at = now() - interval '3 minutes' WHERE job_id = %s"
)


def failed(techcorp: TechCorp, error: str, *, again: bool) -> int:
    """A job as it stands after its last failure, or before its next attempt."""
    with psycopg.connect(techcorp.books.settings.postgres, autocommit=True) as connection:
        row = connection.execute(_PUT, [techcorp.organization, error]).fetchone()
        assert row is not None
        job: int = row[0]
        connection.execute(_TOLD, [3 if again else 8, error, job])
        if again:
            later = "UPDATE procrastinate_jobs SET scheduled_at = now() + interval '9 minutes' WHERE id = %s"
            connection.execute(later, [job])
        else:
            connection.execute(_FAIL, [job])
        return job


def test_the_operator_sees_what_failed_and_tries_it_again(person: Sit, techcorp: TechCorp) -> None:
    given_up = failed(techcorp, "the file is no image", again=False)
    later = failed(techcorp, "OperationalError: no answer", again=True)
    for size in (PHONE, (1280, 900)):
        sitting = person("operator", size=size)
        sitting.go("/system")
        if size == PHONE:
            sitting.page.get_by_role("button", name="Menu").click()
        sitting.page.get_by_role("link", name="Jobs").click()
        sitting.page.wait_for_url("**/jobs")
        row = sitting.page.locator(f"#j-{given_up}")
        expect(row).to_contain_text("the file is no image")
        expect(row).to_contain_text("after 8 failures")
        expect(sitting.page.locator(f"#j-{later} time")).to_be_visible()
        assert sitting.fits() and sitting.serious() == []
    text = sitting.page.content()
    assert techcorp.organization not in text and "rcp_secret" not in text
    row.get_by_role("button", name="Try again now").click()
    expect(sitting.page.get_by_text(f"Job {given_up} waits to be done.")).to_be_visible()
    expect(sitting.page.locator(f"#j-{given_up}")).to_have_count(0)
    answer = sitting.page.request.post(
        f"{techcorp.url}/jobs/{given_up}", headers={"Sec-Fetch-Site": "same-origin"}
    )
    assert answer.status == 409 and "not given up" in answer.text()


def test_nobody_else_sees_or_retries_jobs(person: Sit, techcorp: TechCorp) -> None:
    job = failed(techcorp, "no reason", again=False)
    for who in ("admin", "carol", "auditor", "bob"):
        sitting = person(who)
        assert sitting.page.request.get(f"{techcorp.url}/jobs").status == 403, who
        own = {"Sec-Fetch-Site": "same-origin"}
        assert sitting.page.request.post(f"{techcorp.url}/jobs/{job}", headers=own).status == 403, who
