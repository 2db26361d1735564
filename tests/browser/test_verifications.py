"""An error that is planted in the books is found by the job, and shown to whom it concerns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import expect

from infra.processes.refs import wait_until
from tests.browser.conftest import TechCorp
from tests.browser.person import PHONE, Person
from tests.jobs.test_due_reports import doing_jobs
from tests.sinks.conftest import query

Sit = Callable[..., Person]
_CHANGE = """
UPDATE budget_period SET posted_minor = posted_minor + %s
WHERE organization_id = %s AND department_id = 'sales' AND budget_id = 'department'
"""
_ASK = "SELECT job_put(NULL, 'verification', 'check', 'test', '{}')"


@contextmanager
def an_error(techcorp: TechCorp) -> Iterator[None]:
    """Sales has spent 7.00 more than the log says, for a while."""
    with psycopg.connect(techcorp.books.settings.postgres, autocommit=True) as connection:
        assert connection.execute(_CHANGE, (700, techcorp.organization)).rowcount
        try:
            yield
        finally:
            connection.execute(_CHANGE, (-700, techcorp.organization))


def proofs(postgres: str) -> int:
    """How many there are."""
    return int(query(postgres, "SELECT count(*) FROM verification")[0][0])


def prove(techcorp: TechCorp, folder: Path) -> None:
    """By the process that does jobs, as an operator asks for it."""
    settings = techcorp.books.settings
    before = proofs(settings.postgres)
    query(settings.postgres, _ASK)
    where = {"SPENDLOG_KAFKA": settings.kafka, "SPENDLOG_JOBS_SILENT_S": "60"}
    with doing_jobs(settings.postgres, folder, **where) as log:
        assert wait_until(lambda: proofs(settings.postgres) > before, 240.0), log.read_text()


@pytest.mark.timeout(400)
def test_a_planted_error_is_on_the_page_of_whom_it_concerns(
    person: Sit, techcorp: TechCorp, tmp_path: Path
) -> None:
    with an_error(techcorp):
        prove(techcorp, tmp_path)
    admin = person("admin")
    admin.go("/verifications")
    row = admin.page.locator("#c-O6")
    expect(row).to_contain_text("false")
    expect(row).to_contain_text(f"budget_period {techcorp.organization}/sales/department@")
    expect(admin.page.locator("#c-O16")).to_contain_text("holds")
    assert "Read up to" not in admin.main()  # how much there is of others is nobody's business
    assert admin.serious() == []
    operator = person("operator", size=PHONE)
    operator.go("/system")
    operator.page.get_by_role("link", name="do not hold").click()
    expect(operator.page.locator("#c-O6")).to_contain_text(techcorp.organization)
    expect(operator.page.get_by_role("heading", name="Read up to")).to_be_visible()
    assert operator.fits()
    assert operator.serious() == []
