"""What somebody who never saw it comes for, each in at most six steps; and what pages do while one looks."""

from __future__ import annotations

import csv
import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from infra.demo.month import MANAGER
from schemas.controls import ApprovalLevel, Policy
from schemas.events import PolicyDrafted
from tests.browser.conftest import TechCorp
from tests.browser.person import Person
from tests.browser.steps import Steps, purchase

Sit = Callable[..., Person]


def left(sitting: Person, department: str) -> str:
    """What the overview says is left."""
    return sitting.page.locator(f"#d-{department} .figure-left").inner_text()


def test_how_much_sales_may_still_spend(person: Sit) -> None:
    steps = Steps(person("carol"))
    steps.click(re.compile("^Sales"))
    expect(steps.page.get_by_role("heading", name="Sales")).to_be_visible()
    expect(steps.page.get_by_text("Left to spend")).to_be_visible()
    expect(steps.page.locator(".figure.big dd")).to_have_text(re.compile(r"\$[\d,]+\.\d\d"))


def test_why_bob_was_declined_and_how_to_let_him_spend_it(person: Sit, techcorp: TechCorp) -> None:
    bobs = purchase(techcorp, "engineering", "bob", 4_800_000, "Supermicro")
    techcorp.play(bobs)
    sitting = person("carol")
    steps = Steps(sitting)
    steps.click("Supermicro")
    expect(steps.page.get_by_text(re.compile("budget exceeded. Limit")).first).to_be_visible()
    expect(steps.page.locator("#would-pass")).to_contain_text("passes now")
    steps.click("Raise the budget so that it passes")
    before = steps.page.locator(".figure dd").first.inner_text()
    steps.click("Raise it", "button")
    expect(steps.page.get_by_text("more until")).to_be_visible()
    assert sitting.at() == "/departments/engineering"
    expect(steps.page.locator(".figure.big dd")).not_to_have_text(before)
    assert steps.taken <= 3


def test_what_a_suspicious_purchase_was_flagged_for(person: Sit) -> None:
    steps = Steps(person("carol"))
    steps.click("Transactions")
    steps.fill("Merchant", "night owl")
    steps.page.wait_for_url("**/transactions?*search=night*")
    steps.click("Night Owl Electronics")
    expect(steps.page.get_by_role("heading", name="What it was flagged for")).to_be_visible()
    reasons = steps.page.get_by_role(
        "cell", name=re.compile("^15 or more × the card's (usual|middle) amount$")
    )
    expect(reasons.first).to_be_visible()


def test_a_department_draws_its_period(person: Sit) -> None:
    sitting = person("carol")
    sitting.go("/departments/marketing")
    expect(sitting.page.locator(".chart canvas")).to_be_visible()
    expect(sitting.page.locator("#curve")).to_contain_text("Google Ads")
    expect(sitting.page.locator("#curve")).to_contain_text("advertising")


def test_a_card_is_locked_to_one_merchant_and_then_declined_elsewhere(person: Sit) -> None:
    sitting = person("admin")
    page = sitting.page
    sitting.go("/cards/marketing/card_pablo")
    page.get_by_role("link", name="Change", exact=True).click()
    assert page.get_by_label("Who holds it").input_value() == "pablo@techcorp.com"
    page.get_by_label("Only at this merchant").fill("Canva")
    page.get_by_role("button", name="Change it").click()
    expect(page.get_by_text("only Canva")).to_be_visible()
    sitting.go("/dispatch")
    page.get_by_label("Card").select_option("marketing/card_pablo")
    page.get_by_role("button", name="Dispatch", exact=True).click()
    expect(page.locator("#answer")).to_contain_text("Canva")
    expect(page.locator("#answer")).to_contain_text("Declined")


def test_a_department_s_people_and_merchants_lead_to_their_purchases(person: Sit) -> None:
    sitting = person("carol")
    sitting.go("/departments/operations")
    people = sitting.page.get_by_role("region", name="Who spends it")
    people.get_by_role("link", name="tomoko@techcorp.com").click()
    sitting.page.wait_for_url("**/transactions?*employee=tomoko*")
    holders = sitting.page.locator("#rows td:last-child").all_inner_texts()
    assert holders and all(holder.startswith("tomoko@") for holder in holders)


def test_the_hash_of_a_decision_is_computed_in_the_browser(person: Sit) -> None:
    sitting = person("carol")
    sitting.go("/transactions/operations/purchase-chairs")
    sitting.page.get_by_role("button", name="Compute it here").click()
    expect(sitting.page.locator("#hash-answer")).to_contain_text("The same.")
    sitting.page.evaluate("document.getElementById('record').textContent += ' '")
    sitting.page.get_by_role("button", name="Compute it here").click()
    expect(sitting.page.locator("#hash-answer")).to_contain_text("Not the same")


def test_an_open_overview_moves_when_something_is_bought(person: Sit, techcorp: TechCorp) -> None:
    sitting = person("carol")
    sitting.go("/")
    expect(sitting.page.locator("#lamp")).to_have_text("live")
    before, name = left(sitting, "marketing"), f"Canva {uuid.uuid4().hex[:6]}"
    sitting.page.evaluate("window.untouched = true; scrollTo(0, 120)")
    techcorp.play(purchase(techcorp, "marketing", "olga", 1_234, name))
    # `python -m perf.pages` measures how soon: within a second. Here a busy machine decides nothing.
    expect(sitting.page.locator("#latest")).to_contain_text(name)
    assert left(sitting, "marketing") != before
    assert sitting.page.evaluate("untouched && scrollY") == 120


def test_a_script_in_a_merchant_s_name_is_text(person: Sit, techcorp: TechCorp) -> None:
    name = "<script>window.run=1</script><img src=x onerror=window.run=2>"
    bad = purchase(techcorp, "marketing", "olga", 500, name)
    techcorp.play(bad)
    sitting = person("carol")
    for path in (
        "/",
        "/transactions",
        f"/transactions/marketing/{bad.authorization_id}",
        "/departments/marketing",
    ):
        sitting.go(path)
        assert "<script>window.run=1</script>" in sitting.main(), path
        assert sitting.page.evaluate("window.run") is None


def test_a_frozen_card_is_declined_and_says_so(person: Sit) -> None:
    sitting = person("admin")
    sitting.go("/cards/marketing/card_quinn")
    sitting.page.get_by_role("button", name="Freeze").click()
    expect(sitting.page.get_by_text("Nothing: the card is frozen.")).to_be_visible()
    sitting.go("/dispatch")
    sitting.page.get_by_label("Card").select_option("marketing/card_quinn")
    sitting.page.get_by_role("button", name="Dispatch", exact=True).click()
    expect(sitting.page.locator("#answer")).to_contain_text("Declined")
    expect(sitting.page.locator("#answer")).to_contain_text("frozen")
    for light in ("accepted", "log", "decided", "booked", "seen"):
        expect(sitting.page.locator(f"#light-{light}")).to_have_attribute("data-on", re.compile("yes|no"))
        expect(sitting.page.locator(f"#light-{light} .ms")).to_have_text(re.compile(r"^\d+ ms$"))


def test_a_thousand_at_once_draw_their_spread(person: Sit) -> None:
    sitting = person("admin")
    sitting.go("/dispatch")
    sitting.page.get_by_label("Card").select_option("engineering/card_erin")
    sitting.page.get_by_role("button", name=re.compile("1,000")).click()
    expect(sitting.page.locator("#spread p")).to_contain_text(re.compile(r"\d{3,4} of 1000 decided in"))
    assert sitting.page.locator("#spread rect").count() > 10


def test_an_approval_changes_the_budget(person: Sit) -> None:
    sitting = person("carol")
    sitting.go("/")
    before = left(sitting, "marketing")
    sitting.page.get_by_role("link", name=re.compile("olga@techcorp.com asks")).click()
    sitting.page.get_by_role("button", name=re.compile("^Approve")).click()
    expect(sitting.page.get_by_text("it is in force now")).to_be_visible()
    sitting.go("/")
    assert left(sitting, "marketing") != before
    assert sitting.page.get_by_text("olga@techcorp.com asks").count() == 0


def test_a_rule_is_drafted_compared_and_put_in_force(person: Sit) -> None:
    sitting = person("carol")
    sitting.go("/policies/marketing")
    sitting.page.get_by_label("Name").fill("No cash")
    sitting.page.get_by_label("What it does").select_option("block")
    sitting.page.get_by_label("Kind of purchase").select_option("cash")
    sitting.page.get_by_role("button", name="Draft it").click()
    expect(sitting.page.get_by_text("It stops nothing before")).to_be_visible()
    expect(sitting.page.get_by_text("Purchases of the kind cash are declined")).to_be_visible()
    sitting.page.get_by_role("link", name="Try it on the last 30 days").click()
    expect(sitting.page.get_by_text("Every purchase would have been answered as it was")).to_be_visible()
    sitting.page.get_by_role("button", name=re.compile("Put version")).click()
    expect(sitting.page.locator("#h-now + ol")).to_contain_text("Purchases of the kind cash are declined")


def test_a_draft_is_tried_on_the_purchases_that_there_were(person: Sit) -> None:
    sitting = person("carol")
    page = sitting.page
    sitting.go("/policies/sales")
    page.get_by_label("Name").fill("Small meals")
    page.get_by_label("Kind of purchase").select_option("restaurant")
    page.get_by_label("At most, in USD").fill("15")
    page.get_by_role("button", name="Draft it").click()
    page.get_by_role("link", name="Try it on the last 30 days").click()
    trial = page.locator("section[id^=trial]")
    expect(trial).to_contain_text("Who would have been declined")
    expect(trial).to_contain_text("small-meals")
    expect(trial.locator(".figure dd").first).to_have_text(re.compile(r"^[1-9]\d* \$[\d,]+\.\d\d$"))
    trial.get_by_text("Which purchases").click()
    expect(trial.get_by_text("Would be declined").first).to_be_visible()
    assert sitting.serious() == []
    trial.get_by_role("link", name="7 days").click()
    expect(page.locator("section[id^=trial] .chip[aria-current]")).to_have_text("7 days")


def test_filters_stay_in_the_address_and_the_rest_of_a_list_comes_after(person: Sit) -> None:
    sitting = person("carol")
    sitting.go("/transactions")
    sitting.page.get_by_label("Merchant").fill("chip")
    sitting.page.wait_for_url("**/transactions?*search=chip*")
    expect(sitting.page.locator("#rows tr").first).to_contain_text("Chipotle")
    sitting.page.get_by_role("link", name="Settled", exact=True).click()
    sitting.page.wait_for_url(re.compile("search=chip.*status=settled|status=settled.*search=chip"))
    assert set(sitting.page.locator("#rows .tag").all_inner_texts()) <= {"Settled", "Flagged", "To review"}
    first = sitting.page.locator("#rows tr").count()
    sitting.page.get_by_role("link", name="More").click()
    expect(sitting.page.locator("#rows tr")).not_to_have_count(first)
    ids = sitting.page.locator("#rows tr").evaluate_all("rows => rows.map(row => row.id)")
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_what_is_shown_can_be_taken_away(person: Sit, techcorp: TechCorp, kind: str) -> None:
    sitting = person("carol")
    sitting.go("/transactions?status=disputed")
    shown = sitting.page.locator("#rows tr").count()
    answer = sitting.page.request.get(f"{techcorp.url}/transactions.{kind}?status=disputed")
    assert answer.ok
    assert "attachment" in answer.headers["content-disposition"]
    if kind == "csv":
        lines = answer.body().decode("utf-8-sig").splitlines()
        assert len(lines) == shown + 1
        assert all(",disputed,USD,640.00," in line for line in lines[1:])
    else:
        assert answer.body().startswith(b"PK")


def test_a_question_is_answered_with_a_chart_and_changed_by_its_chips(person: Sit) -> None:
    sitting = person("carol")
    sitting.go("/")
    sitting.page.get_by_role("link", name="Ask", exact=True).click()
    sitting.page.get_by_label("Your question").fill("software over 50 by deparment this year")
    sitting.page.get_by_role("button", name="Ask", exact=True).click()
    expect(sitting.page.locator("#h-answer")).to_contain_text("Engineering: $")
    expect(sitting.page.locator(".chart canvas")).to_be_visible()
    expect(sitting.page.get_by_text("“deparment” was taken for “department”")).to_be_visible()
    before = sitting.page.locator("#answer tbody tr").first.inner_text()
    sitting.page.get_by_role("link", name="over 50").click()
    expect(sitting.page.locator("#answer tbody tr").first).not_to_have_text(before)
    assert "over 50" not in sitting.main()
    sitting.page.get_by_text("Change it").click()
    sitting.page.get_by_label("By").select_option("merchant")
    sitting.page.get_by_role("button", name="Ask again").click()
    expect(sitting.page.locator("#answer")).to_contain_text("GitHub")
    with sitting.page.expect_download() as taken:
        sitting.page.get_by_role("link", name="CSV").click()
    assert taken.value.path().read_text(encoding="utf-8-sig").startswith("merchant,amount,purchases,currency")


def test_a_word_that_is_not_understood_is_marked_and_others_are_offered(person: Sit) -> None:
    sitting = person("carol")
    sitting.go("/ask?q=spend+on+unicorns+in+Sales")
    sitting.faults = [fault for fault in sitting.faults if "422" not in fault]  # the page's own status
    expect(sitting.page.locator("#fault mark")).to_have_text("unicorns")
    sitting.page.locator("#h-near + .chips a").first.click()
    expect(sitting.page.locator("#h-answer")).to_contain_text("purchases")


def test_an_employee_sees_what_is_his_own_and_asks_for_more(person: Sit) -> None:
    sitting = person("bob")
    sitting.go("/")
    assert sitting.at() == "/mine"
    expect(sitting.page.locator(".figure.big dd").first).to_have_text(re.compile(r"\$[\d,]+\.\d\d"))
    told = sitting.page.locator("nav a").all_inner_texts()
    assert told == ["My cards", "Transactions", "Receipts", "Ask", "Reports"]
    sitting.page.get_by_role("link", name="Ask for more").first.click()
    sitting.page.get_by_label("How much more, in USD").fill("1,200")
    sitting.page.get_by_label("What for").fill("The build farm")
    sitting.page.get_by_role("button", name="Ask", exact=True).click()
    sitting.page.wait_for_url("**/mine?*")
    expect(sitting.page.get_by_text("$1,200.00 for engineering")).to_be_visible()
    managers = person("carol")
    managers.go("/approvals")
    expect(managers.page.get_by_text("“The build farm”")).to_be_visible()


def test_a_card_is_asked_for_approved_by_two_and_then_it_is_there(person: Sit, techcorp: TechCorp) -> None:
    levels = (
        ApprovalLevel("manager", 0, (MANAGER,)),
        ApprovalLevel("second", 50_000, ("admin@techcorp.com",)),
    )
    techcorp.play(
        PolicyDrafted(
            event_id=f"two-levels-{uuid.uuid4()}",
            organization_id=techcorp.organization,
            department_id="engineering",
            occurred_at=datetime.now(UTC),
            actor=MANAGER,
            policy=Policy(approvals=levels),
            activate=True,
        )
    )
    asks = Steps(person("bob"))
    cards = asks.page.get_by_text("Available now").count()
    asks.click("A card")
    asks.fill("How much, in USD", "612.50")
    asks.fill("What for", "A second screen")
    asks.click("Ask", "button")
    expect(asks.page.get_by_text("$612.50 for engineering")).to_be_visible()
    for name, level in (("carol", "Level 1 of 2"), ("admin", "Level 2 of 2")):
        answers = person(name)
        answers.go("/approvals")
        card = answers.page.locator("article", has_text="A second screen")
        expect(card).to_contain_text(level)
        expect(card).to_contain_text("lapses")
        card.get_by_role("button", name="Approve").click()
        expect(answers.page.get_by_text("Approved:")).to_be_visible()
    asks.page.goto(f"{techcorp.url}/mine")
    expect(asks.page.get_by_text("Available now")).to_have_count(cards + 1)
    expect(asks.page.locator(".figure.big dd", has_text="$612.50")).to_have_count(1)
    assert asks.taken + 2 <= 6


def test_who_is_away_names_who_answers_and_comes_back(person: Sit) -> None:
    sitting = person("carol")
    sitting.go("/approvals")
    sitting.page.get_by_label("Who answers for you").fill("admin@techcorp.com")
    sitting.page.get_by_label("Until the end of").fill(f"{datetime.now(UTC) + timedelta(days=3):%Y-%m-%d}")
    sitting.page.get_by_role("button", name="Let him answer").click()
    expect(sitting.page.get_by_text("admin@techcorp.com answers for you until").last).to_be_visible()
    sitting.page.get_by_role("button", name="I am back").click()
    expect(sitting.page.get_by_text("Welcome back")).to_be_visible()
    expect(sitting.page.get_by_label("Who answers for you")).to_be_visible()


def test_the_keyboard_alone_gets_from_the_start_to_a_purchase(person: Sit) -> None:
    sitting = person("carol")
    sitting.go("/transactions")
    keyboard = sitting.page.keyboard
    keyboard.press("Tab")
    assert sitting.page.evaluate("document.activeElement.textContent") == "Skip to the content"
    keyboard.press("Enter")
    keyboard.press("/")
    assert sitting.page.evaluate("document.activeElement.name") == "search"
    keyboard.type("night owl")
    expect(sitting.page.locator("#rows tr").first).to_contain_text("Night Owl Electronics")
    sitting.page.evaluate("document.activeElement.blur()")
    keyboard.press("j")
    keyboard.press("Enter")
    sitting.page.wait_for_url("**/transactions/sales/purchase-suspicious")


def test_purchases_are_narrowed_by_days_and_amounts(person: Sit, techcorp: TechCorp) -> None:
    sitting = person("carol")
    page = sitting.page
    sitting.go("/transactions")
    page.get_by_text("Days and amounts").click()
    page.get_by_label("At least").fill("1,500")
    page.wait_for_url("**least=1*")
    expect(page.locator("#rows")).to_contain_text("Night Owl")
    assert all(
        float(text.replace("$", "").replace(",", "")) >= 1_500
        for text in page.locator("#rows td.num b").all_inner_texts()
    )
    taken = page.request.get(f"{techcorp.url}/transactions.csv?least=1%2C500&most=2000").text()
    amounts = [float(line["amount"]) for line in csv.DictReader(taken.splitlines())]
    assert amounts and all(1_500 <= amount <= 2_000 for amount in amounts)
    day = f"{datetime.now(UTC) - timedelta(days=9):%Y-%m-%d}"
    taken = (
        page.request.get(f"{techcorp.url}/transactions.csv?first={day}&last={day}").text().lstrip("\ufeff")
    )
    days = {line["when"].partition(",")[0] for line in csv.DictReader(taken.splitlines())}
    assert len(days) == 1
    refused = page.request.get(f"{techcorp.url}/transactions?least=lots")
    assert refused.status == 422 and "is no amount in USD" in refused.text()
