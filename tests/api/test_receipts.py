"""Receipts: sent, read by the jobs, matched, linked by hand, and seen by those whose they are."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from typer.testing import CliRunner

from api.access.keys import create_key
from api.access.roles import Role
from api.client import AsyncClient, Client, NotFound, ProblemError
from infra.cli import app
from infra.jobs.receipts import REMIND
from infra.processes.refs import wait_until
from tests.api.books import Books, Organization, rows, usd
from tests.api.people import member, sign_in
from tests.receipts.papers import pdf_of, receipt_pdf, text_pdf

TODAY = datetime.now(UTC).date()
PATH = "/v1/receipts"


@pytest.fixture(scope="module")
def shop(books: Books) -> Iterator[Organization]:
    with books.organization() as found:
        found.start()
        found.done("budget.set", name="Sales", limit=usd(5_000_000), department_id="sales")
        found.done("policy.drafted", policy={}, activate=True, department_id="sales")
        yield found


@pytest.fixture(scope="module")
def jobs(books: Books, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The process that reads them."""
    log = tmp_path_factory.mktemp("jobs") / "log"
    env = {**os.environ, "SPENDLOG_POSTGRES": books.settings.postgres}
    with log.open("wb") as out:
        process = subprocess.Popen([sys.executable, "-m", "infra.jobs"], env=env, stderr=out, stdout=out)
    try:
        assert wait_until(lambda: "jobs_ready" in log.read_text(), 60.0), log.read_text()
        yield
    finally:
        process.terminate()
        process.wait(60)


def pay(shop: Organization, merchant: str, minor: int, **members: Any) -> tuple[str, str]:
    """Id and position of a purchase."""
    name = f"a-{uuid.uuid4().hex[:10]}"
    members = {"card_id": "card_ada", "merchant": {"name": merchant, "mcc": "5812"}, **members}
    done = shop.done("authorization.requested", authorization_id=name, amount=usd(minor), **members)
    assert done["outcome"] == "approved"
    shop.read(f"/v1/transactions/{name}", done["position"])
    return name, done["position"]


def send(client: httpx.Client, content: bytes, name: str = "receipt.pdf", **fields: str) -> httpx.Response:
    return client.post(PATH, files={"file": (name, content)}, data=fields)


def sent(client: httpx.Client, content: bytes, **fields: str) -> dict[str, Any]:
    answer = send(client, content, **fields)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def read(client: httpx.Client, receipt_id: str) -> dict[str, Any]:
    """The receipt, once it was read."""

    def look() -> dict[str, Any] | None:
        answer = client.get(f"{PATH}/{receipt_id}")
        if answer.status_code == 503:  # a busy machine: asked again
            return None
        found: dict[str, Any] = answer.json()
        return found if found["reading"] is not None or found["fault"] is not None else None

    assert wait_until(lambda: look() is not None, 90.0), client.get(f"{PATH}/{receipt_id}").text
    found = look()
    assert found is not None
    return found


def test_a_receipt_is_read_and_matched_to_its_purchase(shop: Organization, jobs: None, books: Books) -> None:
    name, _ = pay(shop, "SQ *BLUE BOTTLE 0042", 2_150)
    pay(shop, "Corner Bistro", 2_150)
    content = receipt_pdf("Blue Bottle", "$21.50", TODAY)
    first = sent(shop.client, content, name="../../Lunch with Bob.pdf")
    assert first["file_name"] == "Lunch with Bob.pdf"
    found = read(shop.client, first["receipt_id"])
    assert (found["status"], found["reading"]["total"]) == ("matched", usd(2_150))
    assert (found["reading"]["day"], found["reading"]["merchant"]) == (TODAY.isoformat(), "Blue Bottle")
    assert (found["transaction"]["authorization_id"], found["transaction"]["linked_by"]) == (name, None)
    again = send(shop.client, content, "other name.pdf")
    assert (again.status_code, again.json()) == (200, found)
    file = shop.client.get(f"{PATH}/{found['receipt_id']}/content")
    assert file.content.startswith(b"%PDF-") and file.headers["content-type"] == "application/pdf"
    assert file.headers["content-disposition"] == "attachment; filename*=UTF-8''Lunch%20with%20Bob.pdf"
    assert file.headers["x-content-type-options"] == "nosniff"
    sql = "SELECT count(*) FROM receipt_file WHERE organization_id = %s AND sha256 = %s"
    assert rows(books, sql, shop.id, found["sha256"]) == [(1,)]


def test_the_client_sends_and_takes_files(shop: Organization, books: Books) -> None:
    """Waiting and in an event loop: bytes and names as they are, what else the form says, and problems."""
    scopes = ["receipts:read", "receipts:write"]
    secret, _ = create_key(books.settings.postgres, organization_id=shop.id, name="c", scopes=scopes)
    content = receipt_pdf("Hudson Books", "$7.00", TODAY)
    with Client(books.base_url, secret) as client:
        first = client.receipts.upload.answer(("Buch \u2013 1.pdf", content), employee="ada")
        assert (first.status, first.body.employee) == (201, "ada")
        assert first.body.file_name == "Buch \u2013 1.pdf"
        assert client.receipts.upload.answer(("again.pdf", content), employee="ada").status == 200
        kept = client.receipts.download(first.body.receipt_id)
        raw = shop.client.get(f"{PATH}/{first.body.receipt_id}/content")
        assert kept.startswith(b"%PDF-") and kept == raw.content
        with pytest.raises(ProblemError) as refused:
            client.receipts.upload(("x.jpg", b"GIF89a"))
        assert refused.value.status in (415, 422)
        with pytest.raises(NotFound):
            client.receipts.download("rcp_of_nobody")

    async def in_a_loop() -> None:
        async with AsyncClient(books.base_url, secret) as client:
            same = await client.receipts.upload(("again.pdf", content), employee="ada")
            assert (same.receipt_id, same.sha256) == (first.body.receipt_id, first.body.sha256)
            assert await client.receipts.download(same.receipt_id) == kept

    asyncio.run(in_a_loop())


def test_another_amount_is_told_and_a_person_says_what_it_is(shop: Organization, jobs: None) -> None:
    name, _ = pay(shop, "Harbour Grill", 6_000)
    found = read(shop.client, sent(shop.client, receipt_pdf("Harbour Grill", "$50.00", TODAY))["receipt_id"])
    (suggested,) = found["suggestions"]
    assert (found["status"], suggested["authorization_id"], suggested["differs"]) == (
        *("suggested", name),
        usd(6_000),
    )
    known = suggested["purchase"]
    assert (known["merchant"], known["amount"], known["card_id"]) == ("Harbour Grill", usd(6_000), "card_ada")
    assert datetime.fromisoformat(known["created_at"]).date() == TODAY
    path = f"{PATH}/{found['receipt_id']}/transaction"
    linked = shop.client.put(path, json={"authorization_id": name}).json()
    assert (linked["status"], linked["transaction"]["linked_by"]) == ("matched", shop.key)
    assert linked["transaction"]["differs"] == usd(6_000)
    assert linked["transaction"]["purchase"] == known
    refused = shop.client.delete(path).json()
    assert (refused["status"], refused["transaction"], refused["suggestions"]) == ("unmatched", None, [])
    told = shop.read("/v1/audit", resource=f"{PATH}/{found['receipt_id']}")["records"]
    assert [record["action"] for record in told] == ["unlink_receipt", "link_receipt", "upload_receipt"]
    assert told[1]["after"] == {"authorization_id": name, "department_id": "engineering"}
    assert shop.client.delete(f"{PATH}/{found['receipt_id']}").status_code == 204
    assert shop.client.get(f"{PATH}/{found['receipt_id']}").json()["code"] == "unknown_receipt"


def test_the_same_receipt_by_another_file_is_a_duplicate(shop: Organization, jobs: None) -> None:
    pay(shop, "Nordlicht Optik", 9_000)
    first = read(
        shop.client, sent(shop.client, receipt_pdf("Nordlicht Optik", "$90.00", TODAY))["receipt_id"]
    )
    pay(shop, "Nordlicht Optik", 9_000)
    copy = receipt_pdf("Nordlicht Optik", "$90.00", TODAY, note="A copy for the same visit")
    second = read(shop.client, sent(shop.client, copy)["receipt_id"])
    assert first["status"] == "matched"
    assert (second["status"], second["duplicate_of"]) == ("suggested", first["receipt_id"])
    by_other = sent(shop.client, copy, employee="somebody@else.com")
    assert by_other["duplicate_of"] == second["receipt_id"]


def test_a_purchase_that_comes_later_gets_its_receipt(shop: Organization, jobs: None, books: Books) -> None:
    found = read(
        shop.client, sent(shop.client, receipt_pdf("Lakeview Lodge", "$310.00", TODAY))["receipt_id"]
    )
    assert found["status"] == "unmatched"
    name, _ = pay(shop, "Lakeview Lodge", 31_000)
    assert rows(books, "SELECT receipts_look_again() > 0") == [(True,)]
    path = f"{PATH}/{found['receipt_id']}"
    assert wait_until(lambda: shop.client.get(path).json()["status"] == "matched", 90.0)
    assert shop.client.get(path).json()["transaction"]["authorization_id"] == name


def test_what_nothing_can_be_read_of_is_linked_by_hand(shop: Organization, jobs: None) -> None:
    name, _ = pay(shop, "Metro Parking", 700)
    blank = text_pdf("Parked here for a while", "without a word of what it was", "and no number at all")
    found = read(shop.client, sent(shop.client, blank)["receipt_id"])
    assert (found["status"], found["transaction"]) == ("unreadable", None)
    assert "link it by hand" in found["fault"]
    body = {"authorization_id": name, "department_id": "engineering"}
    linked = shop.client.put(f"{PATH}/{found['receipt_id']}/transaction", json=body)
    assert linked.json()["status"] == "matched"
    at_once = sent(shop.client, receipt_pdf("Metro", "$7.00", TODAY), authorization_id=name)
    assert (at_once["status"], at_once["transaction"]["linked_by"]) == ("matched", shop.key)


ENCRYPTED = pdf_of(
    "<</Type/Catalog/Pages 2 0 R>>",
    "<</Type/Pages/Kids[3 0 R]/Count 1>>",
    "<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 400]>>",
    f"<</Filter/Standard/V 1/R 2/O<{'41' * 32}>/U<{'42' * 32}>/P -4>>",
    trailer="/Encrypt 4 0 R/ID[<00112233445566778899aabbccddeeff><00112233445566778899aabbccddeeff>]",
)


@pytest.mark.parametrize(
    ("given", "status", "code"),
    [
        ({"files": {"file": ("a.jpg", b"<html>")}}, 422, "unsupported_file"),
        ({"files": {"file": ("a.jpg", b"\xff\xd8\xff\xe0")}}, 422, "broken_file"),
        ({"files": {"file": ("a.pdf", ENCRYPTED)}}, 422, "encrypted_file"),
        ({"files": {"file": ("a.pdf", b"")}}, 422, "empty_file"),
        ({"files": {"file": ("a.jpg", b"\xff\xd8\xff" + bytes(10_000_001))}}, 413, "file_too_large"),
        ({"files": {"file": ("a.jpg", bytes(11_000_000))}}, 413, "body_too_large"),
        ({"files": {"other": ("a.jpg", b"x")}}, 422, "invalid_request"),
        ({"files": {"file": ("a", b"x"), "file2": ("b", b"x")}}, 422, "invalid_request"),
        ({"files": {"file": ("a.jpg", b"x")}, "data": {"total": "1"}}, 422, "invalid_request"),
        (
            {"files": {"file": ("a.jpg", b"x")}, "data": {"authorization_id": "none"}},
            404,
            "unknown_transaction",
        ),
        ({"data": {"file": "x"}}, 415, "unsupported_media_type"),
        ({"json": {"file": "x"}}, 415, "unsupported_media_type"),
        (
            {"content": b"--x\r\nbroken", "headers": {"Content-Type": "multipart/form-data; boundary=x"}},
            422,
            "invalid_request",
        ),
        ({"content": b"x", "headers": {"Content-Type": "multipart/form-data"}}, 422, "invalid_request"),
    ],
)
def test_what_is_no_receipt_is_refused_with_the_reason(
    shop: Organization, given: dict[str, Any], status: int, code: str
) -> None:
    answer = shop.client.post(PATH, **given)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


def test_an_employee_sees_and_sends_his_own(shop: Organization, books: Books) -> None:
    settings = books.settings
    ada, bob = (f"{name}-{uuid.uuid4().hex[:8]}@example.com" for name in ("ada", "bob"))
    own, _ = pay(shop, "Green Leaf", 1_000, card_id=f"card_{ada}", cardholder=ada)
    other, _ = pay(shop, "Green Leaf", 1_100, card_id=f"card_{bob}", cardholder=bob)
    for email in (ada, bob):
        member(settings.postgres, shop.id, Role.EMPLOYEE, email=email)
    finance = member(settings.postgres, shop.id, Role.FINANCE_MANAGER, departments=("engineering",))
    elsewhere = member(settings.postgres, shop.id, Role.FINANCE_MANAGER, departments=("sales",))
    auditor = member(settings.postgres, shop.id, Role.AUDITOR)
    with sign_in(books.base_url, ada) as client:
        found = sent(client, receipt_pdf("Green Leaf", "$10.00", TODAY), authorization_id=own)
        assert (found["employee"], found["transaction"]["linked_by"]) == (ada, ada)
        link = f"{PATH}/{found['receipt_id']}/transaction"
        assert client.put(link, json={"authorization_id": other}).json()["code"] == "unknown_transaction"
        spare = receipt_pdf("Green Leaf", "$1.00", TODAY)
        assert send(client, spare, employee=bob).json()["code"] == "out_of_reach"
        assert [one["receipt_id"] for one in client.get(PATH).json()["receipts"]] == [found["receipt_id"]]
    path = f"{PATH}/{found['receipt_id']}"
    for email, sees, writes in (
        (bob, 404, 404),
        (finance, 200, 200),
        (elsewhere, 404, 404),
        (auditor, 200, 403),
    ):
        with sign_in(books.base_url, email) as client:
            assert client.get(path).status_code == sees, email
            assert client.get(f"{path}/content").status_code == sees, email
            assert client.put(link, json={"authorization_id": own}).status_code == writes, email
            assert (found["receipt_id"] in client.get(PATH).text) == (sees == 200), email


def test_pages_go_on_and_filters_find(shop: Organization) -> None:
    employee = f"eve-{uuid.uuid4().hex[:6]}"
    made = [
        sent(shop.client, text_pdf(f"Note {number} of a long visit", employee), employee=employee)[
            "receipt_id"
        ]
        for number in range(5)
    ]
    found, query = [], {"employee": employee, "limit": "2"}
    while True:
        body = shop.client.get(PATH, params=query).json()
        found += [one["receipt_id"] for one in body["receipts"]]
        if body["next"] is None:
            break
        query["after"] = body["next"]
    assert found == made[::-1]
    assert shop.client.get(PATH, params={"employee": employee, "status": "matched"}).json()["receipts"] == []
    assert shop.client.get(PATH, params={"status": "lost"}).status_code == 422


def test_a_missing_receipt_is_listed_and_reminded_of_until_it_is_there(
    shop: Organization, books: Books
) -> None:
    employee = f"mia-{uuid.uuid4().hex[:6]}"
    name, _ = pay(shop, "Pixel Camera Shop", 9_900, cardholder=employee, card_id=f"card_{employee}")
    pay(shop, "Pixel Camera Shop", 7_500, cardholder=employee, card_id=f"card_{employee}")
    policy = "/v1/receipt-policies/USD"
    assert shop.client.put("/v1/receipt-policies/XXQ", json={"over_minor": 1, "days": 1}).status_code == 422
    later = shop.client.put(policy, json={"over_minor": 7_500, "days": 3})
    assert [(one["currency"], one["days"]) for one in later.json()["policies"]] == [("USD", 3)]
    missing = {"path": "/v1/missing-receipts", "employee": employee}
    assert shop.read(**missing)["missing"] == []
    assert shop.client.put(policy, json={"over_minor": 7_500, "days": 0}).status_code == 200
    (found,) = shop.read(**missing)["missing"]
    assert (found["authorization_id"], found["amount"], found["reminders"]) == (name, usd(9_900), 0)
    with psycopg.connect(books.settings.postgres, autocommit=True) as connection:
        for _ in range(2):  # a second one on the same day says nothing
            connection.execute("SELECT set_config('spendlog.organization', %s, false)", [shop.id])
            connection.execute(REMIND)
    assert shop.read(**missing)["missing"][0]["reminders"] == 1
    sent(shop.client, receipt_pdf("Pixel", "$99.00", TODAY), authorization_id=name)
    assert shop.read(**missing)["missing"] == []
    assert shop.client.delete(policy).status_code == 204
    assert shop.client.delete(policy).json()["code"] == "unknown_receipt_policy"


def test_the_commands(
    shop: Organization, books: Books, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret, _ = create_key(
        books.settings.postgres, organization_id=shop.id, name="r", scopes=["receipts:read", "receipts:write"]
    )
    monkeypatch.setenv("SPENDLOG_API_URL", books.base_url)
    monkeypatch.setenv("SPENDLOG_API_KEY", secret)
    good, bad = tmp_path / "good.pdf", tmp_path / "bad.jpg"
    good.write_bytes(receipt_pdf("Union Square Deli", "$12.00", TODAY - timedelta(days=1)))
    bad.write_bytes(b"GIF89a")
    result = CliRunner().invoke(app, ["receipts", "upload", str(good), str(bad), "--employee", "cli"])
    assert result.exit_code == 1, result.output
    assert "By its content the file is a GIF" in result.output + str(result.exception)
    assert "waiting  good.pdf" in result.output
    listed = CliRunner().invoke(app, ["receipts", "list", "--employee", "cli"])
    assert listed.exit_code == 0 and "good.pdf" in listed.output and "bad.jpg" not in listed.output
