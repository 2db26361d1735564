"""Reviews by hand: what is flagged is found with its reasons, taken, and said to be fraud or fine."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from schemas.events import AuthorizationRequested
from tests.browser.conftest import TechCorp
from tests.browser.person import Person
from tests.browser.steps import purchase

Sit = Callable[..., Person]
Form = dict[str, str | float | bool]
OWN = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture(scope="module")
def looked_at(techcorp: TechCorp) -> list[AuthorizationRequested]:
    """Payments of a department in which somebody wants to look at what is above 5.00 in one purchase."""
    return [purchase(techcorp, "operations", "tomoko", 700 + n, f"Corner <b>Shop</b> {n}") for n in range(3)]


@pytest.fixture
def admin(person: Sit, techcorp: TechCorp, looked_at: list[AuthorizationRequested]) -> Person:
    """She has put the rule in force, and the payments were made."""
    sitting = person("admin")
    sitting.go("/policies/operations")
    if sitting.page.get_by_text("look-at-all").count() == 0:
        rule: Form = {"kind": "limit", "name": "Look at all", "most": "5", "action": "review"}
        rules = f"{techcorp.url}/policies/operations/rules"
        drafted = sitting.page.request.post(rules, form=rule, headers=OWN).text()
        version = max(map(int, re.findall(r'name="version" value="(\d+)"', drafted)))
        in_force = f"{techcorp.url}/policies/operations/activate"
        assert sitting.page.request.post(in_force, form={"version": version}, headers=OWN).ok
        techcorp.play(*looked_at)
    return sitting


def test_what_a_rule_wants_looked_at_is_taken_and_said_to_be_fraud(
    admin: Person, person: Sit, looked_at: list[AuthorizationRequested]
) -> None:
    merchant = looked_at[0].merchant.name
    carol = person("carol")
    page = carol.page
    carol.go("/")
    expect(page.get_by_role("region", name="Needs attention").get_by_text(merchant)).to_be_visible()
    carol.go("/reviews?department=operations")
    case = page.get_by_role("article", name=merchant)
    expect(case).to_contain_text("A rule asks for a look")
    assert carol.serious() == []
    case.get_by_role("link", name=merchant).click()
    page.get_by_role("button", name="I look into it").click()
    expect(page.get_by_role("region", name="Who looks into it")).to_contain_text("carol@techcorp.com")
    page.get_by_role("button", name="Fraud").click()
    expect(page.get_by_text("the model learns from it. To stop")).to_be_visible()
    assert carol.at() == "/reviews"
    expect(page.get_by_role("article", name=merchant)).to_have_count(0)
    page.get_by_role("link", name="Decided", exact=True).click()
    decided = page.get_by_role("article", name=merchant)
    expect(decided.locator(".tag")).to_have_text(["Held", "Fraud"])
    expect(decided).to_contain_text("by carol@techcorp.com")
    carol.go("/")
    expect(page.get_by_role("region", name="Needs attention").get_by_text(merchant)).to_have_count(0)


def test_what_the_model_flagged_tells_its_reasons(admin: Person) -> None:
    admin.go("/reviews/sales/purchase-suspicious")
    against = admin.page.get_by_role("region", name="What speaks against it")
    expect(against).to_contain_text("flagged by the model")
    expect(against.get_by_role("listitem").first).to_be_visible()
    admin.page.get_by_role("link", name="The purchase and its life").click()
    expect(admin.page.get_by_role("heading", name="What it was flagged for")).to_be_visible()


@pytest.mark.parametrize(("act", "words"), [("legitimate", "Fine"), ("unsure", "Not sure")])
def test_a_verdict_that_is_sent_twice_is_one_label_and_another_takes_its_place(
    admin: Person, techcorp: TechCorp, looked_at: list[AuthorizationRequested], act: str, words: str
) -> None:
    case = looked_at[1 if act == "legitimate" else 2].authorization_id
    where = f"{techcorp.url}/reviews/operations/{case}"
    for _ in range(2):
        answer = admin.page.request.post(where, form={"act": act, "key": "k1"}, headers=OWN)
        assert answer.ok and "/reviews?" in answer.url
    admin.go(f"/reviews/operations/{case}")
    expect(admin.page.locator(".head .tag")).to_have_text(["Held", words])
    admin.page.get_by_text("Say something else").click()
    admin.page.get_by_role("button", name="Fraud").click()
    expect(admin.page.get_by_text("the model learns from it. To stop")).to_be_visible()
    admin.go(f"/reviews/operations/{case}")
    expect(admin.page.locator(".head .tag")).to_have_text(["Held", "Fraud"])


def test_who_may_only_read_says_nothing(person: Sit, techcorp: TechCorp) -> None:
    auditor = person("auditor")
    auditor.go("/reviews/sales/purchase-suspicious")
    assert auditor.page.get_by_role("button", name="Fraud").count() == 0
    for act in ("fraud", "legitimate", "unsure", "take", "leave"):
        where = f"{techcorp.url}/reviews/sales/purchase-suspicious"
        answer = auditor.page.request.post(where, form={"act": act, "key": "k"}, headers=OWN)
        assert answer.status == 403, act
