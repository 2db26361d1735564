"""The audit log by hand: what was done and refused is found, and its chain is checked."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
from playwright.sync_api import expect

from api.pages.audit import Changed, changes_of
from api.resources.access.audit import AuditRecordOut
from tests.api.people import PASSWORD
from tests.browser.conftest import TechCorp
from tests.browser.person import Person

Sit = Callable[..., Person]


def test_what_somebody_did_and_was_refused_is_found_and_the_chain_is_checked(
    person: Sit, techcorp: TechCorp
) -> None:
    admin = person("admin")
    headers = {"Sec-Fetch-Site": "same-origin"}
    answer = admin.page.request.post(
        f"{techcorp.url}/cards/operations/card_rosa", form={"act": "freeze"}, headers=headers
    )
    assert answer.ok
    auditor = person("auditor")
    auditor.page.request.post(
        f"{techcorp.url}/cards/operations/card_rosa", form={"act": "cancel"}, headers=headers
    )
    auditor.go("/audit")
    page = auditor.page
    expect(page.locator("#rows")).to_be_visible()
    page.get_by_label("By whom").fill("auditor@techcorp.com")
    page.wait_for_url("**/audit?*actor=auditor*")
    page.get_by_role("link", name="Refused", exact=True).click()
    page.wait_for_url("**outcome=refused*")
    for _ in range(20):  # refused tries come within a second
        if page.get_by_text("/cards/operations/card_rosa").count():
            break
        page.wait_for_timeout(500)
        page.reload()
    row = page.locator("#rows li").first
    expect(row).to_contain_text("act on card")
    expect(row).to_contain_text("Refused")
    row.get_by_text("Record").click()
    expect(row.locator(".hash")).to_be_visible()
    page.get_by_role("link", name="Check its chain").click()
    expect(page.locator(".note[role=status]")).to_contain_text("each hash is that of its content")
    assert auditor.serious() == []
    assert page.locator("#rows li").count() >= 1  # the filters are kept


def test_a_record_that_was_changed_breaks_the_chain_where_it_stands(person: Sit, techcorp: TechCorp) -> None:
    sitting = person("admin")
    sitting.go("/webhooks/new")
    sitting.confirm(PASSWORD)
    form: dict[str, str | float | bool] = {"key": "fedcba98", "url": "https://hooks.example.com/audit"}
    made = sitting.page.request.post(
        f"{techcorp.url}/webhooks/new", form=form, headers={"Sec-Fetch-Site": "same-origin"}
    )
    assert made.ok
    sitting.go("/audit?check=true")
    expect(sitting.page.locator(".note.good")).to_be_visible()
    own = "UPDATE audit_record SET actor = %s WHERE organization_id = %s AND seq = 1 RETURNING actor"
    with psycopg.connect(techcorp.books.settings.postgres) as connection:
        # The owner takes the walls away, as somebody with the machine could.
        connection.execute(
            "ALTER TABLE audit_record DISABLE TRIGGER append_only, NO FORCE ROW LEVEL SECURITY"
        )
        before = connection.execute(
            "SELECT actor FROM audit_record WHERE organization_id = %s AND seq = 1", [techcorp.organization]
        ).fetchone()
        assert before is not None
        connection.execute(own, ["nobody@example.com", techcorp.organization])
        connection.commit()
        try:
            sitting.go("/audit?check=true")
            expect(sitting.page.locator(".note.bad")).to_contain_text("breaks at record 1")
        finally:
            connection.execute(own, [before[0], techcorp.organization])
            connection.execute(
                "ALTER TABLE audit_record ENABLE ALWAYS TRIGGER append_only, FORCE ROW LEVEL SECURITY"
            )
            connection.commit()


def test_what_changed_is_told_member_by_member() -> None:
    record = AuditRecordOut.model_construct(
        before={"role": "auditor", "departments": [], "name": "A"},
        after={"role": "org_admin", "departments": ["sales", "eng"], "name": "A", "new": 7},
    )
    assert changes_of(record) == [
        Changed("departments", "", "sales, eng"),
        Changed("new", "", "7"),
        Changed("role", "auditor", "org_admin"),
    ]
    assert changes_of(AuditRecordOut.model_construct(before=None, after=None)) == []
