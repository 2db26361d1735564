"""From a settlement file to a closed month, over the API and the command line, with the real job behind."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from api.access.keys import Scope, create_key
from infra.cli import app
from tests.api.books import Books, Organization, rows, usd
from tests.api.support import wait_until
from tests.reconciliation.writing import HEADER, MAPPING

TODAY = datetime.now(UTC).date()
PATH = "/v1/reconciliations"


@pytest.fixture(scope="module")
def jobs(books: Books) -> Iterator[None]:
    """The process that does jobs."""
    environment = os.environ | {"SPENDLOG_POSTGRES": books.settings.postgres}
    process = subprocess.Popen([sys.executable, "-m", "infra.jobs"], env=environment)
    yield
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0


@pytest.fixture
def shop(company: Organization, jobs: None) -> Organization:
    company.start()
    return company


def pay(shop: Organization, minor: int, **more: Any) -> tuple[str, str]:
    """Id and position of a payment that is asked for and cleared."""
    name = f"a-{uuid.uuid4().hex[:10]}"
    members: dict[str, Any] = {
        "card_id": "card-ada",
        "merchant": {"name": "Shop", "mcc": "5411"},
        "authorization_id": name,
    }
    shop.done("authorization.requested", amount=usd(minor), **members)
    return name, shop.done("clearing.presented", amount=usd(minor), **(members | more))["position"]


def booked(shop: Organization, position: str) -> None:
    shop.read("/v1/journal-entries", position, limit=1)


def line(n: int, minor: int, **more: Any) -> dict[str, Any]:
    return {"n": n, "number": n, "minor": minor, "currency": "USD", "day": str(TODAY), **more}


def declare(shop: Organization, lines: list[dict[str, Any]], **more: Any) -> httpx.Response:
    body = {
        "name": "file",
        "digest": hashlib.sha256(json.dumps(lines).encode()).hexdigest(),
        "lines": len(lines),
        "since": str(TODAY),
        "until": str(TODAY),
    }
    return shop.client.put(PATH, json=body | more)


def put(shop: Organization, path: str, body: Any = None, status: int = 200) -> dict[str, Any]:
    answer = shop.client.put(path, json=body) if body is not None else shop.client.put(path)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


def matched(shop: Organization, lines: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """The file as it is then."""
    answer = declare(shop, lines, **more)
    assert answer.status_code == 200, answer.text
    place = f"{PATH}/{answer.json()['file_id']}"
    if answer.json()["status"] == "receiving":
        put(shop, f"{place}/lines", {"lines": lines})
        put(shop, f"{place}/matching", status=202)
    wait_until(lambda: shop.read(place)["status"] == "matched", 60)
    return shop.read(place)


def items(shop: Organization, file: dict[str, Any], **params: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = shop.read(f"{PATH}/{file['file_id']}/items", **params)["items"]
    return found


def resolve(shop: Organization, file: dict[str, Any], n: int, action: str, **more: Any) -> httpx.Response:
    body = {"action": action, "reason": "as the bank says", **more}
    return shop.client.put(f"{PATH}/{file['file_id']}/items/{n}/resolution", json=body)


def test_a_file_is_matched_resolved_and_said_again_changes_nothing(shop: Organization) -> None:
    same, _ = pay(shop, 1_000)
    less, _ = pay(shop, 2_000)
    gone, position = pay(shop, 3_000)
    booked(shop, position)
    lines = [
        line(1, 1_000, authorization_id=same),
        line(2, 1_900, authorization_id=less),
        line(3, 700, reference="arn-7", card_id="card-ada", merchant="Kiosk"),
        line(4, 700, reference="arn-7", card_id="card-ada", merchant="Kiosk"),
        line(5, 250, refund=True, reference="arn-8", card_id="card-ada"),
    ]
    file = matched(shop, lines)
    assert file["results"] == {
        "matched": 1, "differs": 1, "missing_here": 2, "duplicate": 1, "missing_there": 1
    }  # fmt: skip
    assert file["open"] == 5
    before = items(shop, file)
    assert matched(shop, lines) == file
    assert items(shop, file) == before
    assert [one["differences"] for one in before] == [[], ["amount"], [], [], [], []]
    assert before[3]["duplicate_of"] == f"{file['file_id']}/3"
    assert before[5]["authorization_id"] == gone

    # What moves money is in the log once, however often it is said.
    for n, action in ((2, "repost"), (3, "post"), (4, "accept"), (5, "post"), (6, "reverse")):
        first = resolve(shop, file, n, action)
        assert first.status_code == 200, first.text
        assert not first.json()["open"], first.text
        assert first.json()["reason"] == "as the bank says"
        last = first.headers.get("spendlog-position", position)
        again = resolve(shop, file, n, action)
        assert again.json() == first.json()
        booked(shop, last)
    assert shop.read(f"{PATH}/{file['file_id']}")["open"] == 0
    kinds: dict[str, list[int]] = {}
    for entry in shop.read("/v1/journal-entries", layer="posted", order="oldest")["journal_entries"]:
        kinds.setdefault(entry["kind"], []).append(entry["lines"][0]["amount"]["minor"])
    assert kinds == {
        "clearing": [1_000, 2_000, 3_000, 1_900, 700],
        "correction": [2_000, 3_000],
        "refund": [250],
    }
    # Matched again all stays as it is: the compensating entries are no bookings that the file lacks.
    put(shop, f"{PATH}/{file['file_id']}/matching", status=202)
    wait_until(lambda: shop.read(f"{PATH}/{file['file_id']}")["status"] == "matched", 60)
    assert shop.read(f"{PATH}/{file['file_id']}")["open"] == 0
    told = rows_of_audit(shop)
    assert {"resolve_item", "declare_reconciliation", "match_reconciliation"} <= told


def rows_of_audit(shop: Organization) -> set[str]:
    return {one["action"] for one in shop.read("/v1/audit", limit=200)["records"]}


def test_a_resolution_that_does_not_fit_or_names_nobody_is_refused(shop: Organization) -> None:
    _, position = pay(shop, 1_000)
    booked(shop, position)
    file = matched(shop, [line(1, 70, reference="x"), {"n": 2, "number": 9, "unreadable": "amount is zero"}])
    for n, action, more, status, code in (
        (1, "reverse", {}, 422, "invalid_request"),
        (1, "repost", {}, 422, "invalid_request"),
        (2, "post", {}, 422, "invalid_request"),
        (3, "post", {}, 422, "invalid_request"),
        (1, "post", {}, 422, "invalid_request"),  # whose card
        (1, "post", {"card_id": "nobodys"}, 422, "invalid_request"),  # whose money
        (1, "post", {"card_id": "c", "department_id": "none"}, 404, "unknown_department"),
        (9, "accept", {}, 404, "unknown_reconciliation_item"),
    ):
        answer = resolve(shop, file, n, action, **more)
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert shop.read(f"{PATH}/{file['file_id']}")["open"] == 3  # what was refused is open as before
    assert resolve(shop, file, 1, "accept").status_code == 200
    other = resolve(shop, file, 1, "post", card_id="card-ada")
    assert (other.status_code, other.json()["code"]) == (409, "already_resolved")
    blank = shop.client.put(f"{PATH}/{file['file_id']}/items/2/resolution", json={"action": "accept"})
    assert blank.status_code == 422


def test_lines_are_received_in_any_order_and_matched_when_all_are_there(shop: Organization) -> None:
    lines = [line(n, n, reference=f"r{n}") for n in range(1, 4)]
    file = declare(shop, lines).json()
    place = f"{PATH}/{file['file_id']}"
    assert put(shop, f"{place}/lines", {"lines": lines[2:]}) == {"added": 1}
    assert put(shop, f"{place}/matching", status=409)["code"] == "lines_missing"
    assert put(shop, f"{place}/lines", {"lines": lines}) == {"added": 2}
    assert put(shop, f"{place}/lines", {"lines": [line(4, 1)]}, 422)["code"] == "invalid_request"
    put(shop, f"{place}/matching", status=202)
    assert put(shop, f"{place}/lines", {"lines": lines}, 409)["code"] == "lines_are_complete"
    pages = shop.read(f"{place}/items", limit=2)
    rest = shop.read(f"{place}/items", limit=2, after=pages["next"])
    assert [one["n"] for one in [*pages["items"], *rest["items"]]] == [1, 2, 3]
    wrong = declare(shop, lines, since=str(TODAY + timedelta(days=1)), digest="0" * 64)
    assert wrong.status_code == 422
    assert declare(shop, lines, digest="1" * 64, replaces="rec_none").status_code == 422


def test_nobody_else_sees_a_file(shop: Organization, books: Books) -> None:
    file = matched(shop, [line(1, 70, reference="x")])
    with books.organization() as other:
        for path in ("", "/items"):
            answer = other.client.get(f"{PATH}/{file['file_id']}{path}")
            assert (answer.status_code, answer.json()["code"]) == (404, "unknown_reconciliation")
        assert resolve(other, file, 1, "accept").status_code == 404
        assert other.read(PATH)["reconciliations"] == []
    with books.person(shop.id, [Scope.RECONCILIATIONS_READ]) as reader:
        assert reader.client.get(PATH).status_code == 200
        assert resolve(reader, file, 1, "accept").status_code == 403


def spent(shop: Organization, report: str, month: str) -> list[int]:
    """By department, in minor units."""
    first = date.fromisoformat(f"{month}-01")
    last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    found = shop.read(f"/v1/reports/{report}", first=first.isoformat(), last=last.isoformat())
    return [row[1]["minor"] for row in found["sections"][0]["rows"]]


def test_a_month_ends_where_the_organization_is(books: Books) -> None:
    with books.organization() as company:
        company.start(time_zone="America/New_York")
        month = (TODAY.replace(day=1) - timedelta(days=1)).strftime("%Y-%m")
        closed = put(company, f"/v1/closed-periods/{month}", {"reason": "nothing was bought"})
    assert closed["time_zone"] == "America/New_York"
    assert datetime.fromisoformat(closed["until"]).hour in (4, 5)


def test_a_month_is_closed_when_nothing_is_open_and_takes_nothing_later(
    shop: Organization, books: Books
) -> None:
    first = TODAY.replace(day=1)
    month = (first - timedelta(days=1)).strftime("%Y-%m")
    day = datetime(first.year, first.month, 1, tzinfo=UTC) - timedelta(days=2)
    _, position = pay(shop, 1_000, occurred_at=day.isoformat())
    booked(shop, position)
    lacks = matched(shop, [line(1, 70, reference="x", day=str(day.date()))], since=str(day.date()))
    closing = {"reason": "all is settled"}
    assert put(shop, f"/v1/closed-periods/{month}", closing, 409)["code"] == "items_open"
    assert put(shop, f"/v1/closed-periods/{TODAY:%Y-%m}", closing, 409)["code"] == "period_not_over"
    assert put(shop, "/v1/closed-periods/2026-13", closing, 422)["code"] == "invalid_request"
    for one in items(shop, lacks, open=True):
        assert resolve(shop, lacks, one["n"], "accept").status_code == 200
    waiting = declare(shop, [line(1, 3)], since=str(day.date()), until=str(day.date()), digest="2" * 64)
    assert put(shop, f"/v1/closed-periods/{month}", closing, 409)["code"] == "files_unmatched"
    put(shop, f"{PATH}/{waiting.json()['file_id']}/lines", {"lines": [line(1, 3, reference="y")]})
    put(shop, f"{PATH}/{waiting.json()['file_id']}/matching", status=202)
    wait_until(lambda: shop.read(f"{PATH}/{waiting.json()['file_id']}")["status"] == "matched", 60)
    closed = put(shop, f"/v1/closed-periods/{month}", closing)
    assert [(one["kind"], one["amount"]["minor"]) for one in closed["totals"]] == [("clearing", 1_000)]
    # A late one of the closed month counts in the next, and the closed one stays what it was.
    _, later = pay(shop, 500, occurred_at=day.isoformat())
    booked(shop, later)
    span = "SELECT kind, amount::bigint FROM settled_between(%s, %s, %s)"
    ends = datetime.fromisoformat(closed["until"])
    assert rows(books, span, shop.id, ends - timedelta(days=28), ends) == [("clearing", 1_000)]
    assert rows(books, span, shop.id, ends, ends + timedelta(days=28)) == [("clearing", 500)]
    assert put(shop, f"/v1/closed-periods/{month}", closing) == closed
    # So does the report of its close; that of what was spent goes by the day.
    assert spent(shop, "month-end", month) == [1_000]
    assert spent(shop, "month-end", f"{TODAY:%Y-%m}") == [500]
    assert spent(shop, "spend", month) == [1_500]
    another = {"reason": "in Berlin it is over", "time_zone": "Europe/Berlin"}
    assert closed["time_zone"] == "UTC"
    told = put(shop, f"/v1/closed-periods/{month}", another, 422)
    assert "not that of the months that are closed, UTC" in told["errors"][0]["message"]
    assert shop.read("/v1/closed-periods")["periods"] == [closed]
    before = (first - timedelta(days=40)).strftime("%Y-%m")
    assert put(shop, f"/v1/closed-periods/{before}", closing, 409)["code"] == "period_before_closed"


def test_the_command_line_goes_from_a_file_to_a_closed_month(
    shop: Organization, books: Books, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret, _ = create_key(
        books.settings.postgres,
        organization_id=shop.id,
        name="cli",
        scopes=[Scope.RECONCILIATIONS_READ, Scope.RECONCILIATIONS_WRITE],
    )
    monkeypatch.setenv("SPENDLOG_API_URL", books.base_url)
    monkeypatch.setenv("SPENDLOG_API_KEY", secret)
    same, position = pay(shop, 1_000)
    booked(shop, position)
    export, mapping = tmp_path / "settled.csv", tmp_path / "m.toml"
    export.write_text(
        HEADER
        + f"arn-1,{same},card-ada,Shop,{TODAY},{TODAY},10.00,USD\n"
        + f"arn-2,,card-ada,Kiosk,{TODAY},{TODAY},7.00,USD\n"
        + f"arn-3,,4111111111111111,Kiosk,{TODAY},{TODAY},8.00,USD\n"
    )
    mapping.write_text(MAPPING)

    def run(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, list(words))
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, done.output

    status, text = run("reconcile", str(export), "--mapping", str(mapping), "--check")
    assert (status, "2 of 3 lines can be used" in text) == (1, True), text
    status, text = run("reconcile", str(export), "--mapping", str(mapping))
    assert (status, "2 open" in text) == (1, True), text
    assert "4111111111111111" not in text
    file_id = text.partition(":")[0]
    assert run("reconcile", str(export), "--mapping", str(mapping)) == (status, text)  # changes nothing
    status, text = run("reconciliations", "items", file_id, "--open")
    assert "missing_here" in text
    assert "unreadable" in text
    assert run("reconciliations", "resolve", file_id, "2", "post", "--reason", "a fee") == (0, "posted\n")
    assert run("reconciliations", "resolve", file_id, "3", "accept", "--reason", "told them")[0] == 0
    status, text = run("reconciliations", "list")
    assert file_id in text
    month = (TODAY.replace(day=1) - timedelta(days=1)).strftime("%Y-%m")
    status, text = run("reconciliations", "close", month, "--reason", "nothing is open")
    assert (status, "is closed" in text) == (0, True), text
