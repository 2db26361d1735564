"""Links go by e-mail where a server is set, to a real one; without it, or when it is away, they are shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import httpx
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from api.access.roles import Role
from api.api_settings import ApiSettings
from infra.logins import api_login
from tests.api.people import (
    NEW_PASSWORD,
    PASSWORD,
    accepted,
    browser,
    invited,
    member,
    person,
    sign_in,
)
from tests.api.support import free_port, serving, wait_ready, wait_until

PUBLIC = "https://spend.example.com"


class Box:
    """What the mail server took."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content = envelope.content
        assert isinstance(content, bytes)
        mail = message_from_bytes(content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 taken"

    def token(self, email: str, page: str) -> str:
        """Of the newest mail to this address, once there is one."""
        mail = wait_until(lambda: [one for one in self.mails if one["To"] == email])[-1]
        found = re.search(rf"^{re.escape(PUBLIC)}{page}#([\w-]+)\r?$", mail.get_content(), re.MULTILINE)
        assert found, mail.get_content()
        return found[1]


@pytest.fixture(scope="module")
def box() -> Iterator[tuple[Box, Any]]:
    box = Box()
    controller = Controller(box, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield box, controller
    if controller.server is not None:
        controller.stop()


@pytest.fixture(scope="module")
def mailing(server: str, settings: ApiSettings, box: tuple[Box, Any]) -> Iterator[str]:
    """A second API of the same company, with a mail server."""
    changed = {
        "postgres": api_login(settings.postgres),
        "api_smtp": f"smtp://127.0.0.1:{box[1].port}",
        "api_mail_from": "spendlog@example.com",
        "api_public_url": PUBLIC,
    }
    with serving(settings.model_copy(update=changed)) as base_url:
        wait_ready(base_url)
        yield base_url


@pytest.fixture
def admin(mailing: str, settings: ApiSettings, organization: str) -> Iterator[httpx.Client]:
    with sign_in(mailing, member(settings.postgres, organization, Role.ORG_ADMIN)) as client:
        yield client


def used(base_url: str, token: str) -> int:
    with browser(base_url) as client:
        body = {"token": token, "password": NEW_PASSWORD}
        return client.post("/v1/password-resets/uses", json=body).status_code


def test_an_invitation_goes_to_its_address_and_is_not_shown(
    mailing: str, admin: httpx.Client, organization: str, box: tuple[Box, Any]
) -> None:
    email = f"dora@{organization}.example"
    made = invited(admin, email).json()
    assert (made["mailed"], made["token"], made["path"]) == (True, None, None)
    mail = box[0].mails[-1]
    assert (mail["From"], mail["Subject"]) == ("spendlog@example.com", "You are invited")
    assert accepted(mailing, box[0].token(email, "/invitation")).status_code == 201


def test_a_reset_goes_to_the_person_and_not_to_who_asks_for_it(
    mailing: str, settings: ApiSettings, admin: httpx.Client, organization: str, box: tuple[Box, Any]
) -> None:
    email = member(settings.postgres, organization, Role.EMPLOYEE)
    made = admin.post(f"/v1/people/{person(admin, email)['person_id']}/password-resets").json()
    assert (made["mailed"], made["token"]) == (True, None)
    assert used(mailing, box[0].token(email, "/password")) == 204


def test_who_has_forgotten_his_password_gets_a_link_whatever_he_belongs_to(
    mailing: str, settings: ApiSettings, organization: str, box: tuple[Box, Any]
) -> None:
    email = member(settings.postgres, organization, Role.EMPLOYEE)
    member(settings.postgres, f"{organization}-b", Role.AUDITOR, email=email)
    before = len(box[0].mails)
    with browser(mailing) as client:
        for asked in ("nobody@example.com", email.upper()):
            answer = client.post("/v1/password-resets", json={"email": asked})
            assert (answer.status_code, answer.content) == (202, b"")
    token = box[0].token(email, "/password")
    assert len(box[0].mails) == before + 1
    assert (used(mailing, token), used(mailing, token)) == (204, 401)
    with browser(mailing) as client:
        for password, status in ((PASSWORD, 401), (NEW_PASSWORD, 201)):
            told = {"email": email, "password": password}
            assert client.post("/v1/sessions", json=told).status_code == status


def test_the_page_for_forgotten_passwords_says_the_same_to_everybody(
    mailing: str, server: str, settings: ApiSettings, organization: str, box: tuple[Box, Any]
) -> None:
    email, before = member(settings.postgres, organization, Role.EMPLOYEE), len(box[0].mails)
    with browser(mailing) as client:
        answers = [
            client.post("/forgotten", data={"email": asked}).text.replace(asked, "")
            for asked in ("nobody@example.com", email)
        ]
        assert answers[0] == answers[1] and "a link is on its way" in answers[0]
        for asked in ("", "no address", "a@b@c"):
            wrong = client.post("/forgotten", data={"email": asked})
            assert wrong.status_code == 422 and "no e-mail address" in wrong.text
    assert used(mailing, box[0].token(email, "/password")) == 204
    assert len(box[0].mails) == before + 1
    with browser(server) as client:
        assert "An Org Admin of your organization makes a link" in client.get("/forgotten").text


def test_without_a_mail_server_nothing_is_promised(server: str) -> None:
    with browser(server) as client:
        answer = client.post("/v1/password-resets", json={"email": "carol@techcorp.com"})
    assert (answer.status_code, answer.json()["code"]) == (409, "mail_not_set")


def test_when_the_mail_server_is_away_the_link_is_shown(
    mailing: str, admin: httpx.Client, organization: str, box: tuple[Box, Any]
) -> None:
    box[1].stop()
    made = invited(admin, f"erik@{organization}.example").json()
    assert not made["mailed"]
    assert accepted(mailing, made["token"]).status_code == 201
