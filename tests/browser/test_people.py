"""People, keys and one's own account by hand: who and what gets in, and how it is ended."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import date
from urllib.parse import urlsplit

import httpx
import pyotp
import pytest
from playwright.sync_api import expect

from api.access.keys import KEY_SCOPES
from api.access.roles import Role
from api.http.problems import FieldError, Problem
from api.pages.forms import words_of
from api.pages.keys import SCOPE_WORDS, body_of
from api.pages.people import ROLE_WORDS
from api.pages.words import device
from tests.api.people import NEW_PASSWORD, PASSWORD, member
from tests.browser.conftest import TechCorp
from tests.browser.person import PHONE, Person

Sit = Callable[..., Person]
Form = dict[str, str | float | bool]
OWN = {"Sec-Fetch-Site": "same-origin"}


def without(sitting: Person, status: str) -> None:
    """Takes the page's own status from the faults: the console names each that is not 200."""
    sitting.faults = [fault for fault in sitting.faults if status not in fault]


def test_somebody_is_invited_comes_is_changed_signed_out_and_removed(person: Sit, techcorp: TechCorp) -> None:
    email = f"{uuid.uuid4().hex[:8]}@techcorp.com"
    admin = person("admin", fresh=True)
    page = admin.page
    admin.go("/people")
    page.get_by_role("link", name="Invite somebody").click()
    admin.confirm(PASSWORD)  # who gets in is worth an attack: a link alone is not enough
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Name", exact=True).fill("Dora <b>Klein</b>")
    page.get_by_label("Auditor").check()
    page.get_by_role("button", name="Invite").click()
    link = urlsplit(page.locator("#secret").inner_text())
    assert f"{link.scheme}://{link.netloc}" == techcorp.url and link.path == "/invitation"
    assert admin.serious() == []
    page.get_by_role("link", name="I have kept it").click()
    expect(page.get_by_role("row", name=email)).to_contain_text("Invited")
    assert link.fragment not in page.content()

    dora = person(None)
    dora.go(f"/invitation#{link.fragment}")
    dora.page.get_by_label("Password").fill(NEW_PASSWORD)
    dora.page.get_by_role("button", name="Accept").click()
    dora.page.wait_for_url(f"{techcorp.url}/")

    admin.go("/people?role=auditor")
    page.get_by_role("link", name="Dora <b>Klein</b>").click()
    expect(page.get_by_role("row", name="Chrom")).to_contain_text("by password")
    page.get_by_role("link", name="Change", exact=True).click()
    page.get_by_label("Finance Manager").check()
    page.get_by_label("sales").check()
    page.get_by_role("button", name="Change it").click()
    expect(page.get_by_role("heading", name="Finance Manager")).to_be_visible()
    assert admin.serious() == []
    dora.go("/")
    assert dora.page.locator("[id^=d-]").count() == 1  # one department, and no other
    page.get_by_role("button", name="Sign out Chrom").click()
    expect(page.get_by_text("Signed out there.")).to_be_visible()
    dora.go("/")
    assert dora.at() == "/sign-in"
    page.get_by_role("button", name="Link for a new password").click()
    assert "/password#" in page.locator("#secret").inner_text()
    page.get_by_role("link", name="Dora").click()
    page.get_by_role("button", name="Remove Dora").click()
    page.get_by_role("button", name="Remove", exact=True).click()
    expect(page.get_by_text("Removed. He is signed out")).to_be_visible()
    expect(page.get_by_text(email)).to_have_count(0)


def test_an_invitation_is_withdrawn_and_what_is_wrong_is_told_on_the_form(person: Sit) -> None:
    person("carol")
    admin = person("admin")
    page = admin.page
    admin.go("/people/new")
    admin.confirm(PASSWORD)
    page.get_by_label("E-mail address").fill("carol@techcorp.com")
    page.get_by_label("marketing").check()
    page.get_by_role("button", name="Invite").click()
    expect(page.get_by_role("alert")).to_contain_text("belongs to the organization already")
    without(admin, "409")
    assert page.get_by_label("marketing").is_checked()
    page.get_by_label("E-mail address").fill("late@techcorp.com")
    page.get_by_role("button", name="Invite").click()
    page.get_by_role("link", name="I have kept it").click()
    page.get_by_role("button", name="Withdraw the invitation of late@techcorp.com").click()
    expect(page.get_by_text("Withdrawn: its link")).to_be_visible()
    expect(page.get_by_text("late@techcorp.com")).to_have_count(0)


def test_the_last_org_admin_stays_and_a_form_overwrites_nobody(person: Sit, techcorp: TechCorp) -> None:
    admin = person("admin")
    page = admin.page
    admin.go("/people")
    page.locator("main").get_by_role("link", name="Ada Lindqvist").click()
    expect(page.get_by_text("This is you.")).to_be_visible()
    here = admin.at()
    admin.go(f"{here}/change")
    admin.confirm(PASSWORD)
    tag = page.locator("input[name=tag]").input_value()
    page.get_by_label("Auditor").check()
    page.get_by_role("button", name="Change it").click()
    expect(page.get_by_role("alert")).to_contain_text("last Org Admin")
    without(admin, "409")
    stale: Form = {"tag": "20200101T000000.000000", "role": "org_admin"}
    answer = page.request.post(f"{techcorp.url}{here}/change", form=stale, headers=OWN)
    assert answer.status == 412 and "Somebody has changed this person meanwhile" in answer.text()
    assert tag in answer.text()
    removed = page.request.post(f"{techcorp.url}{here}", form={"act": "remove"}, headers=OWN)
    assert removed.status == 409 and "last Org Admin" in removed.text()


def test_who_may_only_read_changes_nobody_and_no_key(person: Sit, techcorp: TechCorp) -> None:
    person("carol")
    auditor = person("auditor")
    auditor.go("/people")
    assert auditor.page.get_by_role("link", name="Invite somebody").count() == 0
    auditor.page.get_by_role("link", name="Carol Stein").click()
    auditor.page.wait_for_url("**/people/usr_*")
    carol = auditor.at()
    assert auditor.page.get_by_role("button", name="Remove").count() == 0
    auditor.go("/keys")
    assert auditor.page.get_by_role("link", name="New key").count() == 0

    writes: tuple[tuple[str, Form], ...] = (
        ("/people/new", {"key": "k", "email": "x@example.com", "role": "auditor"}),
        (carol, {"act": "remove"}),
        (f"{carol}/change", {"role": "auditor"}),
        ("/people/invitations/inv_1", {}),
        ("/keys/new", {"key": "k", "name": "x", "scopes": "authorizations:read"}),
        ("/keys/key_1/rotations", {"key": "k"}),
        ("/keys/key_1/revocation", {}),
    )
    for path, form in writes:
        answer = auditor.page.request.post(techcorp.url + path, form=form, headers=OWN)
        assert answer.status == 403, path
        foreign = auditor.page.request.post(
            techcorp.url + path, form=form, headers={"Sec-Fetch-Site": "cross-site"}
        )
        assert foreign.status == 403, path


def opens(techcorp: TechCorp, secret: str) -> bool:
    answer = httpx.get(
        f"{techcorp.url}/v1/transactions?limit=1", headers={"Authorization": f"Bearer {secret}"}, timeout=60
    )
    assert answer.status_code in (200, 401)
    return answer.status_code == 200


def test_a_key_is_made_shown_once_rotated_with_an_overlap_and_revoked(
    person: Sit, techcorp: TechCorp
) -> None:
    admin = person("admin", fresh=True)
    page = admin.page
    admin.go("/keys")
    page.get_by_role("link", name="New key").click()
    admin.confirm(PASSWORD)
    page.get_by_label("Which program").fill("<i>ERP</i>")
    page.get_by_role("button", name="Make it").click()
    expect(page.get_by_role("alert")).to_contain_text("at least one thing")
    without(admin, "422")
    assert page.get_by_label("Which program").input_value() == "<i>ERP</i>"
    assert page.get_by_label("system:read").count() == 0  # no key may, so nobody is offered it
    page.get_by_label("authorizations:read").check()
    page.get_by_role("button", name="Make it").click()
    first = page.locator("#secret").inner_text()
    assert opens(techcorp, first)
    page.get_by_role("link", name="I have kept it").click()
    assert first not in page.content()
    assert admin.serious() == []
    page.get_by_label("goes on beside").select_option("for a day")
    page.get_by_role("button", name="Rotate").click()
    second = page.locator("#secret").inner_text()
    assert second != first and opens(techcorp, first) and opens(techcorp, second)
    page.get_by_role("link", name="I have kept it").click()
    page.get_by_role("button", name="Revoke this key").click()
    page.get_by_role("button", name="Revoke it").click()
    expect(page.locator(".head .tag")).to_have_text("Revoked")
    assert not opens(techcorp, second)
    admin.go("/keys")
    expect(page.get_by_role("row", name="Replaced")).to_contain_text("<i>ERP</i>")
    expect(page.get_by_role("row", name="Revoked")).not_to_contain_text("never")


def test_a_key_s_form_that_is_sent_twice_makes_one_key(person: Sit, techcorp: TechCorp) -> None:
    admin = person("admin")
    admin.go("/keys/new")
    admin.confirm(PASSWORD)
    name = uuid.uuid4().hex
    form: Form = {"key": name, "name": name, "scopes": "authorizations:read"}
    answers = [
        admin.page.request.post(f"{techcorp.url}/keys/new", form=form, headers=OWN).text() for _ in range(2)
    ]
    assert ['id="secret"' in answer for answer in answers] == [True, False]
    admin.go("/keys")
    assert admin.main().count(name) == 1


def test_one_s_own_account_password_second_factor_and_sessions(person: Sit, techcorp: TechCorp) -> None:
    email = member(techcorp.books.settings.postgres, techcorp.organization, Role.EMPLOYEE)
    here, elsewhere = person(email=email, size=PHONE), person(email=email)
    page = here.page
    here.go("/account")
    assert here.fits() and here.serious() == []
    page.get_by_label("Your password now").fill("not his at all")
    page.get_by_label("The new one").fill(NEW_PASSWORD)
    page.get_by_role("button", name="Change it").click()
    expect(page.get_by_role("alert")).to_have_text("That is not your password.")
    page.get_by_label("Your password now").fill(PASSWORD)
    page.get_by_label("The new one").fill("password1234")
    page.get_by_role("button", name="Change it").click()
    expect(page.get_by_role("alert")).to_contain_text("The password is one that many people have")
    without(here, "401")
    without(here, "422")
    page.get_by_label("Your password now").fill(PASSWORD)
    page.get_by_label("The new one").fill(NEW_PASSWORD)
    page.get_by_role("button", name="Change it").click()
    expect(page.get_by_text("Changed. You are signed out")).to_be_visible()
    elsewhere.go("/account")
    assert elsewhere.at() == "/sign-in"

    page.get_by_label("Your password", exact=True).fill(NEW_PASSWORD)
    page.get_by_role("button", name="Set it up").click()
    secret = page.locator("input[name=secret]").input_value()
    assert page.get_by_role("img", name="QR code").locator("path").count() > 0
    assert here.fits() and here.serious() == []
    page.get_by_label("The six digits").fill("000000")
    page.get_by_role("button", name="Turn it on").click()
    expect(page.get_by_role("alert")).to_contain_text("The code is wrong")
    without(here, "401")
    page.get_by_label("The six digits").fill(pyotp.TOTP(secret).now())
    page.get_by_role("button", name="Turn it on").click()
    expect(page.locator("#codes li")).to_have_count(10)
    recovery = page.locator("#codes li").first.inner_text()
    assert here.fits() and here.serious() == []
    page.get_by_role("link", name="I have kept them").click()
    page.get_by_text("Turn it off", exact=True).first.click()
    form = page.locator("form[action$=removal]")
    form.get_by_label("Your password").fill(NEW_PASSWORD)
    form.get_by_label("Code").fill(recovery)
    form.get_by_role("button", name="Turn it off").click()
    expect(page.get_by_text("The second factor is off.")).to_be_visible()


def test_an_account_without_a_password_says_how_to_get_one(person: Sit, techcorp: TechCorp) -> None:
    sitting = person("alice", fresh=True)
    sitting.go("/account")
    assert sitting.page.get_by_role("row", name="This one").count() == 1
    answer = sitting.page.request.post(
        f"{techcorp.url}/account/sessions", form={"session_id": "ses_of_nobody"}, headers=OWN
    )
    assert "No such session goes on" in answer.text()
    sitting.page.get_by_role("row", name="This one").get_by_role("button").click()
    sitting.page.wait_for_url("**/sign-in")


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/131.0 Safari/537.36 Edg/131.0", "Edge on Windows"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0", "Firefox on Linux"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) Version/18.1 Safari/604.1",
            "Safari on iPhone",
        ),
        ("Mozilla/5.0 (Linux; Android 15) Chrome/131.0 Mobile Safari/537.36", "Chrome on Android"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Chrome/131.0 OPR/116.0", "Opera on macOS"),
        ("python-httpx/0.28", "python-httpx/0.28"),
        ("", "unknown"),
    ],
)
def test_a_device_is_named_as_people_name_it(user_agent: str, words: str) -> None:
    assert device(user_agent) == words


def test_each_scope_and_each_role_has_words() -> None:
    assert set(SCOPE_WORDS) == set(KEY_SCOPES)
    assert set(ROLE_WORDS) == set(Role)


def test_a_key_ends_with_its_last_day() -> None:
    told = {"name": "x", "scopes": ["authorizations:read"], "last_day": None}
    assert body_of(told).expires_at is None
    ends = body_of({**told, "last_day": date(2027, 12, 31)}).expires_at
    assert ends is not None and ends.isoformat() == "2028-01-01T00:00:00+00:00"


def test_what_is_wrong_is_told_in_a_form_s_words() -> None:
    weak = FieldError(field="body.password", code="weak_password", message="must have 12")
    assert words_of(Problem(422, "invalid_request", "x", errors=[weak])) == "The password must have 12."
    assert words_of(Problem(401, "wrong_credentials", "x")) == "That is not your password."
    assert words_of(Problem(401, "wrong_code", "The code is wrong.")) == "The code is wrong."
