"""Every page, by everybody who may see it: it opens, fits, is readable by all, and asks no other host."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.api.people import PASSWORD
from tests.browser.conftest import TechCorp
from tests.browser.person import PHONE, Person

Sit = Callable[..., Person]

SIGN_ON = (("/single-sign-on", "says who somebody is"), ("/single-sign-on/new", "discovery document"))
#: Path, and a text that only this page has.
PAGES = (
    ("/", "Needs attention"),
    ("/departments/sales", "What holds here"),
    ("/departments/engineering/more", "It reverts by itself"),
    ("/departments/engineering/ask/card", "the card is registered for you"),
    ("/departments/engineering/ask/budget", "whose limit it would be"),
    ("/transactions", "Every purchase that was asked for"),
    ("/transactions?status=declined", "Declined"),
    ("/transactions/sales/purchase-suspicious", "What it was flagged for"),
    ("/transactions/operations/purchase-chairs", "Disputed"),
    ("/ask", "A question changes nothing"),
    ("/ask?q=spend+by+department+this+year", "by department"),
    ("/ask?q=top+expenses+this+year", "largest first"),
    ("/reports?report=spend&period=this_year", "By merchant"),
    ("/reports?report=month-end", "Still open"),
    ("/reports/scheduled", "Made by themselves"),
    ("/reports/chart", "the first counts"),
    ("/receipts", "read and matched to its purchase"),
    ("/cards", "Department"),
    ("/cards/operations/card_sven", "Nothing: the card is frozen"),
    ("/cards/new", "Single use"),
    ("/change-card/operations/card_rosa", "Single use"),
    ("/reviews", "becomes their label"),
    ("/reviews/sales/purchase-suspicious", "What speaks against it"),
    ("/policies/sales/trial?version=1", "Limits count what was approved"),
    ("/approvals", "For you"),
    ("/policies", "different policies are in force"),
    ("/policies/sales", "In force, in this order"),
    ("/dispatch", "In the log"),
    ("/reconciliation", "against the books"),
    ("/webhooks", "signed POST"),
    ("/webhooks/new", "nothing chosen: everything"),
    ("/people", "Who belongs to"),
    ("/people/new", "Org Admin"),
    ("/keys", "What programs of yours"),
    ("/keys/new", "Which program"),
    *SIGN_ON,
)
ACCOUNT = ("/account", "Where you are signed in")
AUDIT = ("/audit", "what they were refused")
PROOF = ("/verifications", "computes the books anew")
ORGANIZATION = (
    *("/webhooks", "/webhooks/new", "/people", "/people/new", "/keys", "/keys/new"),
    *("/single-sign-on", "/single-sign-on/new"),
)
WRITES = (
    "/cards/new",
    "/change-card/operations/card_rosa",
    "/dispatch",
    "/departments/engineering/more",
    "/departments/engineering/ask/card",
    "/departments/engineering/ask/budget",
    "/webhooks/new",
    "/people/new",
    "/keys/new",
    "/single-sign-on/new",
)
SYSTEM = ("/system", "Partitions")
JOBS = ("/jobs", "Given up")
OWN = (
    ("/", "Available now"),
    ("/mine", "Ask for more"),
    ("/transactions", "Every purchase that was asked for"),
    ("/receipts", "Send a receipt"),
    ("/ask?q=what+did+I+spend+by+category", "by category"),
    ("/cards/engineering/card_bob", "How it is set"),
    ("/departments/engineering/more", "What for"),
    ("/departments/engineering/ask/card", "Nobody approves his own"),
    ("/departments/engineering/ask/budget", "Nobody approves his own"),
    ACCOUNT,
)
#: An operator's people are those who run the system.
OPERATED = (
    SYSTEM,
    JOBS,
    AUDIT,
    PROOF,
    ("/people", "Who belongs to"),
    ("/people/new", "System Admin"),
    *SIGN_ON,
    ACCOUNT,
)
SEEN = {
    "admin": (*PAGES, AUDIT, PROOF, ACCOUNT),
    "carol": (*(page for page in PAGES if page[0] not in ("/dispatch", *ORGANIZATION)), ACCOUNT),
    "auditor": (*(page for page in PAGES if page[0] not in WRITES), AUDIT, PROOF, ACCOUNT),
    "bob": OWN,
    "operator": (("/", "Partitions"), *OPERATED),
}


def _recent(sitting: Person, who: str) -> None:
    """Some forms open only after a password of the last quarter of an hour."""
    if who in ("admin", "operator"):
        sitting.go("/people/new")
        sitting.confirm(PASSWORD)


#: A first load, compressed, with all that the page names.
FIRST_LOAD_BYTES_MAX = 200_000


@pytest.mark.parametrize("who", SEEN)
def test_each_page_opens_small_for_whoever_may_see_it(person: Sit, who: str) -> None:
    sitting = person(who)
    _recent(sitting, who)
    sizes: dict[str, int] = {}
    # By what each answer says of itself: what the browser has kept counts as if it had not.
    sitting.page.on(
        "response", lambda answer: sizes.update({answer.url: int(answer.headers.get("content-length", 0))})
    )
    for path, words in SEEN[who]:
        sizes.clear()
        sitting.go(path)
        assert words in sitting.main(), path
        sitting.page.wait_for_load_state("load")
        assert len(sizes) >= 5, path
        assert 10_000 < sum(sizes.values()) <= FIRST_LOAD_BYTES_MAX, (path, sizes)


#: What an employee sees his own part of.
_PARTLY = (
    *("/ask", "/receipts", "/reports", "/transactions"),
    *("/departments/engineering/more", "/departments/engineering/ask"),
)
HIDDEN = {
    "admin": ("/system", "/jobs"),
    "carol": ("/dispatch", "/system", "/audit", "/verifications", *ORGANIZATION),
    "auditor": (*WRITES, "/system"),
    "bob": (
        *(path for path, _ in PAGES if not path.startswith(_PARTLY) and path != "/"),
        "/audit",
        "/verifications",
        "/departments/engineering",
        "/departments/sales/more",
        "/reports/scheduled",
        "/reports/chart",
        "/reports/journal",
        "/departments/sales/curve",
        "/cards/sales/card_maya",
        "/transactions/sales/purchase-suspicious",
        "/system",
    ),
    "operator": tuple(
        path for path, _ in PAGES if path != "/" and not path.startswith(("/people", "/single-sign-on"))
    ),
}


@pytest.mark.parametrize("who", HIDDEN)
def test_no_other_page_opens(person: Sit, techcorp: TechCorp, who: str) -> None:
    sitting = person(who)
    for path in HIDDEN[who]:
        answer = sitting.page.request.get(techcorp.url + path)
        assert answer.status in (403, 404), path
        assert "Night Owl" not in answer.text(), path


def test_an_employee_s_lists_hold_his_own_alone(person: Sit, techcorp: TechCorp) -> None:
    sitting = person("bob")
    for path in ("/transactions", "/transactions.csv", "/transactions?employee=maya@techcorp.com", "/mine"):
        text = sitting.page.request.get(techcorp.url + path).text()
        assert "bob@techcorp.com" in text or "Bob" in text, path
        for other in ("maya@", "alice@", "grace@"):
            assert f"{other}techcorp.com<" not in text, (path, other)
            assert f",{other}techcorp.com," not in text, (path, other)


#: Pages that have all kinds of parts between them: dark differs from light by its colours alone.
COLOURED = ("/", "/transactions/sales/purchase-suspicious", "/approvals", "/dispatch")


#: Where others see another page than an admin: without forms, or with other numbers.
OTHERWISE = ("/", "/receipts", "/policies/sales", "/reviews/sales/purchase-suspicious", "/approvals")


@pytest.mark.parametrize(
    ("who", "theme", "paths", "rules"),
    [
        ("admin", "light", [path for path, _ in (*PAGES, AUDIT, ACCOUNT)], ()),
        ("admin", "dark", COLOURED, ("color-contrast",)),
        ("auditor", "light", (*OTHERWISE, "/keys", "/people", "/webhooks"), ()),
        ("carol", "light", (*OTHERWISE, "/reconciliation"), ()),
        ("bob", "light", [path for path, _ in OWN], ()),
        ("operator", "light", [path for path, _ in OPERATED], ()),
    ],
)
def test_axe_finds_nothing_serious_on_any_page(
    person: Sit, who: str, theme: str, paths: Any, rules: Any
) -> None:
    sitting = person(who, theme=theme)
    _recent(sitting, who)
    found = {}
    for path in paths:
        sitting.go(path)
        if serious := sitting.serious(*rules):
            found[path] = serious
    assert found == {}


def test_each_page_fits_a_phone(person: Sit) -> None:
    sitting = person("admin", size=PHONE)
    _recent(sitting, "admin")
    wide = []
    for path, _ in (*PAGES, AUDIT, ACCOUNT):
        sitting.go(path)
        if not sitting.fits():
            wide.append(path)
    assert wide == []


def test_who_may_only_read_is_offered_nothing_else(person: Sit, techcorp: TechCorp) -> None:
    sitting = person("auditor")
    sitting.go("/cards/engineering/card_bob")
    assert sitting.page.get_by_role("button", name="Freeze").count() == 0
    sitting.go("/policies/sales")
    assert sitting.page.get_by_text("Draft a new rule").count() == 0
    answer = sitting.page.request.post(
        f"{techcorp.url}/cards/engineering/card_bob",
        form={"act": "freeze"},
        headers={"Sec-Fetch-Site": "same-origin"},
    )
    assert answer.status == 403


def test_a_page_says_what_to_do_where_there_is_nothing(person: Sit, techcorp: TechCorp) -> None:
    sitting = person("carol")
    for path in ("/departments/nobody", "/transactions/sales/nothing", "/cards/sales/none", "/nonsense"):
        answer = sitting.page.request.get(techcorp.url + path, headers={"Accept": "text/html"})
        assert answer.status == 404, path
        assert "There is nothing here" in answer.text(), path


def test_another_company_s_ids_are_nothing(books: Any, techcorp: TechCorp, person: Sit) -> None:
    with books.organization() as other:
        other.start()
        other.done("card.set", card={"card_id": "card_theirs"})
        sitting = person("carol")
        for path in ("/cards/engineering/card_theirs",):
            assert sitting.page.request.get(techcorp.url + path).status == 404


def test_what_is_sent_keeps_frames_inline_code_and_other_hosts_out(techcorp: TechCorp) -> None:
    for path in ("/sign-in", "/static/app.js", "/v1/cards", "/healthz"):
        headers = httpx.get(techcorp.url + path, timeout=60).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy, path
        assert "frame-ancestors 'none'" in policy, path
        assert "unsafe" not in policy, path
        assert headers["x-frame-options"] == "DENY", path
        assert headers["x-content-type-options"] == "nosniff", path


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {},
    ],
)
def test_a_form_from_another_site_is_refused(techcorp: TechCorp, headers: dict[str, str]) -> None:
    own = {"Sec-Fetch-Site": "same-origin"}
    signed = httpx.post(
        f"{techcorp.url}/sign-in", data={"link": techcorp.link("carol")}, headers=own, timeout=60
    )
    cookie = signed.headers["set-cookie"].partition(";")[0]
    assert httpx.get(f"{techcorp.url}/cards", headers={"Cookie": cookie}, timeout=60).status_code == 200
    form, link = {"act": "freeze"}, {"link": techcorp.link("carol")}
    for path, told in (("/cards/engineering/card_bob", form), ("/sign-in", link)):
        answer = httpx.post(techcorp.url + path, data=told, headers={**headers, "Cookie": cookie}, timeout=60)
        assert answer.status_code == 403, path
        assert "set-cookie" not in answer.headers
